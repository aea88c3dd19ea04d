"""The test vectors are what the code makes and takes, and what the page tells."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipeline.wire import BATCHES, Kind, Reason, Role, Sender, check, check_answer
from pipeline.wire.commands import commands_of
from pipeline.wire.outputs import read_output
from tidy.tree import ROOT
from unit.wire.make_vectors import COMMAND, OUTPUT, messages, vector, vectors
from unit.wire.samples import KEY, ROLES, line

FILE = json.loads((Path(__file__).parent / "vectors.json").read_text())
PAGE = (ROOT / "docs/wire.md").read_text()
SENDERS = {
    Kind.HELLO: Role.READS,
    Kind.PING: Role.READS,
    Kind.READY: Role.HEADEND,
    Kind.SUBSCRIBE: Role.SUBSCRIBER,
}


@pytest.mark.parametrize("told", FILE["messages"], ids=lambda told: told["name"])
def test_each_is_taken(told):
    frames = [bytes.fromhex(told["header"]), bytes.fromhex(told["body"])]
    kind = Kind(told["fields"]["kind"])
    role = SENDERS.get(kind) or ROLES.get(kind)
    found = check(frames, Sender(KEY, role), line()) if role else check_answer(frames, KEY)
    assert (
        found.header._asdict() | {"producer": KEY.hex(), "digest": found.header.digest.hex()}
        == told["fields"]
    )
    if kind is Kind.COMMAND:
        (signed,) = commands_of(found.content)
        assert signed.command == COMMAND
        assert signed.verify({bytes.fromhex(FILE["signature"]["public"])})
    if kind is Kind.OUTPUT:
        output = read_output(found.body, found.header.rows)
        assert output == (OUTPUT if output.rows else OUTPUT._replace(start=(5, 0), end=(5, 2), rows=None))


def test_all_kinds_have_one():
    assert {Kind(told["fields"]["kind"]) for told in FILE["messages"]} == set(Kind)


def test_all_that_does_not_depend_on_arrow_is_what_the_code_makes():
    made = {name: vector(name, sent) for name, sent in messages().items()}
    assert [told["name"] for told in FILE["messages"]] == list(made)
    checked = 0
    for told in FILE["messages"]:
        kind = Kind(told["fields"]["kind"])
        if kind in (Kind.CONFIG, Kind.TICK) or (
            kind not in BATCHES and kind not in (Kind.COMMAND, Kind.OUTPUT)
        ):
            assert told == made[told["name"]]
            checked += 1
    assert checked == 14
    assert FILE["signature"] == vectors()["signature"]


def test_the_page_has_the_numbers_of_kinds_and_reasons():
    kinds = dict(re.findall(r"^\| ([0-9]+) \| `([A-Z]+)`", PAGE, re.MULTILINE))
    assert kinds == {str(int(kind)): kind.name for kind in Kind}
    reasons = dict(re.findall(r"^\| ([0-9]+) \| `([a-z_]+)` \|", PAGE, re.MULTILINE))
    assert reasons == {str(int(reason)): reason.name.lower() for reason in Reason}
