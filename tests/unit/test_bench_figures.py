"""Figures: a verdict follows from ratios of paired rounds, and what was not measured is never a figure."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from benchmarks import command, machine
from benchmarks.contest import Contestant, contest
from benchmarks.errors import CannotRun, WrongAnswer
from benchmarks.figures import Figure, Question
from benchmarks.questions import MODULES, load
from benchmarks.report import heading, lines


def figure(**changes: Any) -> Figure:
    told = {
        "what": "w",
        "unit": "M reads/s",
        "values": (10.0, 20.0, 60.0),
        "against": "floor",
        "against_values": (20.0, 80.0, 60.0),
        "target": 0.5,
        "answer": "cafe",
    }
    return Figure(**{**told, **changes})


def test_a_ratio_is_the_median_of_the_rounds_ratios_not_the_ratio_of_medians() -> None:
    assert figure().ratios == (0.5, 0.25, 1.0)
    assert figure().ratio == 0.5
    assert figure(against_values=(20.0,)).ratios == (0.5, 1.0, 3.0)
    assert figure(against_values=()).ratio is None


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "met"),
        ({"target": 0.51}, "missed"),
        ({"at_most": True}, "met"),
        ({"at_most": True, "target": 0.49}, "missed"),
        ({"target": None}, "reported"),
        ({"values": (), "against_values": (), "answer": ""}, "absent"),
    ],
)
def test_verdicts(changes: dict[str, Any], verdict: str) -> None:
    assert figure(**changes).verdict == verdict
    assert figure(**changes).as_json()["verdict"] == verdict


def test_rounds_that_are_not_paired_and_figures_without_an_answer_are_refused() -> None:
    with pytest.raises(ValueError, match="2 rounds of floor; expected 3, paired"):
        figure(against_values=(1.0, 2.0))
    with pytest.raises(ValueError, match="no hash of its answer"):
        figure(answer="")


def test_a_report_names_figure_ratio_target_verdict_and_answer() -> None:
    text = lines(
        Question("q", "how fast?", "≥ 0.5 × floor"),
        [figure(), figure(values=(), against_values=(), note="n")],
    )
    row = next(line for line in text.splitlines() if "cafe" in line)
    assert re.split(r" {2,}", row.strip()) == [
        "w", "20 M reads/s", "10 – 60", "floor 60", "0.50", "0.25 – 1.00", "≥ 0.5", "met", "cafe"
    ]  # fmt: skip
    assert "absent" in text
    assert text.splitlines()[-1] == "  w: n"
    assert "NOT ANSWERED: because" in lines(Question("q", "t", "u"), [], "because")


def test_the_machine_and_the_versions_are_told() -> None:
    told = machine.machine()
    assert {"processor", "memory", "python", "numpy", "pyarrow", "compiler", "load"} <= set(told)
    assert all(told.values())
    assert told["python"] in heading("smoke", told)
    assert "their times say little" in heading("smoke", told)
    assert "their times say little" not in heading("full", told)


def test_too_little_memory_is_said() -> None:
    machine.need_memory("one meter", 1)
    with pytest.raises(
        CannotRun, match=r"^50 meters: .* GiB of memory are free; expected 1048576\.0 GiB or more$"
    ):
        machine.need_memory("50 meters", 2**50)


class Some:
    """Reads without rows, of sweep `number`."""

    batches: tuple[()] = ()
    now_s = 0

    def __init__(self, number: int) -> None:
        self.reads = number


def test_rounds_are_paired_and_interleaved() -> None:
    told: list[tuple[str, int]] = []
    two = [Contestant(name, Some, lambda reads, n=name: told.append((n, reads.reads))) for name in "ab"]
    assert contest(two, 5, rounds=2, sweeps=2) == 9
    assert told == [("b", 5), ("a", 5), ("a", 6), ("b", 6), ("b", 7), ("a", 7), ("a", 8), ("b", 8)]
    assert [len(one.rates) for one in two] == [2, 2]


def test_every_question_says_what_it_asks() -> None:
    assert len(MODULES) >= 11
    for name in MODULES:
        question = load(name).QUESTION
        assert question.name == name
        assert question.text
        assert question.target


class Fake:
    QUESTION = Question("grouped", "t", "u")

    def __init__(self, found: list[Figure] | Exception) -> None:
        self.found = found

    def run(self, size: str) -> list[Figure]:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@pytest.mark.parametrize(
    ("found", "answered", "error"),
    [
        ([figure()], True, None),
        ([figure(target=9.0)], True, None),
        (WrongAnswer("x: found 1; expected 2"), False, "WrongAnswer: x: found 1; expected 2"),
        (CannotRun("no compiler"), False, "CannotRun: no compiler"),
        ([], False, "CannotRun: grouped: measured nothing; expected a figure"),
    ],
)
def test_a_wrong_answer_prints_no_figure_and_exits_with_1(
    found: Any,
    answered: bool,
    error: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "load", lambda name: Fake(found))
    with pytest.raises(SystemExit) as ended:
        command.main(["grouped"], ["--json"])
    assert ended.value.code == (0 if answered else 1)
    (answer,) = json.loads(capsys.readouterr().out)["answers"]
    assert answer.get("error") == error
    assert len(answer["figures"]) == (1 if answered else 0)
    with pytest.raises(SystemExit):
        command.main(["grouped"], [])
    assert ("cafe" in capsys.readouterr().out) == answered


def test_a_question_that_there_is_none_of_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main((), ["speed"])
    assert ended.value.code == 2
    assert "no question speed; expected some of floor, grouped" in capsys.readouterr().err
