"""A whole node and those around it, in one seeded loop: killed, cut, torn and lied to, and right all the same."""

from __future__ import annotations

from random import Random
from typing import Any

from pipeline.client.errors import ClientError
from pipeline.journal import JournalDamaged, JournalError
from pipeline.keys import PublicKey
from pipeline.wire import Role
from simulation import network
from simulation.clients import Client, HeadEnd, Violation
from simulation.disk import Faults, Killed, SimDisk
from simulation.ledger import Ledger
from simulation.process import SIGNER, Engine, Ingest
from unit import core_world as world
from unit.node.world import CONFIG, body_of

ACCOUNTS = 5
STEPS = 14
WORKERS = 2
TOML = CONFIG.replace("max_attempts = 1", 'max_attempts = 3\nack_timeout = "20s"\ncommand_ttl = "5m"')
QUIET_TURNS = 4000


class County:
    """One run; everything in it comes from the seed."""

    def __init__(self, seed: int, kills: int = 6, errors: int = 1) -> None:
        self.random = Random(seed)
        self.faults = Faults(random=Random(seed + 1), short_writes=0.05)
        self.network = network.Faults(Random(seed + 2), self.faults.injected)
        self.clock = network.Clock(world.START + STEPS * world.STEP)
        self.config = TOML
        self.no_trip = False
        self.disk, self.shelf = SimDisk(self.faults), SimDisk(self.faults)
        self.ledger = Ledger()
        self.engine: Engine | None = None
        self.workers: list[Ingest | None] = [None] * WORKERS
        roles = {
            "registry": Role.REGISTRY,
            "reads-0": Role.READS,
            "reads-1": Role.READS,
            "cash": Role.PAYMENTS,
            "bank": Role.PAYMENTS,
            "operator": Role.OPERATOR,
        }
        self.clients: list[Client] = [
            Client(_key(name, role), self.faults, network.Connection(_key(name, role).curve, self.network))
            for name, role in roles.items()
        ]
        public = _key("headend", Role.HEADEND)
        self.headend = HeadEnd(
            public,
            self.faults,
            network.Connection(public.curve, self.network),
            trusted=SIGNER.public,
            random=self.random,
        )
        self.clients.append(self.headend)
        self.payments = {client.public.curve for client in self.clients if client.role is Role.PAYMENTS}
        self._kills, self._errors = kills, errors
        self._paid = 0
        self._plan()

    def run(self, turns: int = 500) -> County:
        """So many turns with faults, then without, until all is settled; raises `Violation`."""
        try:
            for _ in range(turns):
                self._turn()
            self._calm()
            for _ in range(QUIET_TURNS):
                self._turn()
                if self._settled():
                    return self._finish()
            waiting = [client.public.name for client in self.clients if not client.settled]
            raise Violation(f"not settled: {waiting}")
        finally:
            if self.engine is not None:
                self.engine.journal.close()

    def _turn(self) -> None:
        random = self.random
        self.clock.s += random.choice((0.0, 0.01, 0.05, 0.3, 2.0))
        self._give()
        actors: list[Any] = [*self.clients, *(n for n in range(WORKERS)), self]
        random.shuffle(actors)
        for actor in actors:
            self._guarded(actor)
        if not self.network.calm:
            self.no_trip = random.random() < (0.98 if self.no_trip else 0.01)
            if random.random() < 0.004:
                self._node_dies(power=random.random() < 0.5)
            if random.random() < 0.006:
                self._worker_dies(random.randrange(WORKERS))
            if random.random() < 0.006:
                self._client_dies(random.choice(self.clients), power=random.random() < 0.5)

    def _guarded(self, actor: Any) -> None:
        """Let one of the processes do something; what kills it is planned, or a violation."""
        errors = self._eio()
        try:
            self._act(actor)
        except (JournalDamaged, AssertionError):
            raise
        except Killed:
            self._dies(actor, power=self.random.random() < 0.6)
            self._plan()
        except (JournalError, OSError, ClientError) as error:
            if self._eio() == errors:
                raise Violation(f"{type(error).__name__}: {error}") from error
            self._dies(actor, power=self.random.random() < 0.3)
            self._plan()

    def _act(self, actor: Any) -> None:
        if isinstance(actor, Client):
            if actor.talk is None:
                actor.start()
            actor.connection.connect(
                [worker.front for worker in self.workers if worker is not None and worker.ready]
            )
            actor.turn(self.clock)
        elif isinstance(actor, int):
            if self.engine is not None and self.workers[actor] is None:
                self.workers[actor] = Ingest(self, self.engine, actor)
            elif (worker := self.workers[actor]) is not None:
                worker.turn()
        elif self.engine is None:
            self.faults.injected["start"] += 1
            self.engine = Engine(self)
        else:
            self.engine.turn()

    def _give(self) -> None:
        """What producers have to say: the registry first, then reads, payments, and operators' wishes."""
        registry, *reads, cash, bank, operator, _ = self.clients
        random = self.random
        accounts = [f"A{i}" for i in range(ACCOUNTS)]
        for client in self.clients:
            if client.talk is None:
                return
        try:
            if not registry.given:
                rows = [
                    world.account("uint64", name, 3 * world.NANO, f"D{i % 2}")
                    for i, name in enumerate(accounts)
                ]
                registry.give(body_of("accounts", world.rows("accounts", "uint64", *rows)))
            elif len(registry.given) == 1:
                rows = [world.meter("uint64", f"M{i}", name) for i, name in enumerate(accounts)]
                registry.give(body_of("meters", world.rows("meters", "uint64", *rows)))
            if not registry.settled:
                return
            for n, client in enumerate(reads):
                step = len(client.given)
                if step < STEPS and random.random() < 0.1:
                    meters = [i for i in range(ACCOUNTS) if i % 2 == n]
                    rows = [world.read("uint64", f"M{i}", step, 200 * step) for i in meters]
                    client.give(body_of("reads", world.rows("reads", "uint64", *rows)))
            if random.random() < 0.05 and self._paid < 40:
                self._paid += 1
                row = world.payment(
                    "uint64", self._paid, random.choice(accounts), random.randint(1, 6) * world.NANO
                )
                random.choice((cash, bank)).give(body_of("payments", world.rows("payments", "uint64", row)))
            if random.random() < 0.02:
                op = random.choice(("suspend_trips", "resume_trips", "resume_trips"))
                operator.give(body_of("updates", world.rows("updates", "uint64", world.update("uint64", op))))
        except (Killed, JournalError, OSError, ClientError):
            for client in self.clients:
                self._client_dies(client, power=True)
            self._plan()

    def _dies(self, actor: Any, power: bool) -> None:
        if isinstance(actor, Client):
            self._client_dies(actor, power)
        elif isinstance(actor, int):
            self._worker_dies(actor)
        else:
            self._node_dies(power)

    def _node_dies(self, power: bool) -> None:
        """The engine, and with it the workers; or the machine."""
        for disk in (self.disk, self.shelf):
            disk.power_failure() if power else disk.kill()
        if self.engine is not None:
            self.engine.hub.alive = False
            self.faults.injected["node killed"] += 1
        self.engine = None
        for number in range(WORKERS):
            self._worker_dies(number)

    def _worker_dies(self, number: int) -> None:
        worker, self.workers[number] = self.workers[number], None
        if worker is not None:
            worker.die()
            self.faults.injected["worker killed"] += 1

    def _client_dies(self, client: Client, power: bool) -> None:
        self.faults.injected["client killed"] += 1
        client.die(power)

    def _plan(self) -> None:
        """What happens next to an operation of some disk, or to an apply or an answer."""
        faults, random = self.faults, self.random
        faults.kill_at = None
        if self.network.calm:
            return
        if self._kills:
            self._kills -= 1
            near = random.random() < 0.4  # also while what died last recovers
            faults.kill_at = faults.operations + 1 + random.randrange(12 if near else 250)
            faults.kill_when = random.choice(("before", "during", "after"))
        if self._errors and random.random() < 0.3:
            self._errors -= 1
            faults.fail_at = {faults.operations + 1 + random.randrange(200)}

    def _calm(self) -> None:
        self.network.calm, self.no_trip = True, False
        self.faults.kill_at, self.faults.fail_at = None, set()
        self.faults.short_writes = 0.0

    def _settled(self) -> bool:
        engine = self.engine
        if engine is None or not engine.shard.quiet or not all(client.settled for client in self.clients):
            return False
        return not self.headend.talk.batches and len(self.clients[1].given) >= STEPS

    def _finish(self) -> County:
        self.ledger.check(self.engine.state)
        self.ledger.check_once(self.clients)
        self.ledger.check_twin(self.headend.executed)
        seen: dict[int, int] = {}
        for command in self.headend.executed:
            if command.command_id < seen.get(command.meter_id, 0):
                raise Violation(f"{command} was executed after a newer one")
            seen[command.meter_id] = command.command_id
        return self

    def _eio(self) -> int:
        return sum(count for what, count in self.faults.injected.items() if what.startswith("EIO"))


def _key(name: str, role: Role) -> PublicKey:
    return PublicKey(name, role, name.encode().ljust(32, b"."))
