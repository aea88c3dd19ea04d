"""Lines of a story: told apart, and refused where a word is unknown, before anything is played."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from stories import words as w


class StoryError(AssertionError):
    """A line that is not understood, or whose effects are not those told."""


@dataclass(slots=True)
class Told:
    """An effect that a line tells: the output it stands in, its first words, and more about it."""

    output: str
    words: list[str]
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Line:
    """A line: its number, the word it begins with, arguments, options, effects."""

    number: int
    text: str
    joined: bool
    verb: str
    words: list[str]
    options: dict[str, str]
    effects: list[Told]

    def fail(self, why: str) -> StoryError:
        return StoryError(f"line {self.number}: {self.text}\n  {why}")


def parse(number: int, text: str) -> Line | None:
    """One line of a story; None where nothing stands there."""
    said = text.partition("#")[0].strip()
    if not said:
        return None
    left, arrow, right = said.partition("->")
    tokens = left.split()
    joined = bool(tokens) and tokens[0] == "&"
    tokens = tokens[joined:]
    line = Line(number, said, joined, tokens[0] if tokens else "", [], {}, [])
    if line.verb not in w.VERBS and not w.SPAN.fullmatch(line.verb):
        raise line.fail(f"unknown word {line.verb!r}; known are +TIME, {', '.join(sorted(w.VERBS))}")
    _sort(tokens[1:], line.words, line.options)
    wanted = w.ALONE.get(line.verb, 0 if w.SPAN.fullmatch(line.verb) else None)
    if wanted is not None and (
        len(line.words) != wanted or {*line.options} - {*w.ALONE_ASIDE.get(line.verb, ())}
    ):
        raise line.fail(f"{line.verb} takes {wanted} words, and no other options")
    if line.verb == "watch" and not {*line.words} <= {*w.OUTPUTS}:
        raise line.fail(f"watch takes {', '.join(w.OUTPUTS)}")
    if arrow and not right.strip():
        raise line.fail("nothing is told after ->")
    for part in re.split(r",|\s{2,}", right):
        if part.strip():
            line.effects.append(_told(line, part.split()))
    return line


def _sort(tokens: list[str], words: list[str], options: dict[str, str]) -> None:
    for token in tokens:
        key, equals, value = token.partition("=")
        if equals:
            options[key] = value
        else:
            words.append(token)


def _told(line: Line, tokens: list[str]) -> Told:
    told = Told("", [])
    _sort(tokens, told.words, told.facts)
    head = told.words[0] if told.words else ""
    if set(head.split("+")) <= set(w.QUALITY):
        told.output = "intervals"
    elif head in ("opens", "closes"):
        told.output = "orders" if told.words[1:2] and told.words[1] in w.ORDERS else "findings"
    elif head in w.HEADS:
        told.output = w.HEADS[head]
    else:
        raise line.fail(
            f"unknown effect {head!r}; known are {', '.join([*w.QUALITY, *w.HEADS])}, opens, closes"
        )
    if unknown := [key for key in told.facts if key not in w.FACTS.get(told.output, {})]:
        raise line.fail(
            f"{head} has no {unknown[0]!r}; it has {', '.join(w.FACTS.get(told.output, {})) or 'none'}"
        )
    return told
