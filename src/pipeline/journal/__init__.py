"""The journal: what was acknowledged, in order, whatever is killed, cut or torn.

It knows bytes only. A frame is what one commit group brought, a list of buffers; frames are numbered from 1,
each continues the chain of those before it, and a frame that `Journal.sync` has returned is on the disk for good.
Opening is always a recovery; `docs/journal.md` shows the use, `format` has the files byte by byte::

    errors  disk  format  segments  full  prune  scan  writer  recovery  verify

Each module imports only those before it.
"""

from pipeline.journal.disk import Buffer, Disk, DiskLocked, File, Lock, RealDisk, write_all, write_aside
from pipeline.journal.errors import JournalDamaged, JournalError, JournalFailed, JournalFull, JournalLocked
from pipeline.journal.format import Mark
from pipeline.journal.recovery import SEGMENT_BYTES, START_BYTES, Recovery, Tail, prune
from pipeline.journal.scan import Frame, read
from pipeline.journal.verify import Report, verify
from pipeline.journal.writer import Journal

__all__ = [
    "SEGMENT_BYTES",
    "START_BYTES",
    "Buffer",
    "Disk",
    "DiskLocked",
    "File",
    "Frame",
    "Journal",
    "JournalDamaged",
    "JournalError",
    "JournalFailed",
    "JournalFull",
    "JournalLocked",
    "Lock",
    "Mark",
    "RealDisk",
    "Recovery",
    "Report",
    "Tail",
    "prune",
    "read",
    "verify",
    "write_all",
    "write_aside",
]
