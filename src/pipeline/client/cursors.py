"""How far a subscriber has taken an output, kept on its disk: a small file, replaced whole and synced each time.

JSON: ``{"output": "ledger", "generation": 0, "cursors": [[42, 0], [17, 3]]}``, a cursor for each shard. Whoever keeps
the rows in a database may keep the cursors there instead, in the same transaction: see `Subscriber.taken`.
"""

from __future__ import annotations

import msgspec

from pipeline.client.errors import CursorsError
from pipeline.journal import Disk, write_aside
from pipeline.wire.outputs import Cursor

__all__ = ["Cursors"]

_FILE = "cursors.json"


class _Kept(msgspec.Struct, forbid_unknown_fields=True):
    output: str
    generation: int
    cursors: list[tuple[int, int]]


class Cursors:
    """The cursors of one output on one disk; raises `CursorsError`.

    Attributes:
        taken: the cursor of each shard; empty as long as nothing is known.
        generation: of the node's shards.
    """

    def __init__(self, disk: Disk, output: str) -> None:
        self.taken: list[Cursor] = []
        self.generation = 0
        self._disk = disk
        self._output = output
        if _FILE in disk.names():
            self._load()
            self.keep()  # what is seen may be in memory only, after a sync that failed: a power failure would undo it

    def keep(self) -> None:
        """Write them down; once this returns they survive a crash."""
        kept = _Kept(self._output, self.generation, [(seq, row) for seq, row in self.taken])
        try:
            write_aside(self._disk, _FILE, [msgspec.json.encode(kept) + b"\n"]).close()
        except OSError as error:
            raise CursorsError(f"cursors {self._disk.where}/{_FILE} cannot be written: {error}") from error

    def _load(self) -> None:
        where = f"cursors {self._disk.where}/{_FILE}"
        try:
            kept = msgspec.json.decode(self._disk.read(_FILE), type=_Kept)
        except (OSError, msgspec.MsgspecError) as error:
            raise CursorsError(f"{where} cannot be read: {error}") from error
        if kept.output != self._output:
            raise CursorsError(
                f"{where} is for {kept.output}; expected {self._output}: an output has a folder and a key of its own"
            )
        self.taken = [Cursor(seq, row) for seq, row in kept.cursors]
        self.generation = kept.generation
