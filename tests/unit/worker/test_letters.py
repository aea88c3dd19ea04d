"""Dead letters of many bytes do not keep the disk from the journal."""

from __future__ import annotations

from pipeline.wire import Reason, Refused
from pipeline.worker.letters import A_SECOND_BYTES, AT_ONCE_BYTES, DeadLetters
from simulation.disk import SimDisk

WHY = Refused(Reason.DIGEST, "wrong")


def test_of_large_letters_a_second_keeps_few():
    letters = DeadLetters(SimDisk(), "worker-0", 1 << 30)
    large = bytes(AT_ONCE_BYTES // 3)
    for _ in range(5):
        letters.keep("user", [b"header", large], WHY, 1, 100.0)
    assert (letters.kept, letters.passed_over) == (2, 3), "the headers are counted too"
    letters.keep("user", [b"header", large], WHY, 1, 100.0 + 0.9 * len(large) / A_SECOND_BYTES)
    assert letters.kept == 3
    letters.keep("user", [b"header", large], WHY, 1, 100.1 + 0.9 * len(large) / A_SECOND_BYTES)
    assert letters.kept == 3


def test_small_letters_are_kept_beside_a_large_one_that_was_not():
    letters = DeadLetters(SimDisk(), "worker-0", 1 << 30)
    for size in (AT_ONCE_BYTES - 100, 1000, 50, AT_ONCE_BYTES, 20):
        letters.keep("user", [bytes(size)], WHY, 1, 5.0)
    assert (letters.kept, letters.passed_over) == (3, 2)
