"""Accounts, meters and districts: the rows of the registry (reference, section 3)."""

from __future__ import annotations

from math import isfinite

from . import control
from .columns import Row
from .payments import post
from .reads import check_instant
from .state import KLASSES, Account, Id, Meter, RefusedError, World

DAY_S = 86400
SHAPE = ("account_id", "district_id", "role", "reading", "interval_s", "wh_per_count", "modulus")
"""What a meter that has read may not change."""


def id_fits(value: Id | None) -> bool:
    """Whether an id is there, and of a length that an id may have."""
    return isinstance(value, int) or (value is not None and 1 <= len(value.encode()) <= 64)


def settle(world: World, account: Account) -> None:
    """An account's meters, its primary and its switch, after one came, went or changed."""
    account.meters = [
        meter.id
        for meter in world.meters.values()
        if meter.account_id == account.id and meter.role == "consumer" and not meter.exchanged
    ]
    if account.primary not in account.meters:
        account.primary = account.meters[0] if account.meters else None
    switchable = [meter_id for meter_id in account.meters if world.meters[meter_id].switchable]
    if account.switch not in switchable:
        account.switch = switchable[0] if switchable else None


def take_tariff(world: World, account: Account, tariff: str) -> None:
    """An account's tariff; of another tier period, it forgets the tier energies."""
    old, new = world.config.tariffs[account.tariff], world.config.tariffs[tariff]
    if old.tier_period != new.tier_period:
        account.period, account.period_wh, account.previous_wh = None, 0, 0
    account.tariff = tariff


def account_row(world: World, number: int, row: Row) -> None:
    """One row of ``accounts``."""
    if row["tariff"] not in world.config.tariffs:
        raise RefusedError("unknown_tariff")
    if row["policy"] not in world.config.policies:
        raise RefusedError("unknown_policy")
    if not id_fits(row["account_id"]) or not id_fits(row["district_id"]) or row["klass"] not in KLASSES:
        raise RefusedError("bad_registry")
    account = world.accounts.get(row["account_id"])
    if account is None:
        world.district(row["district_id"])
        account = Account(
            row["account_id"],
            row["district_id"],
            row["tariff"],
            row["policy"],
            row["klass"],
            row["protected"],
            row["manual_approval"],
            0,
        )
        world.accounts[account.id] = account
        post(world, number, account, world.time, "opening", row["opening_balance"])
        return
    if account.meters and row["district_id"] != account.district_id:
        raise RefusedError("needs_exchange")
    world.district(row["district_id"])
    account.district_id, account.klass, account.policy = row["district_id"], row["klass"], row["policy"]
    take_tariff(world, account, row["tariff"])


def district_row(world: World, row: Row) -> None:
    """One row of ``districts``."""
    limit = row["loss_limit"]
    if not id_fits(row["district_id"]) or (limit is not None and not (isfinite(limit) and limit >= 0)):
        raise RefusedError("bad_registry")
    district = world.district(row["district_id"])
    district.name, district.grid, district.loss_limit = row["name"], row["grid"], limit


def meter_row(world: World, row: Row) -> None:
    """One row of ``meters``."""
    consumer = row["role"] != "supply"
    if consumer and row["account_id"] is not None and row["account_id"] not in world.accounts:
        raise RefusedError("unknown_account")
    check_meter(world, row)
    shape = {name: row[name] for name in SHAPE}
    shape["district_id" if consumer else "account_id"] = None
    meter = world.meters.get(row["meter_id"])
    anew = meter is not None and not world.in_use(meter)
    if meter is not None and anew:
        same_account = meter.account_id == shape["account_id"]
        if same_account and meter.district_id == shape["district_id"]:
            raise RefusedError("closed")
    elif meter is not None and meter.has_read and any(getattr(meter, n) != v for n, v in shape.items()):
        raise RefusedError("needs_exchange")
    if not consumer:
        world.district(row["district_id"])
    before = world.account_of(meter) if meter else None
    if meter is not None and anew:
        del world.meters[meter.id]
        meter = None
    if meter is None:
        meter = Meter(row["meter_id"], **shape, max_w=0, switchable=False, arrived_at=world.time)
        world.meters[meter.id] = meter
    for name, value in shape.items():
        setattr(meter, name, value)
    meter.max_w, meter.switchable = row["max_w"], row["switchable"]
    if row["initial_at"] is not None and not meter.has_read:
        meter.t1, meter.v1 = row["initial_at"], row["initial_value"]
        meter.expected_after = meter.t1
    after = world.account_of(meter)
    for account in {id(a): a for a in (before, after) if a}.values():
        settle(world, account)
    if anew and before and after:
        take_over(world, before, after, meter)


def check_meter(world: World, row: Row) -> None:
    """Refuse a value of a ``meters`` row that is out of its domain, or missing."""
    config, interval_s = world.config, row["interval_s"]
    window_s, consumer = config.number("window"), row["role"] == "consumer"
    initial = (row["initial_at"], row["initial_value"])
    if initial == (None, None):
        initial = kept_initial(world, row["meter_id"])
    good = (
        id_fits(row["meter_id"])
        and row["role"] in ("consumer", "supply")
        and id_fits(row["account_id"] if consumer else row["district_id"])
        and row["reading"] in ("register", "interval")
        and 0 < interval_s <= DAY_S
        and interval_s % config.number("cell") == 0
        and (window_s % interval_s == 0 or interval_s % window_s == 0)
        and row["wh_per_count"] >= 1
        and row["modulus"] >= 0
        and row["max_w"] >= 0
        and (initial[0] is None) == (initial[1] is None)
        and (initial[0] is None or row["reading"] == "register")
    )
    if not good:
        raise RefusedError("bad_registry")
    if initial[0] is not None:
        try:
            check_instant(world, initial[0], initial[0], initial[1], row["modulus"])
        except RefusedError as error:
            raise RefusedError("bad_registry") from error


def kept_initial(world: World, meter_id: Id) -> tuple[int | None, int | None]:
    """The initial read that was said of a meter which has not read."""
    meter = world.meters.get(meter_id)
    if meter is None or meter.has_read or meter.t1 is None or not world.in_use(meter):
        return None, None
    return meter.t1, meter.v1


def take_over(world: World, closed: Account, account: Account, meter: Meter) -> None:
    """A meter whose relay may be open became the switch of a new account: its first payment restores it."""
    if closed.relay_may_be_open and closed.last_meter == meter.id == account.switch:
        control.leave(world, account, "due")
        account.unsure, account.noticed_at = True, world.time
        account.last_meter = account.trip_meter = meter.id
        account.trip = None
