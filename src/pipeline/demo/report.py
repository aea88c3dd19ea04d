"""The figures as tables that an operator would want, at most 100 columns wide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import rich.box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.demo.figures import Counted, Figures
from pipeline.demo.figures_windows import Loss

_NOTICE_MEANING: Final = {
    "low_balance": "balance low",
    "trip_due": "supply will be cut",
    "autopay_failed": "bank debit failed",
    "tripped": "supply cut",
    "press_button": "press the meter's button",
    "restored": "supply restored",
}


def report(figures: Figures, seed: int) -> Iterator[RenderableType]:
    """Everything there is to show, top to bottom."""
    yield _heading(figures, seed)
    yield _collection(figures)
    yield _reads(figures)
    yield _loss(figures)
    yield _notices(figures)
    yield _supply(figures)
    yield _gates(figures)
    yield _orders_and_findings(figures)
    yield _payments(figures)
    yield _exceptions(figures)
    yield _speed(figures)


def duration(seconds: int) -> str:
    """A time that people wait: ``48 s``, ``12 min 5 s``, ``1 h 20 min``."""
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def _heading(figures: Figures, seed: int) -> Text:
    who = figures.customers
    return Text.assemble(
        (f"Hefeng county, 15 July 2026, simulated from seed {seed}\n", "bold"),
        f"{who['special']:,} special-transformer customers, {who['districts']:,} public transformers ",
        f"with their districts,\n{who['low_voltage']:,} low-voltage customers, {who['prepaid_low_voltage']:,} of them ",
        f"prepaid; {who['meters']:,} meters, each read 96 times.\n",
    )


def _collection(figures: Figures) -> Table:
    rows = [
        (row.klass.replace("_", " "), f"{row.meters:,}", f"{row.expected:,}", f"{row.received:,}",
         f"{row.expected - row.received:,}", f"{row.success:.2%}")
        for row in figures.collection
    ]  # fmt: skip
    return _table("Collection", ("class", "meters", "expected", "received", "missing", "success"), rows)


def _reads(figures: Figures) -> Text:
    reads = figures.reads
    return Text.assemble(
        f"Reads: {reads.came:,} came, {reads.accepted:,} were accepted: {reads.late:,} of them ",
        f"late, {reads.after_a_gap:,} after a gap,\n{reads.suspect:,} suspect, {reads.rolled_over:,} of a ",
        f"register that rolled over; {reads.refused:,} were refused.\n",
    )


def _loss(figures: Figures) -> Table:
    loss = figures.loss
    title = (
        f"Line loss {loss.county.ratio:.2%} of {loss.county.supply_wh / 1e6:,.1f} MWh; a district's median "
        f"{loss.median_ratio:.2%}; {loss.windows:,} windows closed, {loss.revised:,} times revised"
    )
    rows = [_loss_row(entry) for entry in loss.worst]
    rows += [("…",) * 6] if loss.negative else []
    rows += [_loss_row(entry) for entry in reversed(loss.negative)]
    return _table(
        title,
        ("district", "station", "supply kWh", "consumption kWh", "loss", "finding"),
        rows,
        left=(0, 1, 5),
    )


def _loss_row(loss: Loss) -> tuple[str, ...]:
    energy = (f"{loss.supply_wh / 1000:,.1f}", f"{loss.consumption_wh / 1000:,.1f}")
    return (loss.name, loss.grid, *energy, f"{loss.ratio:.1%}", loss.finding.replace("_", " "))


def _notices(figures: Figures) -> Table:
    rows = [
        (told.kind, _NOTICE_MEANING[told.kind], f"{told.evening:,}", f"{told.day:,}")
        for told in figures.control.told
    ]
    return _table("Customers were told", ("notice", "meaning", "evening before", "day"), rows, left=(0, 1))


def _supply(figures: Figures) -> Table:
    control, waits = figures.control, figures.control.waits
    off = {state: figures.states.get(state, 0) for state in ("due", "tripping", "off", "restoring")}
    judged = "none" if not figures.wrong_trips else f"{len(figures.wrong_trips):,}: {figures.wrong_trips[0]}"
    rows = [
        ("trips commanded (sent again)", f"{control.trips:,} ({control.trips_repeated:,})"),
        ("trips done", f"{control.tripped:,}"),
        (f"wrong trips, of {figures.trips_examined:,} examined one by one", judged),
        ("restores commanded (sent again)", f"{control.restores:,} ({control.restores_repeated:,})"),
        ("restores commanded in the batch that brought the payment", f"{waits.commanded_at_once:,}"),
        ("restores done", f"{control.restored:,}"),
        (
            "restored within, from payment to light: p50, p95, max",
            f"{duration(waits.p50_s)}, {duration(waits.p95_s)}, {duration(waits.max_s)}",
        ),
        ("at the end: due, tripping, off, restoring", ", ".join(f"{many:,}" for many in off.values())),
    ]
    return _table("Trips and restores", ("", ""), rows, header=False)


def _gates(figures: Figures) -> Table:
    gates = figures.control.gates
    rows = [(gate.gate, f"{gate.customers:,}", f"{gate.hours:,.1f}", f"{gate.still:,}") for gate in gates]
    never = figures.control.gates_never_closed
    title = "Trips that the gates held back" + (f" (never first: {', '.join(never)})" if never else "")
    return _table(title, ("gate", "customers", "customer hours", "still at the end"), rows)


def _orders_and_findings(figures: Figures) -> Table:
    def rows(what: str, counted: Sequence[Counted]) -> list[tuple[str, ...]]:
        return [(what, row.kind, f"{row.opened:,}", f"{row.closed:,}", f"{row.open:,}") for row in counted]

    both = rows("order", figures.orders) + rows("finding", figures.findings)
    return _table(
        "Orders and findings", ("", "kind", "opened", "closed", "open at the end"), both, left=(0, 1)
    )


def _payments(figures: Figures) -> Table:
    rows = [
        (row.channel, f"{row.sent:,}", f"{row.accepted:,}", f"{row.refused:,}", f"{row.accepted_yuan:,.2f}")
        for row in figures.channels
    ]
    title = f"Payments (charged for energy: {figures.charged_yuan:,.2f} yuan)"
    return _table(title, ("channel", "sent", "accepted", "refused", "accepted yuan"), rows)


def _exceptions(figures: Figures) -> Table:
    rows = [(kind, reason, f"{many:,}") for kind, reason, many in figures.exceptions]
    return _table("Exceptions by reason", ("batch", "reason", "rows"), rows, left=(0, 1))


def _speed(figures: Figures) -> Text:
    speed, reads = figures.speed, figures.reads.came
    return Text.assemble(
        (f"{speed.reads_per_s(reads) / 1e6:,.1f} million reads a second", "bold"),
        f" in the engine: {reads:,} reads in {speed.reads_s:.2f} s;\n"
        f"all {speed.batches:,} batches in {speed.engine_s:.2f} s; with simulation and files "
        f"{speed.total_s:.1f} s.\n"
        f"The books balance, to the last digit. Digest {figures.digest}\n",
    )


def _table(
    title: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: Sequence[int] = (0,),
    header: bool = True,
) -> Table:
    grid = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=rich.box.SIMPLE_HEAD if header else None,
        show_header=header,
        pad_edge=False,
        padding=(0, 2, 0, 0) if not header else (0, 1),
    )
    for number, name in enumerate(headers):
        grid.add_column(name, justify="left" if number in left else "right", overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return grid
