"""Random logs, each from one integer: ``for kind, batch, now in batches(grid)``, while a driver applies them.

The driver applies each batch to ``grid.twin`` before it asks for the next, since what comes next answers what
the twin did: acks its commands, late reads its gaps, payments its thresholds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from model import TwinConfigError, TwinSchemaError
from model.columns import INPUTS

from .arrow import array, as_arrow
from .grid import Grid, Row, columns
from .money_rows import ack_rows, payment_row
from .reading_rows import read_rows
from .registry_rows import account_row, anew, district_row, meter_row
from .settings import changed, spoiled
from .update_rows import update_row

Batch = tuple[str, Any, int]
SETTLED = ("reads",) * 12 + ("payments",) * 5 + ("acks",) * 6 + ("updates",) * 4 + ("tick",) * 4
OTHERS = ("accounts", "meters", "meters", "districts", "config", "malformed")


def opening(grid: Grid) -> Iterator[Batch]:
    """The first registry batches."""
    rng = grid.rng
    if grid.chance(0.15):
        yield from preface(grid)
    grid.districts += [grid.new_id("D") for _ in range(rng.randint(1, 3))]
    if grid.chance(0.7):
        yield "districts", columns([district_row(grid) for _ in range(rng.randint(1, 3))]), grid.now
    yield "accounts", columns([account_row(grid) for _ in range(rng.randint(2, 9))]), grid.now
    rows = [meter_row(grid, owner=account_id) for account_id in grid.accounts if grid.chance(0.95)]
    rows += [meter_row(grid) for _ in range(rng.randint(1, 6))]
    rng.shuffle(rows)
    yield "meters", columns(rows), grid.now


def preface(grid: Grid) -> Iterator[Batch]:
    """Batches that come before the registry, with ids of either kind: they name what nobody knows."""
    rng = grid.rng
    for kind in rng.sample(("reads", "payments", "updates", "acks", "tick", "config"), rng.randint(1, 4)):
        stranger: Any = rng.choice(("nobody", 7))
        if kind == "reads":
            row: Row = {"meter_id": stranger, "at": grid.now, "value": 1, "status": 0}
        elif kind == "payments":
            row = {**payment_row(grid), "account_id": stranger}
            grid.payments.clear()
        elif kind == "updates":
            row = {"op": "set_protected", "account_id": stranger, "value": 1}
        else:
            row = {"command_id": 1, "outcome": "done", "at": grid.now}
        if kind == "config":
            yield configuration(grid)
        else:
            yield kind, None if kind == "tick" else columns([row]), grid.now


def later_rows(grid: Grid, kind: str) -> list[Row]:
    """The rows of a batch, by kind."""
    rng = grid.rng
    if kind == "reads":
        return read_rows(grid)
    if kind == "payments":
        return [payment_row(grid) for _ in range(rng.choice((0, 1, 1, 2, 5)))]
    if kind == "acks":
        return ack_rows(grid)
    if kind == "updates":
        return [update_row(grid) for _ in range(rng.choice((1, 1, 2, 4)))]
    if kind == "accounts":
        return [account_row(grid, rng.choice([None, *grid.accounts])) for _ in range(rng.randint(1, 3))]
    if kind == "meters":
        again = anew(grid) if grid.chance(0.6) else None
        rows = [meter_row(grid, rng.choice([None, *grid.sims])) for _ in range(rng.randint(1, 3))]
        return [again, *rows] if again else rows
    return [district_row(grid)]


def empty(kind: str, ids: str) -> Any:
    """A batch of no rows."""
    names = {name: array([], told.rstrip("?"), ids) for name, told in INPUTS[kind].items()}
    return pa.RecordBatch.from_arrays(list(names.values()), names=list(names))


def malformed(grid: Grid) -> Batch:
    """A batch that must be refused whole, and change nothing."""
    rng = grid.rng
    if grid.chance(0.2):
        return rng.choice(("readings", "", "Reads")), None, grid.now
    if grid.chance(0.2):
        return "reads", empty("reads", grid.ids), grid.time + grid.world.config.number("max_jump") + 1
    kind = rng.choice(list(INPUTS))
    rows = later_rows(grid, kind)
    if not rows:
        kind, rows = "payments", [payment_row(grid)]
    batch = as_arrow(kind, columns(rows), grid.ids)
    required = [name for name, told in INPUTS[kind].items() if not told.endswith("?")]
    name = rng.choice(required)
    place = batch.schema.get_field_index(name)
    spoil = rng.choice(("missing", "null", "type", "twice"))
    if spoil == "missing":
        return kind, batch.remove_column(place), grid.now
    if spoil == "twice":
        return kind, batch.append_column(name, batch.column(place)), grid.now
    if spoil == "null":
        return (
            kind,
            batch.set_column(place, name, pa.nulls(batch.num_rows, batch.schema.types[place])),
            grid.now,
        )
    return kind, batch.set_column(place, name, pa.array([1.5] * batch.num_rows)), grid.now


def configuration(grid: Grid) -> Batch:
    """A later configuration; one in three is refused."""
    if grid.chance(0.33):
        return "config", spoiled(grid.rng, grid.settings).toml(), grid.now
    later = changed(grid.rng, grid.settings)
    if grid.chance(0.3):
        for names in (later.tariffs, later.policies):
            if len(names) > 1:
                names.pop(grid.rng.choice(list(names)))
    text = later.toml()
    try:
        grid.twin.accepts(text)
    except (TwinConfigError, TwinSchemaError):
        return "config", text, grid.now
    grid.settings = later
    return "config", text, grid.now


def pass_time(grid: Grid) -> None:
    """Time goes on: a little, a lot, or back."""
    rng = grid.rng
    if grid.now > grid.time + grid.world.config.number("max_jump") and grid.chance(0.8):
        grid.now = grid.time
    if grid.chance(0.04):
        grid.now -= rng.choice((1, 3600, 86400))
    elif grid.chance(0.06):
        grid.now = grid.time + rng.choice((6, 24, 36, 80)) * 3600
    else:
        grid.now = max(grid.now, grid.time) + rng.choice((0, 0, 1, 60, 600, 900, 1800, 3600, 3600, 7200))


def batches(grid: Grid, length: int | None = None) -> Iterator[Batch]:
    """The batches of a log, the first configuration left out."""
    yield from opening(grid)
    for _ in range(grid.rng.randint(25, 55) if length is None else length):
        pass_time(grid)
        kind = grid.rng.choice(OTHERS if grid.chance(0.17) else SETTLED)
        if kind == "acks" and grid.chance(0.9) and not any(a.command for a in grid.world.accounts.values()):
            kind = "reads"
        if kind == "malformed":
            yield malformed(grid)
        elif kind == "config":
            yield configuration(grid)
        elif kind == "tick":
            yield "tick", None, grid.now
        else:
            rows = later_rows(grid, kind)
            yield kind, columns(rows) if rows else empty(kind, grid.ids), grid.now


def taken(grid: Grid, batch: Batch) -> dict[str, list[Row]] | None:
    """A batch, applied to the grid's twin: its effects, None where it was malformed."""
    try:
        return grid.twin.apply(*batch)
    except (TwinSchemaError, TwinConfigError):
        return None


def recorded(seed: int, length: int | None = None) -> tuple[Grid, list[Batch]]:
    """A whole log, and the grid as it stands after it."""
    grid, found = Grid.of(seed), []
    for batch in batches(grid, length):
        found.append(batch)
        taken(grid, batch)
    return grid, found
