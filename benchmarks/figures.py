"""A figure: what was measured round by round, what it is held against, and whether that is enough."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any, Final, Literal

__all__ = ["ROUNDS", "Figure", "Question", "Size", "Verdict"]

Size = Literal["smoke", "full"]
Verdict = Literal["met", "missed", "absent", "reported"]

ROUNDS: Final = 5
"""Rounds of every measurement, at the least."""


@dataclass(frozen=True)
class Question:
    """What a file of this folder asks: its name on the command line, in words, and the target in words."""

    name: str
    text: str
    target: str


@dataclass(frozen=True)
class Figure:
    """One line of an answer.

    `values` has an item a round, in `unit`; `against_values` the same of what it is held against, measured
    in the same rounds, or one limit that holds for all. `target` is what the median of the rounds' ratios
    must reach, or, if `at_most`, may not exceed. `answer` is the hash of the result. A figure without
    values is absent, and `note` says why.
    """

    what: str
    unit: str
    values: tuple[float, ...]
    against: str = ""
    against_values: tuple[float, ...] = ()
    target: float | None = None
    at_most: bool = False
    answer: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if len(self.against_values) not in (0, 1, len(self.values)):
            raise ValueError(
                f"{self.what}: {len(self.against_values)} rounds of {self.against}; expected {len(self.values)}, paired"
            )
        if self.values and not self.answer:
            raise ValueError(f"{self.what}: no hash of its answer; expected one, or its time means nothing")

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return median(self.values)

    @property
    def ratios(self) -> tuple[float, ...]:
        """Round by round, the figure over what it is held against."""
        others = (
            self.against_values * len(self.values) if len(self.against_values) == 1 else self.against_values
        )
        return tuple(value / other for value, other in zip(self.values, others, strict=bool(others)))

    @property
    def ratio(self) -> float | None:
        """The median of the ratios; None where it is held against nothing, or absent."""
        return median(self.ratios) if self.ratios else None

    @property
    def verdict(self) -> Verdict:
        """Whether the ratio is enough; `reported` where nothing is asked."""
        if not self.values:
            return "absent"
        if self.target is None or self.ratio is None:
            return "reported"
        return (
            "met" if (self.ratio <= self.target if self.at_most else self.ratio >= self.target) else "missed"
        )

    def as_json(self) -> dict[str, Any]:
        """All of it as plain JSON values, each round too."""
        out: dict[str, Any] = {"what": self.what, "unit": self.unit, "verdict": self.verdict}
        if self.values:
            out |= {"median": self.value, "rounds": list(self.values), "answer": self.answer}
        if self.ratio is not None:
            out |= {
                "against": self.against,
                "against_median": median(self.against_values),
                "against_rounds": list(self.against_values),
                "ratio": self.ratio,
                "ratios": list(self.ratios),
            }
        if self.target is not None:
            out |= {"target": self.target, "at_most": self.at_most}
        return out | ({"note": self.note} if self.note else {})
