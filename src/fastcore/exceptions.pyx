"""Rows of `exceptions`: which row was refused, why, and what it was about (reference, section 3)."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastcore.core cimport Core, push
from fastcore.index cimport Ids
from fastcore.native cimport write_digits
from fastcore.rows cimport ExceptionRow
from fastcore.types cimport HAS_SUBJECT


cdef ExceptionRow* refuse(Core* core, uint32_t row, uint8_t reason) noexcept nogil:
    cdef ExceptionRow* item = <ExceptionRow*>push(core, &core.exceptions)
    core.reasons[reason] += 1
    item.row = row
    item.kind = core.kind
    item.reason = reason
    item.has = 0
    item.subject_end = core.subjects.items
    return item


cdef void subject_is_text(Core* core, ExceptionRow* item, const char* text, int64_t length) noexcept nogil:
    item.has |= HAS_SUBJECT
    if not core.subjects.wanted:
        return
    if core.subjects.items + length > core.subjects.capacity:
        core.overrun += 1
        return
    memcpy(core.subjects.data + core.subjects.items, text, length)
    core.subjects.items += length
    item.subject_end = core.subjects.items


cdef void subject_is_number(Core* core, ExceptionRow* item, uint64_t number) noexcept nogil:
    cdef char[20] digits
    subject_is_text(core, item, digits, write_digits(digits, number))


cdef void subject_is_id(Core* core, ExceptionRow* item, const Ids* ids, int64_t i) noexcept nogil:
    if ids.numbers != NULL:
        subject_is_number(core, item, ids.numbers[i])
    else:
        subject_is_text(core, item, ids.bytes + ids.offsets[i], ids.offsets[i + 1] - ids.offsets[i])
