"""What a person should know of a shard: said when it begins, when it goes on, and when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from fastcore import Engine
from pipeline.feed import Feed
from pipeline.journal import Journal
from pipeline.keys import Keyring
from pipeline.logs import WARNING, Message
from pipeline.node.hold import UNREADABLE
from pipeline.node.status import Status, Subscriber
from pipeline.node.timing import Timings
from pipeline.node.writer import Writer

__all__ = ["Alarms", "status_of"]

FIGURES: Final = (
    "batches",
    "rows",
    "reasons",
    "qualities",
    "gates",
    "ledger",
    "commands_sent",
    "commands_repeated",
    "acks",
)
"""What is shown of the engine's counters; with how much it keeps, in all."""
KEPT: Final = ("accounts", "meters", "districts")
SUBSCRIBERS_MAX: Final = 100
"""So many subscribers are shown: those furthest behind."""

AGAIN_S: Final = 600.0
"""An alarm that goes on is said again."""


class Alarms:
    """What is wrong, by what it concerns; said through `say`."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._open: dict[str, tuple[str, float]] = {}

    @property
    def texts(self) -> dict[str, str]:
        """What is wrong now."""
        return {what: text for what, (text, _) in self._open.items()}

    def set(self, what: str, text: str | None, now_s: float) -> None:
        """Say what has begun to be wrong, that it still is, or, with None, that it has ended."""
        before = self._open.get(what)
        if text is None:
            if before is not None:
                del self._open[what]
                self._say(Message(f"{what}: all right again", alarm=what))
            return
        said_s = before[1] if before is not None else float("-inf")
        if now_s >= said_s + AGAIN_S:
            said_s = now_s
            self._say(Message(f"{what}: {text}", WARNING, alarm=what))
        self._open[what] = (text, said_s)


def status_of(
    writer: Writer,
    ring: Keyring,
    alarms: Alarms,
    journal: Journal,
    timings: Timings,
    feed: Feed | None,
    *,
    at_s: int,
    snapshot: int | None,
    pause_s: float,
    commands: dict[str, Any],
) -> Status:
    """How a shard stands."""
    state, hold = writer.state, writer.hold
    names = {curve: key.name for curve, key in ring.current.items()}
    names[UNREADABLE] = ", ".join(f"the damaged file {name}" for name in sorted(ring.problems))

    def named(keys: Iterable[bytes]) -> list[str]:
        return sorted(names.get(key, key.hex()) for key in keys)

    return Status(
        at_s=at_s,
        engine_s=state.now_s,
        frame=state.mark.number,
        sequence=state.engine.sequence if state.engine else 0,
        snapshot=snapshot,
        snapshot_pause_s=pause_s,
        producers=len(state.lines),
        frozen=named(key for key, line in state.lines.items() if line.frozen),
        refused_batches=writer.refused,
        trips_held=hold.held,
        held_for=named(hold.missing | hold.draining),
        trips_suspended=state.engine is not None and writer.suspended,
        commands=commands,
        alarms=alarms.texts,
        incarnation=journal.incarnation,
        figures=_figures(state.engine),
        durations=timings.shown,
        journal_room_bytes=journal.room,
        subscribers=_subscribers(feed, names) if feed is not None else (),
    )


def _figures(engine: Engine | None) -> dict[str, dict[str, int]]:
    if engine is None:
        return {}
    stats = engine.stats()
    return {
        **{name: stats[name] for name in FIGURES},
        "kept": {name: stats[name] for name in KEPT},
    }


def _subscribers(feed: Feed, names: Mapping[bytes, str]) -> tuple[Subscriber, ...]:
    found = [
        Subscriber(names.get(key, key.hex()), output, behind, flying_bytes)
        for key, output, behind, flying_bytes in feed.followers()
    ]
    return tuple(sorted(found, key=lambda each: (-each.behind, each.name))[:SUBSCRIBERS_MAX])
