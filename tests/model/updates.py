"""What operators and other systems ask for (reference, section 9)."""

from __future__ import annotations

from collections.abc import Callable

from . import control
from .columns import Row
from .exchange import exchange_meter, rebase_meter
from .findings import NOT_BY_HAND, close_finding, close_findings, close_orders, findings_of_meter, orders_of
from .registry import take_tariff
from .state import Account, Id, RefusedError, World

ACCOUNT_OPS = (
    "set_tariff",
    "set_policy",
    "set_protected",
    "set_manual_approval",
    "autopay_started",
    "autopay_failed",
    "autopay_cleared",
    "approve_trip",
    "restore_account",
    "close_account",
)
METER_OPS = ("rebase_meter", "exchange_meter")
DISTRICT_OPS = ("suspend_trips", "resume_trips")
OTHER_OPS = ("close_finding", "close_order")
OPS = (*ACCOUNT_OPS, *METER_OPS, *DISTRICT_OPS, *OTHER_OPS)


def id_in(world: World, text: str) -> Id | None:
    """An id given as text; None where it cannot be one."""
    if world.ids != "uint64":
        return text
    plain = text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")
    return int(text) if plain and int(text) < 2**64 else None


def needs(met: object) -> None:
    """Refuse an update that misses what it needs."""
    if not met:
        raise RefusedError("bad_update")


def check_known(world: World, row: Row) -> None:
    """Refuse an update that names what is not there, and one of a closed account."""
    op, account_id, meter_id, text = row["op"], row["account_id"], row["meter_id"], row["text"]
    account = world.accounts.get(account_id)
    if op in ACCOUNT_OPS and account_id is not None and account is None:
        raise RefusedError("unknown_account")
    if op in METER_OPS and meter_id is not None and meter_id not in world.meters:
        raise RefusedError("unknown_meter")
    if op == "exchange_meter" and text is not None and id_in(world, text) not in world.meters:
        raise RefusedError("unknown_meter")
    if op in DISTRICT_OPS and text is not None and id_in(world, text) not in world.districts:
        raise RefusedError("unknown_district")
    if op == "set_tariff" and text is not None and text not in world.config.tariffs:
        raise RefusedError("unknown_tariff")
    if op == "set_policy" and text is not None and text not in world.config.policies:
        raise RefusedError("unknown_policy")
    if op in ACCOUNT_OPS and account and account.state == "closed":
        raise RefusedError("closed")


def take(world: World, number: int, row: Row) -> None:
    """One row of ``updates``; ``RefusedError`` with the first reason against it."""
    op = row["op"]
    needs(op in OPS)
    check_known(world, row)
    if op in ACCOUNT_OPS:
        needs(row["account_id"] is not None)
        ACCOUNT[op](world, world.accounts[row["account_id"]], row)
    elif op in METER_OPS:
        needs(row["meter_id"] is not None)
        meter = world.meters[row["meter_id"]]
        needs(world.in_use(meter))
        if op == "rebase_meter":
            rebase_meter(world, number, meter, row)
        else:
            needs(row["text"] is not None)
            new_id = id_in(world, row["text"])
            assert new_id is not None
            exchange_meter(world, number, meter, world.meters[new_id], row)
    elif op in DISTRICT_OPS:
        suspension(world, op, row["text"])
    else:
        close_by_hand(world, op, row["value"])


def suspension(world: World, op: str, text: str | None) -> None:
    """Suspend or resume trips, of a district or of the engine."""
    suspend = op == "suspend_trips"
    if text is not None:
        district_id = id_in(world, text)
        assert district_id is not None
        world.districts[district_id].suspended = suspend
    elif suspend:
        world.suspended.add("operator")
    else:
        world.suspended.clear()
        world.due_entries = (0, 0)
        for kind in ("mass_trip", "clock_jump"):
            close_finding(world, kind, None)


def close_by_hand(world: World, op: str, value: int | None) -> None:
    """Close a finding or an order by its id."""
    items = world.findings if op == "close_finding" else world.orders
    item = items.get(-1 if value is None else value)
    if item is None or item.kind in NOT_BY_HAND:
        raise RefusedError("bad_update")
    if op == "close_finding":
        close_findings(world, [item])
    else:
        close_orders(world, [item])


def _set_tariff(world: World, account: Account, row: Row) -> None:
    needs(row["text"] is not None)
    take_tariff(world, account, row["text"])


def _set_policy(world: World, account: Account, row: Row) -> None:
    needs(row["text"] is not None)
    account.policy = row["text"]


def _set_protected(world: World, account: Account, row: Row) -> None:
    needs(row["value"] in (0, 1))
    account.protected = row["value"] == 1


def _set_manual_approval(world: World, account: Account, row: Row) -> None:
    needs(row["value"] in (0, 1))
    account.manual_approval = row["value"] == 1


def _autopay_started(world: World, account: Account, row: Row) -> None:
    since = account.autopay_since
    if since is None or world.time >= since + world.policy(account).autopay_hold:
        account.autopay_since = world.time


def _autopay_failed(world: World, account: Account, row: Row) -> None:
    needs(account.autopay_since is not None)
    account.autopay_since = None
    control.notice(world, account, "autopay_failed")
    account.noticed_at = world.time


def _autopay_cleared(world: World, account: Account, row: Row) -> None:
    account.autopay_since = None


def _approve_trip(world: World, account: Account, row: Row) -> None:
    needs(account.state == "due")
    account.approved = True


def _restore_account(world: World, account: Account, row: Row) -> None:
    needs(account.state in ("tripping", "off") or (account.state == "due" and account.unsure))
    account.operator_restore = True


def _close_account(world: World, account: Account, row: Row) -> None:
    account.relay_may_be_open = account.unsure or account.state in ("tripping", "off", "restoring")
    close_orders(world, orders_of(world, account.id))
    items = [
        item for item in world.findings.values() if item.about == "account" and item.subject == account.id
    ]
    for meter_id in account.meters:
        items += findings_of_meter(world, meter_id)
    close_findings(world, items)
    account.operator_restore = False
    control.leave(world, account, "closed")


ACCOUNT: dict[str, Callable[[World, Account, Row], None]] = {
    "set_tariff": _set_tariff,
    "set_policy": _set_policy,
    "set_protected": _set_protected,
    "set_manual_approval": _set_manual_approval,
    "autopay_started": _autopay_started,
    "autopay_failed": _autopay_failed,
    "autopay_cleared": _autopay_cleared,
    "approve_trip": _approve_trip,
    "restore_account": _restore_account,
    "close_account": _close_account,
}
