"""The state of one engine: made, freed, and given room.

All room that a batch may need is made before it takes effect, from bounds on what its rows and the time it
brings can do. A failed allocation therefore leaves the engine as it was, and the loops never allocate. What
is reserved and not used is address space only."""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from fastcore.index cimport Index, free_index, reserve_ids
from fastcore.maps cimport free_map, reserve_map
from fastcore.memory cimport allocate_pages, free_pages, grow, grow_huge, renew
from fastcore.native cimport NEVER, floor_div
from fastcore.rows cimport (
    CollectionRow, CommandRow, ExceptionRow, LedgerRow, NoticeRow, WindowRow,
)
from fastcore.structs cimport (
    AccountInfo, AccountState, Arrival, Control, Dispatch, DistrictState, Figures, Gap, Issued, MeterInfo, MeterProfile,
    MeterState, Open, Paid, Said, Touched, Wake,
)
from fastcore.types cimport NONE


cdef void shape(Rows* rows, int64_t item_bytes) noexcept nogil:
    rows.item_bytes = item_bytes
    rows.wanted = True


cdef enum:
    IDLE_BATCHES = 64
    MUCH_BYTES = 1 << 20


cdef Core* new_core() noexcept nogil:
    cdef Core* core = <Core*>calloc(1, sizeof(Core))
    if core == NULL:
        return NULL
    core.now_s = NEVER
    core.gaps_free = NONE
    core.saids_free = NONE
    core.next_command_id = 1
    core.mass_hour = NEVER
    core.trip_hour = NEVER
    core.payments_fed_at_s = NEVER
    core.findings.next_id = 1
    core.orders.next_id = 1
    core.findings.rows = &core.finding_rows
    core.orders.rows = &core.order_rows
    core.meter_ids.stride = sizeof(MeterState)
    core.account_ids.stride = sizeof(AccountState)
    core.district_ids.stride = sizeof(DistrictState)
    shape(&core.ledger, sizeof(LedgerRow))
    shape(&core.exceptions, sizeof(ExceptionRow))
    shape(&core.subjects, 1)
    shape(&core.texts, 1)
    shape(&core.notices, sizeof(NoticeRow))
    shape(&core.commands, sizeof(CommandRow))
    shape(&core.window_rows, sizeof(WindowRow))
    shape(&core.collection, sizeof(CollectionRow))
    shape(&core.finding_rows, sizeof(Open))
    shape(&core.order_rows, sizeof(Open))
    return core


cdef void free_core(Core* core) noexcept nogil:
    cdef int64_t i
    if core == NULL:
        return
    for i in range(core.slabs_count):
        free_pages(core.slabs[i])
    for i in range(core.spare_slabs_count):
        free_pages(core.spare_slabs[i])
    free_pages(core.slabs)
    free_pages(core.spare_slabs)
    free_pages(core.touched)
    free_pages(core.meters)
    free_pages(core.meter_infos)
    free_pages(core.arrivals)
    free_pages(core.accounts)
    free_pages(core.account_infos)
    free_pages(core.districts)
    free_pages(core.profiles)
    free_pages(core.gaps)
    free_pages(core.controls)
    free_pages(core.dispatches)
    free_pages(core.saids)
    free_pages(core.attention)
    free_pages(core.attention_words)
    free_pages(core.wakes)
    free_pages(core.issued)
    free_pages(core.paid)
    free_pages(core.findings.items)
    free_pages(core.orders.items)
    free_map(&core.findings.ids)
    free_map(&core.orders.ids)
    free_map(&core.profile_rows)
    free_map(&core.paid_ids)
    free_index(&core.meter_ids)
    free_index(&core.account_ids)
    free_index(&core.district_ids)
    free_pages(core.texts.data)
    free_pages(core.ledger.data)
    free_pages(core.exceptions.data)
    free_pages(core.subjects.data)
    free_pages(core.notices.data)
    free_pages(core.commands.data)
    free_pages(core.window_rows.data)
    free_pages(core.collection.data)
    free_pages(core.finding_rows.data)
    free_pages(core.order_rows.data)
    free(core)


cdef void empty(Rows* rows) noexcept nogil:
    """Much room that a batch needed once, such as one that registers accounts, is given back after a while."""
    rows.most = max(rows.most, rows.items)
    rows.idle = rows.idle + 1 if 4 * rows.items < rows.most else 0
    if rows.idle >= IDLE_BATCHES and rows.most * rows.item_bytes >= MUCH_BYTES:
        free_pages(rows.data)
        rows.data = NULL
        rows.capacity = rows.most = rows.idle = 0
    rows.items = 0


cdef void clear_rows(Core* core) noexcept nogil:
    empty(&core.ledger)
    empty(&core.exceptions)
    empty(&core.subjects)
    empty(&core.notices)
    empty(&core.commands)
    empty(&core.window_rows)
    empty(&core.collection)
    empty(&core.finding_rows)
    empty(&core.order_rows)
    core.intervals.items = 0


cdef int room(Rows* rows, int64_t more) noexcept nogil:
    """Room for the rows of the batch to come; an output that nobody reads has room for the one that is overwritten."""
    return renew(<void**>&rows.data, &rows.capacity, more + 1 if rows.wanted else 1, rows.item_bytes)


cdef int room_for_open(Opens* opens, int64_t more) noexcept nogil:
    if grow(<void**>&opens.items, &opens.capacity, opens.count + more, sizeof(Open)) < 0:
        return -1
    if reserve_map(&opens.ids, more) < 0:
        return -1
    return room(opens.rows, 2 * more + opens.live)


cdef bint is_zero(const void* data, int64_t size_bytes) noexcept nogil:
    cdef const uint64_t* words = <const uint64_t*>data
    cdef int64_t i
    for i in range(size_bytes // 8):
        if words[i]:
            return False
    return True


cdef int longer_slab(Figures** slab, int64_t before, int64_t districts) noexcept nogil:
    """A slab for more districts, all that is new in it zero; one that holds nothing takes no room yet."""
    cdef Figures* longer
    if slab[0] == NULL:
        return 0
    longer = <Figures*>allocate_pages(districts * sizeof(Figures))
    if longer == NULL:
        return -1
    if not is_zero(slab[0], before * sizeof(Figures)):
        memcpy(longer, slab[0], before * sizeof(Figures))
    free_pages(slab[0])
    slab[0] = longer
    return 0


cdef int room_for_districts(Core* core, int64_t more) noexcept nogil:
    """The slabs grow first: a longer slab than the districts need is still a slab."""
    cdef int64_t i, capacity = core.districts_capacity
    if core.districts_count + more > capacity:
        capacity = max(core.districts_count + more, 2 * capacity, 16)
        for i in range(core.slabs_count):
            if longer_slab(&core.slabs[i], core.districts_capacity, capacity) < 0:
                return -1
        for i in range(core.spare_slabs_count):
            if longer_slab(&core.spare_slabs[i], core.districts_capacity, capacity) < 0:
                return -1
    if grow(<void**>&core.districts, &core.districts_capacity, capacity, sizeof(DistrictState)) < 0:
        return -1
    core.district_ids.rows = <const char*>core.districts
    return 0


cdef int room_for_windows(Core* core, int64_t now_s) noexcept nogil:
    """A slab for every window into which a read can fall once T is `now_s`."""
    cdef int64_t first = floor_div(now_s - core.limits.window_horizon_s, core.limits.window_s)
    cdef int64_t last = floor_div(now_s + core.limits.future_tolerance_s - 1, core.limits.window_s)
    cdef int64_t window
    cdef Figures* slab
    if core.slabs_count == 0:
        core.slab_base = first
    if grow(<void**>&core.slabs, &core.slabs_capacity, last - core.slab_base + 1, sizeof(Figures*)) < 0:
        return -1
    if grow(<void**>&core.spare_slabs, &core.spare_slabs_capacity, last - core.slab_base + 1 + core.spare_slabs_count,
            sizeof(Figures*)) < 0:
        return -1
    while core.slab_base + core.slabs_count <= last:
        core.slabs[core.slabs_count] = NULL
        core.slabs_count += 1
    for window in range(max(first, core.slab_base), last + 1):
        if core.slabs[window - core.slab_base] != NULL:
            continue
        if core.spare_slabs_count:
            core.spare_slabs_count -= 1
            slab = core.spare_slabs[core.spare_slabs_count]
            memset(slab, 0, core.districts_count * sizeof(Figures))
        else:
            slab = <Figures*>allocate_pages(core.districts_capacity * sizeof(Figures))
            if slab == NULL:
                return -1
        core.slabs[window - core.slab_base] = slab
    return 0


cdef int room_for_payments(Core* core, int64_t more) noexcept nogil:
    """The ring doubles by laying its payments out anew, each at its number modulo the capacity."""
    cdef int64_t capacity = max(core.paid_capacity, 16)
    cdef int64_t i
    cdef Paid* grown
    while core.paid_count + more > capacity:
        capacity *= 2
    if capacity != core.paid_capacity:
        grown = <Paid*>allocate_pages(capacity * sizeof(Paid))
        if grown == NULL:
            return -1
        for i in range(core.paid_first, core.paid_first + core.paid_count):
            grown[i & (capacity - 1)] = core.paid[i & (core.paid_capacity - 1)]
        free_pages(core.paid)
        core.paid = grown
        core.paid_capacity = capacity
    return reserve_map(&core.paid_ids, more)


cdef int room_for_ids(Index* index, void** rows, int64_t* capacity, int64_t need) noexcept nogil:
    """Room for structs that an index leads to, which follows them at once, whatever fails afterwards."""
    cdef int made = grow_huge(rows, capacity, need, index.stride)
    index.rows = <const char*>rows[0]
    return made


cdef int room_for_registry(Core* core, const Needs* needs) noexcept nogil:
    cdef int64_t accounts = core.accounts_count + needs.accounts, meters = core.meters_count + needs.meters
    cdef int64_t more
    if needs.accounts:
        if (accounts >= NONE
                or room_for_ids(&core.account_ids, <void**>&core.accounts, &core.accounts_capacity, accounts) < 0
                or grow(<void**>&core.account_infos, &core.account_infos_capacity, accounts, sizeof(AccountInfo)) < 0
                or grow(<void**>&core.attention, &core.attention_capacity, (accounts >> 6) + 1, 8) < 0
                or grow(
                    <void**>&core.attention_words, &core.attention_words_capacity, (accounts >> 12) + 1, 8) < 0):
            return -1
        if reserve_ids(&core.account_ids, needs.accounts, needs.account_bytes) < 0:
            return -1
    if needs.meters:
        if (meters >= NONE
                or room_for_ids(&core.meter_ids, <void**>&core.meters, &core.meters_capacity, meters) < 0
                or grow(<void**>&core.meter_infos, &core.meter_infos_capacity, meters, sizeof(MeterInfo)) < 0
                or grow(<void**>&core.arrivals, &core.arrivals_capacity, core.arrivals_count + 1, sizeof(Arrival)) < 0):
            return -1
        if reserve_ids(&core.meter_ids, needs.meters, needs.meter_bytes) < 0:
            return -1
    more = core.profiles_count + needs.profiles
    if grow(<void**>&core.profiles, &core.profiles_capacity, more, sizeof(MeterProfile)) < 0:
        return -1
    if reserve_map(&core.profile_rows, needs.profiles) < 0:
        return -1
    if needs.districts and (
            room_for_districts(core, needs.districts) < 0
            or reserve_ids(&core.district_ids, needs.districts, needs.district_bytes) < 0
            or grow(<void**>&core.texts.data, &core.texts.capacity, core.texts.items + needs.text_bytes + 1, 1) < 0):
        return -1
    return 0


cdef int reserve(Core* core, const Needs* needs, int64_t now_s) noexcept nogil:
    cdef int64_t gaps, controls, saids, issued
    if room_for_registry(core, needs) < 0 or room_for_windows(core, now_s) < 0:
        return -1
    if needs.payments and room_for_payments(core, needs.payments) < 0:
        return -1
    gaps = core.gaps_count - core.gaps_free_count + needs.gaps
    controls = core.controls_count + needs.visits
    saids = core.saids_count + needs.visits * core.most_levels
    issued = core.issued_count + 2 * needs.visits
    if (grow(<void**>&core.gaps, &core.gaps_capacity, gaps, sizeof(Gap)) < 0
            or grow(<void**>&core.controls, &core.controls_capacity, controls, sizeof(Control)) < 0
            or grow(
                <void**>&core.dispatches, &core.dispatches_capacity, controls, sizeof(Dispatch)) < 0
            or grow(<void**>&core.saids, &core.saids_capacity, saids, sizeof(Said)) < 0
            or grow(<void**>&core.wakes, &core.wakes_capacity, core.wakes_count + needs.visits, sizeof(Wake)) < 0
            or grow(<void**>&core.issued, &core.issued_capacity, issued, sizeof(Issued)) < 0
            or renew(<void**>&core.touched, &core.touched_capacity, needs.revisions, sizeof(Touched)) < 0):
        return -1
    if room_for_open(&core.findings, needs.findings) < 0 or room_for_open(&core.orders, needs.orders) < 0:
        return -1
    if (room(&core.ledger, 2 * needs.rows) < 0
            or room(&core.exceptions, needs.rows) < 0
            or room(&core.subjects, needs.subject_bytes + 20 * needs.rows) < 0
            or room(&core.notices, needs.visits * (2 * core.most_levels + 8) + needs.rows) < 0
            or room(&core.commands, needs.visits * 4) < 0
            or room(&core.window_rows, needs.closings + needs.revisions) < 0
            or room(&core.collection, 3 * (needs.closings + needs.revisions)) < 0):
        return -1
    return 0
