"""In Polars: a lazy join of each batch with the state, expressions over columns, the state updated by key.

With as many threads as Polars takes.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from benchmarks.answers import integers
from benchmarks.errors import CannotRun
from benchmarks.peers.job import FROM_S, GAP, INTERVALS, MODULUS, START_S, Emit, Job, Output
from benchmarks.tariffs import CELL_S

try:
    import polars as pl
except ImportError:
    pl = None  # type: ignore[assignment]

__all__ = ["make"]


class PolarsPeer:
    """State as a frame with a row a meter, in the order of the registry."""

    def __init__(self, job: Job) -> None:
        self.prices = pl.Series(job.price_sum.ravel())
        self.cells = job.price_sum.shape[1]
        self.state = (
            pl.DataFrame(job.registry).with_row_index("place").with_columns(last_at=pl.lit(START_S, pl.Int64))
        )

    def run(self, batches: list[pa.RecordBatch], now_s: list[int], emit: Emit) -> None:
        """Take all batches."""
        for seq, batch in enumerate(batches):
            columns = {"meter_id": "meter_id", "at": "at", "read": "value"}
            emit(
                self._take(
                    seq, pl.DataFrame({to: integers(batch.column(name)) for to, name in columns.items()})
                )
            )

    def _take(self, seq: int, batch: Any) -> Output:
        col = pl.col
        energy = (col("read") - col("value")) * col("wh_per_count")
        reason = (
            pl.when(col("last_at").is_null()).then(1)
            .when(col("at") % CELL_S != 0).then(2)
            .when((col("read") < 0) | (col("read") >= MODULUS)).then(3)
            .when((col("at") == col("last_at")) & (col("read") != col("value"))).then(5)
            .when(col("at") <= col("last_at")).then(4)
            .when(col("energy") < 0).then(6)
            .when(col("energy") * 3600 > col("max_w") * (col("at") - col("last_at"))).then(7)
            .otherwise(0)
        )  # fmt: skip
        joined = (
            batch.lazy()
            .with_row_index("row")
            .join(self.state.lazy(), on="meter_id", how="left", maintain_order="left")
            .with_columns(energy=energy)
            .with_columns(reason=reason)
            .collect()
        )
        taken = self._rated(joined.lazy().filter(col("reason") == 0)).collect()
        refused = joined.lazy().filter(col("reason") != 0).select("row", "reason").collect()
        tripped = taken.filter((col("held") > 0) & (col("balance") <= 0)).sort("place")["account_id"]
        self.state = self.state.update(
            taken.select("meter_id", "balance", value=col("read"), last_at=col("end")),
            on="meter_id",
            how="left",
        )
        intervals = taken.with_columns(seq=pl.lit(seq, pl.UInt64)).select(INTERVALS)
        return Output(intervals.to_dict(), refused.to_dict(), tripped)

    def _rated(self, taken: Any) -> Any:
        col, prices = pl.col, pl.lit(self.prices)
        first, last = (col("last_at") - FROM_S) // CELL_S, (col("at") - FROM_S) // CELL_S
        base, rest = col("energy") // col("n"), col("energy") % col("n")
        offset = col("tariff") * self.cells
        return (
            taken.with_columns(n=last - first, first=offset + first)
            .with_columns(
                p0=prices.gather(col("first")),
                p1=prices.gather(col("first") + col("n")),
                rest=prices.gather(col("first") + rest),
            )
            .with_columns(
                charge=base * (col("p1") - col("p0")) + col("rest") - col("p0"), held=col("balance")
            )
            .with_columns(
                balance=col("balance") - col("charge"),
                start=col("last_at"),
                end=col("at"),
                quality=pl.when(col("n") > 1).then(GAP).otherwise(0).cast(pl.UInt16),
            )
        )


def make(job: Job) -> PolarsPeer:
    """One over the registry of `job`, at the baseline; raises `CannotRun` without Polars."""
    if pl is None:
        raise CannotRun("polars is not installed")
    return PolarsPeer(job)
