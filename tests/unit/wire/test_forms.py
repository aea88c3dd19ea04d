"""READS of a known form are judged as Arrow judges them, whatever is wrong with them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipeline.wire import Form, Forms, Header, Kind, Refused, check, read_batch, write_batch
from unit.wire.samples import KEY, Role, Sender, batch, line, message, reads, rewritten


def judged(frames, forms: Forms | None) -> str | None:
    """Why a message is refused, in words; None if it is taken."""
    try:
        check(frames, Sender(KEY, Role.READS), line(), forms.read if forms else None)
    except Refused as refused:
        return str(refused)
    return None


def learned(rows: int = 2) -> Forms:
    forms = Forms()
    body = write_batch(Kind.READS, reads(rows))
    assert judged(rewritten(Kind.READS, body, rows), forms) is None
    return forms


def columns(body: bytes, form: Form) -> list[bytes]:
    return [body[place] for place in form.columns]


def test_a_form_tells_where_the_columns_lie():
    forms = learned(3)
    body = write_batch(Kind.READS, reads(3))
    header = Header.unpack(rewritten(Kind.READS, body, 3).header)
    form = forms.read(header, body)
    assert isinstance(form, Form)
    assert (form.rows, form.length) == (3, len(body))
    expected = [column.buffers()[1].to_pybytes() for column in read_batch(Kind.READS, body, 3).columns]
    assert [
        found == want[: len(found)] for found, want in zip(columns(body, form), expected, strict=True)
    ] == [True] * 4
    assert [len(found) for found in columns(body, form)] == [24, 24, 24, 6]


def test_a_known_form_is_not_read_again():
    forms = learned()
    first = forms.read(Header.unpack(message().header), message().body)
    assert forms.read(Header.unpack(message().header), memoryview(message().body)) is first


def test_every_flipped_bit_of_a_body_is_judged_the_same():
    forms = learned()
    body = write_batch(Kind.READS, batch(Kind.READS))
    checked = refused = 0
    for at in range(len(body)):
        for bit in (0, 3, 7):
            spoiled = bytearray(body)
            spoiled[at] ^= 1 << bit
            frames = rewritten(Kind.READS, bytes(spoiled))
            expected = judged(frames, None)
            assert judged(frames, forms) == expected, f"byte {at}, bit {bit}"
            assert judged(frames, forms) == expected, f"byte {at}, bit {bit}, seen before"
            checked += 1
            refused += expected is not None
    assert checked == 3 * len(body)
    assert 100 < refused < checked


def test_every_length_is_judged_the_same():
    forms = learned()
    body = write_batch(Kind.READS, batch(Kind.READS)) + b"\xff\xff\xff\xff\x00\x00\x00\x00"
    checked = 0
    for length in range(len(body) + 1):
        frames = rewritten(Kind.READS, body[:length])
        assert judged(frames, forms) == judged(frames, None), f"{length} bytes"
        checked += 1
    assert checked == len(body) + 1


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 65_536])
def test_a_header_that_tells_other_rows_is_refused(rows):
    forms = learned()
    frames = rewritten(Kind.READS, write_batch(Kind.READS, batch(Kind.READS)), rows)
    assert judged(frames, forms) == judged(frames, None)
    assert (judged(frames, forms) is None) == (rows == 2)


def test_a_batch_of_no_rows_is_taken_either_way():
    forms = Forms()
    frames = rewritten(Kind.READS, write_batch(Kind.READS, reads(0)), 0)
    assert judged(frames, forms) is judged(frames, forms) is judged(frames, None) is None
    assert columns(frames.body, forms.read(Header.unpack(frames.header), frames.body)) == [b""] * 4


def test_ids_of_text_have_no_form():
    forms = Forms()
    body = write_batch(Kind.READS, batch(Kind.READS, "utf8"))
    header = Header.unpack(rewritten(Kind.READS, body).header)
    assert isinstance(forms.read(header, body), pa.RecordBatch)
    assert forms.read(header, body).equals(read_batch(Kind.READS, body, 2))


def test_forms_of_all_sizes_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("pipeline.wire.forms.FORMS_MAX", 8)
    forms = Forms()
    for rows in range(1, 40):
        body = write_batch(Kind.READS, reads(rows))
        header = Header.unpack(rewritten(Kind.READS, body, rows).header)
        assert forms.read(header, body).rows == rows
    assert len(forms._known) <= 8
