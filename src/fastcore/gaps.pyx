"""Gaps of meters (reference, section 4): stretches before the newest read in which reads are missing.

A gap is forgotten once its end is `late_horizon` older than the meter's newest read. Nothing can fall into it
from then on, so it is cleared away only when the next gap is added: an ordinary read does not touch the gaps
at all."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastcore.core cimport Core
from fastcore.native cimport NEVER
from fastcore.structs cimport Gap
from fastcore.types cimport NONE


cdef bint stands(const Core* core, uint32_t meter, uint32_t gap) noexcept nogil:
    cdef int64_t newest_s = core.meters[meter].last_at_s
    return core.gaps[gap].to_s > newest_s - core.limits.late_horizon_s or core.gaps[gap].split_at_s == newest_s


cdef uint32_t find_gap(const Core* core, uint32_t meter, int64_t at_s, bint or_end) noexcept nogil:
    cdef uint32_t newest = core.meters[meter].gaps
    cdef uint32_t gap = newest
    while gap != NONE:
        if at_s > core.gaps[gap].from_s:
            if at_s < core.gaps[gap].to_s or (or_end and at_s == core.gaps[gap].to_s):
                return gap if stands(core, meter, gap) else NONE
            return NONE
        gap = core.gaps[gap].older
        if gap == newest:
            return NONE
    return NONE


cdef uint32_t take(Core* core) noexcept nogil:
    cdef uint32_t gap = core.gaps_free
    if gap != NONE:
        core.gaps_free = core.gaps[gap].older
        core.gaps_free_count -= 1
        return gap
    gap = <uint32_t>core.gaps_count
    if core.gaps_count >= core.gaps_capacity:
        core.overrun += 1
        return 0
    core.gaps_count += 1
    return gap


cdef void insert(
    Core* core, uint32_t meter, uint32_t gap,
    int64_t from_s, uint64_t from_value, int64_t to_s, uint64_t to_value, int64_t split_at_s
) noexcept nogil:
    """Puts a gap next to one, older than it; NONE: it is the only one."""
    cdef uint32_t added = take(core)
    cdef Gap* item = &core.gaps[added]
    item.from_s = from_s
    item.to_s = to_s
    item.from_value = from_value
    item.to_value = to_value
    item.split_at_s = split_at_s
    if gap == NONE:
        item.older = added
        item.newer = added
        core.meters[meter].gaps = added
        return
    item.older = core.gaps[gap].older
    item.newer = gap
    core.gaps[item.older].newer = added
    core.gaps[gap].older = added


cdef void split_off(
    Core* core, uint32_t meter, uint32_t gap, int64_t from_s, uint64_t from_value, int64_t to_s, uint64_t to_value
) noexcept nogil:
    insert(core, meter, gap, from_s, from_value, to_s, to_value, core.meters[meter].last_at_s)


cdef void add_gap(
    Core* core, uint32_t meter, int64_t from_s, uint64_t from_value, int64_t to_s, uint64_t to_value
) noexcept nogil:
    cdef uint32_t newest = core.meters[meter].gaps
    cdef uint32_t oldest
    # What follows the oldest in the ring is the newest.
    insert(core, meter, core.gaps[newest].newer if newest != NONE else NONE, from_s, from_value, to_s, to_value, NEVER)
    if newest != NONE:
        core.meters[meter].gaps = core.gaps[newest].newer
    while core.meters[meter].gaps != NONE:
        oldest = core.gaps[core.meters[meter].gaps].newer
        if stands(core, meter, oldest):
            return
        remove_gap(core, meter, oldest)


cdef void remove_gap(Core* core, uint32_t meter, uint32_t gap) noexcept nogil:
    cdef Gap* item = &core.gaps[gap]
    if item.older == gap:
        core.meters[meter].gaps = NONE
    else:
        core.gaps[item.older].newer = item.newer
        core.gaps[item.newer].older = item.older
        if core.meters[meter].gaps == gap:
            core.meters[meter].gaps = item.older
    item.older = core.gaps_free
    core.gaps_free = gap
    core.gaps_free_count += 1


cdef void drop_gaps(Core* core, uint32_t meter) noexcept nogil:
    while core.meters[meter].gaps != NONE:
        remove_gap(core, meter, core.meters[meter].gaps)
