"""The producers that a worker serves: their sessions, their credit, and what they are answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.keys import PublicKey
from pipeline.links import Post, Sent
from pipeline.node.internal import LANE_OF, Gone, Lane, Ready
from pipeline.wire import BATCHES, Acks, Buffer, Kind, Message, Rejected, Welcome, control, pack, plain
from pipeline.wire import Credit as CreditGrant
from pipeline.worker.credit import Credit
from pipeline.worker.outbound import Outbound
from pipeline.worker.sessions import Greeting, Session, Waiting, refused_in_all

__all__ = ["SILENCE_S", "Peers"]

SILENCE_S: Final = 60.0
"""A producer that says nothing for so long is gone; clients say PING after five seconds."""
COMMANDS_S: Final = 2.0
"""So long may a head-end's queue be full while commands wait for it."""
TRIPS_S: Final = 0.1
"""So long may a trip wait for it: no longer than the network itself may take."""


class Peers:
    """The sessions of a worker.

    `keys` are who may connect, as the folder of allowed keys says; `counts` what happened, for whoever asks.

    Attributes:
        sessions, greetings: those that are open, and those that are about to be, by the producer's key.
        batches, rows: that were taken and passed on, by kind.
    """

    def __init__(
        self,
        post: Post,
        shards: Sequence[Outbound],
        budgets: Mapping[Lane, int],
        keys: Mapping[bytes, PublicKey],
        counts: Counter[str],
    ) -> None:
        self.sessions: dict[bytes, Session] = {}
        self.greetings: dict[bytes, Greeting] = {}
        self.keys = keys
        self.credit = {lane: Credit(budgets[lane]) for lane in Lane}
        self.counts = counts
        self.batches = dict.fromkeys(BATCHES, 0)
        self.rows = dict.fromkeys(BATCHES, 0)
        self._post = post
        self._shards = shards
        self._owing: dict[bytes, None] = {}
        self._full: dict[bytes, None] = {}

    # Sessions.

    def begin(self, key: bytes, greeting: Greeting, now_s: float) -> None:
        """Every shard has opened a session: so has the worker, and says so."""
        lane = LANE_OF[greeting.role]
        credit = self.credit[lane] if lane is not None else None
        session = self.sessions[key] = Session.begin(key, greeting, credit, now_s)
        answers = list(greeting.answers.values())
        if credit is not None:
            session.credit_bytes = session.peak_bytes = credit.begin(key, now_s)
        welcome = Welcome(
            greeting.attempt, session.credit_bytes, min(session.covered), refused_in_all(answers)
        )
        self.answer(session, control(key, welcome, **session.place(), seq=session.acked))

    def forget(self, key: bytes) -> None:
        """A session is over, and its shards know; what is under way in it is not waited for."""
        session = self.sessions.pop(key, None)
        if session is not None:
            if session.credit is not None:
                session.credit.close(key, session.flying_bytes)
            for shard, number in zip(self._shards, session.numbers, strict=True):
                shard.end(number)
            self._owing.pop(key, None)
            self._full.pop(key, None)

    def end(self, key: bytes, why: str) -> None:
        """End a session, and tell the shards."""
        session = self.sessions.get(key)
        if session is not None:
            self.counts[f"ended: {why}"] += 1
            for shard, number in zip(self._shards, session.numbers, strict=True):
                shard.say(Gone(key, number))
            self.forget(key)

    def allowed(self, keys: Mapping[bytes, PublicKey]) -> None:
        """These keys may connect now: what others had open ends."""
        if keys is self.keys:
            return
        self.keys = keys
        for key in [key for key in self.greetings if key not in keys]:
            del self.greetings[key]
        for key, session in list(self.sessions.items()):
            if key not in keys or keys[key].role != session.role:
                self.end(key, "revoked")

    def silent(self, now_s: float) -> None:
        """End the sessions of those that have said nothing for long, or take no commands."""
        for key, session in list(self.sessions.items()):
            if now_s - session.heard_s > SILENCE_S:
                self.end(key, "silent")
            elif session.waiting and now_s - session.waiting_since_s > COMMANDS_S:
                self.end(key, "takes no commands")

    def ready(self, session: Session, promises: Sequence[tuple[int, int]]) -> None:
        """Tell shards how many commands they may send to a head-end, in all."""
        for shard, until in promises:
            self._shards[shard].say(Ready(session.key, session.numbers[shard], until))

    # Batches under way.

    def taken(self, session: Session, seq: int, digest: bytes, cost_bytes: int, now_s: float) -> None:
        """A batch was taken, and counts against its producer's credit until it is settled."""
        session.take(seq, digest, cost_bytes)
        assert session.credit is not None
        session.credit.sent(session.key, cost_bytes, now_s)

    def may(self, session: Session, cost_bytes: int) -> bool:
        """Whether a batch is within what its producer was ever granted: one may always be under way."""
        if session.credit is None or not session.peak_bytes or session.credit.full:
            return False
        return not session.flights or session.flying_bytes + cost_bytes <= session.peak_bytes

    def settled(self, session: Session, shard: int, seq: int, covered: int) -> None:
        """A shard has settled a session up to a number."""
        freed_bytes = session.settle(shard, seq, covered)
        self._owing[session.key] = None
        if freed_bytes and session.credit is not None:
            session.credit.landed(freed_bytes)

    # Answers.

    def answer(self, session: Session, message: Message) -> bool:
        """Send to a producer; what cannot be sent is lost, and said anew when it matters."""
        return self.send(session.route, message) is Sent.SENT

    def send(self, route: bytes, message: Message) -> Sent:
        """Send along a route."""
        sent = self._post.send(route, message)
        if sent is not Sent.SENT:
            self.counts[f"answers: {sent.value}"] += 1
        return sent

    def reject(self, session: Session, seq: int, reason: int, text: str) -> None:
        """Tell a producer that a batch of its session was not taken."""
        self.answer(session, control(session.key, Rejected(reason, text), **session.place(), seq=seq))

    def owe(self, session: Session) -> None:
        """Acknowledge, soon: what was settled before was asked for again, or a route has changed."""
        session.owed = True
        self._owing[session.key] = None

    def flush(self) -> None:
        """Send what is owed: acknowledgements, credit that is another now, commands that had to wait."""
        for credit in self.credit.values():
            for key in credit.changes():
                session = self.sessions.get(key)
                if session is not None:
                    session.credit_bytes = credit.granted(key)
                    session.peak_bytes = max(session.peak_bytes, session.credit_bytes)
                    if not session.owed:
                        grant = CreditGrant(session.credit_bytes)
                        self.answer(session, control(key, grant, **session.place()))
        if self._owing:
            owing, self._owing = self._owing, {}
            for key in owing:
                session = self.sessions.get(key)
                if session is not None:
                    self._acknowledge(session)

    def hand_on(
        self, session: Session, kind: Kind, body: Buffer, rows: int, now_s: float, *, trips: bool = False
    ) -> None:
        """Send a COMMAND or an OUTPUT, behind those that wait; raises nothing: a queue that is full is waited for.

        For `trips` it is waited for `TRIPS_S` only: they were looked at once more as they left their shard, and what
        was true then may not be so much later. They are not sent at all then, and their shard decides anew.
        """
        if not session.waiting:
            session.waiting_since_s = now_s
        session.waiting.append(Waiting(kind, body, rows, now_s, trips))
        self._pass_on(session, now_s)

    def retry(self, now_s: float) -> None:
        """Try again what waits for a queue: acknowledgements, commands."""
        self._owing |= self._full
        self._full.clear()
        for session in self.sessions.values():
            if session.waiting:
                self._pass_on(session, now_s)

    def pong(self, session: Session) -> None:
        """Answer a PING, and say how many COMMANDs were sent: not all may have come."""
        self.answer(session, plain(session.key, Kind.PONG, **session.place(), seq=session.next_command - 1))

    def _pass_on(self, session: Session, now_s: float) -> None:
        waiting = session.waiting
        while waiting:
            kind, body, rows, since_s, trips = waiting[0]
            if trips and now_s - since_s > TRIPS_S:
                waiting.popleft()
                self.counts["trips: waited too long"] += 1
                # Nothing has taken its place in the head-end's window, which the shard counts it in.
                self.ready(session, session.window.dropped())
                continue
            line, seq = session.line, session.next_command
            header = pack(kind, session.key, body, epoch=line.epoch, session=line.session, seq=seq, rows=rows)
            if not self.answer(session, Message(header, body)):
                return
            waiting.popleft()
            session.next_command += 1
            session.waiting_since_s = now_s

    def _acknowledge(self, session: Session) -> None:
        session.owed = False
        if session.acks is None:
            session.acks = Acks(session.key, **session.place())
        message = session.acks.message(session.acked, min(session.covered), session.credit_bytes)
        if self.send(session.route, message) is Sent.FULL:
            session.owed = True
            self._full[session.key] = None
