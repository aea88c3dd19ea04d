"""How fast the core is on reads in random order, each meter anywhere.

`Engine.apply("reads")` with all outputs, uint64 ids, batches of 65,536, one core, against the floor on the
same reads.
"""

from __future__ import annotations

from benchmarks.against_floor import against_floor
from benchmarks.command import main
from benchmarks.figures import Figure, Question, Size

QUESTION = Question("random", "the core, uint64 ids, reads in random order", "≥ 0.5 × floor")


def run(size: Size) -> list[Figure]:
    """Measure it; a figure for each number of meters."""
    return against_floor("random", size, 0.5)


if __name__ == "__main__":
    main([QUESTION.name])
