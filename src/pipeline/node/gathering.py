"""What goes into the next frame, and what time it brings: the engine's time is the clock's, within its bounds.

Time goes on by what arrives, and by ticks of the node's own when nothing does. It never falls. A batch that would move
it by more than `max_jump` is malformed to the engine, and a node's own ticks obey that bound too: after a longer stop,
or with a clock gone wrong, payments, acks, reads and registry wait, and only what operators send is taken, at the
engine's old time, until one of them sends a TICK.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from pipeline.journal import Buffer
from pipeline.node.entries import Entry, encode, is_batch
from pipeline.node.intake import Item
from pipeline.node.internal import Lane
from pipeline.wire import Kind

__all__ = ["Gatherer", "Group", "Limits", "Room", "group_of"]

STEP_S: Final = 60
"""A jump of more seconds than this is a tick's, so that none of it depends on a batch that may be refused."""
LATE_S: Final = 60
"""So far may the clock be behind the engine's time before somebody should look at it."""
SCARCE_TICK_S: Final = 60
"""Seconds between ticks when there is little room."""


class Room(Protocol):
    """How much can be written: a `Journal`, or a test's own."""

    @property
    def has_next(self) -> bool:
        """Whether the next segment is there."""

    @property
    def room(self) -> int:
        """Bytes that frames can take without a new file."""

    def fits(self, buffers: int, body_bytes: int) -> bool:
        """Whether a frame of so many buffers with so many bytes can be written without a new file."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken at once.

    Attributes:
        group_bytes: that a frame may have before no more is added; one entry may always be more.
        entries: that a frame may have.
        reserve_bytes: of the journal's room, what is kept for all but reads and registry.
        operator_bytes: credit of each worker in the operators' lane.
        urgent_bytes: in that of payments and acks.
        bulk_bytes: in that of reads and registry.
    """

    group_bytes: int = 1 << 20
    entries: int = 1024
    reserve_bytes: int = 16 << 20
    operator_bytes: int = 8 << 20
    urgent_bytes: int = 16 << 20
    bulk_bytes: int = 32 << 20


@dataclass(slots=True)
class Group:
    """What is committed together; without buffers it waits for no disk.

    Attributes:
        now_s: the latest time of its batches, None without one.
        first_batch: batches before it, since the journal began.
        kinds: of its batches.
    """

    items: list[Item]
    buffers: list[Buffer]
    now_s: int | None
    first_batch: int
    batches: int
    kinds: frozenset[int]


class Gatherer:
    """Fills frames from the lanes.

    Attributes:
        own: entries of the node itself, which go first, at the engine's old time.
        stuck: why time stands still, None while it goes on.
        late: why time stands still although what comes is taken, None while it goes on.
        scarce: whether the journal's room is kept for what is urgent.
    """

    def __init__(self, lanes: Mapping[Lane, deque[Item]], limits: Limits) -> None:
        self.own: deque[Entry] = deque()
        self.stuck: str | None = None
        self.late: str | None = None
        self.scarce = False
        self._lanes = lanes
        self._limits = limits

    def gather(self, clock_s: int, engine_s: int | None, jump_s: int, room: Room) -> list[Item]:
        """What goes next, in order, each batch with its time; empty if there is nothing, or no room for it.

        `engine_s` is the time that the engine has, or will have once all before is applied; `jump_s` its `max_jump`.
        """
        self.scarce = not room.has_next and room.room < self._limits.reserve_bytes
        frame = _Frame(room, self._limits)
        now_s = clock_s if engine_s is None else max(clock_s, engine_s)
        behind_s = 0 if engine_s is None else now_s - engine_s
        self.stuck = _stuck(behind_s, jump_s)
        self.late = None if engine_s is None else _late(engine_s - clock_s)
        while self.own and frame.add(Item(self.own[0]._replace(now_s=now_s - behind_s))):
            self.own.popleft()
        if self.stuck:
            now_s -= behind_s
        elif behind_s > min(STEP_S, jump_s // 2):
            frame.add(Item(Entry(Kind.TICK, now_s=now_s)))
        self._fill(frame, now_s)
        every_s = SCARCE_TICK_S if self.scarce else 1
        if not (frame.kinds or self.stuck) and (engine_s is None or behind_s >= every_s):
            frame.add(Item(Entry(Kind.TICK, now_s=now_s)))
        return frame.items

    def _fill(self, frame: _Frame, now_s: int) -> None:
        """Add from the lanes, the first before the others; but of each something, if it may."""
        blocked = {Lane.OPERATOR: False, Lane.URGENT: bool(self.stuck), Lane.BULK: bool(self.stuck)}
        for lane, items in self._lanes.items():
            first = True
            while items and Kind.CONFIG not in frame.kinds and (first or not frame.full):
                item = items[0]
                if item.entry is not None and is_batch(item.entry):
                    if blocked[lane]:
                        break
                    if item.entry.what != Kind.TICK:
                        item.entry = item.entry._replace(now_s=now_s)
                if lane is Lane.BULK and self.scarce and item.entry is not None:
                    break
                if not frame.add(item):
                    break
                items.popleft()
                first = False


class _Frame:
    """A frame that is being filled."""

    def __init__(self, room: Room, limits: Limits) -> None:
        self.items: list[Item] = []
        self.kinds: set[int] = set()
        self._room = room
        self._limits = limits
        self._bytes = 0
        self._buffers = 1
        self._entries = 0

    @property
    def full(self) -> bool:
        """Whether no more should be added."""
        return self._bytes >= self._limits.group_bytes or self._entries >= self._limits.entries

    def add(self, item: Item) -> bool:
        """Add an item, if there is room in the journal."""
        if item.entry is not None:
            batch = is_batch(item.entry)
            size_bytes, buffers = self._bytes + item.size_bytes, self._buffers + batch
            if not self._room.fits(buffers, size_bytes):
                return False
            self._bytes, self._buffers = size_bytes, buffers
            self._entries += 1
            if batch:
                self.kinds.add(item.entry.what)
        self.items.append(item)
        return True


def group_of(items: list[Item], first_batch: int) -> Group:
    """The group of these items."""
    entries = [item.entry for item in items if item.entry is not None]
    batches = [entry for entry in entries if is_batch(entry)]
    return Group(
        items,
        encode(entries) if entries else [],
        max((entry.now_s for entry in batches), default=None),
        first_batch,
        len(batches),
        frozenset(entry.what for entry in batches),
    )


def _late(ahead_s: int) -> str | None:
    if ahead_s <= LATE_S:
        return None
    return (
        f"the clock is {ahead_s} s behind the engine's time, which stands still until it has caught up: nobody is "
        "warned or tripped, and what is read meanwhile counts as of then. Set the clock right"
    )


def _stuck(behind_s: int, jump_s: int) -> str | None:
    if behind_s <= jump_s:
        return None
    return (
        f"the clock is {behind_s} s ahead of the engine's time, and max_jump is {jump_s} s: payments, acks and reads "
        "wait. If the clock is right, run feikong tick; else set it right"
    )
