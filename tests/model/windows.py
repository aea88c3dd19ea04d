"""Windows of line loss and collection (reference, section 8)."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction

from .findings import close_finding, open_finding
from .state import KLASSES, District, Meter, RefusedError, Window, World
from .tariffs import Spread

DAY_S = 86400
SUM_LIMIT = 10**15


def horizon(world: World) -> int:
    """The first window that ends after ``T − window_horizon``."""
    return (world.time - world.config.number("window_horizon")) // world.config.number("window")


def begin(world: World, district: District, at: int) -> None:
    """A district's windows begin with the one of its first accepted read."""
    if district.first_window is None:
        own = (at - 1) // world.config.number("window")
        district.first_window = district.next_window = max(own, horizon(world))


def floor_of(world: World, district: District, at: int) -> int:
    """The first window that takes anything of a read at ``at``."""
    own = district.first_window
    return max((at - 1) // world.config.number("window") if own is None else own, horizon(world))


def shares(world: World, district: District, at: int, spread: Spread) -> dict[int, int]:
    """What each window gets of spread energy of a read at ``at``."""
    calendar, window_s = world.config.calendar, world.config.number("window")
    start = calendar.from_s + spread.first * calendar.cell_s
    end = calendar.from_s + spread.last * calendar.cell_s
    first = max(start // window_s, floor_of(world, district, at))
    found = {}
    for number in range(first, (end - 1) // window_s + 1):
        low, high = calendar.edge(number * window_s), calendar.edge((number + 1) * window_s)
        found[number] = spread.between(low, high)
    return found


def check_sums(district: District, role: str, added: dict[int, int]) -> None:
    """Refuse what would carry a window out of its bound."""
    for number, energy in added.items():
        window = district.windows.get(number)
        before = 0 if window is None else window.supply if role == "supply" else window.consumption
        if abs(before + energy) >= SUM_LIMIT:
            raise RefusedError("out_of_range")


def add(district: District, role: str, added: dict[int, int]) -> None:
    """Give windows their shares."""
    for number, energy in added.items():
        window = district.windows.setdefault(number, Window())
        district.touched.add(number)
        if role == "supply":
            window.supply += energy
        else:
            window.consumption += energy


def receive(world: World, district: District, klass: str, at: int) -> None:
    """Count a read that came in."""
    number = (at - 1) // world.config.number("window")
    if number >= floor_of(world, district, at):
        district.windows.setdefault(number, Window()).received[klass] += 1
        district.touched.add(number)


def klass_of(world: World, meter: Meter) -> str:
    """The class that a meter counts in."""
    account = world.account_of(meter)
    return account.klass if account else "public"


def expected(world: World, meter: Meter, start: int, end: int) -> int:
    """How many reads of a meter are expected at the instants in ``(start, end]``."""
    calendar = world.config.calendar
    if meter.expected_after is None:
        return 0
    low, high = max(start, meter.expected_after, calendar.from_s - 1), min(end, calendar.to_s)
    if high <= low:
        return 0
    if meter.interval_s == DAY_S:
        return bisect_right(calendar.midnights, high) - bisect_right(calendar.midnights, low)
    return (high - calendar.from_s) // meter.interval_s - (low - calendar.from_s) // meter.interval_s


def coverage(window: Window) -> Fraction:
    """Received over expected; 1 where nothing is expected."""
    wanted = sum(window.expected.values())
    return Fraction(sum(window.received.values()), wanted) if wanted else Fraction(1)


def loss_ratio(window: Window) -> float | None:
    """The loss over the supply; None without supply."""
    return (window.supply - window.consumption) / window.supply if window.supply else None


def show(world: World, district: District, number: int, window: Window) -> None:
    """The rows of a window that closes or is revised."""
    window_s = world.config.number("window")
    head = {"district_id": district.id, "start": number * window_s, "end": (number + 1) * window_s}
    world.emit(
        "districts",
        **head,
        revision=window.revision,
        supply=window.supply,
        consumption=window.consumption,
        loss=window.supply - window.consumption,
        loss_ratio=loss_ratio(window),
        received=sum(window.received.values()),
        expected=sum(window.expected.values()),
    )
    for klass in KLASSES:
        counts = {"received": window.received[klass], "expected": window.expected[klass]}
        if any(counts.values()):
            world.emit("collection", **{**head, "klass": klass}, revision=window.revision, **counts)
    window.shown = window.figures()


def judge(world: World, district: District, window: Window, meters: list[Meter]) -> None:
    """The findings of line loss, at a window's first close."""
    longest = max((m.interval_s for m in meters if m.role == "consumer"), default=0)
    too_long = longest > world.config.number("window")
    if too_long or coverage(window) < world.config.ratio("loss_coverage"):
        return
    ratio, limit = loss_ratio(window), district.loss_limit
    high = ratio is not None and limit is not None and ratio > limit
    negative = window.supply < window.consumption
    district.high = district.high + 1 if high else 0
    district.negative = district.negative + 1 if negative else 0
    for kind, row in (("high_loss", district.high), ("negative_loss", district.negative)):
        if row >= world.config.number("loss_windows"):
            open_finding(world, kind, "district", district.id)
        elif row == 0:
            close_finding(world, kind, district.id)


def close(world: World, district: District, number: int, meters: list[Meter]) -> None:
    """A window closes: its rows, and the findings that it brings."""
    window_s = world.config.number("window")
    start, end = number * window_s, (number + 1) * window_s
    window = district.windows.setdefault(number, Window())
    window.revision = 0
    for meter in meters:
        window.expected[klass_of(world, meter)] += expected(world, meter, start, end)
    district.newest = window
    show(world, district, number, window)
    judge(world, district, window, meters)
    if coverage(window) < world.config.ratio("outage_coverage"):
        open_finding(world, "outage", "district", district.id)
    else:
        close_finding(world, "outage", district.id)
    silent_since = end - world.config.number("silent_after")
    for meter in meters:
        heard = meter.arrived_at if meter.read_at is None else max(meter.arrived_at, meter.read_at)
        if heard <= silent_since:
            open_finding(world, "silent_meter", "meter", meter.id)


def step(world: World) -> None:
    """Close the windows that are due, then revise the closed ones whose figures changed."""
    window_s = world.config.number("window")
    past = (world.time - world.config.number("allowed_lateness")) // window_s
    districts = list(world.districts.values())
    due = []
    revised = []
    for i, district in enumerate(districts):
        if district.first_window is not None:
            due += [(number, i) for number in range(district.next_window, past)]
        for number in district.touched:
            window = district.windows[number]
            if window.revision is not None and window.shown != window.figures():
                revised.append((number, i))
        district.touched.clear()
    meters: dict[object, list[Meter]] = {}
    if due:
        for meter in world.meters.values():
            if world.in_use(meter):
                meters.setdefault(world.district_of(meter).id, []).append(meter)
    for number, i in sorted(due):
        close(world, districts[i], number, meters.get(districts[i].id, []))
        districts[i].next_window = number + 1
    for number, i in sorted(revised):
        window = districts[i].windows[number]
        assert window.revision is not None
        window.revision += 1
        show(world, districts[i], number, window)
    forget(world, districts)


def forget(world: World, districts: list[District]) -> None:
    """Closed windows that nothing may change any more go."""
    kept = horizon(world)
    for district in districts:
        old = [n for n, window in district.windows.items() if n < min(kept, district.next_window)]
        for number in old:
            window = district.windows.pop(number)
            district.forgotten += window.supply + window.consumption


def calendar_ends(world: World) -> None:
    """The finding that the calendar will end."""
    if world.time >= world.config.calendar.to_s - 30 * DAY_S:
        open_finding(world, "calendar_ends", "engine", None)
    else:
        close_finding(world, "calendar_ends", None)
