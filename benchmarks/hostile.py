"""What others' hostility costs a good producer: its p99 while each kind of it goes on, against its p99 alone.

Two producers send messages of 64 reads at a rate far below what the node takes; the clock runs from a message's bytes
on the socket to its acknowledgement's. In each round they do so alone, then beside one attacker after the other: see
`benchmarks.attackers`. An attacker that did nothing, or that was let through, makes the question fail; and at the end
a recovery of the node's journal must have the registers of the good ones' reads and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks import disks
from benchmarks.answers import expect
from benchmarks.attackers import ATTACKS, Attacker, Target
from benchmarks.command import main
from benchmarks.errors import CannotRun
from benchmarks.figures import ROUNDS, Figure, Question, Size
from benchmarks.loopback import wait_for
from benchmarks.machine import need_memory
from benchmarks.node import JOURNAL_READ_BYTES, Run, running, small

QUESTION = Question(
    "hostile", "a good producer's acknowledgements among hostile ones", "p99 ≤ 2 × that alone"
)
TARGET: Final = 2.0
SENDERS: Final = 2
METER_BYTES: Final = 2_000


@dataclass(frozen=True)
class Among:
    """Meters of the good ones, and messages that they send a second."""

    meters: int
    rate: int


SIZES: dict[Size, Among] = {"smoke": Among(3_000, 200), "full": Among(64_000, 250)}


def run(size: Size) -> list[Figure]:
    """Measure it."""
    among = SIZES[size]
    need_memory(f"{among.meters:,} meters", among.meters * METER_BYTES)
    alone: list[float] = []
    beside: dict[str, list[float]] = {attack: [] for attack in ATTACKS}
    deeds = dict.fromkeys(ATTACKS, 0)
    with running(small(among.meters, SENDERS, 1)) as run_:
        rounds = ROUNDS * (len(ATTACKS) + 1) + 2
        disks.need_room("the journal", run_.node_.folder, rounds * among.meters * JOURNAL_READ_BYTES)
        pair = run_.node_.allowed("hostile", "reads")
        target = Target(run_.node_.endpoint, run_.node_.node_key, pair)
        _p99_ms(run_, among.rate)
        for _ in range(ROUNDS):
            alone.append(_p99_ms(run_, among.rate))
            for attack in ATTACKS:
                with Attacker(attack, target) as attacker:
                    _begun(attacker, attack)
                    beside[attack].append(_p99_ms(run_, among.rate))
                    deeds[attack] += attacker.done
                    if not attacker.runs:
                        raise CannotRun(f"hostile: the attacker of {attack} has failed")
        run_.senders.close()
        run_.node_.stop()
        answer = run_.core_.check(run_.node_.recovered())
    note = f"alone {np.median(alone):.1f} ms"
    return [
        Figure(
            attack,
            "ms",
            tuple(values),
            "alone",
            tuple(alone),
            TARGET,
            at_most=True,
            answer=answer,
            note=f"{note}; {deeds[attack]:,} times",
        )
        for attack, values in beside.items()
    ]


def _begun(attacker: Attacker, attack: str) -> None:
    wait_for(lambda: attacker.done or not attacker.runs, f"somebody attacks with {attack}")
    if not attacker.runs:
        raise CannotRun(f"hostile: the attacker of {attack} has failed")


def _p99_ms(run_: Run, rate: int) -> float:
    """One sweep's messages at a rate; the p99 of their acknowledgements."""
    reads = run_.senders.prepare(1)
    run_.core_.take(1)
    run_.tick(run_.core_.present.now_s)
    run_.senders.begin(rate * run_.load.rows)
    told = run_.senders.told()
    expect("hostile: reads acknowledged", told.reads, reads)
    return 1e3 * float(np.percentile(np.array(told.latencies_s), 99, method="higher"))


if __name__ == "__main__":
    main([QUESTION.name])
