"""The gates that a trip must find open (reference, section 7)."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from .reads import ESTIMATED, OUTAGE, SUSPECT
from .state import Account, World
from .tariffs import match_days
from .windows import coverage

HOUR_S = 3600
Gate = Callable[[World, Account], bool]


def matching(world: World, account: Account, cell: int) -> bool:
    """Whether a cell of the calendar matches a trip window of the account's policy."""
    calendar = world.config.calendar
    if not 0 <= cell < calendar.cells:
        return False
    number = calendar.day_of(calendar.from_s + cell * calendar.cell_s)
    key = (account.policy, number)
    if key not in world.matched:
        windows = world.policy(account).windows
        world.matched[key] = match_days(windows, calendar.days[number], world.special)
    return world.matched[key][cell - calendar.days[number].first_cell]


def trip_expires(world: World, account: Account) -> int:
    """When a trip sent now expires: with its ttl, or with the trip windows that it is sent in."""
    expires = world.time + world.policy(account).command_ttl
    if not world.policy(account).windows:
        return expires
    calendar = world.config.calendar
    cell = calendar.edge(world.time)
    while calendar.from_s + cell * calendar.cell_s < expires and matching(world, account, cell):
        cell += 1
    return min(expires, calendar.from_s + cell * calendar.cell_s)


def in_this_hour(world: World, counted: tuple[int, int]) -> int:
    """What has been counted in this clock hour (UTC)."""
    hour, count = counted
    return count if hour == world.time // HOUR_S else 0


def one_more(world: World, counted: tuple[int, int]) -> tuple[int, int]:
    """The same, and one."""
    return world.time // HOUR_S, in_this_hour(world, counted) + 1


def share(world: World, key: str, switches: int) -> int:
    """A ratio's share of a number of switches, rounded up."""
    return ceil(world.config.ratio(key) * switches)


def switches(world: World, district_id: object = None) -> int:
    """The accounts, not closed, that have a switch: in all, or in a district."""
    return sum(
        account.switch is not None
        and account.state != "closed"
        and (district_id is None or account.district_id == district_id)
        for account in world.accounts.values()
    )


def _protected(world: World, account: Account) -> bool:
    return account.protected


def _approval(world: World, account: Account) -> bool:
    return account.manual_approval and not account.approved


def _suspended(world: World, account: Account) -> bool:
    return bool(world.suspended) or world.districts[account.district_id].suspended


def _cooldown(world: World, account: Account) -> bool:
    since = account.trip_failed_at
    return since is not None and world.time < since + world.policy(account).trip_cooldown


def _autopay(world: World, account: Account) -> bool:
    since = account.autopay_since
    return since is not None and world.time < since + world.policy(account).autopay_hold


def _notice(world: World, account: Account) -> bool:
    return world.time < account.noticed_at + world.policy(account).notice


def _window(world: World, account: Account) -> bool:
    if not world.policy(account).windows:
        return False
    return not matching(world, account, world.config.calendar.edge(world.time))


def _payments(world: World, account: Account) -> bool:
    timeout, last = world.config.number("payment_feed_timeout"), world.payments_at
    return timeout > 0 and (last is None or world.time - last > timeout)


def _reading(world: World, account: Account) -> bool:
    oldest = world.time - world.policy(account).max_staleness
    for meter_id in account.meters:
        meter = world.meters[meter_id]
        if meter.forward_at is None or meter.forward_quality is None or meter.forward_at < oldest:
            return True
        if meter.forward_quality & (ESTIMATED | SUSPECT | OUTAGE):
            return True
    return False


def _outage(world: World, account: Account) -> bool:
    newest = world.districts[account.district_id].newest
    return newest is not None and coverage(newest) < world.config.ratio("outage_coverage")


def _switch(world: World, account: Account) -> bool:
    return account.switch is None


def _rate(world: World, account: Account) -> bool:
    district = world.districts[account.district_id]
    own, in_all = in_this_hour(world, district.trips), in_this_hour(world, world.trips)
    return own >= share(world, "trip_rate_district", switches(world, district.id)) or in_all >= share(
        world, "trip_rate_engine", switches(world)
    )


GATES: dict[str, Gate] = {
    "protected": _protected,
    "approval": _approval,
    "suspended": _suspended,
    "cooldown": _cooldown,
    "autopay": _autopay,
    "notice": _notice,
    "window": _window,
    "payments": _payments,
    "reading": _reading,
    "outage": _outage,
    "switch": _switch,
    "rate": _rate,
}
SAFETY = ("protected", "suspended", "autopay", "window", "payments")
"""The gates that a trip must also find open to be sent again."""


def first_closed(world: World, account: Account, names: tuple[str, ...] = tuple(GATES)) -> str | None:
    """The first closed gate, in their order."""
    return next((name for name in names if GATES[name](world, account)), None)
