"""A shift at a node of two shards over three days, asked by every command, against replays of its journals."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner
from pyarrow import flight

from e2e.shift import (
    ACCOUNTS,
    CUT,
    DAYS,
    MOVED,
    MOVED_TO,
    PAID,
    SHARDS,
    STATES,
    ZONE,
    County,
    alike,
    day_of,
    three_days_gone,
)
from fastcore.schemas import OUTPUTS
from pipeline.cli import main
from pipeline.outputs.flight.tickets import ticket_of
from pipeline.outputs.keeper import Keeper
from pipeline.outputs.local import connect
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.status import read_outputs_status
from pipeline.outputs.tree import Tree
from pipeline.query.catalog import Catalog, open_folder
from pipeline.worker.directory import home_of


@pytest.fixture(scope="module")
def county() -> Iterator[County]:
    with three_days_gone() as made:
        yield made


@pytest.fixture
def catalog(county: County) -> Iterator[Catalog]:
    with Catalog(open_folder(county.node.data)) as made:
        yield made


def test_every_row_of_files_and_memory_is_that_of_a_replay(county: County, catalog: Catalog) -> None:
    with connect(county.node.data) as local:
        assert local.live
        assert local.tail("ledger").rows.num_rows, "some rows are in no file yet"
        assert local.tail("intervals").rows.num_rows < len(county.tables["intervals"]), "some are"
    for name in OUTPUTS:
        assert alike(catalog.run(f"FROM {name}").rows()) == alike(county.tables[name]), name
    for name in STATES:
        assert alike(catalog.run(f"FROM state.{name}").rows()) == alike(county.states[name]), name
    assert {row["shard"] for row in county.tables["commands"]} == {0, 1}
    assert len(county.tables["exceptions"]) == 2


def test_flight_gives_the_same_rows(county: County) -> None:
    with flight.connect(f"grpc+unix://{OutputPlaces(county.node.data).socket}") as client:
        for name in ("intervals", "ledger", "commands", "exceptions"):
            rows = client.do_get(ticket_of("output", name)).read_all().to_pylist()
            assert alike(rows) == alike(county.tables[name]), name
        rows = client.do_get(ticket_of("state", "accounts")).read_all().to_pylist()
    assert alike(rows) == alike(county.states["accounts"])


def balances_at(county: County, day: date) -> dict[int, Decimal]:
    """The balance of each account when a day ends, summed from the rows."""
    found: dict[int, Decimal] = defaultdict(Decimal)
    for row in county.tables["ledger"]:
        if row["at"].astimezone(ZONE).date() <= day:
            found[row["account_id"]] += row["amount"]
    for row in county.tables["intervals"]:
        if day_of(row["end"]) <= day:
            found[row["account_id"]] -= row["charge"]
    return dict(found)


def check_balances(county: County) -> None:
    found: dict[date, dict[int, Decimal]] = defaultdict(dict)
    for row in county.query("SELECT day, account_id, balance FROM balances"):
        found[date.fromisoformat(row["day"])][int(row["account_id"])] = Decimal(row["balance"])
    assert found == {each.date(): balances_at(county, each.date()) for each in DAYS[:2]}


def test_balances_of_the_days_that_are_over_are_the_sums_of_their_rows(county: County) -> None:
    check_balances(county)
    assert balances_at(county, DAYS[2].date()) == {
        r["account_id"]: r["balance"] for r in county.states["accounts"]
    }


def test_reports_are_the_sums_of_the_rows(county: County) -> None:
    assert county.report("books") == []
    (revenue,) = county.report("revenue")
    charges = sum(row["charge"] for row in county.tables["intervals"])
    assert Decimal(revenue["revenue"]) == charges
    assert Decimal(revenue["energy"]) == sum(row["energy"] for row in county.tables["intervals"])
    (day,) = county.report("consumption", "--day", DAYS[1].date().isoformat())
    of_day = [row for row in county.tables["intervals"] if day_of(row["end"]) == DAYS[1].date()]
    assert (int(day["reads"]), Decimal(day["charges"])) == (ACCOUNTS, sum(row["charge"] for row in of_day))
    paid = {row["day"]: (int(row["payments"]), Decimal(row["amount"])) for row in county.report("payments")}
    assert paid == {
        "2026-03-03": (24, 24 * Decimal("3.141592653")),
        "2026-03-04": (4, 4 * Decimal("200.000000007")),
        "2026-03-05": (1, Decimal("0.000000001")),
    }
    by_state = {row["state"]: Decimal(row["balance"]) for row in county.report("accounts")}
    wanted: dict[str, Decimal] = defaultdict(Decimal)
    for row in county.states["accounts"]:
        wanted[row["state"]] += row["balance"]
    assert by_state == wanted
    (trips,) = county.report("trips")
    assert (trips["trips"], trips["tripped"]) == ("8", "8")
    (restores,) = county.report("restores")
    assert [restores[name] for name in ("restores", "waiting", "paid", "median_s", "max_s")] == [
        "4",
        "0",
        "4",
        "420",
        "420",
    ]
    assert {int(row["account_id"]) for row in county.report("off")} == set(CUT) - set(PAID)
    refused = {row["reason"]: row["rows"] for row in county.report("exceptions")}
    assert refused == {"unknown_meter": "1", "unknown_account": "1"}
    collected = sum(int(row["received"]) for row in county.report("collection"))
    assert collected == sum(row["received"] for row in county.tables["collection"])


def test_every_statement_adds_up_to_the_balance(county: County) -> None:
    for account in (0, 5, 23):
        text = county.ask("statement", str(account), "--month", "2026-03", "--format", "json")
        lines = json.loads(text)
        now = county.account(account)["balance"]
        assert sum(Decimal(line["amount"]) for line in lines) == now
        assert Decimal(lines[-1]["balance"]) == now


def test_who_was_cut_is_told_why_in_both_shards(county: County) -> None:
    assert {county.account(each)["shard"] for each in CUT} == {0, 1}
    for account in CUT:
        trip, *more = [row for row in county.tables["commands"] if row["account_id"] == account]
        story = county.json("explain", str(account), "--log", str(county.node.data))
        assert Decimal(story["account"]["balance"]) == county.account(account)["balance"]
        kinds = [event["kind"] for event in story["events"]]
        assert kinds.index("notice trip_due") < kinds.index("trip") < kinds.index("notice tripped")
        assert f"trip {trip['command_id']} to meter {account}" in story["events"][kinds.index("trip")]["what"]
        assert ("restore" in kinds) == (account in PAID) == bool(more)
        assert kinds.count("ack") == 1 + len(more), (
            "what the head-end said is in the journal of the account's shard"
        )


def test_what_an_operator_looks_at(county: County) -> None:
    gaps = county.json("gaps")
    wanted = Counter((row["meter_id"], row["missing"]) for row in county.states["gaps"])
    assert Counter((row["meter"], row["missing"]) for row in gaps) == wanted
    assert {row["meter"] for row in county.json("gaps", "--district", "1")} == {4, 5, 6, 7}
    findings = county.json("findings")
    assert {row["id"]: row["subject"] for row in findings} == {
        row["id"]: row["subject"] for row in county.states["findings"]
    }
    assert {row["subject"] for row in findings} == {str(each) for each in CUT if each not in PAID}
    assert county.json("findings", "--subject", "5")[0]["kind"] == "off_but_consuming"
    assert county.json("orders") == []
    for number in (3, 4, 20):
        account = county.json("accounts", "show", str(number))
        assert Decimal(account["account"]["balance"]) == county.account(number)["balance"]
        assert [each["meter"] for each in account["meters"]] == [number]
        charges = [row["charge"] for row in county.tables["intervals"] if row["meter_id"] == number]
        meter = county.json("meters", "show", str(number), "--recent", "99")
        assert [Decimal(each["charge"]) for each in meter["reads"]] == charges[::-1]


def test_a_meter_stays_in_its_shard_whatever_account_a_row_names(county: County) -> None:
    (meter,) = [row for row in county.states["meters"] if row["meter_id"] == MOVED]
    shard = county.account(MOVED)["shard"]
    assert (meter["account_id"], meter["shard"]) == (MOVED, shard)
    assert county.account(MOVED_TO)["shard"] != shard
    (refused,) = [row for row in county.tables["exceptions"] if row["kind"] == "meters"]
    assert (refused["reason"], refused["subject"], refused["shard"]) == ("unknown_account", str(MOVED), shard)
    reads = [row["end"].timestamp() for row in county.tables["intervals"] if row["meter_id"] == MOVED]
    assert reads[-1] == DAYS[2].timestamp(), "its reads go on to be its account's"


def test_who_changed_what_is_told_once_and_of_the_shard_that_it_concerns(county: County) -> None:
    found = [(row["shard"], row["change"], row["text"]) for row in county.json("changes", "--key", "chief")]
    everywhere = [(shard, op, None) for op in ("suspend_trips", "resume_trips") for shard in range(SHARDS)]
    assert Counter(found) == Counter([*everywhere, (home_of(2, SHARDS), "suspend_trips", "2")])


def test_the_same_configuration_changes_nothing_and_another_warns_just_whom_it_must(county: County) -> None:
    def backtest(config: str) -> Any:
        path = county.node.folder / "other.toml"
        path.write_text(config)
        done = CliRunner().invoke(main, ["backtest", str(county.node.data), "--config", str(path), "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    same = backtest(county.config)
    assert (same["accounts"], same["known"], same["treated_otherwise"]) == ([], ACCOUNTS, 0)
    balance = sum(row["balance"] for row in county.states["accounts"])
    assert Decimal(same["money"]["balances at the end"]["was"]) == balance
    level = county.account(20)["balance"]
    other = backtest(
        county.config.replace('warn_below = ["50"]', f'warn_below = ["{level + Decimal("1e-9")}"]')
    )
    below = {row["account_id"] for row in county.tables["intervals"] if row["balance"] <= level}
    warned = {row["account_id"] for row in other["accounts"]}
    assert warned - set(CUT) == below - set(CUT) == {20, 21, 22, 23}


def test_a_query_that_runs_while_days_are_compacted_and_all_of_it_again_when_the_node_has_stopped(
    county: County, catalog: Catalog
) -> None:
    places = OutputPlaces(county.node.data)
    wanted = alike(county.tables["intervals"])
    before = len(list(places.files("intervals")))
    result = catalog.run("FROM intervals")
    keeper = Keeper(places, Tree(), OUTPUTS, {}, time.monotonic)
    keeper.look(DAYS[2].date())
    assert len(list(places.files("intervals"))) < before
    assert alike(result.rows()) == wanted
    assert alike(catalog.run("FROM intervals").rows()) == wanted, "files that it knew are gone"
    with flight.connect(f"grpc+unix://{places.socket}") as client:
        assert alike(client.do_get(ticket_of("output", "intervals")).read_all().to_pylist()) == wanted
    story = county.json("explain", "1")

    assert county.node.stop() == 0
    check_balances(county)
    sealed = {shard: each.sealed for shard, each in enumerate(read_outputs_status(county.node.data).shards)}
    with Catalog(open_folder(county.node.data)) as stopped:
        for name in OUTPUTS:
            rows = [row for row in county.tables[name] if row["seq"] <= sealed[row["shard"]]]
            assert alike(stopped.run(f"FROM {name}").rows()) == alike(rows), name
        assert "does not run" in stopped.folder.note()
        assert len(stopped.run("FROM accounts").rows()) == ACCOUNTS
    end = sealed[county.account(1)["shard"]]
    told = [event for event in story["events"] if event["seq"] <= end]
    assert county.json("explain", "1")["events"] == told
    assert any(event["kind"] == "restore" for event in told)
    (revenue,) = county.report("revenue")
    of_files = [row for row in county.tables["intervals"] if row["seq"] <= sealed[row["shard"]]]
    assert Decimal(revenue["charges"]) == sum(row["charge"] for row in of_files)
    for shard in range(SHARDS):
        assert county.node.recovered(shard).digest() == county.node.journaled(shard).digest

    Keeper(places, Tree(), OUTPUTS, {"ledger": 1}, time.monotonic).look(DAYS[2].date())
    left = {row["day"] for row in county.query('SELECT DISTINCT CAST("at" AS DATE) AS day FROM ledger')}
    assert left == {DAYS[1].date().isoformat()}, "and those of the last day are in no file"
