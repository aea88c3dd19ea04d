"""Random rows of reads: most as they should be, the others late, missing, double, wrong, or huge."""

from __future__ import annotations

from .grid import Grid, Row, Sim


def status(grid: Grid) -> int:
    """The bits of a read, most often none."""
    return grid.rng.choice((1, 2, 4, 8, 12, 64, 65)) if grid.chance(0.06) else 0


def forward(grid: Grid, sim: Sim) -> list[Row]:
    """The next reads of a meter: some intervals, at times with a stretch left out."""
    rng = grid.rng
    rows: list[Row] = []
    step = sim.interval_s
    last = (grid.time + (step if grid.chance(0.1) else 0)) // step * step
    if sim.at < last - 40 * step:
        sim.at = last - rng.randint(1, 40) * step
    while sim.at < last and len(rows) < 24:
        hop = 1 if grid.chance(0.85) else rng.randint(2, 5)
        sim.at = min(sim.at + hop * step, last)
        used = rng.randint(0, 2 * sim.pace) * hop if grid.chance(0.9) else 0
        if grid.chance(0.02):
            used *= rng.choice((20, 60, 1000))
        sim.count += used
        if sim.modulus:
            sim.count %= sim.modulus
        value = sim.count if sim.reading == "register" else used // hop
        rows.append({"meter_id": sim.id, "at": sim.at, "value": value, "status": status(grid)})
    return rows[-rng.choice((1, 2, 24)) :]


def late(grid: Grid, sim: Sim) -> list[Row]:
    """A read inside one of the gaps that the twin knows of, or beside it."""
    meter, rng = grid.world.meters.get(sim.id), grid.rng
    if meter is None or not meter.gaps:
        return []
    gap = rng.choice(meter.gaps)
    step = grid.cell_s if sim.reading == "register" else sim.interval_s
    at = gap.a + rng.randint(0 if grid.chance(0.1) else 1, max(1, (gap.b - gap.a) // step)) * step
    if sim.reading == "interval":
        return [{"meter_id": sim.id, "at": at, "value": rng.randint(0, 2 * sim.pace), "status": status(grid)}]
    value = rng.randint(gap.u, gap.w) if grid.chance(0.9) else rng.choice((gap.u - 1, gap.w + 1, 0))
    value = value % sim.modulus if sim.modulus else value
    return [{"meter_id": sim.id, "at": at, "value": value, "status": status(grid)}]


def wrong(grid: Grid, sim: Sim) -> list[Row]:
    """A read that some rule refuses, or comes near to refusing."""
    rng, meter = grid.rng, grid.world.meters.get(sim.id)
    t1 = sim.at if meter is None or meter.t1 is None else meter.t1
    v1 = sim.count if meter is None else meter.v1
    limit = 10**11 // max(1, sim.wh_per_count)
    calendar = grid.world.config.calendar
    horizon, future = grid.world.config.number("late_horizon"), grid.world.config.number("future_tolerance")
    near = (0, 0, 1, sim.interval_s, -sim.interval_s, grid.cell_s, -horizon, grid.cell_s - horizon)
    edges = (calendar.from_s - 900, calendar.from_s, calendar.to_s, calendar.to_s + 900, -(2**40))
    now = grid.time // grid.cell_s * grid.cell_s
    at = rng.choice((*(t1 + offset for offset in near), *edges, now + future, now + future + 86400))
    value = rng.choice((v1, v1, v1 + 1, v1 - 1, 0, v1 + limit, v1 + limit - 1, -1, sim.modulus, 2**63 - 1))
    return [{"meter_id": sim.id, "at": at, "value": min(value, 2**63 - 1), "status": status(grid)}]


def bursts(grid: Grid, sim: Sim) -> list[Row]:
    """Some reads in a row that are refused as backward or spike."""
    meter = grid.world.meters.get(sim.id)
    if meter is None or meter.t1 is None:
        return []
    at = meter.t1 + sim.interval_s
    low = {"meter_id": sim.id, "at": at, "value": max(0, meter.v1 - 1), "status": 0}
    high = {**low, "value": min(meter.v1 + 10**7, 2**63 - 1)}
    return [grid.rng.choice((low, high)) for _ in range(grid.rng.randint(1, 4))]


def read_rows(grid: Grid) -> list[Row]:
    """The rows of a batch of ``reads``."""
    rng = grid.rng
    rows: list[Row] = []
    sims = [sim for sim in grid.sims.values() if sim.id in grid.world.meters or grid.chance(0.05)]
    spoken = rng.sample(sims, rng.randint(max(0, len(sims) - 5), len(sims))) if sims else []
    for sim in spoken:
        rows += forward(grid, sim)
        if grid.chance(0.3):
            rows += late(grid, sim)
        if grid.chance(0.06):
            rows += wrong(grid, sim)
        if grid.chance(0.03):
            rows += bursts(grid, sim)
    if rows and grid.chance(0.1):
        rows.append(dict(rng.choice(rows)))
    if rows and grid.chance(0.1):
        rows.append({**rng.choice(rows), "meter_id": grid.stranger()})
    if grid.chance(0.15):
        rng.shuffle(rows)
    return rows
