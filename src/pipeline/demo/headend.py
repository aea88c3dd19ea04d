"""The head-end: it executes commands, fails, is slow, or arms relays that only the customer's hand closes.

It is what the engine's commands meet in the field: an expired command is ignored, and so is one that is older
than another that its meter has seen. Each attempt has its own luck, but for meters whose module is dead, or
dies with the lights: those do not answer, and a crew drives out for their customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.demo.arrow import Ack
from pipeline.demo.county import County
from pipeline.demo.events import Agenda

_DEAF_SHARE: Final = 0.02
_DIES_WITH_TRIP_SHARE: Final = 0.04
_BUTTON_SHARE: Final = 0.25
_QUICK, _SLOW, _FAILED, _REFUSED = 0.90, 0.94, 0.97, 0.98


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it is sent, each attempt on its own."""

    command_id: int
    kind: str
    account: int
    expires_s: int


@dataclass(frozen=True, slots=True)
class _Answer:
    command: Command
    outcome: str
    by_crew: bool = False


class HeadEnd:
    """Commands in, acknowledgements out, and relays that open and close in between."""

    def __init__(self, county: County, rng: np.random.Generator) -> None:
        self._rng = rng
        self._deaf = rng.random(county.accounts) < _DEAF_SHARE
        self._dies_with_trip = rng.random(county.accounts) < _DIES_WITH_TRIP_SHARE
        self._button = rng.random(county.accounts) < _BUTTON_SHARE
        self._answers: Agenda[_Answer] = Agenda()
        self._newest: dict[int, Command] = {}
        self._open_since_s: dict[int, int] = {}
        self._open_s: dict[int, int] = {}

    def take(self, command: Command, now_s: int) -> None:
        """Send a command to its meter, at ``now_s``."""
        account = command.account
        self._newest[account] = command
        if self._deaf[account] or (self._dies_with_trip[account] and command.kind == "restore"):
            return
        luck = float(self._rng.random())
        if luck < _SLOW:
            at_s = now_s + self._seconds(*((2, 25) if luck < _QUICK else (65, 240)))
            armed = command.kind == "restore" and bool(self._button[account])
            self._answers.add(at_s, _Answer(command, "armed" if armed else "done"))
        elif luck < _REFUSED:
            self._answers.add(
                now_s + self._seconds(3, 20), _Answer(command, "failed" if luck < _FAILED else "refused")
            )

    def send_crew(self, account: int, now_s: int) -> None:
        """A crew drives to a customer whose supply cannot be restored from afar."""
        command = self._newest.get(account)
        if command is not None and command.kind == "restore":
            arrival_s = now_s + self._seconds(1_500, 5_400)
            self._answers.add(arrival_s, _Answer(command, "done", by_crew=True))

    def acks_due(self, now_s: int) -> list[Ack]:
        """What meters and crews report up to ``now_s``; relays move as they do."""
        acks: list[Ack] = []
        while due := self._answers.due(now_s):
            acks += [ack for at_s, answer in due if (ack := self._execute(answer, at_s)) is not None]
        return acks

    def open_seconds(self, from_s: int, to_s: int) -> dict[int, int]:
        """Seconds from ``from_s`` to ``to_s`` in which each account's relay was open; call it in order."""
        taken, self._open_s = self._open_s, {}
        for account, since_s in self._open_since_s.items():
            taken[account] = taken.get(account, 0) + to_s - max(since_s, from_s)
            self._open_since_s[account] = max(since_s, to_s)
        return taken

    def _execute(self, answer: _Answer, at_s: int) -> Ack | None:
        command = answer.command
        if not answer.by_crew and self._ignored(answer, at_s):
            return None
        if answer.outcome == "done":
            self._switch(command, at_s)
        elif answer.outcome == "armed":
            self._answers.add(at_s + self._seconds(20, 900), _Answer(command, "done"))
        return Ack(command.command_id, answer.outcome, at_s)

    def _ignored(self, answer: _Answer, at_s: int) -> bool:
        """Expired (but for a button pressed once the relay is armed), or overtaken by a newer command."""
        command = answer.command
        pressed = (
            command.kind == "restore" and bool(self._button[command.account]) and answer.outcome == "done"
        )
        return self._newest[command.account].command_id != command.command_id or (
            at_s > command.expires_s and not pressed
        )

    def _switch(self, command: Command, at_s: int) -> None:
        account = command.account
        if command.kind == "trip":
            self._open_since_s.setdefault(account, at_s)
        elif account in self._open_since_s:
            since_s = self._open_since_s.pop(account)
            self._open_s[account] = self._open_s.get(account, 0) + at_s - since_s

    def _seconds(self, least: int, most: int) -> int:
        return int(self._rng.integers(least, most))
