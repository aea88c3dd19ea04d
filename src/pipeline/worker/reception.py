"""What producers say: checked whole, answered or passed on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pipeline.clock import Clock
from pipeline.links import Received
from pipeline.node.internal import Greet, Subscribed
from pipeline.wire import (
    BATCHES,
    FINAL,
    HEADER_BYTES,
    KEY_BYTES,
    Buffer,
    Checked,
    Forms,
    Header,
    Hello,
    Kind,
    Line,
    Ordinary,
    Ready,
    Reason,
    Refused,
    Role,
    Sender,
    Subscribe,
    check,
    refusal,
)
from pipeline.worker.forward import Forward
from pipeline.worker.gather import Sending
from pipeline.worker.letters import DeadLetters
from pipeline.worker.outbound import Outbound
from pipeline.worker.peers import Peers
from pipeline.worker.sessions import SPENT_MAX, Greeting, Session

__all__ = ["Reception"]

HEADLESS: Final = frozenset(
    {
        Reason.HEADER_LENGTH,
        Reason.MAGIC,
        Reason.VERSION,
        Reason.HEADER_CHECKSUM,
        Reason.RESERVED,
    }
)
"""Reasons that say that there is no whole header: it is not looked for again, since many may come."""
JUDGED_S: Final = 1.0
"""So long the shards have for two batches of one number before another is passed on."""
GREETING_S: Final = 1.0
"""So long the shards have for a HELLO before another of the same epoch is passed on."""


class Reception:
    """Takes the messages of producers, one by one."""

    def __init__(
        self, peers: Peers, shards: Sequence[Outbound], forward: Forward, letters: DeadLetters, clock: Clock
    ) -> None:
        self._peers = peers
        self._shards = shards
        self._forward = forward
        self._letters = letters
        self._clock = clock
        self._forms = Forms()
        self._known: dict[str, Sender] = {}
        self._known_of = peers.keys

    def take(self, received: Received, now_s: float) -> None:
        """Take a message."""
        sender = self._sender(received.user)
        key = sender.key if sender is not None else _key_of(received.user)
        session = self._peers.sessions.get(key)
        try:
            if sender is None:
                raise Refused(Reason.ROLE, "this key is not allowed to connect any more")
            line = session.line if session is not None else None
            checked = (session and self._ordinary(session, sender, received.frames)) or check(
                received.frames, sender, line, self._forms.read
            )
            kind = checked.header.kind
            if kind is Kind.HELLO:
                self._hello(sender, received.route, checked, now_s)
            elif session is not None:
                self._heard(session, received.route, now_s)
                if kind in BATCHES:
                    self._batch(session, checked, now_s)
                else:
                    self._other(session, checked)
        except Refused as refused:
            self._refused(received, key, session, refused, now_s)

    def _sender(self, user: str) -> Sender | None:
        """Whose connection it is, as the authenticator said, if that key may still connect."""
        keys = self._peers.keys
        if self._known_of is not keys:
            self._known, self._known_of = {}, keys
        sender = self._known.get(user)
        if sender is None and (known := keys.get(_key_of(user))) is not None:
            sender = self._known[user] = Sender(known.curve, Role(known.role))
        return sender

    def _ordinary(self, session: Session, sender: Sender, frames: list[Buffer]) -> Checked | None:
        """An ordinary message of reads; None for another."""
        if sender.role is not Role.READS:
            return None
        if session.ordinary is None:
            session.ordinary = Ordinary(sender.key, session.line, self._forms)
        return session.ordinary.read(frames)

    def _heard(self, session: Session, route: bytes, now_s: float) -> None:
        session.heard_s = now_s
        if session.route != route:
            # A new connection of the same client: what was said on the old one may be lost.
            session.route = route
            self._peers.owe(session)

    def _hello(self, sender: Sender, route: bytes, checked: Checked, now_s: float) -> None:
        key, role = sender
        hello, header = checked.content, checked.header
        assert isinstance(hello, Hello)
        asked = self._peers.greetings.get(key)
        if asked is not None and now_s < asked.asked_s + GREETING_S and header.epoch <= asked.epoch:
            return  # it will be said again; meanwhile the shards have one to answer
        self._peers.forget(key)
        self._peers.greetings[key] = Greeting(role, route, header.epoch, hello.attempt, now_s)
        for shard in self._shards:
            shard.say(Greet(key, role, header.epoch, hello.attempt, hello.acked, hello.newest))

    def _batch(self, session: Session, checked: Checked, now_s: float) -> None:
        header = checked.header
        if checked.again:
            if header.seq <= session.acked:
                self._peers.owe(session)
            return
        cost_bytes = HEADER_BYTES + header.length
        if not self._peers.may(session, cost_bytes):
            raise _beyond(session, cost_bytes)
        self._peers.taken(session, header.seq, header.digest, cost_bytes, now_s)
        self._peers.batches[header.kind] += 1
        self._peers.rows[header.kind] += header.rows
        self._forward.batch(_sending(session, header, header.rows), checked, now_s)

    def _other(self, session: Session, checked: Checked) -> None:
        kind = checked.header.kind
        if kind is Kind.PING:
            self._peers.pong(session)
        elif isinstance(checked.content, Ready):
            self._peers.ready(session, session.window.grant(checked.content.until))
        elif isinstance(checked.content, Subscribe):
            self._subscribe(session, checked.content)

    def _subscribe(self, session: Session, asked: Subscribe) -> None:
        if asked.shard >= len(self._shards):
            raise Refused(Reason.OUTPUT, f"shard {asked.shard}; this node has {len(self._shards)}, from 0 on")
        number = session.numbers[asked.shard]
        self._shards[asked.shard].say(
            Subscribed(session.key, number, asked.output, asked.from_seq, asked.from_row, asked.credit)
        )

    def _refused(
        self, received: Received, key: bytes, session: Session | None, refused: Refused, now_s: float
    ) -> None:
        peers = self._peers
        frames = received.frames
        reason = refused.reason
        peers.counts[f"refused: {reason.name.lower()}"] += 1
        headless = reason in HEADLESS
        header = None if headless else _header(frames)
        line = session.line if session else None
        if session is not None:
            session.heard_s = now_s
        if session is not None and header is not None and header.kind in BATCHES:
            if reason is Reason.CONFLICT:
                # The shards judge: they freeze the producer, and remember that they did.
                if now_s < session.conflict_s + JUDGED_S:
                    return
                session.conflict_s = now_s
                self._forward.spent(header.kind, _sending(session, header, 0), reason, refused.text)
                return
            if reason in FINAL and _is_next(header, session.line):
                self._letters.keep(received.user, frames, refused, self._clock.now_s(), now_s)
                cost_bytes = HEADER_BYTES + header.length
                if not session.may_spend():
                    refused = Refused(
                        Reason.CREDIT,
                        f"{SPENT_MAX} refused batches are not settled yet; expected fewer: wait",
                    )
                elif peers.may(session, cost_bytes):
                    session.spent.append(header.seq)
                    peers.taken(session, header.seq, header.digest, cost_bytes, now_s)
                    self._forward.spent(header.kind, _sending(session, header, 0), reason, refused.text)
                    return
                else:
                    refused = _beyond(session, cost_bytes)
        if refused.reason not in (Reason.EPOCH, Reason.SESSION, Reason.SEQ, Reason.CREDIT, Reason.NOT_NOW):
            self._letters.keep(received.user, frames, refused, self._clock.now_s(), now_s)
        peers.send(received.route, refusal(refused, key, None if headless or not frames else frames[0], line))


def _beyond(session: Session, cost_bytes: int) -> Refused:
    return Refused(
        Reason.CREDIT,
        f"{session.flying_bytes} bytes are under way, and {cost_bytes} more; expected at most {session.peak_bytes}, or "
        "one batch",
    )


def _key_of(user: str) -> bytes:
    """The key that a connection was made with; nobody's where there is none."""
    return bytes.fromhex(user) if len(user) == 2 * KEY_BYTES else bytes(KEY_BYTES)


def _sending(session: Session, header: Header, rows: int) -> Sending:
    return Sending(session, header.seq, rows, header.digest)


def _header(frames: Sequence[Buffer]) -> Header | None:
    """The header of a message, if it has a whole one."""
    try:
        return Header.unpack(frames[0]) if len(frames) == 2 else None
    except Refused:
        return None


def _is_next(header: Header, line: Line) -> bool:
    """Whether a message has the place in its producer's line that comes next."""
    return (header.epoch, header.session, header.seq) == (line.epoch, line.session, line.next_seq)
