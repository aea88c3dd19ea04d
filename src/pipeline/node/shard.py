"""A shard's loop: what arrives, what is committed, applied, answered; without a socket, a thread or a clock of its own.

`Shard` is driven by `turn`, again and again. What it talks to is handed in: the post, the committer, the clock. So a
test can drive the very loop that runs in production.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import Final, Protocol

from pipeline.clock import Clock
from pipeline.journal import Journal, Mark
from pipeline.links import Post, Sent
from pipeline.logs import WARNING, Message
from pipeline.node.gathering import Group
from pipeline.node.intake import Answer
from pipeline.node.internal import LinkError
from pipeline.node.postbox import Postbox
from pipeline.node.timing import Timings
from pipeline.node.writer import Writer
from pipeline.wire import Kind

__all__ = ["Commits", "Shard"]

RECEIVE_S: Final = 0.003
"""So long are messages taken before what is there is committed; not only as many as a frame takes, since what goes
first may stand behind what does not. Credit bounds them."""
STALL_S: Final = 5.0
"""A loop that stood still for longer was stopped, or its machine was."""
CATCH_UP_S: Final = 5.0
"""So long trips wait then: what was paid meanwhile is on its way, in queues that are emptied piece by piece."""
LOOK_S: Final = 0.25
"""Between two looks at what changes without a message: keys, hold, credit, commands."""


class Commits(Protocol):
    """What commits groups: a `Committer`, or a test's own."""

    @property
    def idle(self) -> bool:
        """Whether a group can be handed in."""

    def commit(self, group: Group) -> None:
        """Have a group written and synced."""

    def taken(self) -> tuple[Group, Mark] | None:
        """The group that is on the disk now, with the mark behind it, once."""


class Shard:
    """The loop of one shard.

    `keys` gives the payments keys that may connect; `say` is told what a person should know; `timings` counts how
    long things take.
    """

    def __init__(
        self,
        writer: Writer,
        journal: Journal,
        post: Post,
        commits: Commits,
        clock: Clock,
        keys: Callable[[], Collection[bytes]],
        say: Callable[[str], None],
        timings: Timings | None = None,
    ) -> None:
        self._timings = timings or Timings()
        self._arrived_s: float | None = None
        self._gathered: deque[float | None] = deque()
        self._writer = writer
        self._journal = journal
        self._post = post
        self._commits = commits
        self._clock = clock
        self._keys = keys
        self._say = say
        self._postbox = Postbox(post)
        self._durable: deque[tuple[Group, Mark | None]] = deque()
        self._looked_s = self._caught_up_s = float("-inf")
        self._turned_s = float("inf")

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way."""
        return self._commits.idle and not self._durable

    def turn(self, receiving: bool = True) -> float:
        """Do what can be done now; returns after how many seconds there may be more although nothing arrives.

        Raises what the journal and the engine raise: then nothing more may be answered, and the process must end.
        """
        self._notice()
        if receiving:
            self._receive()
        done = self._commits.taken()
        if done is not None:
            self._durable.append(done)
        if self._commits.idle and not self._gather() and not self._durable:
            self._look()
            return 0.0 if self._feed() else self._rest_s()
        while self._durable:
            self._apply(*self._durable.popleft())
        self._look()
        more = self._feed()
        return 0.0 if more or self._commits.idle else self._rest_s()

    def _notice(self) -> None:
        """Notice that the loop has stood still."""
        now_s = self._clock.monotonic_s()
        stood_s = now_s - self._turned_s
        self._turned_s = now_s
        if stood_s > STALL_S:
            self._caught_up_s = now_s + CATCH_UP_S
            text = f"stood still for {stood_s:.0f} s: trips wait {CATCH_UP_S:g} s for what came meanwhile"
            self._say(Message(text, WARNING, seconds=round(stood_s, 3)))
        self._writer.behind = now_s < self._caught_up_s

    def _apply(self, group: Group, mark: Mark | None) -> None:
        """Apply a group, answer for it, and hand on what it decided."""
        began_s = self._clock.monotonic_s()
        answers = self._writer.apply(group, mark, self._clock.now_s())
        self._timings.apply.add(self._clock.monotonic_s() - began_s)
        self._send(answers)
        restores = self._commands()
        arrived_s = self._gathered.popleft()
        if arrived_s is not None:
            took_s = self._clock.monotonic_s() - arrived_s
            self._timings.commit.add(took_s)
            if restores and Kind.PAYMENTS in group.kinds:
                self._timings.restore.add(took_s)

    def tell(self, answers: Iterable[Answer]) -> None:
        """Answer for what happened beside the loop."""
        self._send(answers)

    def _receive(self) -> None:
        """Take messages: so long, or all that are there."""
        until_s = self._clock.monotonic_s() + RECEIVE_S
        while self._clock.monotonic_s() < until_s:
            received = self._post.receive()
            if received is None:
                return
            if self._arrived_s is None:
                self._arrived_s = self._clock.monotonic_s()
            try:
                self._send(self._writer.take(received.route, received.frames))
            except LinkError as error:
                self._say(Message(f"a worker is no longer listened to: {error}", WARNING))
                self._leave({received.route})

    def _gather(self) -> bool:
        """Hand the next group on; whether there was one."""
        group = self._writer.gather(self._clock.now_s(), self._journal)
        if group is None:
            return False
        self._gathered.append(self._arrived_s)
        self._arrived_s = None
        if group.buffers:
            self._commits.commit(group)
        else:
            self._durable.append((group, None))
        return True

    def _look(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._postbox.waiting:
            self._leave(self._postbox.again())
        if now_s >= self._looked_s + LOOK_S:
            self._looked_s = now_s
            self._send(self._writer.look(self._keys()))
            self._commands()

    def _commands(self) -> bool:
        """Hand on what should leave now; whether restores are among it."""
        commands = self._writer.commands(self._clock.now_s())
        restores = False
        for answer, body in commands:
            sent = self._postbox.offer(answer)
            restores = restores or (body.restores and sent is Sent.SENT)
            if sent is not Sent.SENT:
                self._writer.unsent([body])
            if sent is Sent.GONE:
                self._leave({answer.route})
        return restores

    def _feed(self) -> bool:
        """Send subscribers what is theirs; whether there is more that they would take now."""
        feds, more = self._writer.feed(self._clock.monotonic_s())
        full: set[bytes] = set()
        for answer, fed in feds:
            if answer.route in full:
                self._writer.unfed(fed)
                continue
            sent = self._postbox.offer(answer)
            if sent is not Sent.SENT:
                full.add(answer.route)
                self._writer.unfed(fed)
            if sent is Sent.GONE:
                self._leave({answer.route})
        return more and not full

    def _send(self, answers: Iterable[Answer]) -> None:
        self._leave(self._postbox.send(answers))

    def _leave(self, routes: Collection[bytes]) -> None:
        """These workers are gone; that may settle something for others."""
        while routes:
            answers = [answer for route in sorted(routes) for answer in self._writer.left(route)]
            routes = self._postbox.send(answers)

    def _rest_s(self) -> float:
        return 0.01 if self._postbox.waiting else LOOK_S
