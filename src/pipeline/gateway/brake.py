"""NO-TRIP: a file of that name in the data directory stops every trip at once, and needs nothing else to work."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.node.layout import NO_TRIP

__all__ = ["no_trip"]


def no_trip(data: str | Path) -> bool:
    """Whether trips are stopped; two system calls, so that it is asked each time.

    A link that leads nowhere counts, and so does a directory: whatever has the name. Where nobody can tell, since the
    data directory is not there or cannot be looked into, trips are stopped too.
    """
    try:
        os.lstat(Path(data) / ".")
    except OSError:
        return True
    try:
        os.lstat(Path(data) / NO_TRIP)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True
