"""A whole node and its clients in one loop: every choice comes from a seed, and the model watches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random

from pipeline.client.errors import CursorsError, NotAccepted, OutboxError
from pipeline.journal import JournalDamaged, JournalError, JournalFull
from pipeline.keys import PublicKey
from pipeline.wire import Role
from pipeline.worker.returns import WorkerError
from simulation import county
from simulation.clients import Client, Meters
from simulation.clock import SimClock
from simulation.county import ACCOUNTS, ROLES, Cashier, Clerk, Given, Reader, key_of
from simulation.disk import Killed, SimDisk
from simulation.follower import Follower
from simulation.judge import Violation, require
from simulation.mishaps import Mishaps
from simulation.model import Model
from simulation.network import Network, Noise
from simulation.plan import Plan
from simulation.points import Points
from simulation.process import SIGNER, ShardProcess, WorkerProcess

ENDS = (Killed, JournalError, OSError)
"""What ends a process of the node, as it should."""
KEYS = {key_of(name): PublicKey(name, role, key_of(name)) for name, role in ROLES.items()}
PAYMENTS = [key for key, public in KEYS.items() if public.role == Role.PAYMENTS]


class World:
    """One schedule."""

    def __init__(self, seed: int, plan: Plan) -> None:
        self.random = random = Random(seed)
        self.plan = plan
        self.injected: Counter[str] = Counter()
        self.clock = SimClock(county.BEGIN_S)
        self.points = Points(
            Random(random.random()),
            short_writes=0.02,
            spoil=plan.spoil,
            injected=self.injected,
            kills=list(plan.kills),
        )
        self.client_points = Points(
            Random(random.random()), who="client ", injected=self.injected, kills=list(plan.client_kills)
        )
        self.disk = SimDisk(self.points, name="segment")
        self.shelf = SimDisk(self.points, name="lines")
        self.network = Network(random, self.clock, self.injected)
        self.no_trip = False
        self.clients: dict[str, Client] = {}
        truth = {}
        self.allowed = dict(KEYS)
        self.model = Model(
            truth,
            self.payments,
            SIGNER.public,
            self.clock.now_s,
            lambda: self.no_trip,
            self.clock.monotonic_s,
        )
        for name in ROLES:
            client = self._made(name)
            self.clients[name] = client
            truth[client.key] = client.truth
        self.sources = {
            "reads-0": Reader(random, [0, 2, 4], self.meters.off),
            "reads-1": Reader(random, [1, 3], self.meters.off),
            "payments-0": Cashier(random, 0),
            "payments-1": Cashier(random, 1 << 32),
            "operator": Clerk(random),
        }
        self.shard: ShardProcess | None = None
        self.workers: dict[str, WorkerProcess | None] = {"worker-0": None, "worker-1": None}
        self.starts = 0
        self.away: Counter[str] = Counter()
        self.stalled: Counter[str] = Counter()
        self.banned: Counter[str] = Counter()
        self.mishaps = Mishaps(self)
        self.calm = False

    @property
    def meters(self) -> Meters:
        """The head-end, and what it has switched."""
        headend = self.clients["headend"]
        assert isinstance(headend, Meters)
        return headend

    def _made(self, name: str) -> Client:
        """A client of its kind."""
        arguments = (name, self.client_points, self.clock, self.network, self.model)
        if name == "headend":
            return Meters(self.random, SIGNER.public, *arguments)
        return Follower(self.random, *arguments) if name == "subscriber" else Client(*arguments)

    def payments(self) -> list[bytes]:
        """The payments keys that may connect."""
        return [key for key in PAYMENTS if key in self.allowed]

    def headends(self) -> dict[str, bytes]:
        """The head-ends that may."""
        key = key_of("headend")
        return {"headend": key} if key in self.allowed else {}

    def revoke(self, name: str, rounds: int) -> None:
        """Let a client's key not connect for so many rounds; 0 allows it again."""
        key = key_of(name)
        self.banned[name] = rounds
        self.allowed = {each: known for each, known in KEYS.items() if not self._is_banned(known.name)}
        self.network.revoked = {each.hex() for each in KEYS if each not in self.allowed}
        if rounds:
            self.model.revoked(key)
        for worker in self.workers.values():
            if worker is not None:
                worker.worker.allowed(self.allowed)

    def _is_banned(self, name: str) -> bool:
        return self.banned[name] > 0

    # ---- what a schedule does

    def run(self) -> None:
        """All of it; raises `Violation`."""
        self.network.noise = self.plan.noise
        for given in county.registry():
            self._guard("registry", partial(self._register, given))
        for _ in range(self.plan.rounds):
            self.round()
        self.finish()

    def round(self) -> None:
        """Everybody does something, in some order."""
        random = self.random
        self.clock.pass_by(random.choice((0.001, 0.01, 0.05, 0.3)), pace=random.choice((1, 1, 60, 600, 6000)))
        if not self.calm:
            self.mishaps.happen()
        for name, rounds in list(self.banned.items()):
            if rounds:
                self.banned[name] -= 1
                if rounds == 1:
                    self.revoke(name, 0)
        acts: list[Callable[[], None]] = [self._node] * 3
        acts += [partial(self._worker, name) for name in self.workers]
        acts += [partial(self._guard, name, partial(self._exchange, name)) for name in self.clients]
        random.shuffle(acts)
        for act in acts:
            act()
        if not self.calm and self.clients["registry"].settled:
            name = random.choice([*self.sources, "reads-0", "reads-1"])
            self._guard(name, partial(self._give, name))

    def finish(self) -> None:
        """No more mishaps: then everything must be acknowledged, and whoever pays must have supply."""
        self.calm, self.no_trip = True, False
        self.away.clear()
        self.stalled.clear()
        for name in [name for name, rounds in self.banned.items() if rounds]:
            self.revoke(name, 0)
        self.network.noise = Noise()
        for points in (self.points, self.client_points):
            points.kills.clear()
            points.fail_at.clear()
        self.mishaps.empty()
        if self.shard is not None and self.shard.state.now_s is not None:
            self.clock.shown_s = max(self.clock.shown_s, self.model.judge.engine.now_s or 0)
        meters = self.meters
        meters.faithful = True
        operator = self.sources["operator"]
        assert isinstance(operator, Clerk)
        self._client("operator").give(operator.tick(self.clock.now_s()))
        self._client("operator").give(operator.trips("resume_trips"))
        self._until(self._settled, "not all is settled")
        cashier = self.sources["payments-0"]
        assert isinstance(cashier, Cashier)
        for account in range(ACCOUNTS):
            self._client("payments-0").give(cashier.of(account, 100_000, self.clock.now_s()))
        self._until(
            lambda: self._settled() and not meters.off and self._all_on(), "somebody paid, and is off"
        )
        shard = self.shard
        assert shard is not None
        self.model.compare(shard.state)
        for worker in self.workers.values():
            if worker is not None:
                require(
                    not worker.unanswered, f"{worker.name} waits for {worker.unanswered} answers for ever"
                )
        shard.state.engine.audit()  # type: ignore[union-attr]

    # ---- the parts

    def _node(self) -> None:
        """The node's processes and threads, one of them."""
        if self._stands("node"):
            return
        try:
            shard = self.shard
            if shard is None:
                self._start()
                return
            what = self.random.randrange(8)
            if what < 3:
                shard.turn()
            elif what < 6:
                shard.commits.run()
            elif what == 6:
                shard.prepare()
            else:
                shard.snapshots(self.random.random() < (0.05 if self.calm else self.plan.snapshot))
        except ENDS as error:
            self._node_dies(error)

    def _start(self) -> None:
        if not self.calm and self.random.random() < self.plan.damage:
            self.mishaps.damage_journal()
        self.starts += 1
        self.shard = ShardProcess(
            (self.disk, self.shelf),
            self.points,
            self.model,
            self.clock,
            self.payments,
            self.headends,
            lambda: self.no_trip,
            self.plan.queue,
            self.plan.kept_bytes,
            self.mishaps.damage_candidate,
        )

    def _node_dies(self, error: BaseException) -> None:
        if isinstance(error, JournalDamaged):
            raise Violation(f"recovery halts, and nothing was damaged: {error}") from error
        if isinstance(error, JournalFull):
            self.injected["start on a full disk"] += 1
            self.mishaps.empty()
        self.points.phase = ""
        power = self._power_fails(self.points)
        for disk in (self.disk, self.shelf):
            if power:
                disk.power_failure()
            else:
                disk.kill()
        if self.shard is not None:
            self.shard.local.die()
        self.shard = None
        for name in self.workers:
            if self.workers[name] is not None and self.random.random() < self.plan.orphans:
                self.injected["worker outlives its node"] += 1
            else:
                self.worker_dies(name)
        self.points.fail_at.clear()

    def _power_fails(self, points: Points) -> bool:
        chance = self.plan.power if points.struck is None else points.struck
        points.struck = None
        return self.random.random() < chance

    def _worker(self, name: str) -> None:
        worker = self.workers[name]
        if self._stands(name):
            return
        if worker is None:
            if self.shard is not None:
                worker = self.workers[name] = WorkerProcess(name, self.network, self.allowed, self.clock)
                worker.join(self.shard.local, self.random.randbytes(5))
            return
        if self.shard is not None and not worker.link.alive:
            worker.link.connect(self.shard.local, self.random.randbytes(5))
        try:
            worker.run()
        except WorkerError:
            self.injected["worker finds another start"] += 1
            self.worker_dies(name)

    def _stands(self, name: str) -> bool:
        """Whether a process stands still, this once more."""
        if not self.stalled[name]:
            return False
        self.stalled[name] -= 1
        return True

    def worker_dies(self, name: str) -> None:
        worker = self.workers[name]
        if worker is not None:
            worker.die()
        self.workers[name] = None

    def _client(self, name: str) -> Client:
        """A client that runs."""
        client = self.clients[name]
        if client.station is None:
            client.start()
        return client

    def _guard(self, name: str, act: Callable[[], None]) -> None:
        """Something of a client, whose process it may end."""
        if self.away[name]:
            self.away[name] -= 1
            return
        try:
            act()
        except NotAccepted as error:
            if name not in self.banned:
                raise Violation(f"{name} is refused, and may connect: {error}") from error
            self.client_dies(name)
        except (Killed, OutboxError, CursorsError, OSError) as error:
            if isinstance(error, OutboxError) and isinstance(error.__cause__, JournalDamaged):
                raise Violation(f"an outbox is damaged: {error}") from error
            self.client_dies(name)

    def client_dies(self, name: str) -> None:
        self.clients[name].die(power=self._power_fails(self.client_points))
        self.client_points.fail_at.clear()
        for disk in self.clients[name].disks:
            disk.capacity = None

    def _exchange(self, name: str) -> None:
        self._client(name).run()

    def _register(self, given: Given) -> None:
        self._client("registry").give(given)

    def _give(self, name: str) -> None:
        client = self._client(name)
        assert client.outbox is not None
        if len(client.truth) - client.outbox.acked < 4 and (name != "operator" or self.random.random() < 0.3):
            client.give(self.sources[name].next(self.clock.now_s()))

    def _settled(self) -> bool:
        return all(client.settled for client in self.clients.values())

    def _all_on(self) -> bool:
        states = self.model.judge.engine.accounts()["state"].to_pylist()
        return set(states) <= {"on", "warned"}

    def _until(self, true: Callable[[], bool], otherwise: str) -> None:
        for count in range(4000):
            self.round()
            if count % 2 == 0 and true():
                return
        require(False, f"{otherwise}: {self._where()}")

    def _where(self) -> str:
        return ", ".join(
            f"{name} {c.outbox.acked if c.outbox else None}/{len(c.truth)}"
            for name, c in self.clients.items()
        )
