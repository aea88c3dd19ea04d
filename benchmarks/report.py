"""Figures as a person reads them: target, figure, ratio, verdict, with the spread and the hash of the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.figures import Figure, Question, Size

__all__ = ["heading", "lines"]

HEADERS = (
    "",
    "figure",
    "lowest – highest",
    "held against",
    "ratio",
    "lowest – highest",
    "target",
    "verdict",
    "answer",
)


def heading(size: Size, machine: Mapping[str, str]) -> str:
    """The size of the run, and the machine."""
    width = max(map(len, machine))
    rows = [f"  {name:<{width}}  {value}" for name, value in machine.items()]
    warning = ["  smoke sizes are for the answers: their times say little"] if size == "smoke" else []
    return "\n".join([f"feikong benchmarks, size {size}", *warning, *rows])


def lines(question: Question, figures: Sequence[Figure], error: str = "") -> str:
    """A question and a table of its figures, or why there are none."""
    title = f"\n{question.name}: {question.text}; target {question.target}"
    if error:
        return f"{title}\n  NOT ANSWERED: {error}"
    cells = [HEADERS, *map(_cells, figures)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADERS))]
    table = [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    notes = [f"  {figure.what}: {figure.note}" for figure in figures if figure.note]
    return "\n".join([title, *table, *notes])


def _cells(figure: Figure) -> tuple[str, ...]:
    if not figure.values:
        return (figure.what, *[""] * 6, figure.verdict, "")
    ratio = figure.ratio
    target = "" if figure.target is None else f"{'≤' if figure.at_most else '≥'} {figure.target:g}"
    held = ""
    if ratio is not None:
        held = f"{figure.against} {_number(sorted(figure.against_values)[len(figure.against_values) // 2])}"
    return (
        figure.what,
        f"{_number(figure.value)} {figure.unit}",
        f"{_number(min(figure.values))} – {_number(max(figure.values))}",
        held,
        "" if ratio is None else f"{ratio:.2f}",
        "" if ratio is None else f"{min(figure.ratios):.2f} – {max(figure.ratios):.2f}",
        target,
        figure.verdict,
        figure.answer,
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
