"""The gateway of one shard: commands out, restores first, each trip looked at once more as it leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from fastcore.effects import Effects
from pipeline.gateway.bodies import body_of, rows_max
from pipeline.gateway.evidence import Decided, decided
from pipeline.gateway.queues import Queue
from pipeline.gateway.routes import Allowed, Routes
from pipeline.gateway.sending import WAITS, Moment, Why, judge
from pipeline.gateway.sessions import Session, Sessions
from pipeline.node.config import HeadEndConfig
from pipeline.node.outlet import CommandBody, Desk
from pipeline.wire import Kind
from pipeline.wire.commands import Signer

__all__ = ["Gateway", "Settings"]

ROWS_AT_ONCE: Final = 512
"""Commands of a kind that leave for one head-end in one poll: signing takes 50 microseconds each."""


ALARMS: Final = ("clock_jump", "mass_trip")
"""Findings that suspend trips until a person resumes them."""


class Settings(NamedTuple):
    """What a gateway is made with.

    Attributes:
        headends: as the configuration names them; none: the only one that may connect gets all.
        allowed: the keys of head-ends that may connect now, by name.
        signer: the node's key.
        no_trip: whether the file NO-TRIP is there; asked each time.
        command_base: what is added to the ids of this shard's commands where they leave it.
    """

    headends: Mapping[str, HeadEndConfig]
    allowed: Allowed
    signer: Signer
    no_trip: Callable[[], bool]
    command_base: int = 0


class _Way(NamedTuple):
    """A head-end that is there and has room, and what waits for it."""

    queue: Queue
    session: Session
    config: HeadEndConfig

    @property
    def room(self) -> int:
        """How many commands may leave now."""
        return min(self.session.room * rows_max(self.config), ROWS_AT_ONCE)


class _Leaving(NamedTuple):
    """A message of the last poll, and what is in it."""

    message: CommandBody
    way: _Way
    commands: list[Decided]


class Gateway:
    """Takes what an engine decides, and gives out what should leave; for one thread, the writer's.

    A trip that the engine sent before this process started is not sent again by itself: nobody knows what has become
    of it, and the engine repeats it if it still should be. A restore is.

    Attributes:
        sent: commands that left, by kind.
        not_sent: those that never will, by why.
    """

    def __init__(self, settings: Settings) -> None:
        self.sent: Counter[str] = Counter()
        self.not_sent: Counter[Why] = Counter()
        self._settings = settings
        self._routes = Routes(settings.headends, settings.allowed)
        self._queues: dict[str, Queue] = {}
        self._grids: dict[int | str, str | None] | None = None
        self._sessions = Sessions()
        self._leaving: list[_Leaving] = []
        self._swept_s = self._judged_s = -1

    def start(self, desk: Desk, commands: pa.Table, now_s: int) -> None:
        """Take over after recovery: `commands` are the engine's current ones."""
        self._desk = desk
        restores = commands.filter(pc.equal(commands["kind"].cast(pa.string()), "restore"))
        self._take(restores, desk.engine.sequence)

    def heard(self, kind: Kind) -> None:
        """A batch of this kind was applied; called before `take` of the same one."""
        if kind is Kind.DISTRICTS:
            self._grids = None

    def take(self, seq: int, effects: Effects) -> None:
        """The engine has applied batch `seq`, and nothing after it."""
        if effects.commands.num_rows:
            self._take(effects.commands, seq)

    def ready(self, producer: bytes, session: int, until: int) -> None:
        """A head-end takes commands: in this session so many messages in all."""
        self._sessions.ready(producer, session, until)

    def gone(self, producer: bytes, session: int) -> None:
        """A head-end's session has ended; what it was not sent waits, and expires."""
        self._sessions.gone(producer, session)

    def poll(self, now_s: int) -> list[CommandBody]:
        """What should leave now, restores first."""
        now_s = max(now_s, self._desk.engine.now_s or now_s)
        self._leaving.clear()
        self._sweep(now_s)
        ways = self._ways()
        for way in ways:
            self._send(way, way.queue.first_restores(way.room))
        self._send_trips(ways, now_s)
        return [leaving.message for leaving in self._leaving]

    def unsent(self, bodies: Sequence[CommandBody]) -> None:
        """These of the last poll did not get away: restores wait again, trips are the engine's to repeat."""
        for message, way, commands in self._leaving:
            if any(message is body for body in bodies):
                way.session.sent -= 1
                self.sent.subtract(each.command.kind for each in commands)
                restores = [each for each in commands if each.command.kind == "restore"]
                way.queue.put_back(restores)
                self.not_sent[Why.UNDELIVERED] += len(commands) - len(restores)

    def stats(self) -> dict[str, Any]:
        """What waits, what left, what never will and why; whether trips are stopped, and by what."""
        queues = self._queues.values()
        return {
            "waiting": {
                "restore": sum(len(queue.restores) for queue in queues),
                "trip": sum(len(queue.trips) for queue in queues),
            },
            "sent": {kind: self.sent[kind] for kind in ("restore", "trip")},
            "not_sent": {why.value: self.not_sent[why] for why in Why if why not in WAITS},
            "headends": len(self._sessions),
            "no_trip": self._settings.no_trip(),
            "held": self._desk.held,
            "suspended": self._desk.suspended,
            "alarms": self._alarms(),
        }

    def _alarms(self) -> list[str]:
        """The engine's own alarms that suspend trips, as far as they are up."""
        kinds = self._desk.engine.findings()["kind"].cast(pa.string())
        return sorted(set(kinds.filter(pc.is_in(kinds, pa.array(ALARMS))).to_pylist()))

    def _take(self, rows: pa.RecordBatch | pa.Table, seq: int) -> None:
        for each in decided(rows, seq, self._desk.engine, self._settings.command_base):
            name = self._routes.name(each.district_id, self._grid(each.district_id))
            if name is None:
                self.not_sent[Why.NOWHERE] += 1
            else:
                self._queues.setdefault(name, Queue()).put(each)

    def _grid(self, district_id: int | str) -> str | None:
        if not self._routes.by_grid:
            return None
        if self._grids is None:
            table = self._desk.engine.districts()
            pairs = zip(table["district_id"].to_pylist(), table["grid"].to_pylist(), strict=True)
            self._grids = dict(pairs)
        return self._grids.get(district_id)

    def _sweep(self, now_s: int) -> None:
        """Take out what has expired, once a second."""
        if now_s != self._swept_s:
            self._swept_s = now_s
            for queue in self._queues.values():
                self.not_sent[Why.EXPIRED] += queue.expire(now_s)

    def _ways(self) -> list[_Way]:
        ways = []
        for name, queue in self._queues.items():
            if len(queue):
                route = self._routes.to(name)
                session = self._sessions.of(route.key)
                if session is not None and session.room:
                    ways.append(_Way(queue, session, route.config))
        return ways

    def _send_trips(self, ways: Sequence[_Way], now_s: int) -> None:
        """Send the trips that still should be sent, of many a first part.

        They are looked at once a second, since the engine's tables, which tell what is true of each, are large.
        """
        offered = [(way, trip) for way in ways for trip in islice(way.queue.trips.values(), way.room)]
        if not offered or now_s == self._judged_s:
            return
        moment = Moment(
            now_s=now_s,
            no_trip=self._settings.no_trip(),
            held=self._desk.held,
            suspended=self._desk.suspended,
            unapplied=self._desk.unapplied,
            engine=self._desk.engine,
        )
        judged = judge([trip for _, trip in offered], moment, self._settings.command_base)
        if judged.looked:
            self._judged_s = now_s
        leaving: dict[int, list[Decided]] = {}
        for (way, trip), why in zip(offered, judged.why, strict=True):
            if why in WAITS:
                continue
            del way.queue.trips[trip.command.account_id]
            if why is None:
                leaving.setdefault(id(way), []).append(trip)
            else:
                self.not_sent[why] += 1
        for way in ways:
            self._send(way, leaving.get(id(way), []))

    def _send(self, way: _Way, commands: Sequence[Decided]) -> None:
        """Write commands down, in as many messages as they need; there is room for them."""
        most = rows_max(way.config)
        for first in range(0, len(commands), most):
            part = list(commands[first : first + most])
            body = body_of([each.command for each in part], way.config, self._settings.signer)
            way.session.sent += 1
            self.sent.update(each.command.kind for each in part)
            restores = part[0].command.kind == "restore"
            message = CommandBody(way.session.key, way.session.number, body.rows, body.data, restores)
            self._leaving.append(_Leaving(message, way, part))
