"""The single writer of a shard: gather, journal, apply, release. No disk, no socket, no clock, no thread of its own.

::

    answers = writer.take(route, frames)         whatever came from workers
    group = writer.gather(now_s, journal)        what goes into the next frame
    journal.commit(group.buffers, …)             the shell's; the next group is written while this one is applied
    answers = writer.apply(group, mark)          only once it is on the disk
    answers = writer.look(payments_keys)         each second or so

Nothing is answered as settled, and no effect is handed on, before `apply`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

import pyarrow as pa

from fastcore.engine import Engine
from pipeline.feed import Ask, Fed, Feed
from pipeline.journal import Buffer, Mark
from pipeline.node.directory import Directories
from pipeline.node.entries import Entry
from pipeline.node.gathering import Gatherer, Group, Limits, Room, group_of
from pipeline.node.hold import Hold
from pipeline.node.intake import Answer, Intake, Welcome
from pipeline.node.internal import (
    Batch,
    Commands,
    Credit,
    Gone,
    Greet,
    Join,
    Joined,
    Learned,
    LinkError,
    NoRows,
    Place,
    Rows,
    Settled,
    Spent,
    Subscribed,
    Welcomed,
    unpack_from_worker,
)
from pipeline.node.outlet import HEARD, CommandBody, Gateway, Outlet
from pipeline.node.state import RESUME, SUSPEND, State, trips_update
from pipeline.wire import Kind, Reason, Refused, Role
from pipeline.wire.outputs import Cursor

__all__ = ["Writer"]

_DECIDING: Final = frozenset(
    {Kind.PAYMENTS, Kind.UPDATES, Kind.ACCOUNTS, Kind.METERS, Kind.DISTRICTS, Kind.CONFIG}
)
"""What may take the ground from a trip: while such a batch is here and not applied, none leaves."""


class Writer:
    """The writer of one shard, over the state that recovery gave; it is the gateway's `Desk`.

    `lost` is called, with what proves it, when a producer has seen acknowledged what is not here. `payments_keys` are
    those that may connect: trips are held until they are in.

    Attributes:
        hold: of the trips since the start.
        refused: batches that the engine refused whole, since the start.
        behind: whether it stood still, and what came meanwhile may not be here yet.
    """

    def __init__(
        self,
        state: State,
        *,
        joined: Joined,
        lost: Callable[[str], None],
        payments_keys: Collection[bytes] = (),
        limits: Limits | None = None,
        outlets: Sequence[Outlet] = (),
        gateway: Gateway | None = None,
        feed: Feed | None = None,
    ) -> None:
        self.state = state
        self.hold = Hold(payments_keys)
        self.refused = 0
        self.behind = False
        self._limits = limits or Limits()
        self._joined = joined
        self._directories = Directories()
        self._intake = Intake(state.lines, joined.incarnation, lost, self._directories.untold)
        self._gatherer = Gatherer(self._intake.lanes, self._limits)
        self._outlets = [*outlets, *([feed] if feed else []), *([gateway] if gateway else [])]
        self._gateway = gateway
        self._feed = feed
        self._ahead: deque[Group] = deque()
        self._batches = state.batches
        self._workers: dict[bytes, None] = {}
        self._late: dict[bytes, Welcome] = {}
        self._resuming = False
        self._credit = self._credit_now()

    # ---- what the gateway asks

    @property
    def engine(self) -> Engine:
        """The engine; there is one once the first configuration is applied."""
        assert self.state.engine is not None
        return self.state.engine

    @property
    def held(self) -> bool:
        """Whether trips wait since the start."""
        return self.hold.held

    @property
    def suspended(self) -> bool:
        """Whether trips are suspended for the whole engine, by whomever."""
        return self.state.suspended_by_node or self.state.suspended

    @property
    def unapplied(self) -> bool:
        """Whether something is here and not applied that may take the ground from a trip."""
        if self.behind or self._gatherer.own or any(group.kinds & _DECIDING for group in self._ahead):
            return True
        lanes = self._intake.lanes.values()
        return any(item.entry and item.entry.what in _DECIDING for lane in lanes for item in lane)

    @property
    def stuck(self) -> str | None:
        """Why time stands still, None while it goes on."""
        return self._gatherer.stuck or self._gatherer.late

    # ---- the stages

    def begin(self, config: str, now_s: int) -> None:
        """Put first what a start brings: of a new journal the configuration, and the hold of the trips."""
        own, engine = self._gatherer.own, self.state.engine
        if engine is None:
            own.append(Entry(Kind.CONFIG, body=config.encode("utf8")))
        if self.hold.held and (engine is None or not self.suspended):
            own.append(Entry(Kind.UPDATES, rows=1, body=trips_update(SUSPEND, engine)))
        if engine is not None and self._gateway:
            self._gateway.start(self, self.engine.commands(), now_s)

    def take(self, route: bytes, frames: Sequence[Buffer]) -> list[Answer]:
        """Take a worker's message; what is to be answered at once. Raises `LinkError`."""
        message, bodies = unpack_from_worker(frames)
        if isinstance(message, Join):
            return self._join(route, message)
        if route not in self._workers:
            return [Answer(route, Joined(self._joined.shard, self._joined.shards, 0))]
        if isinstance(message, Batch):
            if len(bodies) != 1:
                raise LinkError(f"a batch with {len(bodies)} bodies; expected one")
            return self._intake.batch(route, message, bodies[0])
        if isinstance(message, Spent):
            return self._intake.spent(route, message)
        if isinstance(message, Greet):
            return self._greet(route, message)
        if isinstance(message, Learned):
            return self._settled(self._directories.learned(route, message.number))
        if self._intake.is_open(message.producer, message.session):
            if isinstance(message, Gone):
                self._end(message.producer, message.session)
            elif isinstance(message, Subscribed):
                return self._subscribe(route, message)
            elif self._gateway:
                self._gateway.ready(message.producer, message.session, message.until)
        return []

    def gather(self, clock_s: int, room: Room) -> Group | None:
        """What to commit next; None if nothing waits, or what does must wait still."""
        alone = (
            self._resuming or self._gatherer.own or any(Kind.CONFIG in group.kinds for group in self._ahead)
        )
        if self._ahead and alone:
            return None
        if self._resuming:
            self._resume()
        limits = self.state.engine.config.engine if self.state.engine else None
        jump_s = limits.max_jump_s if limits else 0
        items = self._gatherer.gather(clock_s, self._time_ahead_s(), jump_s, room)
        if not items:
            return None
        group = group_of(items, self._batches)
        self._batches += group.batches
        self._ahead.append(group)
        return group

    def apply(self, group: Group, mark: Mark | None, now_s: int) -> list[Answer]:
        """Apply a group that is on the disk up to its mark, None if it had nothing for the journal; what to answer."""
        assert group is self._ahead[0], "groups are applied in the order in which they were gathered"
        out: list[Answer] = []
        told: dict[bytes, None] = {}
        welcomes = []
        for item in group.items:
            if item.entry is not None:
                out += self._apply(item.entry, now_s)
                told |= dict.fromkeys(part.producer for part in item.entry.parts)
            if item.turned is not None:
                out.append(Answer(*item.turned))
            if item.welcome is not None:
                welcomes.append(self._intake.heard(item.welcome))
        if mark is not None:
            self.state.mark = mark
        self._ahead.popleft()
        out += self._settled(told)
        for welcome in welcomes:
            out += self._welcome(welcome)
        return out

    def look(self, payments_keys: Collection[bytes]) -> list[Answer]:
        """See whether the hold has ended, and what credit there is now; who is waited for is shown to be there."""
        self.hold.look(self.state.lines, payments_keys)
        ended = not self.hold.held and self.state.suspended_by_node
        self._resuming = ended and not self.state.suspended
        credit = self._credit_now()
        if credit == self._credit:
            return [Answer(route, credit) for route in self._directories.waited_for]
        self._credit = credit
        return [Answer(route, credit) for route in self._workers]

    def covered(self, settled: Mapping[bytes, int]) -> list[Answer]:
        """A snapshot that holds so much of each producer was verified."""
        self.state.lines.cover(settled)
        return self._settled(settled)

    def commands(self, now_s: int) -> list[tuple[Answer, CommandBody]]:
        """What goes to head-ends now, by their workers; `unsent` takes back what these cannot be told."""
        if self._gateway is None or self.state.engine is None:
            return []
        out = []
        for body in self._gateway.poll(now_s):
            route = self._intake.sessions[body.producer].route
            out.append(
                (
                    Answer(
                        route, Commands(body.producer, body.session, body.rows, not body.restores), body.body
                    ),
                    body,
                )
            )
        return out

    def unsent(self, bodies: Sequence[CommandBody]) -> None:
        """These could not be handed to their worker."""
        if self._gateway:
            self._gateway.unsent(bodies)

    def feed(self, now_s: float) -> tuple[list[tuple[Answer, Fed]], bool]:
        """What goes to subscribers now, by their workers, and whether there is more; `unfed` takes one back."""
        if self._feed is None:
            return [], False
        feds, more = self._feed.poll(now_s)
        out = []
        for fed in feds:
            route = self._intake.sessions[fed.producer].route
            out.append((Answer(route, Rows(fed.producer, fed.session, fed.rows), fed.body), fed))
        return out, more

    def unfed(self, fed: Fed) -> None:
        """Take back what could not be handed to its worker."""
        if self._feed:
            self._feed.unsent(fed)

    def left(self, route: bytes) -> list[Answer]:
        """A worker is gone: its sessions end, and nobody waits for it."""
        self._workers.pop(route, None)
        for producer, number in self._intake.left(route):
            self._end(producer, number)
        return self._settled(self._directories.leave(route))

    # ---- the parts of these

    def _resume(self) -> None:
        """End the suspension that a start brought; not what an operator or an alarm has suspended meanwhile."""
        self._resuming = False
        if self.state.suspended_by_node and not self.state.suspended:
            self._gatherer.own.append(Entry(Kind.UPDATES, rows=1, body=trips_update(RESUME, self.engine)))

    def _greet(self, route: bytes, greet: Greet) -> list[Answer]:
        before = self._intake.sessions.get(greet.producer)
        number = before.number if before else 0
        out = self._intake.greet(route, greet)
        after = self._intake.sessions.get(greet.producer)
        if after is not None and after.number != number:
            self.hold.greeted(greet.producer, greet.newest)
            if number:
                self._nobody(greet.producer, number)
        return out

    def _join(self, route: bytes, join: Join) -> list[Answer]:
        out = [*self.left(route), Answer(route, self._joined), Answer(route, self._credit)]
        self._workers[route] = None
        if join.directory:
            out += self._directories.join(route, self.state.engine)
        return out

    def _end(self, producer: bytes, number: int) -> None:
        self._intake.gone(producer, number)
        self._nobody(producer, number)

    def _nobody(self, producer: bytes, number: int) -> None:
        """Nobody hears any more what is sent in a session."""
        role = self._intake.sessions[producer].role
        if self._gateway and role is Role.HEADEND:
            self._gateway.gone(producer, number)
        if self._feed and role is Role.SUBSCRIBER:
            self._feed.gone(producer, number)

    def _subscribe(self, route: bytes, asked: Subscribed) -> list[Answer]:
        try:
            if self._feed is None:
                raise Refused(
                    Reason.OUTPUT, "this node has no feed: its configuration names no outputs for one"
                )
            ask = Ask(asked.output, Cursor(asked.from_seq, asked.from_row), asked.credit)
            self._feed.subscribe(asked.producer, asked.session, ask)
        except Refused as refused:
            return [Answer(route, NoRows(asked.producer, asked.session, refused.reason, refused.text))]
        return []

    def _apply(self, entry: Entry, now_s: int) -> list[Answer]:
        """Apply an entry and hand on what it did; what workers are told of it before it is settled."""
        first = self.state.engine is None
        outcome = self.state.apply(entry)
        if first and self.state.engine is not None and self._gateway:
            self._gateway.start(self, self.engine.commands(), now_s)
        out = [answer for answer in self._intake.applied(entry.parts) if answer.route in self._workers]
        if outcome.resumed:
            self.hold.go()
        if outcome.refusal is not None:
            self.refused += 1
            told = (self._intake.malformed(part, outcome.refusal) for part in entry.parts)
            return [*(answer for answer in told if answer is not None), *out]
        if outcome.effects is not None:
            if self._gateway and entry.what in HEARD:
                self._gateway.heard(entry.kind)
            for outlet in self._outlets:
                outlet.take(self.engine.sequence, outcome.effects)
        if isinstance(outcome.content, pa.RecordBatch):
            out += self._directories.applied(entry, outcome.content)
        return out

    def _settled(self, producers: Iterable[bytes]) -> list[Answer]:
        """How far these are settled, to the workers that have their sessions."""
        places: dict[bytes, list[Place]] = {}
        out = []
        for producer in producers:
            if producer in self._late and producer not in self._directories.untold:
                out += self._welcome(self._late.pop(producer))
            elif (place := self._intake.place(producer)) is not None:
                places.setdefault(place[0], []).append(place[1])
        return [*(Answer(route, Settled(of_route)) for route, of_route in places.items()), *out]

    def _welcome(self, welcome: Welcome) -> list[Answer]:
        greet = welcome.greet
        session = self._intake.sessions[greet.producer]
        if session.number != welcome.session:
            return []  # another HELLO has come since
        if greet.producer in self._directories.untold:
            self._late[greet.producer] = welcome
            return []
        session.welcomed = True
        line = self.state.lines[greet.producer]
        welcomed = Welcomed(
            greet.producer,
            greet.epoch,
            greet.attempt,
            welcome.session,
            line.next_seq - 1,
            line.covered,
            line.refused,
            line.frozen,
            line.digests,
        )
        return [Answer(welcome.route, welcomed)]

    def _time_ahead_s(self) -> int | None:
        """The engine's time once all that was gathered is applied."""
        times = [self.state.now_s, *(group.now_s for group in self._ahead)]
        return max((time for time in times if time is not None), default=None)

    def _credit_now(self) -> Credit:
        limits, bulk = self._limits, not (self._gatherer.stuck or self._gatherer.scarce)
        urgent = not self._gatherer.stuck
        return Credit(limits.operator_bytes, urgent * limits.urgent_bytes, bulk * limits.bulk_bytes)
