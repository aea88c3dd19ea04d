"""The language itself: a story that is not understood, or not true, fails with the number of its line."""

from __future__ import annotations

import pytest

from stories.county import HOME, county
from stories.language import check
from stories.script import StoryError

GOOD = HOME + "    read M1 00:15 400 -> good wh=400 charge=0.2 balance=24.8 start=00:00\n"


def check_fails(story: str, why: str) -> None:
    with pytest.raises(StoryError, match=why):
        check(story, county())


def test_a_true_story_counts_what_it_told():
    # opening, first, good
    assert check(GOOD, county()) == 3


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("reed M1 00:30 500 -> good", r"line 6: .*\n.*unknown word 'reed'"),
        ("read M1 00:30 500 -> fine", r"line 6: .*\n.*unknown effect 'fine'"),
        ("read M1 00:30 500 -> good cost=1", r"line 6: .*\n.*good has no 'cost'"),
        ("read M1 00:30 500 colour=red -> good", r"line 6: .*\n.*read has no 'colour'"),
        ("read M1 00:30 500 upside_down -> good", r"line 6: .*\n.*read takes"),
        ("read M1 00h30 500 -> good", r"line 6: .*\n.*is no time"),
        ("top_up A1 five", r"line 6: .*\n.*not understood"),
        ("account A1 district_id=D1 protected=maybe", r"line 6: .*\n.*not understood"),
        ("read M1 00:30 500 ->", r"line 6: .*\n.*nothing is told"),
        ("watch windows", r"line 6: .*\n.*watch takes"),
        ("at 00:30 00:45", r"line 6: .*\n.*at takes"),
        ("+1h now=00:30", r"line 6: .*\n.*takes"),
        ("day 2026-01-02 now=00:30", r"line 6: .*\n.*takes"),
        ("read M1 00:30 500 -> good\n& top_up A1 5", r"line 7: .*\n.*not of the batch's kind"),
        ("see account A1", r"line 6: .*\n.*nothing to look at"),
        ("see account A9 state=on", r"line 6: .*"),
    ],
)
def test_what_is_not_understood(line, why):
    check_fails(GOOD + line, why)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("read M1 00:30 500", r"line 6: .*\n.*intervals: told none\n  came\n.*good"),
        ("read M1 00:30 500 -> refused spike", r"line 6"),
        ("read M1 00:30 500 -> suspect", r"line 6"),
        ("read M1 00:30 500 -> good wh=101", r"line 6: .*wh=101[^!]*wh=100"),
        ("read M1 00:30 500 -> good charge=0.051", r"line 6"),
        ("read M1 00:30 500 -> good, notice low_balance", r"line 6: .*\n.*notices: told"),
        ("read M1 00:30 500 -> good, good", r"line 6"),
        (
            "read M1 00:30 10500 -> good",
            r"line 6: .*\n.*notices: told none\n  came\n.*notice low_balance A1 20",
        ),
        ("read M1 00:30 10500 -> good, notice low_balance A1 10", r"line 6"),
        ("read M1 00:30 100", r"line 6: .*\n.*exceptions: told none\n  came\n.*refused backward"),
        ("top_up A1 0", r"(?s)line 6: .*refused bad_amount"),
        ("top_up A1 5 -> refused duplicate", r"line 6"),
        ("top_up A1 5 -> top_up A1 amount=4", r"line 6"),
        ("+2h -> trip A1", r"line 6: .*\n.*commands: told"),
        ("+2h -> opens outage D1", r"line 6: .*\n.*findings: told"),
        ("+2h -> opens trip_failed A1", r"line 6: .*\n.*orders: told"),
        ("+2h -> malformed", r"line 6: .*\n.*was taken"),
        ("top_up A1 5 now=+61d", r"line 6: .*\n.*malformed"),
        ("see account A1 state=due", r"line 6: .*\n.*state: told due\n  is on"),
        ("see gaps M1 00:00-00:15", r"line 6"),
        ("see findings outage:D1", r"line 6"),
        ("watch districts\n+2h", r"line 7: .*\n.*districts: told none"),
        ("read M1 00:30 500 -> good\n& read M1 00:45 600", r"line 7"),
        ("read M1 00:30 500 step=100 times=3 -> good wh=99", r"line 6"),
    ],
)
def test_an_effect_that_is_not_met_or_not_told(line, why):
    check_fails(GOOD + line, why)


def test_a_story_that_tells_nothing_fails():
    check_fails("meter M1 A1\n", "tells no effect")
    check_fails("# nothing\n", "tells no effect")


def test_a_command_is_the_first_attempt_unless_told():
    story = HOME + "approve_trip A1 -> refused bad_update\nset_protected A1 1\n"
    due = HOME + "adjustment A1 -25 -> notice low_balance, notice trip_due\n+48h -> trip A1 M1\n"
    assert check(story, county()) == 3
    assert check(due, county()) == 6
    check_fails(due + "+1m -> trip A1 M1\n", "line 7: .*\n.*commands: told")
    assert check(due + "+1m -> trip A1 M1 attempt=2\n", county()) == 7
    check_fails(
        HOME + "adjustment A1 -25 -> notice trip_due, notice low_balance\n", "line 5: .*\n.*notices: told"
    )
