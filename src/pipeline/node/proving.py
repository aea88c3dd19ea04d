"""The process that checks a snapshot: ``python -m pipeline.node.proving DATA SHARD NUMBER FRAME DIGEST``.

Exit status 0: the candidate of that number, brought forward to the frame, is of the digest. 1: it is not, or could not
be read; why is on standard error.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from fastcore import FeikongError
from pipeline.journal import JournalError, RealDisk
from pipeline.node.layout import Places
from pipeline.node.proof import Told, prove
from pipeline.node.snapshots import Snapshots

__all__ = ["main"]

NICE: Final = 10


def main(data: str, shard: str, number: str, frame: str, digest: str) -> int:
    """Check a candidate; the exit status."""
    os.nice(NICE)
    places = Places(Path(data), int(shard))
    try:
        prove(
            RealDisk(places.journal),
            Snapshots(RealDisk(places.snapshots)),
            int(number),
            Told(int(frame), digest),
        )
    except (FeikongError, JournalError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
