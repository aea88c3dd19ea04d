"""READS whose form is known: taken as they lie, without asking Arrow again.

What may be wrong with a body is in its first part, the schema and the metadata of the batch, but for what columns of
variable length hold. READS with ids of `uint64` have four columns of fixed width, none of which may have nulls: where
such a body has been read whole once, any other that begins with the same bytes, is as long, and ends as a stream
ends, is as good. A sender's messages of one number of rows all begin alike, so nearly all are told by one look into a
dictionary, which is what makes small messages cheap.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import pyarrow as pa

from pipeline.wire.bodies import END, head_bytes, read_batch
from pipeline.wire.header import Buffer, Header
from pipeline.wire.kinds import Kind

__all__ = ["WIDTHS", "Form", "Forms"]

WIDTHS: Final = (8, 8, 8, 2)
"""Bytes of a row in each column of READS with ids of `uint64`."""
_NOWHERE: Final = slice(0, 0)
FORMS_MAX: Final = 4096
"""So many are known at once."""


class Form(NamedTuple):
    """Where the columns of a body lie.

    Attributes:
        rows: rows of the batch.
        length: bytes of the body.
        columns: from which byte to which each column's values lie.
    """

    rows: int
    length: int
    columns: tuple[slice, slice, slice, slice]


class Forms:
    """The forms of READS that have been seen; what is not known is read whole, and then known."""

    def __init__(self) -> None:
        self._known: dict[bytes, Form] = {}
        self._newest: dict[int, tuple[bytes, Form]] = {}

    def known(self, body: Buffer, rows: int) -> Form | None:
        """The form of a body that is like the newest one of its length; None if it is not, or has no form.

        Where schema and metadata end is told by themselves: bytes that begin with those of a known body end them there.
        """
        newest = self._newest.get(len(body))
        if newest is None:
            return None
        head, form = newest
        if form.rows != rows or body[: len(head)] != head or body[-len(END) :] != END:
            return None
        return form

    def read(self, header: Header, body: Buffer) -> Form | pa.RecordBatch:
        """The form of a body whose digest is right, or the batch in it where it has none; raises `Refused`."""
        end = head_bytes(body)
        head = bytes(body[:end])
        form = self._known.get(head)
        if (
            form is not None
            and form.rows == header.rows
            and form.length == len(body)
            and body[-len(END) :] == END
        ):
            self._newest[form.length] = head, form
            return form
        batch = read_batch(Kind.READS, body, header.rows)
        form = _form_of(body, batch)
        if form is None:
            return batch
        if len(self._known) >= FORMS_MAX:
            self._known.clear()
            self._newest.clear()
        self._known[head] = form
        self._newest[form.length] = head, form
        return form


def _form_of(body: Buffer, batch: pa.RecordBatch) -> Form | None:
    """The form of a batch that lies in a body, None where it has columns of variable length."""
    if not pa.types.is_uint64(batch.schema.field(0).type):
        return None
    if not batch.num_rows:
        return Form(0, len(body), (_NOWHERE, _NOWHERE, _NOWHERE, _NOWHERE))
    start = pa.py_buffer(body).address
    columns = []
    for column, width in zip(batch.columns, WIDTHS, strict=True):
        at = column.buffers()[1].address - start
        assert 0 <= at <= at + width * batch.num_rows <= len(body), "Arrow reads a plain column where it lies"
        columns.append(slice(at, at + width * batch.num_rows))
    first, second, third, fourth = columns
    return Form(batch.num_rows, len(body), (first, second, third, fourth))
