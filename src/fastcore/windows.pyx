"""Windows of districts: supply, consumption, reads received and expected; their closing and revision (reference,
section 8).

Figures lie by window, then by district: the reads of an hour go to one slab, which stays in cache, whatever
their order."""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport qsort
from libc.string cimport memcmp, memset

from fastcore.census cimport expect, find_silent
from fastcore.core cimport Core, push
from fastcore.findings cimport close_one, open_one
from fastcore.memory cimport free_pages
from fastcore.native cimport ENERGY_SUM_LIMIT_WH, product
from fastcore.rating cimport Spread, spread_up_to
from fastcore.rows cimport CollectionRow, WindowRow
from fastcore.structs cimport DistrictState, Figures, Touched
from fastcore.types cimport (
    CLASSES, DAY_S, DISTRICT_BEGUN, DISTRICT_COARSE, DISTRICT_COVERED, DISTRICT_HIGH_LOSS,
    DISTRICT_NEGATIVE_LOSS, DISTRICT_OUTAGE, FINDING_CALENDAR_ENDS, FINDING_HIGH_LOSS, FINDING_NEGATIVE_LOSS,
    FINDING_OUTAGE, NONE,
)


cdef enum:
    CALENDAR_ENDS_S = 30 * DAY_S


cdef inline Figures* figures(const Core* core, int64_t window, uint32_t district) noexcept nogil:
    """NULL where nothing has been kept of that window."""
    cdef int64_t place = window - core.slab_base
    if place < 0 or place >= core.slabs_count or core.slabs[place] == NULL:
        return NULL
    return &core.slabs[place][district]


cdef inline void touch(Core* core, Figures* item, int64_t window, uint32_t district) noexcept nogil:
    """Keeps what a closed window was before the running batch."""
    cdef Touched* touched
    if not item.closed or item.touched:
        return
    if core.touched_count >= core.touched_capacity:
        core.overrun += 1
        return
    touched = &core.touched[core.touched_count]
    core.touched_count += 1
    touched.window = window
    touched.district = district
    touched.before = item[0]
    item.touched = 1


cdef void begin_windows(Core* core, uint32_t district, int64_t at_s) noexcept nogil:
    cdef DistrictState* state = &core.districts[district]
    if state.flags & DISTRICT_BEGUN:
        return
    state.flags |= DISTRICT_BEGUN
    state.first_window = max(window_of(core, at_s), first_open_window(core))
    state.next_window = state.first_window
    core.next_window = min(core.next_window, state.first_window) if core.begun_count else state.first_window
    core.begun_count += 1


cdef void bounds(
    const Core* core, const Change* change, int64_t* first_out, int64_t* last_out
) noexcept nogil:
    """The windows that take something of a change."""
    cdef const DistrictState* district = &core.districts[change.district]
    cdef int64_t from_cell = change.parts[0].k0, to_cell = change.parts[0].k1
    cdef int64_t first
    cdef int i
    for i in range(1, change.count):
        from_cell = min(from_cell, change.parts[i].k0)
        to_cell = max(to_cell, change.parts[i].k1)
    first = window_of(core, core.limits.calendar_from_s + from_cell * core.limits.cell_s + 1)
    first = max(first, first_open_window(core))
    first_out[0] = max(first, district.first_window) if district.flags & DISTRICT_BEGUN else first
    last_out[0] = window_of(core, core.limits.calendar_from_s + to_cell * core.limits.cell_s)


cdef int64_t share(const Core* core, const Change* change, int64_t window) noexcept nogil:
    """What a window takes of a change, in Wh."""
    cdef int64_t cells = core.limits.window_s // core.limits.cell_s
    cdef int64_t k = (window * core.limits.window_s - core.limits.calendar_from_s) // core.limits.cell_s
    cdef int64_t from_cell, to_cell, sum = 0
    cdef const Spread* part
    cdef int i
    for i in range(change.count):
        from_cell = max(k, change.parts[i].k0)
        to_cell = min(k + cells, change.parts[i].k1)
        if from_cell < to_cell:
            part = &change.parts[i]
            sum += change.signs[i] * (spread_up_to(part, to_cell) - spread_up_to(part, from_cell))
    return sum


cdef bint fits_windows(const Core* core, const Change* change) noexcept nogil:
    cdef int64_t window, first, last, sum
    cdef const Figures* item
    bounds(core, change, &first, &last)
    for window in range(first, last + 1):
        item = figures(core, window, change.district)
        if item == NULL:
            continue
        sum = (item.supply_wh if change.supply else item.consumption_wh) + share(core, change, window)
        if sum >= ENERGY_SUM_LIMIT_WH:
            return False
    return True


cdef int64_t share_before(const Core* core, const Change* change, int64_t window) noexcept nogil:
    """What of a change falls into the windows before one, in Wh."""
    cdef int64_t k = (window * core.limits.window_s - core.limits.calendar_from_s) // core.limits.cell_s
    cdef int64_t sum = 0
    cdef int i
    for i in range(change.count):
        if k > change.parts[i].k0:
            sum += change.signs[i] * spread_up_to(&change.parts[i], min(k, change.parts[i].k1))
    return sum


cdef void change_windows(Core* core, const Change* change) noexcept nogil:
    cdef int64_t window, first, last, energy_wh
    cdef Figures* item
    cdef int i
    bounds(core, change, &first, &last)
    for i in range(change.count):
        core.accepted_wh[change.supply] += change.signs[i] * spread_up_to(&change.parts[i], change.parts[i].k1)
    core.left_out_wh[change.supply] += share_before(core, change, first)
    for window in range(first, last + 1):
        energy_wh = share(core, change, window)
        if energy_wh == 0:
            continue
        item = figures(core, window, change.district)
        touch(core, item, window, change.district)
        if change.supply:
            item.supply_wh += energy_wh
        else:
            item.consumption_wh += energy_wh


cdef void count_received(Core* core, uint32_t district, uint8_t klass, int64_t at_s) noexcept nogil:
    cdef int64_t window = window_of(core, at_s)
    cdef Figures* item
    if window < max(core.districts[district].first_window, first_open_window(core)):
        return
    item = figures(core, window, district)
    touch(core, item, window, district)
    item.received[klass] += 1
    item.ready = not item.closed
    item.district_id = core.districts[district].id


cdef bint below(int64_t received, int64_t expected, int64_t numerator, int64_t denominator) noexcept nogil:
    """received / expected < numerator / denominator, exactly; coverage is 1 where nothing is expected."""
    if expected == 0:
        return denominator < numerator
    return product(received, denominator) < product(expected, numerator)


cdef void write_rows(Core* core, const Figures* item, int64_t window, uint32_t district) noexcept nogil:
    cdef WindowRow* row = <WindowRow*>push(core, &core.window_rows)
    cdef CollectionRow* by_class
    cdef uint8_t klass
    row.window = window
    row.district = district
    row.revision = item.revision
    row.supply_wh = item.supply_wh
    row.consumption_wh = item.consumption_wh
    row.received = item.received[0] + item.received[1] + item.received[2]
    row.expected = item.expected[0] + item.expected[1] + item.expected[2]
    for klass in range(CLASSES):
        if item.received[klass] or item.expected[klass]:
            by_class = <CollectionRow*>push(core, &core.collection)
            by_class.window = window
            by_class.district = district
            by_class.revision = item.revision
            by_class.klass = klass
            by_class.received = item.received[klass]
            by_class.expected = item.expected[klass]


cdef void follow(
    Core* core, uint32_t district, uint8_t finding, uint32_t flag, bint opens, bint closes
) noexcept nogil:
    """Opens or closes a district's finding, and keeps the district's own note of it."""
    cdef DistrictState* state = &core.districts[district]
    if opens:
        if open_one(core, &core.findings, finding, district, district):
            state.flags |= flag
    elif closes and state.flags & flag:
        close_one(core, &core.findings, finding, district)
        state.flags &= ~flag


cdef void judge_loss(Core* core, uint32_t district, const Figures* item) noexcept nogil:
    cdef DistrictState* state = &core.districts[district]
    cdef int64_t loss_wh = item.supply_wh - item.consumption_wh
    cdef bint above = item.supply_wh != 0 and <double>loss_wh / <double>item.supply_wh > state.loss_limit
    cdef uint32_t enough = <uint32_t>min(core.limits.loss_windows, <int64_t>0xFFFFFFFF)
    if state.flags & DISTRICT_COARSE or below(
            state.received, state.expected, core.limits.loss_coverage.numerator, core.limits.loss_coverage.denominator):
        return
    state.high_loss_run = min(state.high_loss_run + 1, enough) if above else 0
    state.negative_loss_run = min(state.negative_loss_run + 1, enough) if loss_wh < 0 else 0
    follow(core, district, FINDING_HIGH_LOSS, DISTRICT_HIGH_LOSS, state.high_loss_run >= enough and above, not above)
    follow(core, district, FINDING_NEGATIVE_LOSS, DISTRICT_NEGATIVE_LOSS,
           state.negative_loss_run >= enough and loss_wh < 0, loss_wh >= 0)


cdef void close_window(Core* core, int64_t window, uint32_t district) noexcept nogil:
    cdef DistrictState* state = &core.districts[district]
    cdef Figures nothing
    cdef Figures* item = figures(core, window, district)
    cdef bint low
    if item == NULL:
        memset(&nothing, 0, sizeof(Figures))
        item = &nothing
    expect(core, window, district, item.expected)
    item.closed = 1
    item.ready = 0
    write_rows(core, item, window, district)
    state.flags |= DISTRICT_COVERED
    state.newest_window = window
    state.received = item.received[0] + item.received[1] + item.received[2]
    state.expected = item.expected[0] + item.expected[1] + item.expected[2]
    judge_loss(core, district, item)
    low = below(
        state.received, state.expected, core.limits.outage_coverage.numerator, core.limits.outage_coverage.denominator)
    follow(core, district, FINDING_OUTAGE, DISTRICT_OUTAGE, low, not low)
    find_silent(core, window, district)


cdef int by_end_and_arrival(const void* a, const void* b) noexcept nogil:
    cdef const Touched* x = <const Touched*>a
    cdef const Touched* y = <const Touched*>b
    if x.window != y.window:
        return -1 if x.window < y.window else 1
    if x.district != y.district:
        return -1 if x.district < y.district else 1
    return 0


cdef void revise(Core* core) noexcept nogil:
    """The closed windows whose figures the batch changed, whole."""
    cdef int64_t i
    cdef const Touched* touched
    cdef DistrictState* state
    cdef Figures* item
    if core.touched_count > 1:
        qsort(core.touched, core.touched_count, sizeof(Touched), &by_end_and_arrival)
    for i in range(core.touched_count):
        touched = &core.touched[i]
        item = figures(core, touched.window, touched.district)
        item.touched = 0
        if (item.supply_wh == touched.before.supply_wh and item.consumption_wh == touched.before.consumption_wh
                and memcmp(item.received, touched.before.received, sizeof(item.received)) == 0):
            continue
        item.revision += 1
        write_rows(core, item, touched.window, touched.district)
        state = &core.districts[touched.district]
        if state.newest_window == touched.window:
            state.received = item.received[0] + item.received[1] + item.received[2]
    core.touched_count = 0


cdef void retire_slabs(Core* core) noexcept nogil:
    """Puts aside the slabs into which nothing can fall any more."""
    cdef int64_t keep = first_open_window(core), gone, i, district
    if core.begun_count:
        keep = min(keep, core.next_window)
    gone = min(max(keep - core.slab_base, <int64_t>0), core.slabs_count)
    if gone == 0:
        return
    for i in range(gone):
        if core.slabs[i] == NULL:
            continue
        for district in range(core.districts_count):
            core.retired_wh[0] += core.slabs[i][district].consumption_wh
            core.retired_wh[1] += core.slabs[i][district].supply_wh
        if core.spare_slabs_count < core.spare_slabs_capacity and core.spare_slabs_count < 4:
            core.spare_slabs[core.spare_slabs_count] = core.slabs[i]
            core.spare_slabs_count += 1
        else:
            free_pages(core.slabs[i])
    for i in range(gone, core.slabs_count):
        core.slabs[i - gone] = core.slabs[i]
    core.slab_base += gone
    core.slabs_count -= gone


cdef void close_windows(Core* core) noexcept nogil:
    cdef int64_t last = last_due_window(core, core.now_s)
    cdef int64_t window
    cdef uint32_t district
    cdef bint near_end = core.now_s >= core.limits.calendar_to_s - CALENDAR_ENDS_S
    if core.begun_count:
        for window in range(core.next_window, last + 1):
            for district in range(<uint32_t>core.districts_count):
                if core.districts[district].flags & DISTRICT_BEGUN and core.districts[district].next_window == window:
                    close_window(core, window, district)
                    core.districts[district].next_window = window + 1
        core.next_window = max(core.next_window, last + 1)
    revise(core)
    retire_slabs(core)
    if near_end:
        open_one(core, &core.findings, FINDING_CALENDAR_ENDS, NONE, NONE)
    else:
        close_one(core, &core.findings, FINDING_CALENDAR_ENDS, NONE)
