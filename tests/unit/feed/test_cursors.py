"""How far rows are taken, on a disk that fails."""

import pytest

from pipeline.client import Cursors, CursorsError
from pipeline.wire.outputs import Cursor
from simulation.disk import Faults, SimDisk


def test_what_was_seen_after_a_failed_sync_is_written_anew() -> None:
    faults = Faults()
    disk = SimDisk(faults)
    cursors = Cursors(disk, "ledger")
    cursors.taken = [Cursor(7, 4)]
    faults.fail_at.add(5)  # after create, write, sync and replace
    with pytest.raises(CursorsError, match="failed a sync of its directory"):
        cursors.keep()
    disk.kill()
    assert Cursors(disk, "ledger").taken == [Cursor(7, 4)]
    disk.power_failure()
    assert Cursors(disk, "ledger").taken == [Cursor(7, 4)]
