"""A snapshot is loaded only if it is whole; each of its tables is in its digest, and comes back as it was."""

from __future__ import annotations

from typing import Any

import pytest

from fastcore import Engine, SnapshotError
from fastcore.snapshot import VERSION
from unit.core_snapshots import Change, Sections, add, count, damaged
from unit.core_world import KIND_OF_IDS, engine, loaded, saved, story, through

DIGEST = 16


@pytest.fixture(scope="module")
def content() -> bytes:
    """A snapshot of a small engine that has something in every table."""
    return saved(through("utf8", 8))


def refuse(content: bytes) -> str:
    with pytest.raises(SnapshotError) as refused:
        loaded(content)
    return str(refused.value)


def test_every_cut_is_refused(content):
    cuts = list(range(len(content)))
    assert len(cuts) > 2000
    said = {refuse(content[:cut]).split(":")[0].split(",")[0] for cut in cuts}
    assert said == {"expected a snapshot", "the snapshot is damaged"}


def test_every_flipped_byte_is_refused(content):
    for place in range(len(content)):
        bad = bytearray(content)
        bad[place] ^= 1 << (place % 8)
        said = refuse(bytes(bad))
        if place < 8:
            assert said.startswith("expected a snapshot, which begins with b'FEIKONG")
        elif place < 12:
            assert f"expected a snapshot of version {VERSION}; found one of version " in said
        else:
            assert said.startswith("the snapshot is damaged: expected the digest ")


@pytest.mark.parametrize("more", [b"\0", b"FEIKONG\n", bytes(16)])
def test_what_follows_a_snapshot_is_damage(content, more):
    assert refuse(content + more).startswith("the snapshot is damaged")
    assert refuse(more + content).startswith("expected a snapshot")


@pytest.mark.parametrize("version", [0, VERSION + 1, 2**32 - 1])
def test_another_version_says_which_is_expected(content, version):
    other = content[:8] + version.to_bytes(4, "little") + content[12:]
    assert refuse(other) == f"expected a snapshot of version {VERSION}; found one of version {version}"


@pytest.mark.parametrize("other", [b"", b"PAR1" * 20, bytes(4096), b"FEIKONG"])
def test_a_file_that_is_no_snapshot(other, tmp_path):
    assert f"found {len(other)} bytes of something else" in refuse(other)
    path = tmp_path / "snapshot"
    path.write_bytes(other)
    with pytest.raises(SnapshotError, match="expected a snapshot"):
        Engine.load(path)
    with pytest.raises(FileNotFoundError):
        Engine.load(tmp_path / "none")


# ---- every table counts


def byte(section: str, place: int, bits: int) -> Change:
    """A change of one byte of a section that holds no structs."""

    def change(_: dict[str, Any], sections: Sections) -> None:
        assert len(sections[section]) > place
        sections[section][place] ^= bits

    return change


def number(name: str, amount: int = 1) -> Change:
    """A change that adds to a number of the header."""

    def change(header: dict[str, Any], _: Sections) -> None:
        header["numbers"][name] += amount

    return change


def suspended(header: dict[str, Any], _: Sections) -> None:
    header["numbers"]["suspended"] = not header["numbers"]["suspended"]


FIELDS = [
    *(
        ("meters", "MeterState", field)
        for field in ("last_value", "typical_wh_x16", "zero_since_s", "quality", "read_count", "suspect_run")
    ),
    ("meters", "MeterState", "is_switch"),
    ("meter_infos", "MeterInfo", "first_cell"),
    ("arrivals", "Arrival", "at_s"),
    *(("profiles", "MeterProfile", field) for field in ("max_w", "modulus", "wh_per_count", "most_wh")),
    *(("gaps", "Gap", field) for field in ("from_s", "to_s", "from_value", "to_value")),
    *(("accounts", "AccountState", field) for field in ("tier_energy_wh", "tier_energy_before_wh")),
    *(
        ("accounts", "AccountState", field)
        for field in ("balance_nano", "charged_nano", "watch_nano", "state")
    ),
    *(("account_infos", "AccountInfo", field) for field in ("ledger_nano", "klass", "blocked_by")),
    *(
        ("controls", "Control", field)
        for field in (
            "wait_until_s",
            "noticed_at_s",
            "off_since_s",
            "autopay_since_s",
            "failed_at_s",
            "attempt",
        )
    ),
    *(
        ("dispatches", "Dispatch", field)
        for field in ("first_issued_at_s", "issued_at_s", "expires_at_s", "trip_expires_at_s")
    ),
    *(("districts", "DistrictState", field) for field in ("loss_limit", "trips", "switches", "trip_hour")),
    *(("districts", "DistrictState", field) for field in ("high_loss_run", "received", "expected")),
    *(("figures", "Figures", field) for field in ("supply_wh", "consumption_wh", "revision")),
    *(("paid", "Paid", field) for field in ("accepted_s", "amount_nano", "kind")),
    *((name, "Open", "at_s") for name in ("findings", "orders")),
]
CHANGES: dict[str, Change] = {
    **{f"{section}.{field}": add(section, struct, field, 1) for section, struct, field in FIELDS},
    **{name: byte(name, 1, 1) for name in ("meter_ids", "account_ids", "district_ids", "texts")},
    "attention": byte("attention", 0, 2),
    "levels_said": byte("levels_said", 0, 1),
    **{
        name: number(name)
        for name in (
            "mass_count",
            "next_command_id",
            "next_finding_id",
            "next_order_id",
            "payments_fed_at_s",
            "sequence",
            "switches",
            "trip_count",
            "now_s",
        )
    },
    **{
        name: count(name, 1)
        for name in (
            "accepted_wh",
            "batches",
            "commands_repeated",
            "commands_sent",
            "gates",
            "ledger_rows",
            "left_out_wh",
            "outcomes",
            "qualities",
            "reasons",
            "retired_wh",
            "rows_taken",
        )
    },
    "suspended": suspended,
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_is_changed_in_a_table_is_in_the_digest_of_the_loaded_engine(content, what):
    made = damaged(content, CHANGES[what])
    assert made.digest() != loaded(content).digest()
    assert saved(made) != content


def test_every_section_but_the_windows_is_among_them(content):
    sections: set[str] = set()

    def note(header: dict[str, Any], found: Sections) -> None:
        sections.update(name for name in found if len(found[name]))
        header["numbers"]["sequence"] += 1

    damaged(content, note)
    assert sections - {what.split(".")[0] for what in CHANGES} == {"windows"}
    assert len(sections) == 21


@pytest.mark.parametrize("ids", KIND_OF_IDS)
def test_saving_changes_nothing(ids):
    made, other = engine(), engine()
    for batch in story(ids, 30):
        made.apply(*batch)
        other.apply(*batch)
        assert saved(made) == saved(made)
        assert made.digest() == other.digest()
