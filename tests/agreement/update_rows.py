"""Random rows of updates: every op, with what it needs and without."""

from __future__ import annotations

from model.updates import OPS

from .grid import Grid, Row


def update_row(grid: Grid) -> Row:
    """An update: one that fits rather than not."""
    rng, world = grid.rng, grid.world
    op = wanted(grid) if grid.chance(0.5) else rng.choice(OPS)
    row: Row = dict.fromkeys(("account_id", "meter_id", "value", "text", "at"))
    row["op"] = op
    if op in ("rebase_meter", "exchange_meter"):
        meter_row(grid, row)
    elif op in ("suspend_trips", "resume_trips"):
        whole = grid.chance(0.5) if op == "suspend_trips" or not world.suspended else grid.chance(0.9)
        row["text"] = None if whole else grid.text_of(grid.some_district())
    elif op in ("close_finding", "close_order"):
        items = world.findings if op == "close_finding" else world.orders
        row["value"] = (
            rng.choice(list(items)) if items and grid.chance(0.8) else rng.choice((0, -1, 99, None))
        )
    else:
        row["account_id"] = grid.some_account()
        if op == "close_account" and grid.chance(0.7):
            row["op"] = "restore_account"
    if op in ("set_protected", "set_manual_approval"):
        row["value"] = rng.choice((0, 0, 0, 1))
    if op == "set_tariff":
        row["text"] = rng.choice([*grid.settings.tariffs, "nothing" if grid.chance(0.1) else "t0"])
    if op == "set_policy":
        row["text"] = rng.choice([*grid.settings.policies, "nothing" if grid.chance(0.1) else "p0"])
    if grid.chance(0.08):
        spoil(grid, row)
    return row


def wanted(grid: Grid) -> str:
    """The op that somebody would ask for as things stand."""
    world = grid.world
    if world.suspended or any(district.suspended for district in world.districts.values()):
        return "resume_trips"
    if any(account.blocked_by == "approval" for account in world.accounts.values()):
        return "approve_trip"
    if any(account.blocked_by == "protected" for account in world.accounts.values()):
        return "set_protected"
    return grid.rng.choice(
        ("exchange_meter", "restore_account", "autopay_started", "autopay_failed", "approve_trip")
    )


def meter_row(grid: Grid, row: Row) -> None:
    """What an exchange or a rebase needs."""
    rng, world = grid.rng, grid.world
    row["meter_id"] = grid.some_meter()
    meter = world.meters.get(row["meter_id"])
    step = grid.cell_s
    if meter:
        start = grid.time // step * step if meter.t1 is None else max(meter.t1, grid.time // step * step)
        row["at"] = start if grid.chance(0.8) else start + rng.choice((-4, -1, 1, 8)) * step
        sim = grid.sims.get(meter.id)
        count = sim.count if sim else 0
        row["value"] = meter.v1 if grid.chance(0.1) else count + rng.choice((0, 1, 3, -1, 10**8))
        row["value"] = min(row["value"], 2**63 - 1)
        if meter.modulus and grid.chance(0.9):
            row["value"] %= meter.modulus
    if row["op"] == "exchange_meter":
        siblings = [
            m.id
            for m in world.meters.values()
            if meter
            and m is not meter
            and (m.account_id, m.district_id) == (meter.account_id, meter.district_id)
        ]
        new = rng.choice(siblings) if siblings and grid.chance(0.9) else grid.some_meter()
        row["text"] = grid.text_of(new)
        if grid.chance(0.4):
            row["at"] = row["value"] = None


def spoil(grid: Grid, row: Row) -> None:
    """Take something away from an update, or give it what does not belong there."""
    bad = {
        "op": "nonsense",
        "account_id": grid.rng.choice((None, grid.stranger())),
        "meter_id": grid.rng.choice((None, grid.stranger())),
        "value": grid.rng.choice((None, 2, -1)),
        "text": grid.rng.choice((None, "", "nobody")),
        "at": grid.rng.choice((None, -(2**40))),
    }
    name = grid.rng.choice(list(bad))
    row[name] = bad[name]
