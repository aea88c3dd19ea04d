"""Reads: the rules that refuse them, and what an accepted one covers (reference, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from .columns import Row
from .findings import open_finding
from .state import Gap, Meter, RefusedError, World

CLOCK_INVALID, TEST_MODE, SOURCE_ESTIMATED, POWER_OUTAGE = 1, 2, 4, 8
FIRST, ROLLOVER, GAP, LATE, ESTIMATED, SUSPECT, OUTAGE = 1, 2, 4, 8, 16, 32, 64
READ_LIMIT = 10**11


@dataclass(slots=True)
class Read:
    """A read that its meter accepts, and what it does to the meter's gaps."""

    meter: Meter
    row: int
    at: int
    value: int
    start: int
    energy: int = 0
    quality: int = 0
    forward: bool = True
    n: int = 1
    gap: Gap | None = None
    """The gap that a late read lies in."""
    gaps: tuple[Gap, ...] = ()
    """What is left of it, or the gap that a forward read leaves behind."""


def intervals_between(meter: Meter, a: int, b: int) -> int:
    """``n``: the intervals of a register's stretch, at least 1."""
    return max(1, (2 * (b - a) + meter.interval_s) // (2 * meter.interval_s))


def check_instant(world: World, at: int, start: int, value: int, modulus: int) -> None:
    """Rules 3 to 6: the cell, the calendar, the future, the value."""
    calendar = world.config.calendar
    if at % calendar.cell_s:
        raise RefusedError("misaligned")
    if not calendar.from_s <= start <= at <= calendar.to_s:
        raise RefusedError("out_of_calendar")
    if at > world.time + world.config.number("future_tolerance"):
        raise RefusedError("future")
    if value < 0 or (modulus > 0 and value >= modulus):
        raise RefusedError("bad_value")


def check(world: World, meter: Meter, row: int, at: int, value: int, status: int) -> Read:
    """Rules 2 to 13, but for the bounds of sums: the read as it would be accepted, or ``RefusedError``."""
    if status & (CLOCK_INVALID | TEST_MODE):
        raise RefusedError("bad_status")
    if status & SOURCE_ESTIMATED and not world.config.engine["accept_estimates"]:
        raise RefusedError("estimated")
    start = at - meter.interval_s if meter.reading == "interval" else at
    check_instant(world, at, start, value, meter.modulus)
    gap = None
    if meter.t1 is not None:
        if at == meter.t1:
            raise RefusedError("duplicate" if value == meter.v1 else "conflict")
        if at <= meter.t1 - world.config.number("late_horizon"):
            raise RefusedError("too_late")
        if at < meter.t1:
            inner = meter.reading == "interval"
            gap = next((g for g in meter.gaps if g.a < at < g.b or (inner and at == g.b)), None)
            if gap is None:
                raise RefusedError("duplicate")
    read = Read(meter, row, at, value, start, gap=gap, forward=gap is None)
    read.quality = (ESTIMATED if status & SOURCE_ESTIMATED else 0) | (OUTAGE if status & POWER_OUTAGE else 0)
    if meter.reading == "interval":
        cover_interval(read)
    elif gap is not None:
        cover_late_register(read, gap)
    else:
        cover_register(read)
    if read.energy >= READ_LIMIT:
        raise RefusedError("out_of_range")
    return read


def spikes(meter: Meter, energy: int, seconds: int) -> bool:
    """Rule 12: more than the installation can draw."""
    return meter.max_w > 0 and energy * 3600 > meter.max_w * seconds


def cover_interval(read: Read) -> None:
    """What an interval meter's read covers, and the gap it leaves, shortens or splits."""
    meter, gap = read.meter, read.gap
    read.energy = read.value * meter.wh_per_count
    if gap is None:
        if meter.t1 is not None and read.start < meter.t1:
            raise RefusedError("overlap")
        if meter.t1 is not None and read.start > meter.t1:
            read.gaps = (Gap(meter.t1, 0, read.start, 0),)
    else:
        if read.start < gap.a:
            raise RefusedError("overlap")
        read.quality |= LATE
        left = (Gap(gap.a, 0, read.start, 0), Gap(read.at, 0, gap.b, 0))
        read.gaps = tuple(part for part in left if part.a < part.b)
    if spikes(meter, read.energy, meter.interval_s):
        raise RefusedError("spike")


def cover_register(read: Read) -> None:
    """What a register's forward read covers."""
    meter = read.meter
    if meter.t1 is None:
        read.quality |= FIRST
        return
    read.start, seconds = meter.t1, read.at - meter.t1
    advance = read.value - meter.v1
    if advance < 0:
        advance += meter.modulus
        possible = meter.modulus > 0 and meter.max_w > 0
        if not possible or spikes(meter, advance * meter.wh_per_count, seconds):
            raise RefusedError("backward")
        read.quality |= ROLLOVER
    read.energy = advance * meter.wh_per_count
    if spikes(meter, read.energy, seconds):
        raise RefusedError("spike")
    read.n = intervals_between(meter, meter.t1, read.at)
    if read.n >= 2:
        read.quality |= GAP
        read.gaps = (Gap(meter.t1, meter.v1, read.at, meter.v1 + advance),)


def cover_late_register(read: Read, gap: Gap) -> None:
    """Where a late register read splits its gap; its energy has been charged already."""
    meter, count = read.meter, read.value
    if count < gap.u and meter.modulus:
        count += meter.modulus
    if not gap.u <= count <= gap.w:
        raise RefusedError("backward")
    read.quality |= LATE
    read.start, read.value = gap.a, count
    left = (Gap(gap.a, gap.u, read.at, count), Gap(read.at, count, gap.b, gap.w))
    read.gaps = tuple(part for part in left if intervals_between(meter, part.a, part.b) >= 2)


def suspect(world: World, read: Read) -> None:
    """The statistical rule: mark a forward read, and keep the meter's count and typical energy."""
    meter, x = read.meter, read.energy // read.n
    known = meter.count >= 16 and x > world.config.number("suspect_floor_wh")
    high = known and x > world.config.ratio("suspect_ratio") * (meter.typical // 16)
    if high and meter.suspects < 3:
        read.quality |= SUSPECT
        meter.suspects += 1
    else:
        meter.typical = 16 * x if high or meter.count == 0 else meter.typical + x - meter.typical // 16
        meter.suspects = 0
    meter.count += 1


def keep(world: World, read: Read) -> None:
    """What the meter remembers of an accepted read."""
    meter, at = read.meter, read.at
    if read.gap is not None:
        place = meter.gaps.index(read.gap)
        meter.gaps[place : place + 1] = read.gaps
    else:
        meter.gaps += read.gaps
        meter.t1, meter.v1 = at, read.value
        forgotten = at - world.config.number("late_horizon")
        meter.gaps = [gap for gap in meter.gaps if gap.b > forgotten]
        if not read.quality & FIRST:
            suspect(world, read)
        meter.forward_at, meter.forward_quality = at, read.quality
    if meter.expected_after is None:
        meter.expected_after = at - 1 if meter.reading == "interval" else at
    meter.has_read = True
    meter.read_at = at if meter.read_at is None else max(at, meter.read_at)
    meter.refused = 0


def refuse(world: World, meter: Meter, reason: str) -> None:
    """Three reads refused in a row as backward or spike open ``inspect_meter``."""
    if reason in ("backward", "spike"):
        meter.refused += 1
        if meter.refused >= 3:
            open_finding(world, "inspect_meter", "meter", meter.id)


def meter_of(world: World, row: Row) -> Meter:
    """Rule 1: the meter of a read, in use."""
    meter = world.meters.get(row["meter_id"])
    if meter is None:
        raise RefusedError("unknown_meter")
    if not world.in_use(meter):
        raise RefusedError("closed")
    return meter
