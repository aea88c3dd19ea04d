"""A disk in memory that does what disks may do, and no more; every choice comes from a seed.

What it models, for each `SimDisk` (one directory):

- Writes land in a page cache, and on the platter at `sync` only. A power failure leaves each sector of 512 bytes that
  was not synced as it was, as it was to be, or spoiled: in any combination, so writes are torn and reordered.
- Creations, renames and removals are on the platter after `sync_names` only; a power failure keeps any of them,
  in order, and forgets the others. Syncing a file does not make its name durable.
- A process that is killed loses nothing of the page cache. The operation it was in is done, not done, or, if
  it was a write, done in part.
- A sync that fails writes some of the sectors, and takes *all* of them for clean: to sync again succeeds, and
  writes nothing. What the cache holds is right until the power fails.
- Full: a write that would need more than `capacity` bytes fails. Short writes. Flipped bits.

`Faults` holds the plan and counts the operations and what was really injected; several disks may share one.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from pipeline.journal.disk import Buffer, DiskLocked

SECTOR = 512

When = Literal["before", "during", "after"]


class Killed(BaseException):
    """The process was killed here. No `except OSError` catches it, as none could."""


@dataclass
class Faults:
    """When the process is killed, which operation fails; and what has been injected.

    Operations are counted from 1: create, write, sync, replace, remove, sync_names.
    """

    random: Random = field(default_factory=lambda: Random(0))
    kill_at: int | None = None
    kill_when: When = "before"
    fail_at: set[int] = field(default_factory=set)
    short_writes: float = 0.0
    spoil: float = 0.2
    operations: int = 0
    log: list[str] = field(default_factory=list)
    injected: Counter[str] = field(default_factory=Counter)

    def step(self, what: str, act: Callable[[], None], partly: Callable[[], None] | None = None) -> None:
        """One operation: done, unless the plan has something else."""
        self.operations += 1
        self.log.append(what)
        kind = what.split()[0]
        dies = self.operations == self.kill_at
        if dies and self.kill_when == "before":
            self._kill(f"before {kind}")
        if dies and self.kill_when == "during" and partly:
            partly()
            self._kill(f"during {kind}")
        act()
        if dies:
            self._kill(f"after {kind}")

    def full(self, what: str) -> bool:
        """Whether there is no room for the operation that comes next, whatever the capacity."""
        return False

    def fails(self, what: str) -> bool:
        """Whether the operation that comes next returns EIO."""
        return self.operations + 1 in self.fail_at

    def _kill(self, where: str) -> None:
        self.injected[f"kill {where}"] += 1
        raise Killed(f"operation {self.operations}: {where}")


@dataclass
class Inode:
    """A file's bytes, as the cache and as the platter have them; sectors that differ and are known to."""

    cache: bytearray = field(default_factory=bytearray)
    platter: bytearray = field(default_factory=bytearray)
    dirty: set[int] = field(default_factory=set)
    name: str = ""

    def write(self, offset: int, data: bytes) -> None:
        end = offset + len(data)
        if len(self.cache) < end:
            self.cache.extend(bytes(end - len(self.cache)))
        self.cache[offset:end] = data
        if data:
            self.dirty.update(range(offset // SECTOR, -(-end // SECTOR)))

    def land(self, sector: int, data: bytes | None = None) -> None:
        """A sector reaches the platter: as it is in the cache, or with other bytes."""
        begin = sector * SECTOR
        data = self.cache[begin : begin + SECTOR] if data is None else data[: len(self.cache) - begin]
        if len(self.platter) < begin + len(data):
            self.platter.extend(bytes(begin + len(data) - len(self.platter)))
        self.platter[begin : begin + len(data)] = data


class SimFile:
    """A file that is open for writing."""

    def __init__(self, disk: SimDisk, name: str, inode: Inode) -> None:
        self.disk = disk
        self.inode = inode
        self.life = disk.life
        inode.name = name

    @property
    def name(self) -> str:
        """What the file is called now."""
        return self.inode.name

    def write(self, offset: int, buffers: Sequence[Buffer]) -> int:
        disk, faults = self._living(), self.disk.faults
        data = b"".join(bytes(buffer) for buffer in buffers)
        if len(data) > 1 and faults.random.random() < faults.short_writes:
            data = data[: faults.random.randrange(1, len(data))]
            faults.injected["short write"] += 1
        more = max(offset + len(data) - len(self.inode.cache), 0)
        full = disk.capacity is not None and disk.used() + more > disk.capacity
        if faults.full(f"write {self.name}") or full:
            faults.injected["full"] += 1
            raise OSError(errno.ENOSPC, "no space left on the simulated disk")
        part = faults.random.randrange(len(data)) if data else 0

        def act() -> None:
            self.inode.write(offset, data)

        def some() -> None:
            self.inode.write(offset, data[:part])

        if faults.fails(f"write {self.name}"):
            faults.step(f"write {self.name}", some)
            faults.injected["EIO write"] += 1
            raise OSError(errno.EIO, "the simulated disk failed a write")
        faults.step(f"write {self.name}", act, some)
        return len(data)

    def sync(self) -> None:
        self._living()
        faults = self.disk.faults
        if faults.fails(f"sync {self.name}"):
            faults.step(f"sync {self.name}", lambda: self._land(share=0.5))
            faults.injected["EIO sync"] += 1
            raise OSError(errno.EIO, "the simulated disk failed a sync")
        faults.step(f"sync {self.name}", self._land, lambda: self._land(share=0.5, clean=False))

    def close(self) -> None:
        pass

    def _land(self, share: float = 1.0, clean: bool = True) -> None:
        random = self.disk.faults.random
        for sector in sorted(self.inode.dirty):
            if share == 1.0 or random.random() < share:
                self.inode.land(sector)
            elif clean:
                self.disk.faults.injected["sector taken for clean"] += 1
        if clean:
            self.inode.dirty.clear()

    def _living(self) -> SimDisk:
        assert self.life == self.disk.life, f"{self.name} was opened by a process that is dead"
        return self.disk


class SimLock:
    """A lock; the death of its process releases it."""

    def __init__(self, disk: SimDisk, name: str) -> None:
        self.disk, self.name, self.life = disk, name, disk.life

    def release(self) -> None:
        if self.life == self.disk.life:
            self.disk.locks.pop(self.name, None)


class SimDisk:
    """A directory whose faults are planned; implements `pipeline.journal.disk.Disk`."""

    def __init__(self, faults: Faults | None = None, capacity: int | None = None, name: str = "") -> None:
        self.faults = faults or Faults()
        self.capacity = capacity
        self.name = name
        self.life = 0
        self.files: dict[str, Inode] = {}
        self.platter: dict[str, Inode] = {}
        self.pending: list[Callable[[dict[str, Inode]], None]] = []
        self.locks: dict[str, str] = {}

    @property
    def where(self) -> str:
        return "simulated"

    def names(self) -> list[str]:
        return sorted(self.files)

    def size(self, name: str) -> int:
        return len(self._inode(name).cache)

    def used(self) -> int:
        """Bytes of all files: a removed one's are free at once."""
        return sum(len(inode.cache) for inode in self.files.values())

    def free_bytes(self) -> int:
        return 1 << 40 if self.capacity is None else max(self.capacity - self.used(), 0)

    def read(self, name: str, offset: int = 0, length: int | None = None) -> memoryview:
        data = self._inode(name).cache
        return memoryview(bytes(data[offset : len(data) if length is None else offset + length]))

    def soon(self, name: str) -> None:
        pass

    def reading(self, name: str) -> Callable[[], memoryview]:
        return lambda: self.read(name)

    def create(self, name: str) -> SimFile:
        if name in self.files:
            raise FileExistsError(errno.EEXIST, "file exists", name)
        inode = Inode()

        def act(names: dict[str, Inode]) -> None:
            names[name] = inode

        self._names_change(f"create {name}", act)
        return SimFile(self, name, inode)

    def replace(self, old: str, new: str) -> None:
        inode = self._inode(old)

        def act(names: dict[str, Inode]) -> None:
            names.pop(old, None)
            names[new] = inode
            inode.name = new

        self._names_change(f"replace {old}", act)

    def remove(self, name: str) -> None:
        self._inode(name)
        self._names_change(f"remove {name}", lambda names: names.pop(name, None) and None)

    def sync_names(self) -> None:
        what = f"sync_names {self.name}".rstrip()
        if self.faults.fails(what):
            self.faults.step(what, self.pending.clear)
            self.faults.injected["EIO sync_names"] += 1
            raise OSError(errno.EIO, "the simulated disk failed a sync of its directory")
        self.faults.step(what, self._land_names, lambda: self._land_names(share=0.5))

    def lock(self, name: str, text: str) -> SimLock:
        if name in self.locks:
            raise DiskLocked(self.locks[name])
        self.locks[name] = text
        return SimLock(self, name)

    def kill(self) -> None:
        """The process is dead; the machine goes on, and so does its page cache."""
        self.life += 1
        self.locks.clear()

    def power_failure(self) -> None:
        """Process and machine are dead: what was not synced is there, not there, or spoiled."""
        self.kill()
        random, injected = self.faults.random, self.faults.injected
        injected["power failure"] += 1
        keep = random.choice((0.0, 0.5, 0.9, 1.0))
        inodes = {id(inode): inode for inode in [*self.files.values(), *self.platter.values()]}
        for inode in inodes.values():
            for sector in sorted(inode.dirty):
                if random.random() >= keep:
                    injected["lost sector"] += 1
                elif random.random() < self.faults.spoil:
                    inode.land(sector, random.randbytes(SECTOR))
                    injected["spoiled sector"] += 1
                else:
                    inode.land(sector)
        keep = random.choice((0.0, 0.5, 0.9, 1.0))
        for change in self.pending:
            if random.random() < keep:
                change(self.platter)
            else:
                injected["lost name"] += 1
        for inode in inodes.values():
            inode.dirty.clear()
            inode.cache = bytearray(inode.platter)
        self.pending.clear()
        self.files = dict(self.platter)

    def flip(self, name: str, bit: int) -> None:
        """Turn one bit of a file over, in the cache and on the platter."""
        inode = self._inode(name)
        for data in (inode.cache, inode.platter):
            if bit // 8 < len(data):
                data[bit // 8] ^= 1 << bit % 8
        self.faults.injected["flipped bit"] += 1

    def cut(self, name: str, length: int) -> None:
        """Cut a file short, in the cache and on the platter."""
        inode = self._inode(name)
        del inode.cache[length:], inode.platter[length:]
        self.faults.injected["cut file"] += 1

    def _inode(self, name: str) -> Inode:
        if name not in self.files:
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        return self.files[name]

    def _names_change(self, what: str, act: Callable[[dict[str, Inode]], None]) -> None:
        if self.faults.fails(what):
            self.faults.step(what, lambda: None)
            self.faults.injected[f"EIO {what.split()[0]}"] += 1
            raise OSError(errno.EIO, f"the simulated disk failed: {what}")

        def both() -> None:
            act(self.files)
            self.pending.append(act)

        self.faults.step(what, both)

    def _land_names(self, share: float = 1.0) -> None:
        """The first of what changed in the directory is on the platter, or all."""
        count = int(len(self.pending) * share)
        for change in self.pending[:count]:
            change(self.platter)
        del self.pending[:count]
