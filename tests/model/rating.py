"""What an accepted read does to money, windows and findings (reference, sections 5, 7 and 8)."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import reads, windows
from .findings import close_finding, open_finding
from .payments import fits, post
from .reads import ESTIMATED, FIRST, ROLLOVER, SUSPECT, Read
from .state import Account, District, RefusedError, World
from .tariffs import Prices, Spread

SUM_LIMIT = 10**15


@dataclass(slots=True)
class Bill:
    """The money of one read, before anything is booked."""

    charge: int = 0
    period: int | None = None
    period_wh: int = 0
    previous_wh: int = 0
    postings: list[tuple[str, int]] = field(default_factory=list)


def spread_over(world: World, energy: int, start: int, end: int) -> Spread:
    """Energy spread over the cells of ``(start, end]``."""
    calendar = world.config.calendar
    return Spread.over(energy, calendar.edge(start), calendar.edge(end))


def tier_cost(bill: Bill, prices: Prices, spread: Spread) -> int:
    """What tiers add to a charge; the bill's tier energies move on."""
    cost = 0
    for period, energy in prices.parts(spread):
        if bill.period is None or period > bill.period:
            follows = bill.period is not None and period == bill.period + 1
            bill.previous_wh = bill.period_wh if follows else 0
            bill.period, bill.period_wh = period, 0
        if period == bill.period:
            cost += prices.tier_cost(period, bill.period_wh, energy)
            bill.period_wh += energy
        else:
            cost += prices.tier_cost(bill.period - 1, bill.previous_wh, energy)
            bill.previous_wh += energy
    if max(bill.period_wh, bill.previous_wh) >= SUM_LIMIT:
        raise RefusedError("out_of_range")
    return cost


def pieces(world: World, read: Read) -> list[tuple[int, Spread]]:
    """The spreads that windows take (+1) or give back (−1)."""
    if read.quality & FIRST:
        return []
    gap, per_count = read.gap, read.meter.wh_per_count
    if gap is None or read.meter.reading == "interval":
        return [(1, spread_over(world, read.energy, read.start, read.at))]
    return [
        (-1, spread_over(world, (gap.w - gap.u) * per_count, gap.a, gap.b)),
        (1, spread_over(world, (read.value - gap.u) * per_count, gap.a, read.at)),
        (1, spread_over(world, (gap.w - read.value) * per_count, read.at, gap.b)),
    ]


def bill_of(world: World, read: Read, account: Account, spreads: list[tuple[int, Spread]]) -> Bill:
    """The charge, the standing charges and the correction of a read; refused where money leaves its bound."""
    prices, meter = world.prices[account.tariff], read.meter
    bill = Bill(0, account.period, account.period_wh, account.previous_wh)
    if len(spreads) == 1:
        bill.charge = prices.time_of_use(spreads[0][1]) + tier_cost(bill, prices, spreads[0][1])
        if read.forward and meter.id == account.primary and meter.t1 is not None:
            standing = prices.standing(meter.t1, read.at)
            if standing:
                bill.postings.append(("standing", -standing))
    elif spreads:
        correction = -sum(sign * prices.time_of_use(spread) for sign, spread in spreads)
        if correction:
            bill.postings.append(("correction", correction))
    balance = account.balance - bill.charge
    fits(bill.charge, balance)
    for _, amount in bill.postings:
        balance += amount
        fits(amount, balance)
    return bill


def accept(world: World, read: Read) -> None:
    """Book a read whole, or refuse it whole as ``out_of_range``."""
    meter, district = read.meter, world.district_of(read.meter)
    account = world.account_of(meter)
    spreads = pieces(world, read)
    bill = bill_of(world, read, account, spreads) if account else None
    added: dict[int, int] = {}
    for sign, spread in spreads:
        for number, energy in windows.shares(world, district, read.at, spread).items():
            added[number] = added.get(number, 0) + sign * energy
    windows.check_sums(district, meter.role, added)
    windows.begin(world, district, read.at)
    windows.add(district, meter.role, added)
    if not read.quality & FIRST:
        windows.receive(world, district, windows.klass_of(world, meter), read.at)
    count_energy(world, read, district, spreads)
    reads.keep(world, read)
    if account and bill:
        account.balance -= bill.charge
        account.charge_sum += bill.charge
        account.period, account.period_wh, account.previous_wh = (
            bill.period,
            bill.period_wh,
            bill.previous_wh,
        )
    world.emit(
        "intervals",
        row=read.row,
        meter_id=meter.id,
        account_id=account.id if account else None,
        district_id=district.id,
        start=read.start,
        end=read.at,
        energy=0 if read.gap and meter.reading == "register" else read.energy,
        quality=read.quality,
        charge=bill.charge if bill else None,
        balance=account.balance if account else None,
    )
    if account and bill:
        for kind, amount in bill.postings:
            post(world, read.row, account, read.at, kind, amount)
    find(world, read, account)


def count_energy(world: World, read: Read, district: District, spreads: list[tuple[int, Spread]]) -> None:
    """Keep the sums by which ``check`` sees that energy is conserved."""
    meter = read.meter
    first = windows.floor_of(world, district, read.at) * world.config.number("window")
    edge = world.config.calendar.edge(first)
    district.left_out += sum(sign * spread.until(edge) for sign, spread in spreads)
    if len(spreads) == 1:
        district.energy += read.energy
        meter.energy += read.energy
        if meter.reading == "register":
            rolled = meter.modulus if read.quality & ROLLOVER else 0
            meter.advanced += read.value + rolled - meter.v1


def find(world: World, read: Read, account: Account | None) -> None:
    """What an accepted read opens, closes and proves."""
    meter = read.meter
    close_finding(world, "inspect_meter", meter.id)
    if account:
        prove(read, account)
        if (
            account.state == "off"
            and meter.id == account.trip_meter
            and read.start >= account.off_since
            and read.energy > world.config.number("off_tolerance_wh")
        ):
            open_finding(world, "off_but_consuming", "account", account.id)
    close_finding(world, "silent_meter", meter.id)
    if account and read.forward and not read.quality & FIRST:
        usage(world, read, account)


def usage(world: World, read: Read, account: Account) -> None:
    """Forward reads without energy, in a row, span ``zero_usage``: a finding."""
    meter = read.meter
    if read.energy > 0:
        meter.zero_since = None
        close_finding(world, "zero_usage", meter.id)
    elif account.state == "off":
        meter.zero_since = None
    else:
        if meter.zero_since is None:
            meter.zero_since = read.start
        if read.at - meter.zero_since >= world.config.number("zero_usage"):
            open_finding(world, "zero_usage", "meter", meter.id)


def prove(read: Read, account: Account) -> None:
    """A read that shows that a restore was done."""
    command = account.command
    if command is None or command.kind != "restore" or command.meter_id != read.meter.id:
        return
    since = max(command.first_issued_at, account.trip.expires_at if account.trip else command.first_issued_at)
    good = read.energy > 0 and not read.quality & (ESTIMATED | SUSPECT)
    if good and read.start >= since:
        command.proved = True
