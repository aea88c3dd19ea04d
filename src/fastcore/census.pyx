"""What a district's meters owe: reads expected in a window, and silence (reference, section 8).

Most districts are *steady*: every meter has read before the window began, and its interval divides the
window, so every window expects the same. Only the others are counted meter by meter. Nor are meters looked at
for silence before the one that was last heard of first can have become silent."""

from libc.stdint cimport int64_t, uint32_t

from fastcore.core cimport Core, instant_of
from fastcore.findings cimport meter_finding
from fastcore.native cimport NEVER, floor_div
from fastcore.structs cimport DistrictState, MeterInfo, MeterProfile, MeterState
from fastcore.types cimport (
    CLASSES, DAY_S, DISTRICT_COARSE, DISTRICT_STEADY, FINDING_SILENT_METER, HAS_SILENT_METER,
    METER_OUT_OF_USE, METER_READ, METER_SUPPLY, NONE, READING_INTERVAL,
)


cdef int64_t midnights_up_to(const Core* core, int64_t at_s) noexcept nogil:
    if at_s < core.limits.calendar_from_s:
        return 0
    return core.day_of_edge[(at_s - core.limits.calendar_from_s) // core.limits.cell_s]


cdef int64_t owed(
    const Core* core, const MeterProfile* profile, int64_t first_at_s, int64_t start_s, int64_t end_s
) noexcept nogil:
    """Instants at which a meter owes a read, of those in (start_s, end_s]."""
    cdef int64_t from_s = core.limits.calendar_from_s
    cdef int64_t after_s, until_s = min(end_s, core.limits.calendar_to_s)
    if first_at_s == NEVER:
        return 0
    after_s = first_at_s - 1 if profile.reading == READING_INTERVAL else first_at_s
    after_s = max(after_s, start_s, from_s - 1)
    if until_s <= after_s:
        return 0
    if profile.interval_s == DAY_S:
        return midnights_up_to(core, until_s) - midnights_up_to(core, after_s)
    return floor_div(until_s - from_s, profile.interval_s) - floor_div(after_s - from_s, profile.interval_s)


cdef void expect(Core* core, int64_t window, uint32_t district, uint32_t* expected_out) noexcept nogil:
    cdef DistrictState* state = &core.districts[district]
    cdef int64_t start_s = window * core.limits.window_s, end_s = start_s + core.limits.window_s, first_at_s
    cdef bint inside = start_s >= core.limits.calendar_from_s and end_s <= core.limits.calendar_to_s
    cdef bint steady = True
    cdef const MeterState* meter
    cdef const MeterInfo* info
    cdef const MeterProfile* profile
    cdef uint32_t row
    cdef int klass
    if inside and state.flags & DISTRICT_STEADY:
        for klass in range(CLASSES):
            expected_out[klass] = state.steady[klass]
        return
    for klass in range(CLASSES):
        expected_out[klass] = 0
    state.flags &= ~<uint32_t>DISTRICT_COARSE
    row = state.first_meter
    while row != NONE:
        meter = &core.meters[row]
        info = &core.meter_infos[row]
        row = info.next_of_district
        if meter.flags & METER_OUT_OF_USE:
            continue
        profile = &core.profiles[meter.profile]
        if profile.interval_s > core.limits.window_s and not meter.flags & METER_SUPPLY:
            state.flags |= DISTRICT_COARSE
        first_at_s = instant_of(core, info.first_cell)
        if profile.interval_s > core.limits.window_s or profile.interval_s == DAY_S or first_at_s > start_s:
            steady = False
        expected_out[meter.klass] += <uint32_t>owed(core, profile, first_at_s, start_s, end_s)
    if inside and steady:
        state.flags |= DISTRICT_STEADY
        for klass in range(CLASSES):
            state.steady[klass] = expected_out[klass]


cdef int64_t arrived_s(const Core* core, uint32_t meter) noexcept nogil:
    cdef int64_t low = 0, high = core.arrivals_count, middle
    while high - low > 1:
        middle = (low + high) >> 1
        if core.arrivals[middle].first_meter <= meter:
            low = middle
        else:
            high = middle
    return core.arrivals[low].at_s


cdef void find_silent(Core* core, int64_t window, uint32_t district) noexcept nogil:
    cdef DistrictState* state = &core.districts[district]
    cdef int64_t end_s = (window + 1) * core.limits.window_s
    cdef int64_t heard_s, bound_s = 0x7FFFFFFFFFFFFFFF
    cdef const MeterState* meter
    cdef uint32_t row, next_row
    if end_s - core.limits.silent_after_s < state.silent_bound_s:
        return
    row = state.first_meter
    while row != NONE:
        meter = &core.meters[row]
        next_row = core.meter_infos[row].next_of_district
        if not meter.flags & METER_OUT_OF_USE and not meter.findings & HAS_SILENT_METER:
            heard_s = arrived_s(core, row)
            if meter.flags & METER_READ:
                heard_s = max(heard_s, meter.last_at_s)
            if end_s - heard_s >= core.limits.silent_after_s:
                meter_finding(core, row, FINDING_SILENT_METER, True)
            else:
                bound_s = min(bound_s, heard_s)
        row = next_row
    state.silent_bound_s = bound_s


cdef void not_silent(Core* core, uint32_t district, int64_t at_s) noexcept nogil:
    core.districts[district].silent_bound_s = min(core.districts[district].silent_bound_s, at_s)


cdef void unsettle(Core* core, uint32_t district) noexcept nogil:
    core.districts[district].flags &= ~<uint32_t>DISTRICT_STEADY
