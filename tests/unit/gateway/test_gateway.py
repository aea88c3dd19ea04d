"""The way out: restores first, as many as a head-end will take, to the one that should have them, in its form."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.gateway import Why
from pipeline.gateway.bodies import ARROW_ROWS_MAX
from pipeline.gateway.evidence import Decided
from pipeline.gateway.gateway import ROWS_AT_ONCE
from pipeline.gateway.queues import Queue
from pipeline.node.config import HeadEndConfig
from pipeline.wire.cim import Codes
from pipeline.wire.commands import Command
from unit.core_world import NANO, ack, id_of, payment
from unit.gateway.world import HEADEND, NOW, OTHER, SIGNER, TOML, World, commands_in, kinds


def paid(world: World, *names: str, now_s: int = NOW) -> None:
    """Top accounts up, each once."""
    world.apply(
        "payments", *(payment(world.ids, 1 + int(n), f"A{n}", 50 * NANO, now_s) for n in names), now_s=now_s
    )


def tripped(accounts: int, **options: object) -> World:
    """Accounts whose trips have left; the head-end is there."""
    world = World(accounts=accounts, **options)
    for key in world.allowed.values():
        world.ready(key=key)
    world.spend(*world.names)
    world.poll()
    return world


def test_restores_leave_before_trips():
    world = World(accounts=4)
    world.spend("0", "1")
    world.spend("2", "3")
    paid(world, "2", "0")
    world.ready()
    assert kinds(world.poll()) == [
        ("restore", world.id("A0")),
        ("restore", world.id("A2")),
        ("trip", world.id("A1")),
        ("trip", world.id("A3")),
    ]


def test_with_room_for_one_message_it_is_the_restores():
    world = World(accounts=2)
    world.spend("0", "1")
    paid(world, "1")
    world.ready(until=1)
    assert kinds(world.poll()) == [("restore", world.id("A1"))]
    assert world.poll(NOW + 1) == []
    world.ready(until=2)
    assert kinds(world.poll(NOW + 2)) == [("trip", world.id("A0"))]


def test_ready_counts_messages_of_the_session_in_all():
    world = tripped(1)
    for n in range(3):
        world.ready(until=1 + n)
        assert world.poll(NOW + 1 + n) == []
    paid(world, "0")
    world.ready(until=1)
    assert len(world.poll(NOW + 4)) == 1, "an older READY takes nothing back"


def test_a_session_that_is_over_says_nothing_any_more():
    world = World()
    world.ready(session=2)
    world.gateway.gone(HEADEND, 1)
    world.ready(session=1, until=1000)
    world.spend("0")
    assert [body.session for body in world.bodies()] == [2]
    world.gateway.gone(HEADEND, 2)
    world.pay("0")
    assert world.bodies() == []
    world.ready(session=3)
    assert [body.session for body in world.bodies()] == [3]


def test_commands_wait_for_the_head_end_and_expire():
    world = World(accounts=2)
    world.spend("0", "1")
    paid(world, "1")
    assert world.gateway.stats()["waiting"] == {"restore": 1, "trip": 1}
    world.poll(NOW + 600)
    assert world.gateway.stats()["waiting"] == {"restore": 1, "trip": 1}
    world.poll(NOW + 601)
    assert world.gateway.stats()["waiting"] == {"restore": 0, "trip": 0}
    assert world.gateway.not_sent == {Why.EXPIRED: 2}


def test_the_next_attempt_of_a_restore_takes_the_place_of_the_one_that_waits():
    world = World(accounts=2)
    world.spend("0", "1")
    paid(world, "0", "1")
    world.apply("tick", now_s=NOW + 60)
    world.ready()
    assert [(restore.attempt, restore.account_id) for restore in world.poll(NOW + 60)] == [
        (2, world.id("A0")),
        (2, world.id("A1")),
    ]


def test_restores_that_could_not_be_handed_on_wait_again_and_trips_do_not():
    world = World(accounts=3)
    world.spend("0", "1", "2")
    paid(world, "0", "1")
    world.ready()
    restores, trips = world.bodies()
    world.gateway.unsent([restores, trips])
    paid_later = world.apply("acks", ack(4, "done"))
    assert paid_later.exceptions.num_rows == 0
    assert world.gateway.stats()["sent"] == {"restore": 0, "trip": 0}
    assert world.gateway.stats()["not_sent"]["undelivered"] == 1
    assert kinds(world.poll(NOW + 1)) == [("restore", world.id("A0")), ("restore", world.id("A1"))]
    assert world.poll(NOW + 2) == []


def test_restores_that_come_back_keep_their_order():
    many = ARROW_ROWS_MAX + 3
    world = tripped(many)
    paid(world, *world.names)
    first, second = world.bodies(NOW + 1)
    wanted = [command.account_id for body in (first, second) for command in commands_in(body)]
    for body in (first, second):
        world.gateway.unsent([body])
    assert [command.account_id for command in world.poll(NOW + 2)] == wanted
    assert len(wanted) == many


def test_what_could_not_be_handed_on_does_not_overtake_what_came_since():
    world = tripped(1)
    paid(world, "0")
    bodies = world.bodies(NOW + 1)
    world.apply("tick", now_s=NOW + 60)
    world.gateway.unsent(bodies)
    assert [restore.attempt for restore in world.poll(NOW + 60)] == [2]


def test_a_restore_that_is_put_back_keeps_its_place_but_not_over_a_trip_that_came_since():
    queue = Queue()
    one, two, three = (decided("restore", number, number) for number in (1, 2, 3))
    queue.put(three)
    queue.put(decided("trip", 9, 2))
    queue.put_back([one, two])
    assert queue.first_restores(9) == [one, three]
    assert list(queue.trips) == [2]


def decided(kind: str, command_id: int, account_id: int) -> Decided:
    """A command that waits."""
    return Decided(Command(command_id, kind, 1, account_id, 1, NOW, NOW + 600, "balance", 0, 0, 5), 7)


def test_a_message_that_was_not_handed_on_uses_no_room():
    world = tripped(1)
    world.pay("0")
    world.ready(session=2, until=1)
    world.gateway.unsent(world.bodies(NOW + 1))
    assert len(world.poll(NOW + 2)) == 1
    assert world.poll(NOW + 3) == []


def test_a_flood_of_trips_leaves_piece_by_piece_and_restores_pass_it():
    many = ROWS_AT_ONCE + 100
    world = World(accounts=many)
    world.ready(until=100)
    world.spend(*world.names)
    first = world.poll()
    assert len(first) == ROWS_AT_ONCE
    paid(world, str(many - 1))
    assert kinds(world.poll()) == [("restore", world.id(f"A{many - 1}"))]
    rest = world.poll(NOW + 1)
    assert len(rest) == 99
    assert len({trip.account_id for trip in first + rest}) == many - 1


def test_after_a_start_restores_go_and_trips_are_left_to_the_engine():
    world = tripped(2)
    paid(world, "1")
    world.gateway = world.new_gateway()
    world.gateway.start(world.desk, world.engine.commands(), NOW)
    world.ready(session=2)
    assert kinds(world.poll(NOW + 1)) == [("restore", world.id("A1"))]
    world.apply("tick", now_s=NOW + 60)
    assert sorted((c.kind, c.attempt) for c in world.poll(NOW + 60)) == [("restore", 2), ("trip", 2)]


def test_ids_carry_their_shard():
    base = (3 << 8 | 2) << 40
    world = World(command_base=base)
    world.ready()
    world.spend("0")
    world.pay("0", now_s=NOW)
    assert [restore.command_id for restore in world.poll()] == [base + 2]
    world = tripped(1, command_base=base)
    assert world.gateway.sent == {"trip": 1}, "the engine's own id is compared with its base added"


def test_districts_and_grids_have_their_head_ends():
    headends = {
        "headend-1": HeadEndConfig(
            name="headend-1", districts=frozenset({str(id_of("uint64", "D0"))}), grids=frozenset({"G3"})
        ),
        "headend-2": HeadEndConfig(name="headend-2", districts=frozenset({"*"})),
    }
    world = tripped(4, headends=headends, allowed={"headend-1": HEADEND, "headend-2": OTHER})
    paid(world, "0", "1", "2", "3")
    found = {body.producer: [c.account_id for c in commands_in(body)] for body in world.bodies()}
    assert found == {
        HEADEND: [world.id("A0"), world.id("A3")],
        OTHER: [world.id("A1"), world.id("A2")],
    }


def test_alarms_that_suspend_trips_are_told():
    world = World(accounts=3, toml=TOML.replace("mass_trip_fraction = 1", "mass_trip_fraction = 0"))
    assert world.gateway.stats()["alarms"] == []
    world.spend("0")
    assert world.gateway.stats()["alarms"] == ["mass_trip"]
    world.update("resume_trips")
    assert world.gateway.stats()["alarms"] == []


def test_a_district_of_nobody_is_told():
    headends = {"headend-1": HeadEndConfig(name="headend-1", districts=frozenset({"7"}))}
    world = tripped(1, headends=headends)
    assert world.gateway.not_sent == {Why.NOWHERE: 1}


def test_another_grid_is_another_head_end():
    headends = {"headend-1": HeadEndConfig(name="headend-1", grids=frozenset({"north"}))}
    world = tripped(1, headends=headends)
    assert world.gateway.not_sent == {Why.NOWHERE: 1}
    moved = {"district_id": world.id("D0"), "name": "D0", "grid": "north", "loss_limit": None}
    world.apply("districts", moved)
    world.pay("0")
    assert kinds(world.poll()) == [("restore", world.id("A0"))]


def test_a_trip_whose_district_came_to_another_head_end_between_its_attempts():
    """Both attempts wait, one at each head-end: the older one is overtaken, and the newer one leaves once."""
    headends = {
        name: HeadEndConfig(name=name, grids=frozenset({grid}))
        for name, grid in (("headend-1", "G0"), ("headend-2", "G9"))
    }
    world = World(headends=headends, allowed={"headend-1": HEADEND, "headend-2": OTHER})
    world.spend("0")
    moved = {"district_id": world.id("D0"), "name": "D0", "grid": "G9", "loss_limit": None}
    world.apply("districts", moved)
    world.apply("tick", now_s=NOW + 60)
    world.ready()
    world.ready(key=OTHER)
    (body,) = world.bodies(NOW + 60)
    assert body.producer == OTHER
    assert [trip.attempt for trip in commands_in(body)] == [2]
    assert +world.gateway.not_sent == {Why.OVERTAKEN: 1}
    assert world.bodies(NOW + 61) == []


@pytest.mark.parametrize("allowed", [{}, {"headend-1": HEADEND, "headend-2": OTHER}])
def test_with_none_configured_it_must_be_clear_who_is_meant(allowed):
    world = World(allowed=allowed)
    world.ready()
    world.ready(key=OTHER)
    world.spend("0")
    assert world.poll() == []
    world.allowed = {"headend-2": OTHER}
    assert [body.producer for body in world.bodies(NOW + 1)] == [OTHER]


def test_a_key_that_was_revoked_gets_nothing():
    headends = {"headend-1": HeadEndConfig(name="headend-1", districts=frozenset({"*"}))}
    world = World(headends=headends)
    world.ready()
    world.spend("0")
    world.allowed = {"headend-2": HEADEND}
    assert world.poll() == []


def test_a_head_end_that_speaks_cim_gets_one_control_a_message():
    codes = Codes(trip="3.31.0.42", restore="3.31.0.41")
    headends = {
        "headend-1": HeadEndConfig(name="headend-1", districts=frozenset({"*"}), form="cim", codes=codes)
    }
    world = World(accounts=3, headends=headends)
    world.ready(until=2)
    world.spend("0", "1", "2")
    bodies = world.bodies()
    assert [body.rows for body in bodies] == [1, 1]
    message = msgspec.json.decode(bodies[0].body)
    (control,) = message["Payload"]["EndDeviceControls"]["EndDeviceControl"]
    assert control["EndDeviceControlType"] == {"ref": "3.31.0.42"}
    assert control["EndDevices"] == [
        {"Names": [{"name": str(world.id("M0")), "NameType": {"name": "meter_id"}}]}
    ]
    names = {each["NameType"]["name"]: each["name"] for each in control["Names"]}
    assert names["balance"] == "-12.250000000"
    assert names["signer"] == SIGNER.public.hex()
    world.ready(until=3)
    paid(world, "2")
    (restore,) = world.bodies(NOW + 1)
    message = msgspec.json.decode(restore.body)
    assert message["Payload"]["EndDeviceControls"]["EndDeviceControl"][0]["EndDeviceControlType"] == {
        "ref": "3.31.0.41"
    }
