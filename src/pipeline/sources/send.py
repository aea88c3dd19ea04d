"""Files to a node: rows of one kind, cut into batches, through an outbox, each once however often it is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
import pyarrow as pa

from pipeline.sources.columns import Ids
from pipeline.sources.files import file_format
from pipeline.sources.mapping import FileMapping
from pipeline.sources.nem import read_nem
from pipeline.sources.records import check_file, read_rows
from pipeline.sources.rejects import Rejects
from pipeline.sources.sent import SentFiles, content_of

__all__ = ["FileToSend", "Given", "Sends", "give"]


class Sends(Protocol):
    """What takes batches: a `Producer`."""

    @property
    def newest(self) -> int:
        """The highest number that a batch was given."""

    def send(self, kind: str, batch: pa.Table) -> int:
        """Take a batch; returns its number."""


class FileToSend(NamedTuple):
    """A file, what its rows are, and how it is read."""

    path: Path
    kind: str
    mapping: FileMapping


@dataclass(slots=True)
class Given:
    """What was given to the outbox: rows, batches, energies rounded, and files that had been given before."""

    rows: int = 0
    batches: int = 0
    rounded: int = 0
    before: list[Path] = field(default_factory=list)


def give(
    files: Sequence[FileToSend],
    ids: Ids,
    rows_max: int,
    sends: Sends,
    sent: SentFiles,
    rejects: Rejects,
    on_file: Callable[[Path, Given], None] = lambda path, given: None,
) -> Given:
    """Give all rows of files to an outbox, but for those that it was given before; they leave meanwhile.

    `on_file` is told of each before it is read. Raises `SourceError` for a file that cannot be used, before any is
    read, and what the producer raises. Nothing waits for the node: what it has no time for yet is on the disk.
    """
    given = Given()
    for file in files:
        if file_format(file.path, file.mapping) != "nem":
            check_file(file.kind, file.path, file.mapping)
    for file in files:
        on_file(file.path, given)
        content = content_of(file.path)
        how = f"{file.kind} {ids} {rows_max} {msgspec.json.encode(file.mapping).decode()}"
        known = sent.find(content, how)
        if known is not None and known.whole:
            given.before.append(file.path)
            continue
        if known is None:
            known = sent.begin(file.path.name, content, how, sends.newest + 1)
        there = sent.resume(known, sends.newest)
        count = 0
        for table in _batches(file, ids, rows_max, rejects, given):
            count += 1
            if count <= there:
                continue
            sends.send(file.kind, table)
            sent.note(known, count)
            given.rows += table.num_rows
            given.batches += 1
        sent.note(known, count, whole=True)
    return given


def _batches(file: FileToSend, ids: Ids, rows_max: int, rejects: Rejects, given: Given) -> Iterator[pa.Table]:
    """The rows of a file, in its order, so many at once: the same each time."""
    nem = file_format(file.path, file.mapping) == "nem"
    blocks = (
        read_nem(file.path, file.mapping, ids, rejects)
        if nem
        else read_rows(file.kind, file.path, file.mapping, ids, rejects)
    )
    held: list[pa.Table] = []
    rows = 0
    for block in blocks:
        given.rounded += block.rounded
        table = block.table
        while table.num_rows:
            part = table.slice(0, rows_max - rows)
            held.append(part)
            rows += part.num_rows
            table = table.slice(part.num_rows)
            if rows == rows_max:
                yield pa.concat_tables(held)
                held, rows = [], 0
    if rows:
        yield pa.concat_tables(held)
