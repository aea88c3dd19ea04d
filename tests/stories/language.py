"""Business rules as stories: what comes in, a line each, and after ``->`` all that the engine does about it.

::

    account  A1  25.00
    meter    M1  A1
    read     M1  00:00     0  -> first
    read     M1  00:15  9000  -> good wh=9000 charge=4.5
    read     M1  00:30 10000  -> good   notice low_balance A1 20
    +48h
    top_up   A1  80.00

A line is a row of a batch; ``&`` before it adds it to the batch of the line before, and what a batch does
beyond its rows stands at its last line. Effects are parted by commas or wide blanks. An effect's first words
are told in order, as many as matter; ``key=value`` tells more. An effect that is told and does not come, comes
and is not told, or is another, fails with the number of the line. Windows and collection count only in a
story that watches them. ``top_up`` and the like, and an ``account`` with an amount, tell their own ledger row.

Times are local, of the story's ``day``: ``00:15``; of another: ``01-31T00:15``; UTC: ``2026-10-25T00:30Z``; from
the engine's time: ``+15m``. ``+48h`` and ``at 12:00`` alone are ticks. A batch's ``now`` is the engine's time, or
the newest read's if that is later, or what ``now=`` says. ``see`` looks at the state; ``-`` is null.
"""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from fastcore import Config, ConfigError, Engine, SchemaError
from stories import words as w
from stories.effects import plain, shown, spoken
from stories.script import Line, StoryError, Told, parse


def check(story: str, config: str, *, ids: str = "utf8", configs: dict[str, str] | None = None) -> int:
    """Run a story on an engine of its own; return the number of effects that were told and came.

    ``config`` is the engine's TOML, ``configs`` those that the lines ``config NAME`` give it later, ``ids`` the
    kind of its ids. Raises StoryError, with the line's number, where the story is not understood or not true.
    """
    lines = [line for n, text in enumerate(story.splitlines(), 1) if (line := parse(n, text))]
    if not any(line.effects or line.verb == "see" for line in lines):
        raise StoryError("the story tells no effect, so nothing in it could fail")
    player = Player(config, ids, configs or {})
    while lines:
        size = next((i for i, line in enumerate(lines[1:], 1) if not line.joined), len(lines))
        player.play(lines[:size])
        del lines[:size]
    return player.met


class Player:
    """Plays lines on an engine, and holds what it does against what they tell."""

    def __init__(self, config: str, ids: str, configs: dict[str, str]) -> None:
        told = tomllib.loads(config)["engine"]
        self.zone = ZoneInfo(told["timezone"])
        self.day: date = told["calendar"]["from"]
        self.configs, self.ids, self.met, self.payments = configs, ids, 0, 0
        self.watched = {*w.OUTPUTS} - {"districts", "collection"}
        self.engine = Engine(Config.from_toml(config))

    @property
    def now(self) -> int:
        """The engine's time; before it has any, the first instant of the calendar."""
        return self.instant("00:00") if self.engine.now_s is None else self.engine.now_s

    def instant(self, said: str) -> int:
        """An instant as lines write it, in seconds."""
        if w.SPAN.fullmatch(said):
            return self.now + w.span_s(said)
        if said.endswith("Z"):
            return int(datetime.fromisoformat(said[:-1]).replace(tzinfo=UTC).timestamp())
        day, _, clock = said.rpartition("T")
        if not re.fullmatch(r"\d\d:\d\d(:\d\d)?", clock):
            raise ValueError(
                f"{said!r} is no time; it is written 00:15, 01-31T00:15, 2026-01-31T00:15Z or +15m"
            )
        years = f"{self.day.year}-{day}" if len(day) == 5 else day
        start = date.fromisoformat(years) if day else self.day
        hours, minutes, seconds = map(int, f"{clock}:00"[:8].split(":"))
        start += timedelta(days=hours // 24)
        local = datetime(start.year, start.month, start.day, hours % 24, minutes, seconds, tzinfo=self.zone)
        return int(local.timestamp())

    def value(self, told: str, said: str) -> Any:
        """A value of one of the types of `words.COLUMNS`."""
        if said == "-":
            return None
        match told.rstrip("?"):
            case "id":
                return int(said) if self.ids == "uint64" else said
            case "instant":
                return self.instant(said)
            case "money" | "energy":
                return Decimal(said)
            case "count" | "int32" | "uint16" | "uint64":
                return int(said)
            case "ratio":
                return float(said)
            case "flag":
                return {"yes": True, "no": False}[said]
            case "bytes":
                return said.encode().ljust(16, b".")
            case "quality":
                return sum(w.QUALITY[name] for name in said.split("+"))
        return said

    def play(self, lines: list[Line]) -> None:
        """Play the lines of one batch."""
        first = lines[0]
        try:
            if first.verb == "see":
                self.see(first)
            elif first.verb == "day":
                self.day = date.fromisoformat(first.words[0])
            elif first.verb == "watch":
                self.watched |= {*first.words}
            else:
                self.batch(lines)
        except (ValueError, KeyError, IndexError, ArithmeticError) as error:
            raise first.fail(f"not understood: {error!r}") from error

    def batch(self, lines: list[Line]) -> None:
        """Apply the batch of these lines, and compare."""
        kind, batch, row_of = self.rows(lines)
        now = lines[-1].options.get("now")
        if kind == "tick":
            said = lines[0].words[0] if lines[0].verb == "at" else lines[0].verb
            at = self.instant(said)
        elif now:
            at = self.instant(now)
        else:
            at = max([self.now, *(batch["at"].to_pylist() if kind == "reads" else [])])
        digest, sequence = self.engine.digest(), self.engine.sequence
        malformed = any(told.output == "malformed" for line in lines for told in line.effects)
        try:
            effects = self.engine.apply(kind, batch, at)
        except (SchemaError, ConfigError) as error:
            if not malformed or (self.engine.digest(), self.engine.sequence) != (digest, sequence):
                raise lines[-1].fail(f"malformed: {error}") from error
            self.met += 1
            return
        if malformed:
            raise lines[-1].fail("told malformed, and was taken")
        self.engine.audit()
        for output in w.OUTPUTS:
            came: dict[int, list[dict[str, Any]]] = {i: [] for i in range(len(lines))}
            for row in plain(getattr(effects, output)):
                came[row_of[row["row"]] if output in w.BY_ROW and row_of else len(lines) - 1].append(row)
            for i, line in enumerate(lines):
                told = [each for each in self.told(line) if each.output == output]
                if output in self.watched or told:
                    self.compare(line, output, told, came[i])

    def rows(self, lines: list[Line]) -> tuple[str, Any, list[int]]:
        """The kind and the batch of lines that belong together, and the line that each row comes from."""
        first = lines[0]
        kind = w.VERBS.get(first.verb, ("tick",))[0]
        if kind == "tick":
            return kind, None, []
        if kind == "config":
            return kind, self.configs[first.words[0]], []
        rows: list[dict[str, Any]] = []
        row_of: list[int] = []
        for i, line in enumerate(lines):
            if w.VERBS[line.verb][0] != kind:
                raise line.fail(f"{line.verb} is not of the batch's kind, {kind}")
            if line.verb != "feed":
                made = self.row(line)
                rows += made
                row_of += [i] * len(made)
        columns = w.COLUMNS[kind]
        arrays = {
            name: w.array(told, [row[name] for row in rows], self.ids) for name, told in columns.items()
        }
        return kind, pa.RecordBatch.from_pydict(arrays), row_of

    def row(self, line: Line) -> list[dict[str, Any]]:
        """The rows of a line: one, or with ``times=`` several, ``every=`` apart and ``step=`` counts higher."""
        kind, names, fixed = w.VERBS[line.verb]
        options = {key: value for key, value in line.options.items() if key not in w.ASIDE}
        if len(line.words) > len(names):
            if kind != "reads" or not {*line.words[len(names) :]} <= {*w.STATUS}:
                raise line.fail(f"{line.verb} takes {', '.join(names)}")
            options["status"] = str(sum(w.STATUS[word] for word in line.words[len(names) :]))
        if unknown := [key for key in options if key not in w.COLUMNS[kind]]:
            raise line.fail(f"{line.verb} has no {unknown[0]!r}; it has {', '.join(w.COLUMNS[kind])}")
        said = {**w.DEFAULTS.get(kind, {}), **fixed, **dict(zip(names, line.words, strict=False)), **options}
        if kind == "payments":
            self.payments += 1
            said = {"payment_id": f"p{self.payments}", "at": "+0s", **said}
        row = {name: self.value(told, said.get(name, "-")) for name, told in w.COLUMNS[kind].items()}
        times, every = int(line.options.get("times", "1")), w.span_s("+" + line.options.get("every", "15m"))
        step = int(line.options.get("step", "0"))
        return [row] + [
            {**row, "at": row["at"] + i * every, "value": row["value"] + i * step} for i in range(1, times)
        ]

    def told(self, line: Line) -> list[Told]:
        """The effects a line tells: those after the arrow, as often as it has rows, and its own ledger row."""
        times = int(line.options.get("times", "1"))
        told = [each for each in line.effects if each.output in w.BY_ROW] * times
        told += [each for each in line.effects if each.output not in w.BY_ROW]
        heads = {each.words[0] for each in told}
        own, account = w.OWN.get(line.verb, ""), line.words[0] if line.words else ""
        if own and len(line.words) > 1 and not heads & {own, "refused"}:
            told.insert(0, Told("ledger", [own, account], {"amount": line.words[1]}))
        return told

    def compare(self, line: Line, output: str, told: list[Told], came: list[dict[str, Any]]) -> None:
        """Hold the effects of one output against those told."""
        seen = "".join(f"\n    {' '.join(spoken(output, row))}  {shown(output, row)}" for row in came)
        wanted = "".join(
            f"\n    {' '.join(each.words)}  {' '.join(map('='.join, each.facts.items()))}" for each in told
        )
        same = len(told) == len(came) and all(
            self.fits(output, each, row) for each, row in zip(told, came, strict=True)
        )
        if not same:
            raise line.fail(f"{output}: told{wanted or ' none'}\n  came{seen or ' none'}")
        self.met += len(told)

    def fits(self, output: str, told: Told, row: dict[str, Any]) -> bool:
        """Whether an effect is the one told: a command's attempt is the first, unless it is told."""
        facts = {**({"attempt": "1"} if output == "commands" else {}), **told.facts}
        same = (
            self.value(w.FACTS[output][k][1], said) == row[w.FACTS[output][k][0]] for k, said in facts.items()
        )
        return spoken(output, row)[: len(told.words)] == told.words and all(same)

    def see(self, line: Line) -> None:
        """Look at the state: one row of accounts, meters or districts; or all gaps of a meter, or all that is open."""
        what, *names = line.words
        if what in ("findings", "orders", "commands"):
            rows = plain(getattr(self.engine, what)())
            found = sorted(f"{row['kind']}:{row.get('subject', row.get('account_id'))}" for row in rows)
            facts: dict[str, tuple[str, Any, Any]] = {what: ("", sorted(names), found)}
        elif what == "gaps":
            rows = [row for row in plain(self.engine.gaps()) if str(row["meter_id"]) == names[0]]
            spans = [[*map(self.instant, name.split("-"))] for name in names[1:]]
            facts = {what: ("", spans, [[row["from"], row["to"]] for row in rows])}
        else:
            table, key, types = w.SEEN[what]
            (row,) = (r for r in plain(getattr(self.engine, table)()) if str(r[key]) == names[0])
            facts = {k: ("", self.value(types[k], v), row[k]) for k, v in line.options.items()}
        if not facts:
            raise line.fail("nothing to look at is named")
        for name, (_, wanted, seen) in facts.items():
            if wanted != seen:
                raise line.fail(f"{name}: told {wanted}\n  is {seen}")
            self.met += 1
