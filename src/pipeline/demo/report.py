"""The figures as tables that an operator would want, at most 100 columns wide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import rich.box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.demo import settings
from pipeline.demo.figures import Counted, Figures
from pipeline.demo.figures_control import percentile
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
    day = f"{datetime.fromtimestamp(settings.MIDNIGHT_S, ZoneInfo(settings.TIMEZONE)):%d %B %Y}"
    return Text.assemble(
        (f"Hefeng county, {day}, simulated from seed {seed}\n", "bold"),
        f"{who['special']:,} special-transformer customers, {who['districts']:,} public transformers ",
        f"with their districts,\n{who['low_voltage']:,} low-voltage customers, ",
        f"{who['prepaid_low_voltage']:,} of them prepaid; {who['meters']:,} meters, each read ",
        f"{settings.QUARTERS} times\n",
    )


def _collection(figures: Figures) -> RenderableType:
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


def _loss(figures: Figures) -> RenderableType:
    loss = figures.loss
    note = (
        f"{loss.county.ratio:.2%} of {loss.county.supply_wh / 1e6:,.1f} MWh, a district's median "
        f"{loss.median_ratio:.2%}; {loss.windows:,} windows, {loss.revised:,} revised"
    )
    rows = [_loss_row(entry) for entry in loss.worst]
    rows += [("…",) * 6] if loss.negative else []
    rows += [_loss_row(entry) for entry in reversed(loss.negative)]
    headers = ("district", "station", "supply kWh", "consumption kWh", "loss", "finding")
    return _table("Line loss", headers, rows, left=(0, 1, 5), note=note)


def _loss_row(loss: Loss) -> tuple[str, ...]:
    energy = (f"{loss.supply_wh / 1000:,.1f}", f"{loss.consumption_wh / 1000:,.1f}")
    return (loss.name, loss.grid, *energy, f"{loss.ratio:.1%}", loss.finding.replace("_", " "))


def _notices(figures: Figures) -> RenderableType:
    rows = [
        (told.kind, _NOTICE_MEANING[told.kind], f"{told.evening:,}", f"{told.day:,}")
        for told in figures.control.told
    ]
    return _table("Customers were told", ("notice", "meaning", "evening before", "day"), rows, left=(0, 1))


def _supply(figures: Figures) -> RenderableType:
    control, waits = figures.control, figures.control.waits
    off = {state: figures.states.get(state, 0) for state in ("due", "tripping", "off", "restoring")}
    judged = "none" if not figures.wrong_trips else f"{len(figures.wrong_trips):,}: {figures.wrong_trips[0]}"
    rows = [
        ("trips commanded (sent again)", f"{control.trips:,} ({control.trips_repeated:,})"),
        ("trips done", f"{control.tripped:,}"),
        (f"wrong trips, of {figures.trips_examined:,} examined one by one", judged),
        ("restores commanded (sent again)", f"{control.restores:,} ({control.restores_repeated:,})"),
        (
            "restores for a balance (in the payment's own batch)",
            f"{waits.for_balance:,} ({waits.commanded_at_once:,})",
        ),
        ("restores done", f"{control.restored:,}"),
        (
            "restored within, from payment to light: p50, p95, max",
            f"{duration(waits.p50_s)}, {duration(waits.p95_s)}, {duration(waits.max_s)}",
        ),
        ("at the end: due, tripping, off, restoring", ", ".join(f"{many:,}" for many in off.values())),
    ]
    return _table("Trips and restores", ("", ""), rows)


def _gates(figures: Figures) -> RenderableType:
    gates, never = figures.control.gates, figures.control.gates_never_closed
    rows = [(gate.gate, f"{gate.customers:,}", f"{gate.hours:,.1f}", f"{gate.still:,}") for gate in gates]
    note = f"never the first that was closed: {', '.join(never)}" if never else ""
    headers = ("gate", "customers", "customer hours", "still at the end")
    return _table("Trips that the gates held back", headers, rows, note=note)


def _orders_and_findings(figures: Figures) -> RenderableType:
    def rows(what: str, counted: Sequence[Counted]) -> list[tuple[str, ...]]:
        return [(what, row.kind, f"{row.opened:,}", f"{row.closed:,}", f"{row.open:,}") for row in counted]

    both = rows("order", figures.orders) + rows("finding", figures.findings)
    return _table(
        "Orders and findings", ("", "kind", "opened", "closed", "open at the end"), both, left=(0, 1)
    )


def _payments(figures: Figures) -> RenderableType:
    rows = [
        (row.channel, f"{row.sent:,}", f"{row.accepted:,}", f"{row.refused:,}", f"{row.accepted_yuan:,.2f}")
        for row in figures.channels
    ]
    note = f"energy charged: {figures.charged_yuan:,.2f} yuan"
    return _table("Payments", ("channel", "sent", "accepted", "refused", "accepted yuan"), rows, note=note)


def _exceptions(figures: Figures) -> RenderableType:
    rows = [(kind, reason, f"{many:,}") for kind, reason, many in figures.exceptions]
    return _table("Exceptions by reason", ("batch", "reason", "rows"), rows, left=(0, 1))


def _speed(figures: Figures) -> Text:
    speed, reads = figures.speed, figures.reads.came
    millis = [round(1000 * each) for each in speed.restores_s]
    return Text.assemble(
        (f"{speed.reads_per_s(reads):,.0f} reads a second", "bold"),
        f" through worker, journal and engine: {reads:,} in {speed.reads_s:.2f} s;\n"
        f"a payment's restore is at the head-end after {percentile(millis, 50)} ms (p99 "
        f"{percentile(millis, 99)} ms).\n"
        f"All {speed.batches:,} batches, with simulation and files, took {speed.total_s:.1f} s.\n"
        f"The books balance, to the last digit. Digest {figures.digest}\n",
    )


def _table(
    title: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: Sequence[int] = (0,),
    note: str = "",
) -> RenderableType:
    """A title with a note beside it, and under it a plain table; columns not in ``left`` are set right."""
    heading = Text.assemble((title, "bold"), f": {note}" if note else "")
    if not rows:
        return Group(heading, Text("none\n"))
    box = rich.box.SIMPLE_HEAD if any(headers) else None
    grid = Table(box=box, show_header=any(headers), show_edge=False, pad_edge=False)
    for number, name in enumerate(headers):
        grid.add_column(name, justify="left" if number in left else "right", overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return Group(heading, grid, Text(""))
