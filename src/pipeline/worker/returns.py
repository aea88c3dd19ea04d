"""What the shards answer: of several, a producer is told the least that is true of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from fastcore.errors import FeikongError
from pipeline.node.internal import (
    Commands,
    Credit,
    Directory,
    Ended,
    FencedOff,
    FromShard,
    Joined,
    Lane,
    Learned,
    NoRows,
    Rows,
    Settled,
    Turned,
    Welcomed,
)
from pipeline.wire import FINAL, Buffer, Conflict, Kind, Reason, Rejected, control, plain
from pipeline.worker.outbound import Outbound
from pipeline.worker.peers import Peers
from pipeline.worker.sessions import Greeting, Session
from pipeline.worker.split import Split

__all__ = ["Returns", "WorkerError"]

AHEAD: Final = 4
"""So many times what a shard takes at once may be under way between producers and it."""


class WorkerError(FeikongError):
    """A shard that cannot be this worker's: which, what it says of itself, what was expected."""


class Returns:
    """Takes the messages of the shards, one by one."""

    def __init__(
        self, peers: Peers, shards: Sequence[Outbound], budgets: dict[Lane, int], split: Split
    ) -> None:
        self._peers = peers
        self._shards = shards
        self._split = split
        self._budgets = budgets
        self._joined: dict[int, Joined] = {}

    @property
    def missing(self) -> list[Outbound]:
        """The shards that have not answered yet."""
        return [outbound for shard, outbound in enumerate(self._shards) if shard not in self._joined]

    def take(self, shard: int, message: FromShard, bodies: Sequence[Buffer], now_s: float) -> None:
        """Take a message of a shard; raises `WorkerError`."""
        if isinstance(message, Settled):
            self._settled(shard, message)
        elif isinstance(message, Turned):
            self._turned(shard, message)
        elif isinstance(message, Welcomed):
            self._welcomed(shard, message, now_s)
        elif isinstance(message, FencedOff):
            self._fenced(message)
        elif isinstance(message, Commands):
            self._commands(shard, message, bodies, now_s)
        elif isinstance(message, Rows):
            session = self._session(shard, message.producer, message.session)
            if session is not None:
                self._peers.hand_on(session, Kind.OUTPUT, bodies[0], message.rows, now_s)
        elif isinstance(message, NoRows):
            session = self._session(shard, message.producer, message.session)
            if session is not None:
                self._peers.reject(session, 0, message.reason, f"shard {shard}: {message.text}")
        elif isinstance(message, Credit):
            self._credit(shard, message, now_s)
        elif isinstance(message, Ended):
            session = self._session(shard, message.producer, message.session)
            if session is not None:
                self._peers.end(message.producer, "taken over")
        elif isinstance(message, Joined):
            self._join(shard, message)
        elif isinstance(message, Directory):
            told = pa.ipc.open_stream(bodies[0]).read_all().combine_chunks()
            directory, ids = self._split.directory, told["id"].combine_chunks()
            if "account_id" in told.column_names:
                directory.learn_meters(ids, told["account_id"].combine_chunks(), shard)
            else:
                directory.learn(message.what, ids, shard)
            self._shards[shard].say(Learned(message.number))

    def _session(self, shard: int, key: bytes, number: int) -> Session | None:
        """The session that a shard means; None if it is over."""
        session = self._peers.sessions.get(key)
        return session if session is not None and session.numbers[shard] == number else None

    def _settled(self, shard: int, settled: Settled) -> None:
        outbound, peers = self._shards[shard], self._peers
        sessions = peers.sessions
        for place in settled.places:
            session = sessions.get(place.producer)
            is_open = session is not None and session.numbers[shard] == place.session
            outbound.settled(place.session, place.seq, is_open)
            if session is not None and is_open:
                peers.settled(session, shard, place.seq, place.covered)
        outbound.push()

    def _turned(self, shard: int, turned: Turned) -> None:
        if not turned.session:
            self._not_welcome(turned)
            return
        session = self._session(shard, turned.producer, turned.session)
        self._shards[shard].turned(turned.session, turned.seq, session is not None)
        self._shards[shard].push()
        if session is None:
            return
        reason = turned.reason
        self._peers.counts[f"turned: {reason.name.lower()}"] += 1
        if reason in FINAL:
            if turned.seq > session.acked and turned.seq not in session.refused:
                session.refused.add(turned.seq)
                self._peers.reject(session, turned.seq, reason, turned.text)
        elif reason is Reason.CONFLICT:
            session.line.frozen = True
            place = session.place()
            message = control(session.key, Conflict(turned.digest), **place, seq=turned.seq)
            self._peers.answer(session, message)
        elif reason is Reason.FROZEN:
            session.line.frozen = True
            self._peers.reject(session, turned.seq, reason, turned.text)
        else:
            # Its number is not used up, and those behind it are turned too: a HELLO puts all in order.
            self._peers.reject(session, turned.seq, Reason.NOT_NOW, turned.text)
            self._peers.end(session.key, "turned")

    def _not_welcome(self, turned: Turned) -> None:
        greeting = self._peers.greetings.pop(turned.producer, None)
        if greeting is not None:
            rejected = Rejected(turned.reason, turned.text)
            self._peers.send(greeting.route, control(turned.producer, rejected, epoch=greeting.epoch))

    def _welcomed(self, shard: int, welcomed: Welcomed, now_s: float) -> None:
        greeting = self._greeting(welcomed)
        if greeting is None:
            return
        greeting.answers[shard] = welcomed
        if len(greeting.answers) == len(self._shards):
            del self._peers.greetings[welcomed.producer]
            self._peers.begin(welcomed.producer, greeting, now_s)

    def _greeting(self, welcomed: Welcomed) -> Greeting | None:
        """The HELLO that is answered; None if another has come since."""
        greeting = self._peers.greetings.get(welcomed.producer)
        if greeting is None or (greeting.epoch, greeting.attempt) != (welcomed.epoch, welcomed.attempt):
            return None
        return greeting

    def _fenced(self, fenced: FencedOff) -> None:
        greeting = self._peers.greetings.get(fenced.producer)
        if greeting is not None and greeting.epoch < fenced.epoch:
            del self._peers.greetings[fenced.producer]
            message = plain(fenced.producer, Kind.FENCED, epoch=fenced.epoch)
            self._peers.send(greeting.route, message)

    def _commands(self, shard: int, commands: Commands, bodies: Sequence[Buffer], now_s: float) -> None:
        session = self._session(shard, commands.producer, commands.session)
        if session is not None:
            self._peers.hand_on(session, Kind.COMMAND, bodies[0], commands.rows, now_s, trips=commands.trips)
            self._peers.ready(session, session.window.came(shard))

    def _credit(self, shard: int, credit: Credit, now_s: float) -> None:
        self._shards[shard].grant(credit)
        for lane in Lane:
            granted = min(outbound.credit_bytes[lane] for outbound in self._shards)
            self._peers.credit[lane].budget(min(self._budgets[lane], AHEAD * granted), now_s)

    def _join(self, shard: int, joined: Joined) -> None:
        if (joined.shard, joined.shards) != (shard, len(self._shards)):
            raise WorkerError(
                f"shard {shard}: says that it is number {joined.shard} of {joined.shards}; expected {shard} of "
                f"{len(self._shards)}"
            )
        before = self._joined.get(shard, joined)
        if not joined.incarnation or before.incarnation != joined.incarnation:
            raise WorkerError(
                f"shard {shard}: was started anew, or does not know this worker any more; its sessions there are gone, "
                "so it must be too"
            )
        self._joined[shard] = joined
