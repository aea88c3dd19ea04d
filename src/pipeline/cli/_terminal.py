"""What commands share on the screen: tables on standard output, progress on a standard error that is seen."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import rich.box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

__all__ = ["Bar", "count", "output_console", "progress_bar", "table"]

WIDTH_MAX = 100


class Bar:
    """A progress bar, or nothing where standard error is no terminal."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def start(self, what: str, total: int | None) -> None:
        """A stretch of `total` steps begins, in place of the one before; None: of as many as there are."""
        if self._progress is not None:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task = self._progress.add_task(what, total=total, note="")

    def step(self, note: str = "") -> None:
        """One more step is done."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, advance=1, note=note)

    def say(self, line: str) -> None:
        """A line on standard error, above the bar."""
        if self._progress is not None:
            self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)


@contextmanager
def progress_bar(total: int | None = None, what: str = "") -> Iterator[Bar]:
    """A bar on standard error, of `total` steps or as `Bar.start` says; none where that is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Bar(None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = Bar(progress)
        if total is not None:
            bar.start(what, total)
        yield bar


def output_console() -> Console:
    """Standard output: at most 100 columns wide, 100 where it is no terminal."""
    console = Console(highlight=False)
    if not console.is_terminal or console.width > WIDTH_MAX:
        console.width = WIDTH_MAX
    return console


def table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A plain table: the first column of text, the others set right."""
    grid = Table(
        title=title, title_justify="left", title_style="bold", box=rich.box.SIMPLE_HEAD, pad_edge=False
    )
    for number, header in enumerate(headers):
        grid.add_column(header, justify="left" if number == 0 else "right", overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return grid


def count(number: int) -> str:
    """A number with thousands set apart."""
    return f"{number:,}"
