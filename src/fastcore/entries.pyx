"""Findings and orders as Arrow: those that a batch opened or closed, and those that are open."""

from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fastcore import types

from fastcore.columns cimport Block, small_block
from fastcore.core cimport Core, Opens, Rows
from fastcore.index cimport Index
from fastcore.native cimport set_bit, write_digits
from fastcore.sheets cimport Sheet, Words, new_sheet, output_sheet
from fastcore.structs cimport Open
from fastcore.types cimport (
    FINDING_INSPECT_METER, FINDING_OFF_BUT_CONSUMING, FINDING_SILENT_METER, FINDING_ZERO_USAGE, NONE,
)

cdef enum:
    ID_BYTES_MAX = 64                # of a text; a number has 20 digits

cdef Words FINDINGS = Words(types.names(types.Finding))
cdef Words ORDERS = Words(types.names(types.Order))
cdef Words STATES = Words(("opened", "closed"))


cdef inline bint is_of_meter(const Open* item) noexcept nogil:
    return (item.kind == FINDING_INSPECT_METER or item.kind == FINDING_ZERO_USAGE
            or item.kind == FINDING_SILENT_METER)


cdef uint32_t district_of(const Core* core, const Open* item, bint is_order) noexcept nogil:
    """The district, as of now, of what a finding or an order is about; NONE if that is the engine."""
    if item.subject == NONE:
        return NONE
    if is_order or item.kind == FINDING_OFF_BUT_CONSUMING:
        return core.accounts[item.subject].district
    if is_of_meter(item):
        return core.meters[item.subject].district
    return item.district


cdef int64_t write_subject(const Core* core, const Open* item, bint is_order, char* to) noexcept nogil:
    """Writes the id of what a finding or an order is about; its length, or 0 if that is the engine."""
    cdef const Index* index = &core.district_ids
    cdef uint64_t id
    if item.subject == NONE:
        return 0
    if is_order or item.kind == FINDING_OFF_BUT_CONSUMING:
        index = &core.account_ids
    elif is_of_meter(item):
        index = &core.meter_ids
    id = (<const uint64_t*>(index.rows + index.stride * item.subject))[0]
    if not core.text_ids:
        return write_digits(to, id)
    memcpy(to, index.text + (id >> 8), id & 0xFF)
    return <int64_t>(id & 0xFF)


cdef int add_entries(Sheet sheet, const Core* core, const Open* items, bint is_order) except -1:
    """The columns of findings or orders but `seq`."""
    cdef int64_t i, n = sheet.rows, length = 0, grid_length = 0
    cdef uint64_t* id = <uint64_t*>sheet.take(8 * n)
    cdef int8_t* kind = <int8_t*>sheet.take(n)
    cdef int8_t* closed = <int8_t*>sheet.take(n)
    cdef int32_t* subject_end = <int32_t*>sheet.take(4 * (n + 1))
    cdef uint64_t* district = <uint64_t*>sheet.take(8 * n)
    cdef int32_t* grid_end = <int32_t*>sheet.take(4 * (n + 1))
    cdef int64_t* at_s = <int64_t*>sheet.take(8 * n)
    cdef int32_t* no_end = <int32_t*>sheet.take(4 * (n + 1))
    cdef uint8_t* has_subject = sheet.take_bits()
    cdef uint8_t* has_grid = sheet.take_bits()
    cdef uint8_t* has_none = sheet.take_bits()
    cdef Block subjects = small_block(n * ID_BYTES_MAX), grids
    cdef uint32_t row
    for i in range(n):
        row = district_of(core, &items[i], is_order)
        if row != NONE and core.districts[row].grid.offset >= 0:
            grid_length += core.districts[row].grid.length
    grids = small_block(grid_length)
    sheet.kept += [subjects, grids]
    grid_length = 0
    memset(no_end, 0, 4 * (n + 1))
    subject_end[0] = grid_end[0] = 0
    for i in range(n):
        id[i] = items[i].id
        kind[i] = <int8_t>items[i].kind
        closed[i] = not items[i].live
        at_s[i] = items[i].at_s
        length += write_subject(core, &items[i], is_order, subjects.data + length)
        subject_end[i + 1] = <int32_t>length
        row = district_of(core, &items[i], is_order)
        district[i] = 0
        if row != NONE:
            set_bit(has_subject, i)
            district[i] = core.districts[row].id
            if core.districts[row].grid.offset >= 0:
                set_bit(has_grid, i)
                memcpy(grids.data + grid_length, core.texts.data + core.districts[row].grid.offset,
                       core.districts[row].grid.length)
                grid_length += core.districts[row].grid.length
        grid_end[i + 1] = <int32_t>grid_length
    sheet.add(id, NULL)
    sheet.add_words(ORDERS if is_order else FINDINGS, kind, NULL)
    sheet.add_words(STATES, closed, NULL)
    sheet.add_text(subject_end, subjects.data, has_subject)
    sheet.add_ids(&core.district_ids, core.text_ids, district, has_subject, None)
    sheet.add_text(grid_end, grids.data, has_grid)
    sheet.add(at_s, NULL)
    sheet.add_text(no_end, subjects.data, has_none)
    return 0


cdef object entries_batch(const Core* core, const Rows* rows, object schema, bint is_order):
    cdef Sheet sheet = output_sheet(rows.items, 12, core.sequence)
    add_entries(sheet, core, <const Open*>rows.data, is_order)
    return sheet.record_batch(schema)


cdef object standing_entries(const Core* core, const Opens* opens, object schema, bint is_order):
    cdef Sheet sheet = new_sheet(opens.live)
    cdef Block live = small_block(opens.live * <int64_t>sizeof(Open))
    cdef int64_t i, items = 0
    for i in range(opens.count):
        if opens.items[i].live:
            (<Open*>live.data)[items] = opens.items[i]
            items += 1
    sheet.reserve(8 * 12 * (items + 1), 12)
    add_entries(sheet, core, <const Open*>live.data, is_order)
    return sheet.record_batch(schema)
