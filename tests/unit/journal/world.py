"""A process that writes a journal on a simulated disk, dies, and starts again; and what must hold then."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from pipeline.journal import Journal, JournalDamaged, JournalFailed, JournalFull, Mark, Recovery
from simulation.disk import Faults, Killed, SimDisk

ID = bytes(range(16))
SEGMENT = 8 * 4096

Content = tuple[int, list[bytes]]


class Violation(AssertionError):
    """Something acknowledged is lost or altered, or something came that nobody wrote."""


@dataclass
class World:
    """What was handed to the journal, and what it acknowledged: the model to compare with."""

    disk: SimDisk = field(default_factory=SimDisk)
    random: Random = field(default_factory=lambda: Random(1))
    acknowledged: list[Content] = field(default_factory=list)
    attempt: Content | None = None
    """The frame that was handed over and not yet acknowledged, while its fate is open."""

    def content(self) -> Content:
        """A frame's worth of buffers, of which some are empty, and no two frames' are equal."""
        number = len(self.acknowledged) + 1
        sizes = [
            self.random.choice((0, 1, 63, 64, 500, 3000, 9000)) for _ in range(self.random.randrange(1, 4))
        ]
        return number, [number.to_bytes(8, "little"), *map(self.random.randbytes, sizes)]

    def recover(self, disk: SimDisk | None = None) -> Journal:
        """Start: recover, compare, and go on writing."""
        start_bytes = self.random.choice((4096, SEGMENT))
        with Recovery(
            disk or self.disk, new_id=ID, segment_bytes=SEGMENT, start_bytes=start_bytes
        ) as recovery:
            found = [(frame.number, [bytes(part) for part in frame.buffers]) for frame in recovery]
            self.compare(found)
            journal = recovery.finish()
        # What recovery has found stays, also if nobody was told.
        self.acknowledged, self.attempt = found, None
        return journal

    def compare(self, found: list[Content]) -> None:
        """All that was acknowledged is there, unaltered; beside it at most the last attempt, whole."""
        known = self.acknowledged
        if found[: len(known)] != known:
            wrong = next(
                (i for i, (a, b) in enumerate(zip(known, found, strict=False), 1) if a != b), len(found) + 1
            )
            raise Violation(f"frame {wrong} of {len(known)} acknowledged ones is lost or altered")
        if found[len(known) :] not in ([], [self.attempt]):
            raise Violation(
                f"{len(found)} frames, {len(known)} acknowledged; the rest is not what was attempted"
            )

    def write(self, journal: Journal, frames: int) -> None:
        """Commit frames; the next segment is made ahead now and then, as in the background."""
        for _ in range(frames):
            if not journal.has_next and self.random.random() < 0.7:
                journal.prepare_next()
            self.attempt = self.content()
            number = journal.commit(self.attempt[1], now_s=self.attempt[0])
            assert number == self.attempt[0]
            self.acknowledged.append(self.attempt)
            self.attempt = None

    def survive(self, work: Callable[[], object]) -> bool:
        """Run this; returns whether the process died of a planned fault."""
        try:
            work()
        except (Killed, JournalFailed, JournalFull):
            return True
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return True
        except JournalDamaged as damage:
            raise Violation(f"recovery halts, and nothing was damaged: {damage}") from damage
        return False

    def die(self, *, power: bool) -> None:
        """Nothing of the process is left; if the power fails, nothing of the page cache."""
        if power:
            self.disk.power_failure()
        else:
            self.disk.kill()

    def life(self, frames: int) -> None:
        """A whole life of a process: start, write, stop without a word."""
        self.write(self.recover(), frames)


def journal_of(
    frames: int, *, segment_bytes: int = SEGMENT, buffers: Callable[[int], list[bytes]] | None = None
):
    """A disk with a journal of so many frames; returns disk, contents, marks."""
    disk, contents, marks = SimDisk(), [], [Mark(0, b"")]
    make = buffers or (lambda number: [b"frame %d" % number, bytes([number]) * 70 * number])
    with Recovery(disk, new_id=ID, segment_bytes=segment_bytes) as recovery:
        journal = recovery.finish()
    for number in range(1, frames + 1):
        journal.commit(make(number), now_s=1000 + number, first_batch=10 * number, batches=number)
        contents.append((number, make(number)))
        marks.append(journal.durable)
    journal.close()
    return disk, contents, marks


def contents_of(disk: SimDisk, **kwargs: object) -> list[Content]:
    """What a recovery hands out."""
    with Recovery(disk, new_id=ID, segment_bytes=SEGMENT, **kwargs) as recovery:  # type: ignore[arg-type]
        return [(frame.number, [bytes(part) for part in frame.buffers]) for frame in recovery]


def kill_points(frames: int, seed: int, lives: int = 2) -> int:
    """How many operations so many undisturbed lives of a process take."""
    world = World(SimDisk(Faults(Random(seed))), Random(seed))
    for _ in range(lives):
        world.life(frames)
        world.die(power=False)
    return world.disk.faults.operations
