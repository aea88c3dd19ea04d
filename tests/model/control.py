"""Warn, trip, restore: the state machine of an account (reference, section 7)."""

from __future__ import annotations

from . import gates
from .columns import Row
from .findings import close_finding, close_orders, is_open, open_finding, open_order
from .state import Account, Command, RefusedError, World

HOUR_S = 3600
OUTCOMES = ("done", "armed", "failed", "refused")


def notice(world: World, account: Account, kind: str, detail: str | None = None) -> None:
    """A message owed to the customer."""
    world.emit(
        "notices",
        account_id=account.id,
        kind=kind,
        detail=detail,
        at=world.time,
        balance=account.balance,
    )


def command_row(command: Command) -> Row:
    """A command as it was last sent."""
    return {
        "command_id": command.id,
        "kind": command.kind,
        "attempt": command.attempt,
        "account_id": command.account_id,
        "meter_id": command.meter_id,
        "issued_at": command.issued_at,
        "expires_at": command.expires_at,
        "reason": command.reason,
    }


def send(world: World, account: Account, command: Command) -> None:
    """Send an attempt of a command: its times and its wait are fixed now."""
    policy, now = world.policy(account), world.time
    command.issued_at = command.sent_at = now
    command.expires_at = now + policy.command_ttl
    if command.kind == "trip":
        command.expires_at = gates.trip_expires(world, account)
    command.wait = min(policy.ack_timeout << (command.attempt - 1), HOUR_S)
    if command.kind == "restore" and command.attempt > policy.max_attempts:
        command.wait = policy.restore_retry
        if not command.field_order:
            command.field_order = True
            open_order(world, "field_restore", account.id)
    command.seq = world.seq
    world.emit("commands", **command_row(command))


def issue(world: World, account: Account, kind: str, reason: str) -> None:
    """A new command, its first attempt sent."""
    meter_id = account.switch if kind == "trip" or account.trip_meter is None else account.trip_meter
    assert meter_id is not None
    world.command_count += 1
    now = world.time
    command = Command(world.command_count, kind, account.id, meter_id, reason, now, now, now, 0)
    world.commands[command.id] = command
    account.command = command
    account.last_meter = meter_id
    if kind == "trip":
        account.trip, account.trip_meter = command, meter_id
    send(world, account, command)


def leave(world: World, account: Account, state: str) -> None:
    """Go to another state; what belongs to the old one ends."""
    if account.state == "due":
        account.approved = False
        account.blocked_by = None
    if account.state == "off":
        close_finding(world, "off_but_consuming", account.id)
    account.state = state
    if state not in ("tripping", "restoring"):
        account.command = None


def restore(world: World, account: Account, reason: str | None = None) -> None:
    """The command ``restore``, never gated."""
    leave(world, account, "restoring")
    issue(world, account, "restore", reason or ("protected" if account.protected else "balance"))


def tripped(world: World, account: Account) -> None:
    """The relay is open."""
    notice(world, account, "tripped")
    account.off_since = world.time
    leave(world, account, "off")


def ack(world: World, row: Row) -> None:
    """One row of ``acks``: noted, to take effect in the control step."""
    command = world.commands.get(row["command_id"])
    if command is None:
        raise RefusedError("unknown_command")
    if row["outcome"] not in OUTCOMES:
        raise RefusedError("bad_value")
    account = world.accounts[command.account_id]
    late = account.state == "due" and account.unsure and command is account.trip
    if command is not account.command and not late:
        raise RefusedError("stale_ack")
    if row["outcome"] == "done":
        command.done = True
    elif row["outcome"] == "armed":
        command.armed = True


def _on(world: World, account: Account) -> bool:
    if account.balance > world.policy(account).warn_below[0][0]:
        return False
    leave(world, account, "warned")
    return True


def _warned(world: World, account: Account) -> bool:
    policy, balance = world.policy(account), account.balance
    for level, text in policy.warn_below:
        if balance <= level and level not in account.said:
            notice(world, account, "low_balance", text)
            account.said.add(level)
    if balance > policy.warn_below[0][0]:
        leave(world, account, "on")
        return True
    if balance > policy.trip_below:
        return False
    notice(world, account, "trip_due")
    account.noticed_at = world.time
    leave(world, account, "due")
    if account.switch is not None:
        world.due_entries = gates.one_more(world, world.due_entries)
    return True


def _due(world: World, account: Account) -> bool:
    paid = account.balance > world.policy(account).trip_below
    if account.unsure and (account.protected or paid):
        restore(world, account)
        return True
    if paid:
        leave(world, account, "warned")
        return True
    if account.unsure and account.trip and account.trip.done:
        account.trip.done = False
        tripped(world, account)
        return True
    return False


def _tripping(world: World, account: Account) -> bool:
    policy, command = world.policy(account), account.command
    assert command is not None
    if account.protected or account.balance > policy.trip_below:
        restore(world, account)
        return True
    if command.done:
        tripped(world, account)
        return True
    if world.time < command.sent_at + command.wait:
        return False
    if command.attempt < policy.max_attempts and not gates.first_closed(world, account, gates.SAFETY):
        command.attempt += 1
        send(world, account, command)
        return True
    failed = command.attempt >= policy.max_attempts
    leave(world, account, "due")
    account.unsure = True
    if failed:
        open_order(world, "trip_failed", account.id)
        account.trip_failed_at = world.time
    return True


def _off(world: World, account: Account) -> bool:
    if not account.protected and account.balance <= world.policy(account).restore_above:
        return False
    restore(world, account)
    return True


def _restoring(world: World, account: Account) -> bool:
    command = account.command
    assert command is not None
    if command.done or command.proved:
        notice(world, account, "restored")
        order = is_open(world.orders, "field_restore", account.id)
        if order:
            close_orders(world, [order])
        account.unsure = False
        leave(world, account, "on")
        return True
    if command.armed:
        command.armed = False
        notice(world, account, "press_button")
        command.sent_at, command.wait = world.time, world.policy(account).armed_timeout
        return True
    if world.time < command.sent_at + command.wait:
        return False
    command.attempt += 1
    send(world, account, command)
    return True


MOVES = {
    "on": _on,
    "warned": _warned,
    "due": _due,
    "tripping": _tripping,
    "off": _off,
    "restoring": _restoring,
}


def turn(world: World, account: Account) -> None:
    """An account's turn in the first pass: it moves until it stands still."""
    if account.state == "closed":
        return
    account.said = {level for level in account.said if account.balance <= level}
    if not account.meters:
        return
    if account.operator_restore:
        account.operator_restore = False
        restore(world, account, "operator")
    while MOVES[account.state](world, account):
        pass


def alarm(world: World) -> None:
    """Too many accounts have become due in this hour: trips are suspended until a person resumes them."""
    limit = gates.share(world, "mass_trip_fraction", gates.switches(world))
    if gates.in_this_hour(world, world.due_entries) > limit:
        world.suspended.add("mass_trip")
        open_finding(world, "mass_trip", "engine", None)


def trips(world: World) -> None:
    """The second pass: the trips that no gate holds back."""
    for account in world.accounts.values():
        if account.state != "due" or not account.meters:
            continue
        account.blocked_by = gates.first_closed(world, account)
        if account.blocked_by is None:
            leave(world, account, "tripping")
            issue(world, account, "trip", "balance")
            district = world.districts[account.district_id]
            district.trips = gates.one_more(world, district.trips)
            world.trips = gates.one_more(world, world.trips)


def step(world: World) -> None:
    """The control step, after each batch."""
    for account in world.accounts.values():
        turn(world, account)
    alarm(world)
    trips(world)
