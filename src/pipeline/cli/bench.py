"""`feikong bench`: the benchmarks of the checkout's `benchmarks/`.

A wheel does not carry them: they measure, and need a C compiler and other people's engines to measure against.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import click

__all__ = ["bench", "find_checkout"]

MARK = Path("benchmarks", "questions.py")


@click.command()
@click.argument("questions", nargs=-1, metavar="[QUESTION]...")
@click.option(
    "--size",
    type=click.Choice(["smoke", "full"]),
    default="smoke",
    show_default=True,
    help="smoke: seconds, for the answers. full: for the figures; up to 20 GiB of memory, and a quiet machine.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with each round, instead of tables.")
def bench(questions: tuple[str, ...], size: str, as_json: bool) -> None:
    """Measure the engine, and print target, figure, ratio and verdict of each QUESTION, or of all.

    Everything is held against something measured in the same run on the same input, after its answer was
    compared. A missed target is an answer; a wrong answer, or one that there is none of, exits with 1.
    Needs a checkout of the source, found from the current folder upwards or around the package.

    \b
    Example:
      feikong bench
      feikong bench grouped random --size full --json
    """  # noqa: D301
    command = _benchmarks("command")
    names = tuple(_benchmarks("questions").MODULES)
    unknown = [name for name in questions if name not in names]
    if unknown:
        raise click.BadParameter(
            f"no question {', '.join(unknown)}; expected some of {', '.join(names)}", param_hint="QUESTION"
        )
    if not command.run_all(questions or names, size, as_json, click.echo):
        raise click.exceptions.Exit(1)


def find_checkout(starts: Iterable[Path]) -> Path:
    """The folder that holds `benchmarks/`: one of `starts`, or above it. Raises `click.ClickException`."""
    looked = [folder for start in starts for folder in (start, *start.parents)]
    for folder in looked:
        if (folder / MARK).is_file():
            return folder
    raise click.ClickException(
        "the benchmarks are not here: a wheel has no benchmarks/, and there is none in "
        f"{looked[0] if looked else 'no folder'} or above; run this in a checkout of feikong's source"
    )


def _benchmarks(module: str) -> Any:
    """A module of the checkout's `benchmarks`."""
    checkout = find_checkout([Path.cwd(), Path(__file__).resolve().parent])
    if str(checkout) not in sys.path:
        sys.path.insert(0, str(checkout))
    try:
        return import_module(f"benchmarks.{module}")
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"the benchmarks in {checkout} need {error.name}; expected it to be installed: pip install 'feikong[bench]'"
        ) from error
