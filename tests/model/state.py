"""What the twin remembers: accounts, meters, districts, commands, findings, and the world that holds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .config import Config, Policy
from .tariffs import Prices, Special

Id = int | str
KLASSES = ("special", "public", "low_voltage")
OUTPUTS = (
    "intervals",
    "ledger",
    "exceptions",
    "notices",
    "commands",
    "districts",
    "collection",
    "findings",
    "orders",
)


class RefusedError(Exception):
    """A row breaks a rule; ``reason`` is the first that it breaks."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Gap:
    """A stretch in which reads are missing: from ``(a, u)`` to ``(b, w)``; interval meters have no counts."""

    a: int
    u: int
    b: int
    w: int


@dataclass(slots=True)
class Command:
    """A trip or a restore, over all its attempts."""

    id: int
    kind: str
    account_id: Id
    meter_id: Id
    reason: str
    first_issued_at: int
    issued_at: int
    expires_at: int
    wait: int
    attempt: int = 1
    sent_at: int = 0
    seq: int = 0
    done: bool = False
    armed: bool = False
    proved: bool = False
    field_order: bool = False


@dataclass(slots=True)
class Account:
    """A prepaid account: its money, and where it stands between on and off."""

    id: Id
    district_id: Id
    tariff: str
    policy: str
    klass: str
    protected: bool
    manual_approval: bool
    balance: int
    state: str = "on"
    unsure: bool = False
    blocked_by: str | None = None
    approved: bool = False
    said: set[int] = field(default_factory=set)
    noticed_at: int = 0
    off_since: int = 0
    autopay_since: int | None = None
    trip_failed_at: int | None = None
    operator_restore: bool = False
    period: int | None = None
    period_wh: int = 0
    previous_wh: int = 0
    meters: list[Id] = field(default_factory=list)
    """Its consumer meters in use, by arrival."""
    primary: Id | None = None
    switch: Id | None = None
    command: Command | None = None
    """The current one."""
    trip: Command | None = None
    """The last trip."""
    last_meter: Id | None = None
    """The meter of the last command, of its own or taken over with the meter."""
    trip_meter: Id | None = None
    """The meter of the last trip, of its own or taken over with the meter."""
    relay_may_be_open: bool = False
    """It was closed while nobody could say that the relay of ``last_meter`` is closed."""
    ledger_sum: int = 0
    charge_sum: int = 0


@dataclass(slots=True)
class Meter:
    """A meter and what it has read."""

    id: Id
    role: str
    account_id: Id | None
    district_id: Id | None
    reading: str
    interval_s: int
    wh_per_count: int
    modulus: int
    max_w: int
    switchable: bool
    arrived_at: int
    exchanged: bool = False
    has_read: bool = False
    t1: int | None = None
    v1: int = 0
    read_at: int | None = None
    """The newest accepted read's instant; ``t1`` may be an initial read's."""
    expected_after: int | None = None
    """Reads are expected at the instants after this one."""
    gaps: list[Gap] = field(default_factory=list)
    forward_at: int | None = None
    forward_quality: int | None = None
    count: int = 0
    typical: int = 0
    suspects: int = 0
    refused: int = 0
    zero_since: int | None = None
    energy: int = 0
    """What it was charged, in all, since it is this meter."""
    advanced: int = 0
    """What its register advanced, in counts."""


@dataclass(slots=True)
class Window:
    """A district's figures of one window."""

    supply: int = 0
    consumption: int = 0
    received: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KLASSES, 0))
    expected: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KLASSES, 0))
    revision: int | None = None
    """None until it closes."""
    shown: tuple[int, ...] = ()

    def figures(self) -> tuple[int, ...]:
        """What a revision would change."""
        return (self.supply, self.consumption, *self.received.values())


@dataclass(slots=True)
class District:
    """A district, its windows by number (window ``w`` is ``(w·W, (w + 1)·W]``)."""

    id: Id
    name: str | None = None
    grid: str | None = None
    loss_limit: float | None = None
    suspended: bool = False
    first_window: int | None = None
    next_window: int = 0
    windows: dict[int, Window] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    high: int = 0
    negative: int = 0
    newest: Window | None = None
    """The newest closed window."""
    trips: tuple[int, int] = (0, 0)
    """The clock hour, and the trips first sent in it."""
    energy: int = 0
    """What its meters read, in all, of both roles."""
    left_out: int = 0
    """What of it fell into windows that take nothing."""
    forgotten: int = 0
    """What of it lies in windows that have been dropped."""


@dataclass(slots=True)
class Item:
    """A finding or an order, open or closed."""

    id: int
    kind: str
    about: str
    """``meter``, ``account``, ``district`` or ``engine``."""
    subject: Id | None
    at: int
    seq: int


@dataclass(slots=True)
class World:
    """Everything that the twin remembers, and the effects of the batch in hand."""

    config: Config
    special: Special = (frozenset(), frozenset())
    prices: dict[str, Prices] = field(default_factory=dict)
    ids: str | None = None
    seq: int = 0
    now: int | None = None
    accounts: dict[Id, Account] = field(default_factory=dict)
    meters: dict[Id, Meter] = field(default_factory=dict)
    districts: dict[Id, District] = field(default_factory=dict)
    payments: dict[bytes, tuple[int, Id, str, int]] = field(default_factory=dict)
    payments_at: int | None = None
    commands: dict[int, Command] = field(default_factory=dict)
    command_count: int = 0
    findings: dict[int, Item] = field(default_factory=dict)
    finding_count: int = 0
    orders: dict[int, Item] = field(default_factory=dict)
    order_count: int = 0
    suspended: set[str] = field(default_factory=set)
    """Why trips are suspended for the engine: ``operator``, ``mass_trip``, ``clock_jump``."""
    due_entries: tuple[int, int] = (0, 0)
    """The clock hour, and the accounts with a switch that went from warned to due in it."""
    trips: tuple[int, int] = (0, 0)
    matched: dict[tuple[str, int], tuple[bool, ...]] = field(default_factory=dict)
    """Which cells of a day a policy's trip windows match, of those looked at."""
    effects: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in OUTPUTS})

    @property
    def time(self) -> int:
        """``T``, once a batch has set it."""
        assert self.now is not None
        return self.now

    def emit(self, output: str, **row: object) -> None:
        """Add a row to an output."""
        self.effects[output].append({"seq": self.seq, **row})

    def district(self, district_id: Id) -> District:
        """The district of an id, made when it is named first."""
        return self.districts.setdefault(district_id, District(district_id))

    def policy(self, account: Account) -> Policy:
        """An account's policy."""
        return self.config.policies[account.policy]

    def account_of(self, meter: Meter) -> Account | None:
        """The account of a consumer meter."""
        return None if meter.account_id is None else self.accounts[meter.account_id]

    def district_of(self, meter: Meter) -> District:
        """The district of a meter: a consumer's is its account's."""
        account = self.account_of(meter)
        district_id = account.district_id if account else meter.district_id
        assert district_id is not None
        return self.districts[district_id]

    def in_use(self, meter: Meter) -> bool:
        """Whether a meter still counts: neither exchanged nor of a closed account."""
        account = self.account_of(meter)
        return not meter.exchanged and (account is None or account.state != "closed")
