"""A subscriber to a node's live feed, and what it has stored: each row once, in order, and the model's."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

from pipeline.client import CursorGone, Cursors, CursorsError, FeedConversation, Outbox, Rows, Subscriber
from pipeline.client.events import Event
from pipeline.client.station import Station
from pipeline.wire.outputs import OLDEST, Cursor
from simulation.clients import Client
from simulation.clock import SimClock
from simulation.disk import SimDisk
from simulation.judge import Violation, require

OUTPUT = "ledger"


class SimCursors(Cursors):
    """Cursors, and a note beside the disk of what may be on it: `notes` are what was kept last, and what was begun."""

    def __init__(self, disk: SimDisk, notes: list[list[Cursor]]) -> None:
        self._notes = notes
        self._began = list(notes)
        super().__init__(disk, OUTPUT)
        require(self.taken in self._began, f"the cursors are {self.taken}; expected one of {self._began}")

    def keep(self) -> None:
        self._notes.append(list(self.taken))
        super().keep()
        del self._notes[:-1]


class SimSubscriber(Subscriber):
    """A subscriber without files."""

    def __init__(
        self,
        files: Any,
        cursors: Cursors,
        following: FeedConversation,
        clock: SimClock,
        on_event: Callable[[Event], None],
    ) -> None:
        self._cursors = cursors
        self._following = following
        Station.__init__(self, files, following, clock, on_event)


class Follower(Client):
    """A process that stores an output's rows, and says then that it has taken them.

    What it has stored is `at` rows of the model's; it drops, when it starts, what is stored behind its cursor, as it
    comes again. Where the node keeps a row no more, it takes it from elsewhere: `holes` counts how often.
    """

    def __init__(self, random: Random, *args: Any) -> None:
        super().__init__(*args)
        self.shelf = SimDisk(self.points, name="cursors")
        self.disks.append(self.shelf)
        self.at = self.holes = self.stored = 0
        self._random = random
        self._begun = False
        self._given: deque[Rows] = deque()
        self._notes: list[list[Cursor]] = [[]]

    @property
    def settled(self) -> bool:
        """Whether it has all rows that there are."""
        return self.station is not None and self.at == len(self.model.judge.rows)

    def start(self) -> None:
        super().start()
        self._given.clear()
        if self._begun and self._cursors.taken:
            at = self._place(self._cursors.taken[0])
            require(at <= self.at, f"{self._cursors.taken} was never reached: {self.at} rows are stored")
            self.at = at

    def run(self) -> None:
        station = self.station
        assert isinstance(station, SimSubscriber)
        try:
            self._given += station.batches()
            if not self._begun and self._cursors.taken:
                self._begin(self._cursors.taken[0])
            while self._given and self._random.random() < 0.9:
                self._take(station, self._given[0])
                self._given.popleft()
        except CursorGone as error:
            self._gone(str(error))
            return
        super().run()

    def _take(self, station: SimSubscriber, batch: Rows) -> None:
        self.points.reach("before store")
        self._store(batch)
        self.points.reach("after store")
        station.taken(batch)

    def _store(self, batch: Rows) -> None:
        """Rows that the model has next, and all that it has up to the batch's end."""
        rows = self.model.judge.rows
        for seq, place, row in zip(
            batch.rows["seq"].to_pylist(), batch.places().tolist(), batch.rows.to_pylist(), strict=True
        ):
            require(self.at < len(rows), f"row {place} of batch {seq} is nobody's")
            expected = rows[self.at]
            require((seq, place) == expected[:2], f"row {place} of batch {seq}; next is {expected[:2]}")
            require(row == expected[2], f"row {place} of batch {seq} is {row}; expected {expected[2]}")
            self.at += 1
            self.stored += 1
        behind = self._place(batch.end)
        require(self.at == behind, f"up to {batch.end} there are {behind} rows; {self.at} were given")

    def _begin(self, start: Cursor) -> None:
        """It is known where rows begin, at first or behind a hole: none is left out that the node keeps."""
        at, oldest = self._place(start), self.model.oldest
        require(
            at <= self._place(Cursor(oldest)), f"begins with {start}; rows are kept from batch {oldest} on"
        )
        require(at >= self.at, f"begins with {start}, and has {self.at} rows already")
        self._begun, self.at = True, at

    def _gone(self, text: str) -> None:
        """Rows are kept no more: is that so? Then all of it begins anew, from the oldest that are."""
        cursor = self._cursors.taken[0] if self._cursors.taken else OLDEST
        oldest = self.model.oldest
        require(
            cursor.seq < oldest,
            f"{cursor} is said to be too old; rows are kept from batch {oldest} on: {text}",
        )
        self.points.injected["cursor too old"] += 1
        self.holes += 1
        self.die(power=False)
        self.shelf.files.clear()
        self.shelf.platter.clear()
        self.shelf.pending.clear()
        self._begun, self._notes[:] = False, [[]]

    def _place(self, cursor: Cursor) -> int:
        """How many rows of the model are before a cursor."""
        return bisect_left(self.model.judge.rows, tuple(cursor), key=lambda row: row[:2])

    def _station(self, outbox: Outbox) -> Station:
        try:
            self._cursors = SimCursors(self.shelf, self._notes)
        except CursorsError as error:
            if isinstance(error.__cause__, OSError):
                raise
            raise Violation(f"cursors are damaged: {error}") from error
        following = FeedConversation(self.key, outbox, OUTPUT, self._cursors, OLDEST)
        files: SimpleNamespace = self._files(outbox)
        return SimSubscriber(files, self._cursors, following, self.clock, self._event)
