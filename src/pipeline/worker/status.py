"""The status of a worker, as a file: ``DATA/run/worker-N.json``, written once a second, not synced.

What is counted is counted by the message, never by the row. Of producers so many are named; the rest are one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

import msgspec

from pipeline.journal import RealDisk
from pipeline.node.internal import Lane
from pipeline.node.status import StatusFile, read_file
from pipeline.worker.letters import DeadLetters
from pipeline.worker.peers import Peers
from pipeline.worker.sessions import Session

__all__ = [
    "NAMED_MAX",
    "OTHER",
    "Producing",
    "WorkerStatus",
    "WorkerStatusFile",
    "read_worker_statuses",
    "summed",
    "to_name",
]

NAMED_MAX: Final = 1000
"""So many producers are told of by name."""
OTHER: Final = "other"
"""In the place of a name: all the others together."""
STATUS_S: Final = 1.0


class Producing(msgspec.Struct, frozen=True):
    """What one producer has under way, in batches and bytes, and the bytes that it may have."""

    batches: int = 0
    bytes: int = 0
    credit_bytes: int = 0

    def __add__(self, other: Producing) -> Producing:
        return Producing(
            self.batches + other.batches, self.bytes + other.bytes, self.credit_bytes + other.credit_bytes
        )


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker stands.

    Attributes:
        at_s: when it was written.
        ready: whether all engines have answered it.
        batches, rows: that it has passed on, by kind, since its start; as are the next three.
        refused: messages, by the wire's reason.
        turned: batches that engines turned back, by the wire's reason.
        ended: sessions, by why.
        answers: that could not be sent, by why.
        letters_kept, letters_passed_over: refused messages that were kept, and that were not.
        connected: sessions that are open, by role.
        credit_bytes, flying_bytes: by lane, what all may have under way, and what they have.
        producers: by the name of their key, at most `NAMED_MAX`, and `OTHER`.
    """

    at_s: int
    ready: bool
    batches: dict[str, int] = {}
    rows: dict[str, int] = {}
    refused: dict[str, int] = {}
    turned: dict[str, int] = {}
    ended: dict[str, int] = {}
    answers: dict[str, int] = {}
    letters_kept: int = 0
    letters_passed_over: int = 0
    connected: dict[str, int] = {}
    credit_bytes: dict[str, int] = {}
    flying_bytes: dict[str, int] = {}
    producers: dict[str, Producing] = {}


class WorkerStatusFile:
    """Writes how a worker stands, once a second."""

    def __init__(self, data: Path, name: str, peers: Peers, letters: DeadLetters) -> None:
        self._file = StatusFile(data / "run" / f"{name}.json")
        self._peers = peers
        self._letters = letters
        self._due_s = float("-inf")
        self._named: set[str] = set()

    def beat(self, at_s: int, now_s: float, ready: bool) -> None:
        """Write it, if it is time to."""
        if now_s < self._due_s:
            return
        self._due_s = now_s + STATUS_S
        self._file.write(self._status(at_s, ready))

    def _status(self, at_s: int, ready: bool) -> WorkerStatus:
        peers = self._peers
        counted: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for name, many in peers.counts.items():
            what, _, why = name.partition(": ")
            counted[what][why] = many
        found = {self._name(session): _producing(session) for session in peers.sessions.values()}
        self._named = to_name(self._named, found)
        return WorkerStatus(
            at_s=at_s,
            ready=ready,
            batches={kind.name.lower(): many for kind, many in peers.batches.items() if many},
            rows={kind.name.lower(): many for kind, many in peers.rows.items() if many},
            refused=counted["refused"],
            turned=counted["turned"],
            ended=counted["ended"],
            answers=counted["answers"],
            letters_kept=self._letters.kept,
            letters_passed_over=self._letters.passed_over,
            connected=dict(Counter(session.role.value for session in peers.sessions.values())),
            credit_bytes={_lane(lane): credit.budget_bytes for lane, credit in peers.credit.items()},
            flying_bytes={_lane(lane): credit.flying_bytes for lane, credit in peers.credit.items()},
            producers=summed(found.items(), self._named),
        )

    def _name(self, session: Session) -> str:
        key = self._peers.keys.get(session.key)
        return key.name if key is not None else session.key.hex()


def to_name(before: Collection[str], found: Collection[str], most: int = NAMED_MAX) -> set[str]:
    """Which of those that are there are told of by name: those that were and are, then others in their order.

    So the names stay the same, and are never more than `most`.
    """
    named = {name for name in before if name in found}
    if len(named) < most:
        named.update(sorted(name for name in found if name not in named)[: most - len(named)])
    return named


def summed(found: Iterable[tuple[str, Producing]], named: Collection[str]) -> dict[str, Producing]:
    """What producers have, by name those to be named, the others as `OTHER`; of one that is there twice, its sum."""
    out: dict[str, Producing] = {}
    for name, producing in found:
        label = name if name in named else OTHER
        out[label] = out[label] + producing if label in out else producing
    return out


def read_worker_statuses(data: Path) -> dict[int, WorkerStatus]:
    """What the workers of a data directory last said, by number; those that were ended long ago too."""
    found = {}
    run = data / "run"
    for name in RealDisk(run).names() if run.is_dir() else ():
        number = name.removeprefix("worker-").removesuffix(".json")
        if name == f"worker-{number}.json" and number.isdecimal():
            status = read_file(run / name, WorkerStatus)
            if status is not None:
                found[int(number)] = status
    return dict(sorted(found.items()))


def _producing(session: Session) -> Producing:
    return Producing(len(session.flights), session.flying_bytes, session.credit_bytes)


def _lane(lane: Lane) -> str:
    return lane.name.lower()
