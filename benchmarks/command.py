"""Questions from the command line: `python -m benchmarks.grouped --size full`, or `python -m benchmarks` for all."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from benchmarks.errors import BenchmarkError, CannotRun
from benchmarks.figures import Figure, Size
from benchmarks.machine import machine
from benchmarks.questions import MODULES, load
from benchmarks.report import heading, lines

__all__ = ["ask", "main", "run_all"]


def ask(name: str, size: Size) -> list[Figure]:
    """The figures of one question; raises `BenchmarkError`. A question without a figure is one that was not asked."""
    figures = load(name).run(size)
    if not figures:
        raise CannotRun(f"{name}: measured nothing; expected a figure")
    return figures


def run_all(names: Iterable[str], size: Size, as_json: bool, out: Callable[[str], None]) -> bool:
    """Ask each question and write its figures with `out`; whether all were answered.

    As JSON, all is written at the end. What could not be answered, for a wrong answer or for want of
    something, is written in place of its figures, and the others are still asked. A missed target is an answer.
    """
    told = machine()
    answers: list[dict[str, Any]] = []
    failed = False
    if not as_json:
        out(heading(size, told))
    for name in names:
        question = load(name).QUESTION
        answer: dict[str, Any] = {"question": name, "text": question.text, "target": question.target}
        try:
            figures = ask(name, size)
        except BenchmarkError as error:
            failed = True
            answer["error"] = f"{type(error).__name__}: {error}"
            figures = []
        answers.append(answer | {"figures": [figure.as_json() for figure in figures]})
        if not as_json:
            out(lines(question, figures, answer.get("error", "")))
    if as_json:
        out(json.dumps({"size": size, "machine": told, "answers": answers}, indent=2, ensure_ascii=False))
    return not failed


def main(names: Sequence[str] = (), arguments: Sequence[str] | None = None) -> None:
    """Run the questions `names`, or those that the command line gives; exits with 1 if one was not answered."""
    parser = argparse.ArgumentParser(description="Measure, answers compared first." if names else __doc__)
    if not names:
        parser.add_argument("question", nargs="*", help=f"some of {', '.join(MODULES)}; all if left out")
    parser.add_argument(
        "--size", choices=("smoke", "full"), default="smoke", help="smoke: seconds, for the answers"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, each round in it")
    given = parser.parse_args(arguments)
    wanted = list(names or given.question or MODULES)
    unknown = [name for name in wanted if name not in MODULES]
    if unknown:
        parser.error(f"no question {', '.join(unknown)}; expected some of {', '.join(MODULES)}")
    sys.exit(0 if run_all(wanted, given.size, given.json, lambda text: print(text, flush=True)) else 1)
