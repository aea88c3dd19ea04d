"""Writer and gateway together, on simulated disks: from debts to a head-end, with payments arriving in between."""

from __future__ import annotations

from collections import Counter
from random import Random

from pipeline.gateway import Gateway, Settings
from pipeline.node.internal import Commands, Gone, Join, Ready
from pipeline.wire import Role
from pipeline.wire.commands import Command
from simulation.disk import SimDisk
from unit.core_world import NANO, START, STEP, account, ack, meter, payment, read, rows
from unit.gateway.world import SIGNER, TOML, commands_in, kinds
from unit.node.world import IDS, Node, Producer, body_of

NOW = START + 4 * STEP


class Shard:
    """A node of one shard with a gateway, one producer of each kind and a head-end; disks that outlive it."""

    def __init__(self, accounts: int = 3) -> None:
        self.disk, self.shelf = SimDisk(), SimDisk()
        self.names = [str(n) for n in range(accounts)]
        self.registry = Producer("registry", Role.REGISTRY)
        self.reads = Producer("reads", Role.READS)
        self.payments = Producer("payments", Role.PAYMENTS)
        self.headend = Producer("headend", Role.HEADEND)
        self.all = [self.registry, self.reads, self.payments, self.headend]
        self.no_trip = False
        self.paid = 0
        self.start()
        self.give(self.registry, "accounts", *(account(IDS, f"A{n}", 10 * NANO) for n in self.names))
        self.give(self.registry, "meters", *(meter(IDS, f"M{n}", f"A{n}") for n in self.names))

    def start(self) -> None:
        """A process, and a HELLO of everybody but the payments key."""
        self.gateway = Gateway(
            Settings({}, lambda: {"headend": self.headend.key}, SIGNER, lambda: self.no_trip)
        )
        self.node = Node(self.disk, self.shelf, payments_keys=[self.payments.key], gateway=self.gateway)
        self.node.writer.begin(TOML, NOW)
        self.node.say(b"worker", Join("worker", False))
        for producer in self.all:
            producer.session, producer.epoch = 0, producer.epoch + 1
            if producer is not self.payments:
                self.node.say(b"worker", producer.hello())
        self.settle()

    def pay_channel(self) -> None:
        """The payments key says HELLO, and all that it has is settled: trips need not wait any more."""
        self.node.say(b"worker", self.payments.hello())
        self.settle()

    def give(self, producer: Producer, kind: str, *given: dict[str, object], settle: bool = True) -> None:
        """A batch of a producer; without `settle` it has arrived, and waits to be journaled."""
        producer.outbox.append(body_of(kind, rows(kind, IDS, *given)))
        producer.sent += 1
        message, body = producer.batch(producer.sent)
        self.node.say(b"worker", message, body)
        if settle:
            self.settle()

    def settle(self, now_s: int = NOW) -> None:
        while self.node.commit(now_s):
            pass
        for _, message, _ in self.node.answers:
            for producer in self.all:
                if getattr(message, "producer", producer.key) == producer.key:
                    producer.take(message)
        self.node.answers.clear()

    def spend(self, *names: str) -> None:
        """Two reads, 30 kWh apart: debts of 12.25."""
        for step, value in ((1, 0), (4, 3000)):
            self.give(self.reads, "reads", *(read(IDS, f"M{n}", step, value) for n in names))

    def pay(self, name: str, settle: bool = True) -> None:
        self.paid += 1
        self.give(
            self.payments, "payments", payment(IDS, self.paid, f"A{name}", 50 * NANO, NOW), settle=settle
        )

    def ready(self, until: int = 100) -> None:
        self.node.say(b"worker", Ready(self.headend.key, self.headend.session, until))

    def leave(self, now_s: int = NOW) -> list[Command]:
        """What leaves for the head-end."""
        out = []
        for answer, body in self.node.writer.commands(now_s):
            assert (answer.route, answer.body) == (b"worker", body.body)
            assert answer.message == Commands(
                self.headend.key, self.headend.session, body.rows, not body.restores
            )
            out += commands_in(body)
        return out


def test_trips_wait_for_the_pay_channel_and_then_go():
    shard = Shard()
    shard.ready()
    shard.spend("0")
    assert shard.leave() == []
    assert shard.node.writer.held
    shard.pay_channel()
    assert not shard.node.writer.held
    (trip,) = shard.leave(NOW + 1)
    assert (trip.kind, trip.balance_nano, trip.threshold_nano) == ("trip", -12_250_000_000, 0)
    assert trip.decided_seq == shard.node.state.engine.sequence


def test_a_payment_that_has_arrived_holds_the_trip_before_it_is_journaled():
    shard = Shard()
    shard.pay_channel()
    shard.spend("0", "1")
    shard.pay("0", settle=False)
    shard.ready()
    assert shard.leave() == []
    shard.settle()
    assert [command.kind for command in shard.leave()] == ["restore", "trip"]


def test_an_ack_ends_it_and_the_payment_restores():
    shard = Shard()
    shard.pay_channel()
    shard.ready()
    shard.spend("0")
    (trip,) = shard.leave()
    shard.give(shard.headend, "acks", ack(trip.command_id, "done"))
    assert shard.node.state.engine.accounts()["state"][0].as_py() == "off"
    shard.pay("0")
    assert [command.kind for command in shard.leave()] == ["restore"]


def test_a_start_sends_restores_at_once_and_trips_only_anew():
    shard = Shard()
    shard.pay_channel()
    shard.ready()
    shard.spend("0", "1")
    shard.leave()
    shard.pay("0")
    shard.disk.kill()
    shard.shelf.kill()
    shard.start()
    shard.ready()
    assert shard.node.writer.held
    assert [command.kind for command in shard.leave()] == ["restore"]
    shard.settle(NOW + 61)
    assert [command.attempt for command in shard.leave(NOW + 61) if command.kind == "restore"] == [2]
    shard.pay_channel()
    shard.settle(NOW + 62)
    again = shard.leave(NOW + 63)
    assert kinds(again) == [("trip", trip_account(shard))], "a new trip, decided after all payments were in"
    assert (again[0].attempt, again[0].command_id) == (1, 4)


def trip_account(shard: Shard) -> int | str:
    return shard.node.state.engine.accounts()["account_id"][1].as_py()


def test_what_a_gone_worker_did_not_get_waits():
    shard = Shard()
    shard.pay_channel()
    shard.ready()
    shard.spend("0", "1")
    shard.leave()
    shard.pay("0")
    pairs = shard.node.writer.commands(NOW)
    shard.node.writer.unsent([body for _, body in pairs])
    shard.node.say(b"worker", Join("worker", False))
    assert shard.leave() == []
    shard.node.say(b"worker", shard.headend.hello())
    shard.settle()
    shard.ready()
    assert [command.kind for command in shard.leave()] == ["restore"]


def test_a_head_end_that_went_gets_nothing():
    shard = Shard()
    shard.pay_channel()
    shard.ready()
    shard.spend("0")
    shard.node.say(b"worker", Gone(shard.headend.key, shard.headend.session))
    assert shard.leave() == []


SEEDS = 12


def test_no_trip_leaves_of_whoever_has_paid():
    """Payments, restarts, hold, NO-TRIP and clocks in any order: whose money has arrived is never tripped after it."""
    left: Counter[str] = Counter()
    for seed in range(SEEDS):
        left += hours(Random(seed))
    assert left["trip"] > SEEDS, "a test in which nothing leaves finds nothing"
    assert left["restore"] > SEEDS
    assert left["start"] > SEEDS // 2
    assert left["paid before its trip left"] > SEEDS // 2


def hours(dice: Random) -> Counter[str]:
    """Some hours of six debtors; what left."""
    shard = Shard(accounts=6)
    shard.spend(*shard.names)
    ids = shard.node.state.engine.accounts()["account_id"].to_pylist()
    arrived: set[int] = set()
    newest: dict[int, int] = {}
    left: Counter[str] = Counter()
    now_s = NOW
    for _ in range(150):
        now_s += dice.choice((0, 0, 1, 5, 70))
        event = dice.randrange(12)
        if event == 0 and shard.payments.session:
            name = dice.choice(shard.names)
            left["paid before its trip left"] += ids[int(name)] not in newest
            arrived.add(ids[int(name)])
            shard.pay(name, settle=False)
        elif event == 1 and not shard.payments.session:
            shard.pay_channel()
        elif event == 2:
            shard.no_trip = dice.random() < 0.3
        elif event == 3 and dice.random() < 0.1:
            shard.settle(now_s)
            shard.disk.kill()
            shard.shelf.kill()
            shard.start()
            left["start"] += 1
        elif event < 6 and shard.headend.session:
            shard.ready(dice.randrange(1, 100))
        elif event < 9:
            shard.settle(now_s)
        for command in shard.leave(now_s):
            left[command.kind] += 1
            assert command.command_id >= newest.get(command.account_id, 0)
            newest[command.account_id] = command.command_id
            if command.kind == "trip":
                assert not shard.no_trip
                assert not shard.node.writer.held
                assert command.account_id not in arrived
                assert now_s < command.expires_at_s
    return left
