"""What must not depend on how reads are cut into batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

from .arrow import as_arrow
from .compare import plain
from .generate import Batch


@dataclass(slots=True)
class Outcome:
    """Charges, balances, and the last word on each window."""

    reads: list[tuple[Any, ...]] = field(default_factory=list)
    ledger: list[tuple[Any, ...]] = field(default_factory=list)
    balances: dict[Any, int] = field(default_factory=dict)
    windows: dict[tuple[Any, int], tuple[int, ...]] = field(default_factory=dict)


def cut_reads(log: list[Batch], rng: Random) -> list[Batch]:
    """The same log with its reads cut into more batches, at the same time."""
    found: list[Batch] = []
    for kind, batch, now in log:
        rows = len(batch["at"]) if kind == "reads" and isinstance(batch, dict) else 0
        edges = sorted({0, rows, *(rng.randint(0, rows) for _ in range(rng.randint(0, 3)))})
        if rows < 2:
            found.append((kind, batch, now))
            continue
        for low, high in pairwise(edges):
            found.append((kind, {name: values[low:high] for name, values in batch.items()}, now))
    return found


def applied(engine: Any, log: list[Batch], ids: str, free: Random | None = None) -> Any:
    """The effects of each batch that the engine takes."""
    for kind, batch, now in log:
        try:
            yield engine.apply(kind, as_arrow(kind, batch, ids, free), now=now)
        except Exception as error:
            if type(error).__name__ not in (
                "SchemaError",
                "ConfigError",
                "TwinSchemaError",
                "TwinConfigError",
            ):
                raise


def rows_of(batch: Any, names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Some columns of an output, as rows."""
    return list(zip(*(plain(batch.column(name)) for name in names), strict=True))


def outcome(engine: Any, log: list[Batch], ids: str) -> Outcome:
    """What a log comes to."""
    found = Outcome()
    for effects in applied(engine, log, ids):
        reads = (
            "meter_id",
            "account_id",
            "district_id",
            "start",
            "end",
            "energy",
            "quality",
            "charge",
            "balance",
        )
        found.reads += rows_of(effects.intervals, reads)
        found.ledger += rows_of(effects.ledger, ("account_id", "at", "kind", "amount", "balance", "ref"))
        figures = ("district_id", "start", "supply", "consumption", "received")
        for district_id, start, *rest in rows_of(effects.districts, figures):
            found.windows[district_id, start] = tuple(rest)
    found.balances = dict(rows_of(engine.accounts(), ("account_id", "balance")))
    return found


def digest(engine: Any, log: list[Batch], ids: str, free: Random | None = None) -> str:
    """The digest of the engine after a log; with ``free``, in whatever Arrow types are as good."""
    for _ in applied(engine, log, ids, free):
        pass
    return str(engine.digest())
