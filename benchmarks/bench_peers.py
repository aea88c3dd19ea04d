"""What the core is worth against what a user would write instead.

The same reduced job (`benchmarks.peers.job`) in NumPy, Polars, DuckDB, Numba by hand, plain Python and
Bytewax, each from the same state over the same batches, with the same outputs, handed on batch by batch.
Every one's answer is compared, all of it, before it is timed; rounds are paired and interleaved. The core
does all of its rules meanwhile. Polars and DuckDB have all cores. A tool that is not installed is absent.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import cast

import numpy as np

from benchmarks.answers import expect, expect_columns, fingerprint
from benchmarks.command import main
from benchmarks.contest import seconds
from benchmarks.errors import CannotRun
from benchmarks.figures import ROUNDS, Figure, Question, Size
from benchmarks.peers.core_peer import settled
from benchmarks.peers.job import REASONS, Job, Output, Peer, make_job
from benchmarks.peers.settle import answer_of

__all__ = ["PEERS", "TARGETS", "measure", "outputs_of"]

QUESTION = Question(
    "peers", "against what a user would write instead", "≥ 1.2 × Numba, 7 × NumPy, 20 × Polars, 60 × Python"
)
TARGETS: Mapping[str, float | None] = {
    "numba": 1.2, "numpy": 7.0, "polars": 20.0, "duckdb": None, "python": 60.0, "bytewax": None
}  # fmt: skip
SIZES: dict[Size, tuple[int, int]] = {"smoke": (2_000, 4), "full": (100_000, 8)}
"""Meters, and sweeps of them."""

Make = Callable[[Job], Peer]


def _made(name: str, job: Job) -> Peer:
    return cast(Make, import_module(f"benchmarks.peers.{name}_peer").make)(job)


PEERS: dict[str, Make] = {name: partial(_made, name) for name in ("core", *TARGETS)}
"""How each is made; the core among them."""
REFERENCE = "python"
"""The plainest: the others are held to its answer."""


def run(size: Size) -> list[Figure]:
    """Measure it; a figure for each peer."""
    rates, answer, absent = measure(make_job(*SIZES[size]), PEERS, ROUNDS)
    meters = SIZES[size][0]
    out = []
    for name, target in TARGETS.items():
        what = f"{meters:,} meters, core against {name}"
        if name in absent:
            out.append(Figure(what, "M reads/s", (), name, (), target, note=f"absent: {absent[name]}"))
        else:
            out.append(Figure(what, "M reads/s", rates["core"], name, rates[name], target, answer=answer))
    return out


def measure(
    job: Job, peers: Mapping[str, Make], rounds: int
) -> tuple[dict[str, tuple[float, ...]], str, dict[str, str]]:
    """Compare, then time: M reads/s by peer and round, the hash of the answer, and why others are absent.

    Raises `WrongAnswer` if one's answer is not that of plain Python: or the job does not have every reason
    and a trip: then nobody is timed.
    """
    reference = answer_of(REFERENCE, outputs_of(peers[REFERENCE](job), job), len(job.batches))
    asked = {
        *np.unique(reference["refused reason"]).tolist(),
        *(["trips"] if len(reference["tripped"]) else []),
    }
    expect("reasons and trips of the job", sorted(asked, key=str), [*range(1, len(REASONS)), "trips"])
    absent: dict[str, str] = {}
    for name in peers:
        try:
            found = answer_of(name, outputs_of(peers[name](job), job), len(job.batches))
        except CannotRun as error:
            absent[name] = str(error)
            continue
        expect_columns(name, found, reference)
    here = [name for name in peers if name not in absent]
    rates: dict[str, list[float]] = {name: [] for name in here}
    for number in range(rounds):
        for turn in range(len(here)):
            name = here[(number + turn) % len(here)]
            run_all = partial(peers[name](job).run, job.batches, job.now_s, _let_go)
            gc.collect()
            spent_s = seconds(run_all)
            rates[name].append(job.reads / spent_s / 1e6)
    return {name: tuple(rated) for name, rated in rates.items()}, fingerprint(reference), absent


def outputs_of(peer: Peer, job: Job) -> list[Output]:
    """All outputs of a peer, in one form."""
    outputs: list[Output] = []
    peer.run(job.batches, job.now_s, lambda output: outputs.append(output))
    return [settled(output.effects) if output.effects is not None else output for output in outputs]


def _let_go(output: Output) -> None:
    """Take an output and keep nothing of it."""


if __name__ == "__main__":
    main([QUESTION.name])
