"""Meters that get a new baseline, and meters that another one replaces (reference, section 9)."""

from __future__ import annotations

from . import control, rating, reads
from .columns import Row
from .findings import close_findings, close_orders, findings_of_meter, orders_of
from .reads import FIRST, Read
from .registry import settle
from .state import Account, Meter, RefusedError, World


def rebase_meter(world: World, number: int, meter: Meter, row: Row) -> None:
    """A register's new baseline; it counts as an accepted read of quality ``first``."""
    at, value = row["at"], row["value"]
    if meter.reading != "register" or at is None or value is None:
        raise RefusedError("bad_update")
    if meter.t1 is not None and at < meter.t1:
        raise RefusedError("bad_update")
    reads.check_instant(world, at, at, value, meter.modulus)
    meter.gaps.clear()
    rating.accept(world, Read(meter, number, at, value, at, quality=FIRST))


def exchange_meter(world: World, number: int, old: Meter, new: Meter, row: Row) -> None:
    """Another meter, which the registry holds already, takes a meter's place."""
    at, value = row["at"], row["value"]
    fits = (
        new is not old
        and world.in_use(new)
        and (new.role, new.account_id, new.district_id) == (old.role, old.account_id, old.district_id)
        and (at is None) == (value is None)
    )
    if not fits:
        raise RefusedError("bad_update")
    if at is not None and old.reading == "register":
        last_read(world, number, old, at, value)
    old.exchanged = True
    account = world.account_of(old)
    if account:
        replace(world, account, old, new)
    close_findings(world, findings_of_meter(world, old.id))


def last_read(world: World, number: int, meter: Meter, at: int, value: int) -> None:
    """A retiring register's last read, taken like any other; one that is known already is no obstacle."""
    try:
        read = reads.check(world, meter, number, at, value, 0)
    except RefusedError as error:
        if error.reason != "duplicate":
            raise
        return
    rating.accept(world, read)


def replace(world: World, account: Account, old: Meter, new: Meter) -> None:
    """The new meter takes the old one's part in its account; its relay is closed."""
    if account.primary == old.id:
        account.primary = new.id
    if account.switch == old.id:
        account.switch = new.id
    settle(world, account)
    moving = account.unsure or account.state in ("tripping", "off", "restoring")
    if moving and account.last_meter == old.id:
        close_orders(world, orders_of(world, account.id))
        account.unsure = False
        account.operator_restore = False
        control.leave(world, account, "on")
