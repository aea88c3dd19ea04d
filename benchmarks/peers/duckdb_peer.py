"""In DuckDB: each batch joined with the state in SQL, the state updated from what was taken.

With as many threads as DuckDB takes.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from benchmarks.errors import CannotRun
from benchmarks.peers.job import FROM_S, GAP, INTERVALS, MODULUS, START_S, Emit, Job, Output
from benchmarks.tariffs import CELL_S

try:
    import duckdb
except ImportError:
    duckdb = None  # type: ignore[assignment]

__all__ = ["make"]

STEP = f"""
create or replace temp table step as
with joined as (
    select b.row, b.read_at, b.value as read, s.*, (b.value - s.value) * s.wh_per_count as energy
    from batch b left join state s on s.meter_id = b.meter_id
), judged as (
    select *, case
        when meter_id is null then 1
        when read_at % {CELL_S} <> 0 then 2
        when read < 0 or read >= {MODULUS} then 3
        when read_at < last_at or (read_at = last_at and read = value) then 4
        when read_at = last_at then 5
        when energy < 0 then 6
        when energy * 3600 > max_w * (read_at - last_at) then 7
        else 0 end as reason,
        (last_at - {FROM_S}) // {CELL_S} as k0, (read_at - {FROM_S}) // {CELL_S} as k1,
        greatest(k1 - k0, 1) as n
    from joined
)
select j.*, (energy // n) * (p1.total - p0.total) + pr.total - p0.total as charge
from judged j
left join prices p0 on reason = 0 and p0.tariff = j.tariff and p0.k = k0
left join prices p1 on reason = 0 and p1.tariff = j.tariff and p1.k = k1
left join prices pr on reason = 0 and pr.tariff = j.tariff and pr.k = k0 + energy % n
"""
TAKEN = f"""
select ?::ubigint as seq, row, meter_id, account_id, district_id, last_at as "start", read_at as "end", energy,
    (case when n > 1 then {GAP} else 0 end)::usmallint as quality, charge, balance - charge as balance
from step where reason = 0 order by row
"""
REFUSED = "select row, reason from step where reason <> 0 order by row"
TRIPPED = (
    "select account_id from step where reason = 0 and balance > 0 and balance - charge <= 0 order by place"
)
UPDATE = """
update state set last_at = step.read_at, value = step.read, balance = state.balance - step.charge
from step where step.reason = 0 and state.meter_id = step.meter_id
"""


class DuckdbPeer:
    """State as a table with a row a meter."""

    def __init__(self, job: Job) -> None:
        self.connection = duckdb.connect()
        registry = pa.table({name: pa.array(column) for name, column in job.registry.items()})
        sums = job.price_sum
        prices = pa.table(
            {
                "tariff": pa.array(
                    [t for t in range(sums.shape[0]) for _ in range(sums.shape[1])], pa.int64()
                ),
                "k": pa.array(list(range(sums.shape[1])) * sums.shape[0], pa.int64()),
                "total": pa.array(sums.ravel()),
            }
        )
        self._create(
            "state",
            f"select *, {START_S}::bigint as last_at, row_number() over () as place from given",
            registry,
        )
        self._create("prices", "select * from given", prices)

    def run(self, batches: list[pa.RecordBatch], now_s: list[int], emit: Emit) -> None:
        """Take all batches."""
        for seq, batch in enumerate(batches):
            rows = pa.array(range(batch.num_rows), pa.uint32())
            columns = [
                rows,
                batch.column("meter_id"),
                batch.column("at").cast(pa.int64()),
                batch.column("value"),
            ]
            emit(self._take(seq, pa.table(columns, ["row", "meter_id", "read_at", "value"])))

    def _take(self, seq: int, batch: pa.Table) -> Output:
        connection = self.connection
        connection.register("batch", batch)
        connection.execute(STEP)
        taken: pa.Table = connection.sql(TAKEN, params=[seq]).to_arrow_table()
        refused: pa.Table = connection.sql(REFUSED).to_arrow_table()
        tripped = connection.sql(TRIPPED).to_arrow_table()
        connection.execute(UPDATE)
        connection.unregister("batch")
        intervals: dict[str, Any] = {name: taken.column(name) for name in INTERVALS}
        return Output(
            intervals, {name: refused.column(name) for name in ("row", "reason")}, tripped.column(0)
        )

    def _create(self, name: str, query: str, given: pa.Table) -> None:
        self.connection.register("given", given)
        self.connection.execute(f"create table {name} as {query}")
        self.connection.unregister("given")


def make(job: Job) -> DuckdbPeer:
    """One over the registry of `job`, at the baseline; raises `CannotRun` without DuckDB."""
    if duckdb is None:
        raise CannotRun("duckdb is not installed")
    return DuckdbPeer(job)
