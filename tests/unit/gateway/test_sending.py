"""The moment of sending: whatever has happened since a trip was decided holds it back, and nothing holds a restore."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fastcore import Engine
from pipeline.gateway import Why
from pipeline.gateway.evidence import Decided
from pipeline.gateway.sending import WAITS, Moment, judge
from pipeline.wire.commands import Command
from unit.core_world import CONFIG, NANO, account, meter, payment, read
from unit.gateway.world import NOW, TOML, World, kinds

TTL = 600


@pytest.fixture(params=["uint64", "utf8"])
def world(request) -> World:
    """One account whose trip waits, and a head-end with room."""
    made = World(ids=request.param)
    made.ready()
    made.spend("0")
    return made


def not_sent(world: World) -> dict[Why, int]:
    return {why: count for why, count in world.gateway.not_sent.items() if count}


def test_a_trip_leaves_once_with_its_evidence(world):
    (trip,) = world.poll()
    assert (trip.command_id, trip.kind, trip.attempt, trip.reason) == (1, "trip", 1, "balance")
    assert (trip.account_id, trip.meter_id) == (world.id("A0"), world.id("M0"))
    assert (trip.issued_at_s, trip.expires_at_s) == (NOW, NOW + TTL)
    assert trip.balance_nano == int(world.engine.balance(world.id("A0")).scaleb(9)) == -12_250_000_000
    assert (trip.threshold_nano, trip.decided_seq) == (0, world.engine.sequence)
    assert world.poll(NOW + 1) == []
    assert not_sent(world) == {}


@pytest.mark.parametrize(("late_s", "leaves"), [(TTL - 1, True), (TTL, False), (TTL + 1, False)])
def test_a_trip_that_has_expired_stays(world, late_s, leaves):
    assert bool(world.poll(NOW + late_s)) is leaves
    assert not_sent(world) == ({} if leaves else {Why.EXPIRED: 1})


def test_the_engines_time_counts_too_where_the_clock_is_behind(world):
    world.apply("tick", now_s=NOW + TTL, tell=False)
    assert world.poll(NOW) == []
    assert not_sent(world) == {Why.EXPIRED: 1}


def test_no_trip_stops_it_for_good(world):
    world.no_trip = True
    assert world.poll() == []
    assert not_sent(world) == {Why.NO_TRIP: 1}
    world.no_trip = False
    assert world.poll(NOW + 1) == []


def test_the_file_is_looked_for_each_time(world):
    world.no_trip = True
    world.poll()
    world.no_trip = False
    world.apply("tick", now_s=NOW + 60)
    assert [(trip.kind, trip.attempt) for trip in world.poll(NOW + 60)] == [("trip", 2)]
    world.no_trip = True
    world.apply("tick", now_s=NOW + 180)
    assert world.poll(NOW + 180) == []


def test_a_trip_waits_while_the_node_holds_them(world):
    world.desk.held = world.desk.suspended = True
    assert world.poll() == []
    world.desk.held = world.desk.suspended = False
    assert kinds(world.poll(NOW + 1)) == [("trip", world.id("A0"))]
    assert not_sent(world) == {}


def test_a_trip_stays_while_trips_are_suspended(world):
    world.desk.suspended = True
    assert world.poll() == []
    assert not_sent(world) == {Why.SUSPENDED: 1}


def test_a_trip_stays_while_its_district_is_suspended(world):
    world.update("suspend_trips", text=str(world.id("D0")))
    assert world.poll() == []
    assert not_sent(world) == {Why.SUSPENDED: 1}


def test_another_districts_suspension_holds_nothing():
    world = World(accounts=2)
    world.ready()
    world.spend("0", "1")
    world.update("suspend_trips", text=str(world.id("D1")))
    assert kinds(world.poll()) == [("trip", world.id("A0"))]


def test_a_trip_waits_for_payments_that_nobody_has_looked_at(world):
    world.desk.unapplied = True
    assert world.poll() == []
    world.desk.unapplied = False
    assert kinds(world.poll()) == [("trip", world.id("A0"))]  # in the same second
    assert not_sent(world) == {}


def test_a_trip_of_an_account_that_was_closed_stays(world):
    world.update("close_account", "A0", tell=False)
    assert world.poll() == []
    assert not_sent(world) == {Why.OVERTAKEN: 1}


def test_an_older_attempt_stays(world):
    world.apply("tick", now_s=NOW + 60, tell=False)
    assert world.poll(NOW + 60) == []
    assert not_sent(world) == {Why.OVERTAKEN: 1}


def test_a_trip_stays_whose_restore_the_gateway_has_not_heard_of(world):
    world.pay("0", tell=False)
    assert world.poll() == []
    assert not_sent(world) == {Why.OVERTAKEN: 1}


def test_a_trip_that_is_paid_before_it_leaves_never_leaves(world):
    world.pay("0")
    assert kinds(world.poll()) == [("restore", world.id("A0"))]
    assert world.poll(NOW + 1) == []


class Odd:
    """An engine that takes a trip for current although the balance speaks against it."""

    def __init__(self, engine: Engine, balance: str) -> None:
        self.engine, self.told = engine, Decimal(balance)

    def __getattr__(self, name: str) -> object:
        return getattr(self.engine, name)

    def balance(self, account_id: int | str) -> Decimal:
        return self.told


@pytest.mark.parametrize(
    ("balance", "why"),
    [("-12.25", None), ("0", None), ("0.000000001", Why.PAID), ("50", Why.PAID)],
)
def test_the_balance_itself_is_compared_once_more(world, balance, why):
    account_id, meter_id = world.id("A0"), world.id("M0")
    command = Command(1, "trip", 1, account_id, meter_id, NOW, NOW + TTL, "balance", -12 * NANO, 0, 6)
    trip = Decided(command, world.id("D0"))
    moment = Moment(NOW, False, False, False, False, Odd(world.engine, balance))
    assert judge([trip], moment, 0).why == [why]


def test_nothing_holds_a_restore(world):
    """All that holds a trip, at once."""
    world.pay("0")
    world.no_trip = world.desk.held = world.desk.suspended = world.desk.unapplied = True
    world.update("suspend_trips", text=str(world.id("D0")))
    (restore,) = world.poll()
    assert (restore.kind, restore.balance_nano, restore.threshold_nano) == ("restore", 37_750_000_000, 0)


def test_only_what_ends_by_itself_is_waited_for():
    assert {why for why in Why if why in WAITS} == {Why.HELD, Why.UNAPPLIED}


def test_what_is_true_of_accounts_is_looked_up_once_a_second():
    """The engine's tables may be large, and groups come by the hundred."""
    world = World(accounts=2)
    world.ready()
    world.spend("0")
    asked = []
    engine = world.engine

    class Counting:
        def __getattr__(self, name: str) -> object:
            if name == "commands":
                asked.append(name)
            return getattr(engine, name)

    world.desk.engine = Counting()
    assert len(world.poll(NOW)) == 1
    world.spend("1")
    assert [world.poll(NOW) for _ in range(5)] == [[]] * 5
    assert len(world.poll(NOW + 1)) == 1
    assert len(asked) == 2


def test_a_policy_that_changes_is_the_threshold_of_the_next_trip():
    """`threshold` is what the balance was compared with: of the policy that the account had in that batch."""
    toml = CONFIG + '[policies.lenient]\nwarn_below = ["20"]\ntrip_below = "-5"\nnotice = "0s"\n'
    world = World(accounts=3, toml=toml)
    world.ready()
    world.spend("0")
    assert [trip.threshold_nano for trip in world.poll()] == [0]
    world.update("set_policy", "A1", text="lenient", now_s=NOW)
    world.spend("1", "2")
    assert [(trip.account_id, trip.threshold_nano) for trip in world.poll(NOW + 1)] == [
        (world.id("A1"), -5 * NANO),
        (world.id("A2"), 0),
    ]


@pytest.mark.parametrize(("top_up", "threshold_nano"), [(50, 30 * NANO), (15, 0)])
def test_the_threshold_of_a_restore(top_up, threshold_nano):
    """Above `restore_above` it is that; below it, the account was not known to be off: `trip_below`."""
    world = World(toml=TOML.replace('notice = "0s"', 'notice = "0s"\nrestore_above = "30"'))
    world.ready()
    world.spend("0")
    world.poll()
    world.apply("payments", payment(world.ids, 1, "A0", top_up * NANO, NOW))
    (restore,) = world.poll()
    assert (restore.kind, restore.threshold_nano) == ("restore", threshold_nano)
    assert restore.balance_nano > restore.threshold_nano


def test_text_and_number_ids_find_their_rows():
    for ids in ("uint64", "utf8"):
        world = World(accounts=12, ids=ids)
        world.ready()
        world.spend(*world.names)
        assert sorted(str(trip.account_id) for trip in world.poll()) == sorted(
            str(world.id(f"A{n}")) for n in world.names
        )


def test_an_account_that_comes_later_is_found():
    world = World()
    world.ready()
    world.spend("0")
    assert len(world.poll()) == 1
    world.apply("accounts", account(world.ids, "A7", 10 * NANO))
    world.apply("meters", meter(world.ids, "M7", "A7"))
    world.apply("reads", read(world.ids, "M7", 1, 0))
    world.spend("7")
    assert kinds(world.poll(NOW + 1)) == [("trip", world.id("A7"))]
