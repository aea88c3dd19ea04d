"""Random rows of accounts, meters and districts, good and bad."""

from __future__ import annotations

from .grid import Grid, Id, Row, Sim

NANO = 10**9


def account_row(grid: Grid, account_id: Id | None = None) -> Row:
    """A row of ``accounts``: a new one, or another word on one that is there."""
    rng = grid.rng
    new = account_id is None
    if account_id is None:
        account_id = grid.new_id("A")
        grid.accounts.append(account_id)
    known = grid.world.accounts.get(account_id)
    keep = known is not None and grid.chance(0.7)
    row: Row = {
        "account_id": account_id,
        "district_id": known.district_id if keep and known else grid.some_district(),
        "tariff": rng.choice(list(grid.settings.tariffs)),
        "policy": rng.choice(list(grid.settings.policies)),
        "klass": rng.choice(("special", "public", "low_voltage", "low_voltage")),
        "opening_balance": rng.choice((-NANO, 0, 1, 3 * NANO, 12 * NANO, 21 * NANO, 60 * NANO)),
        "protected": grid.chance(0.05),
        "manual_approval": grid.chance(0.08),
    }
    if grid.chance(0.02):
        row["opening_balance"] = rng.choice((1, -1)) * (10**18 - rng.randint(1, 2 * NANO))
    if grid.chance(0.0 if new and len(grid.accounts) < 4 else 0.08):
        bad = {"klass": "vip", "tariff": "nothing", "policy": ""}
        if grid.ids == "utf8":
            bad |= {"account_id": rng.choice(("", "x" * 65)), "district_id": "é" * 33}
        name = rng.choice(list(bad))
        row[name] = bad[name]
    return row


def meter_row(grid: Grid, meter_id: Id | None = None, owner: Id | None = None) -> Row:
    """A row of ``meters``: a new one, or another word on one that is there."""
    rng = grid.rng
    window_s = grid.world.config.number("window")
    fitting = [
        s
        for s in (900, 1800, 3600, 7200, 43200, 86400)
        if s % grid.cell_s == 0 and (window_s % s == 0 or s % window_s == 0)
    ]
    supply = owner is None and grid.chance(0.2)
    row: Row = {
        "meter_id": grid.new_id("M") if meter_id is None else meter_id,
        "role": "supply" if supply else "consumer",
        "account_id": None if supply and grid.chance(0.8) else owner or grid.some_account(),
        "district_id": grid.some_district() if supply or grid.chance(0.2) else None,
        "reading": rng.choice(("register", "register", "interval")),
        "interval_s": rng.choice(fitting[:3] if grid.chance(0.8) else fitting),
        "wh_per_count": rng.choice((1, 10, 100, 1000)),
        "modulus": rng.choice((0, 0, 1000, 100_000)),
        "max_w": rng.choice((0, 8_000, 8_000, 60_000)),
        "switchable": grid.chance(0.85),
        "initial_at": None,
        "initial_value": None,
    }
    if grid.chance(0.03):
        row["wh_per_count"] = 10**9
    known = grid.world.meters.get(row["meter_id"])
    if known and grid.chance(0.8):
        names = ("role", "account_id", "reading", "interval_s", "wh_per_count", "modulus")
        row |= {name: getattr(known, name) for name in names}
        row["district_id"] = known.district_id
        if not grid.world.in_use(known):
            row["account_id" if known.role == "consumer" else "district_id"] = (
                grid.some_account() if known.role == "consumer" else grid.some_district()
            )
    start = grid.time // grid.cell_s * grid.cell_s
    if row["reading"] == "register" and grid.chance(0.25):
        row["initial_at"] = start - rng.choice((0, 1, 4, 30)) * grid.cell_s + rng.choice((0, 0, 0, 0, 0, 1))
        row["initial_value"] = rng.choice((0, 5, 900, -1 if grid.chance(0.1) else 999))
    if grid.chance(0.06):
        spoil(grid, row)
    grid.sims[row["meter_id"]] = sim_of(grid, row)
    return row


def anew(grid: Grid) -> Row | None:
    """A row that gives a meter which is out of use to an account, most often to one without a switch."""
    world = grid.world
    spare = [meter for meter in world.meters.values() if not world.in_use(meter)]
    doubtful = [account.last_meter for account in world.accounts.values() if account.relay_may_be_open]
    if not spare:
        return None
    wanted = [meter for meter in spare if meter.id in doubtful]
    meter = grid.rng.choice(wanted if wanted and grid.chance(0.7) else spare)
    bare = [
        account.id
        for account in world.accounts.values()
        if account.switch is None and account.state != "closed"
    ]
    row = meter_row(
        grid, meter.id, grid.rng.choice(bare) if bare and grid.chance(0.8) else grid.some_account()
    )
    if meter.role == "consumer" and grid.chance(0.8):
        row |= {"role": "consumer", "switchable": True}
        if bare:
            row["account_id"] = grid.rng.choice(bare)
    return row


def spoil(grid: Grid, row: Row) -> None:
    """Make a meter's row one that is refused."""
    bad = {
        "role": "feeder",
        "reading": "gauge",
        "interval_s": grid.rng.choice((0, -900, 1000, 90000)),
        "wh_per_count": 0,
        "modulus": -1,
        "max_w": -1,
        "account_id": None,
        "district_id": None,
        "initial_value": 7,
    }
    name = grid.rng.choice(list(bad))
    row[name] = bad[name]


def sim_of(grid: Grid, row: Row) -> Sim:
    """The meter that a row tells of, as it really is."""
    interval_s = row["interval_s"] if row["interval_s"] > 0 else 900
    pace = max(1, grid.rng.choice((0, 300, 1200)) * interval_s // 3600 // max(1, row["wh_per_count"]))
    if row["role"] == "supply":
        pace *= grid.rng.choice((1, 4))
    old = grid.sims.get(row["meter_id"])
    start = grid.time // interval_s * interval_s
    return Sim(
        row["meter_id"],
        row["reading"],
        interval_s,
        row["wh_per_count"],
        max(0, row["modulus"]),
        row["max_w"],
        old.count if old else row["initial_value"] or grid.rng.choice((0, 950, 99_900)),
        old.at if old else start,
        pace,
    )


def district_row(grid: Grid) -> Row:
    """A row of ``districts``."""
    rng = grid.rng
    district_id = grid.some_district()
    if district_id not in grid.districts:
        grid.districts.append(district_id)
    return {
        "district_id": "" if grid.ids == "utf8" and grid.chance(0.03) else district_id,
        "name": rng.choice((None, "Hefeng", "x")),
        "grid": rng.choice((None, "g1", "g2")),
        "loss_limit": rng.choice(
            (None, 0.0, 0.05, 0.3, 2.0, -1.0 if grid.chance(0.2) else 0.5, float("nan"))
        ),
    }
