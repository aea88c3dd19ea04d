"""What a data set holds, as a file for people and programs, ``DATA/outputs/description.json``.

It says from which batch on each shard's rows are there, what is missing in between, and by which policies they were
cut: with the journal, that is all that the bytes of every file follow from.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final

import msgspec

from fastcore.errors import FeikongError
from pipeline.outputs.cuts import Policy
from pipeline.outputs.tree import Tree

__all__ = ["Described", "Description", "DescriptionFile", "Gap", "OutputsError"]

VERSION: Final = 1


class OutputsError(FeikongError):
    """Outputs that cannot be made as they must be: what is wrong, where, what would be right."""


class Gap(msgspec.Struct, frozen=True):
    """Batches whose rows are in no file, and were never: the journal was cut back before they were made."""

    first: int
    last: int


class Described(msgspec.Struct, frozen=True):
    """One shard: from which batch on its rows are there, what is missing, how they were cut."""

    first: int = 1
    gaps: tuple[Gap, ...] = ()
    policies: tuple[Policy, ...] = ()

    def with_policy(self, policy: Policy) -> Described:
        """With another policy from its first batch on, unless that is the one that counts already."""
        kept = [each for each in self.policies if each.first < policy.first]
        if kept and (kept[-1].cut_s, kept[-1].outputs) == (policy.cut_s, policy.outputs):
            return msgspec.structs.replace(self, policies=tuple(kept))
        return msgspec.structs.replace(self, policies=(*kept, policy))


class Description(msgspec.Struct, frozen=True):
    """The whole data set."""

    version: int
    generation: int
    shards: tuple[Described, ...]


class DescriptionFile:
    """The description of a data set, kept on the disk; may be used from several threads.

    Raises `OutputsError` for a file that is no description of this version, or of another number of shards.
    """

    def __init__(self, path: Path, shards: int, generation: int, tree: Tree) -> None:
        self._path = path
        self._tree = tree
        self._lock = Lock()
        self._now = read_description(path) or Description(VERSION, generation, (Described(),) * shards)
        if (self._now.generation, len(self._now.shards)) != (generation, shards):
            raise OutputsError(
                f"{path}: is of {len(self._now.shards)} shards, generation {self._now.generation}; expected {shards}, "
                f"generation {generation}"
            )

    @property
    def now(self) -> Description:
        """What the file says."""
        return self._now

    def change(self, shard: int, to: Callable[[Described], Described]) -> Described:
        """Change what is said of a shard; raises `OSError`."""
        with self._lock:
            shards = list(self._now.shards)
            shards[shard] = to(shards[shard])
            now = msgspec.structs.replace(self._now, shards=tuple(shards))
            if now != self._now or not self._path.exists():
                text = msgspec.json.format(msgspec.json.encode(now), indent=2) + b"\n"
                self._tree.put(self._path, [text])
                self._now = now
            return shards[shard]


def read_description(path: Path) -> Description | None:
    """What a description says, None where there is none; raises `OutputsError`."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Description)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise OutputsError(
            f"{path}: {error}; expected what feikong writes there. Move the folder of the outputs away, "
            "and they are made again from the journal"
        ) from None
    if found.version != VERSION:
        raise OutputsError(f"{path}: is of version {found.version}; expected {VERSION}")
    return found
