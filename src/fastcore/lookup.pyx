"""From the ids of reads to their meters, so far ahead that memory has time to answer.

Where reads come in the order in which their meters did, as head-ends send them, a block's rows are a guess that
its ids confirm: no hash is made, and no slot read.
"""

# cython: cdivision=True

from libc.stdint cimport int64_t, uint32_t

from fastcore.core cimport Core
from fastcore.index cimport Ids, is_row
from fastcore.native cimport prefetch
from fastcore.structs cimport MeterState
from fastcore.types cimport METER_GONE, NONE


cdef void start_lookup(Lookup* lookup, const Ids* ids, int64_t rows) noexcept nogil:
    lookup.ids = ids
    lookup.rows = rows
    lookup.in_order = False
    lookup.lead = 0


cdef bint is_run(const Core* core, const Ids* ids, int64_t first, int64_t count, int64_t row) noexcept nogil:
    """Whether meters that follow one another, each the one that goes by its id, have a block's ids."""
    cdef const MeterState* meters = core.meters
    cdef int64_t i
    if row < 0 or row + count > core.meters_count:
        return False
    for i in range(count):
        if meters[row + i].flags & METER_GONE:
            return False
        if ids.numbers != NULL:
            if meters[row + i].id != ids.numbers[first + i]:
                return False
        elif not is_row(&core.meter_ids, <uint32_t>(row + i), ids, first + i):
            return False
    return True


cdef void guess(const Core* core, int64_t first, Lookup* lookup) noexcept nogil:
    cdef int64_t place = first & (RING - 1), count = min(lookup.rows - first, <int64_t>BLOCK), i
    cdef uint32_t meter
    cdef bint right = lookup.in_order and is_run(core, lookup.ids, first, count, first + lookup.lead)
    lookup.guessed[place // BLOCK] = right
    lookup.in_order = right
    if not right:
        return
    for i in range(count):
        meter = <uint32_t>(first + lookup.lead + i)
        lookup.found[place + i] = meter
        prefetch(&core.meters[min(meter + 2 * BLOCK, core.meters_count - 1)])
        if core.meters[meter].account != NONE:
            prefetch(&core.accounts[core.meters[meter].account])
