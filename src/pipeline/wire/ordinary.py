"""The ordinary message of reads, checked in one straight line.

Most messages that a node takes are reads that come next in their session, in a form that is known. All that `check`
looks at has one right answer then: the header's first 56 bytes are those of the session, the rest is compared field by
field. What is not ordinary in anything is left to `check`, which judges it and says why.
"""

from __future__ import annotations

import struct
from typing import Final

from xxhash import xxh3_64_intdigest, xxh3_128_digest

from pipeline.wire.check import Checked, Line
from pipeline.wire.forms import Forms
from pipeline.wire.header import HEADER_BYTES, MAGIC, VERSION, Buffer, Header
from pipeline.wire.kinds import Kind

__all__ = ["Ordinary"]

_FIRST: Final = struct.Struct("<4sHH32sQQ")
_REST: Final = struct.Struct("<QIIQ16s24sQ")
_FIRST_BYTES: Final = _FIRST.size
_SUMMED_BYTES: Final = HEADER_BYTES - 8
_ZEROS: Final = bytes(24)


class Ordinary:
    """Takes the ordinary messages of one session: of the holder of a key whose role may send reads."""

    __slots__ = ("_first", "_forms", "_key", "_line")

    def __init__(self, key: bytes, line: Line, forms: Forms) -> None:
        assert line.session, "a session that is open"
        self._key = key
        self._line = line
        self._forms = forms
        self._first = _FIRST.pack(MAGIC, VERSION, Kind.READS, key, line.epoch, line.session)

    def read(self, frames: list[Buffer]) -> Checked | None:
        """What `check` would return for an ordinary message; None for any other, be it good or bad."""
        if len(frames) != 2:
            return None
        head, body = frames
        if len(head) != HEADER_BYTES or head[:_FIRST_BYTES] != self._first:
            return None
        seq, rows, gap, length, digest, rest, checksum = _REST.unpack_from(head, _FIRST_BYTES)
        line = self._line
        if seq != line.next_seq or line.frozen or length != len(body) or gap or rest != _ZEROS:
            return None
        form = self._forms.known(body, rows)
        if (
            form is None
            or checksum != xxh3_64_intdigest(head[:_SUMMED_BYTES])
            or digest != xxh3_128_digest(body)
        ):
            return None
        header = Header(Kind.READS, self._key, line.epoch, line.session, seq, rows, length, digest)
        return Checked(header, body, form)


assert (_FIRST_BYTES + _REST.size, _SUMMED_BYTES) == (HEADER_BYTES, 120)
