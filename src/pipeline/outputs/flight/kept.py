"""From which batch on files have all rows of an output: as their description says, and as days were dropped."""

from __future__ import annotations

from collections.abc import Collection

from pipeline.outputs.description import Described, read_description
from pipeline.outputs.flight.tickets import refusal
from pipeline.outputs.places import OutputPlaces

__all__ = ["Kept"]


class Kept:
    """What files have of a shard's rows of an output; `dropped` are the outputs whose days do not stay for ever.

    Attributes:
        first: the oldest batch from which on no row is missing but those of gaps.
    """

    def __init__(self, places: OutputPlaces, name: str, shard: int, dropped: Collection[str]) -> None:
        now = read_description(places.description)
        described = now.shards[shard] if now is not None and shard < len(now.shards) else Described()
        self.first = described.first
        self._gaps = described.gaps
        self._of = f"{name} of shard {shard}"
        if name in dropped:
            # What was dropped leaves no trace; the oldest file that is there has all from its first batch on.
            found = (
                p.first for day in places.days(name) for p in places.pieces(name, day) if p.shard == shard
            )
            self.first = max(self.first, next(found, self.first))

    def until(self, seq: int, last: int) -> int:
        """Up to which batch, at most `last`, files have all rows from `seq` on; raises `FlightServerError`."""
        if seq < self.first:
            raise refusal(
                f"{self._of} is kept from batch {self.first} on; asked for from batch {seq}. What is older can be made "
                "of the journal: feikong journal export, feikong replay",
                b"cursor",
            )
        for gap in self._gaps:
            if gap.first <= seq <= gap.last:
                raise refusal(
                    f"{self._of} has no rows of the batches {gap.first} to {gap.last}: the journal was cut back before "
                    f"they were made. Go on with batch {gap.last + 1}",
                    b"cursor",
                )
            if seq < gap.first:
                last = min(last, gap.first - 1)
        return last
