"""From the ids of reads to their meters, so far ahead that memory has time to answer.

Where reads come in the order in which their meters did, as head-ends send them, their rows are a guess that their
ids confirm: no hash is made, and no line of the index read. Meters that are missing or come twice shift the
guess, a stranger takes the steps by itself, and a block of strangers ends it.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from fastcore.core cimport Core
from fastcore.index cimport Ids, is_row
from fastcore.native cimport prefetch
from fastcore.types cimport METER_GONE, NONE


cdef void start_lookup(Lookup* lookup, const Ids* ids, int64_t rows) noexcept nogil:
    lookup.ids = ids
    lookup.rows = rows
    lookup.guessing = False
    lookup.in_order = False
    lookup.step_lead = 0


cdef inline bint goes_by(const Core* core, const Ids* ids, int64_t i, int64_t row) noexcept nogil:
    """Whether a row is the meter's that goes by the i-th id."""
    if not 0 <= row < core.meters_count or core.meters[row].flags & METER_GONE:
        return False
    if ids.numbers != NULL:
        return core.meters[row].id == ids.numbers[i]
    return is_row(&core.meter_ids, <uint32_t>row, ids, i)


cdef bint is_run(const Core* core, const Ids* ids, int64_t first, int64_t count, int64_t row) noexcept nogil:
    """Whether meters that follow one another have a block's ids."""
    cdef int64_t i
    for i in range(count):
        if not goes_by(core, ids, first + i, row + i):
            return False
    return True


cdef bint follow(const Core* core, int64_t first, int64_t count, Lookup* lookup) noexcept nogil:
    """Guesses a block in which meters are missing, come twice, or do not belong; whether most of it was right."""
    cdef int64_t place = first & (RING - 1), strangers = 0, i, row
    cdef uint8_t unguessed = 0
    for i in range(count):
        row = first + i + lookup.lead
        if not goes_by(core, lookup.ids, first + i, row):
            if goes_by(core, lookup.ids, first + i, row - 1):
                row -= 1
            elif goes_by(core, lookup.ids, first + i, row + 1):
                row += 1
            else:
                strangers += 1
                unguessed |= <uint8_t>(1 << i)
                lookup.lead -= 1         # it took nobody's place
                continue
        lookup.lead = row - first - i
        lookup.found[place + i] = <uint32_t>row
    lookup.unguessed[place // BLOCK] = unguessed
    return strangers <= STRANGERS


cdef void guess(const Core* core, int64_t first, Lookup* lookup) noexcept nogil:
    cdef int64_t place = first & (RING - 1), count = min(lookup.rows - first, <int64_t>BLOCK), i
    cdef uint32_t meter
    if not lookup.guessing:
        lookup.guessing = lookup.in_order
        lookup.lead = lookup.step_lead
    if lookup.guessing and is_run(core, lookup.ids, first, count, first + lookup.lead):
        lookup.unguessed[place // BLOCK] = 0
        for i in range(count):
            lookup.found[place + i] = <uint32_t>(first + lookup.lead + i)
    elif not lookup.guessing or not follow(core, first, count, lookup):
        lookup.unguessed[place // BLOCK] = <uint8_t>((1 << count) - 1)
        lookup.guessing = False
        lookup.in_order = False
        return
    for i in range(count):
        if lookup.unguessed[place // BLOCK] >> i & 1:
            continue
        meter = lookup.found[place + i]
        prefetch(&core.meters[min(meter + 2 * BLOCK, core.meters_count - 1)])
        if core.meters[meter].account != NONE:
            prefetch(&core.accounts[core.meters[meter].account])
