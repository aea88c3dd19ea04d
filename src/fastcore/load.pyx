"""The whole state, in: sections of bytes, as `dump` wrote them, become a core again (reference, "Snapshots").
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

import numpy as np
from fastcore.dump import UNKEPT

from fastcore.core cimport Core, Needs, Opens, reserve
from fastcore.fitting cimport index_profiles
from fastcore.index cimport Index, hash_number, hash_text, put
from fastcore.maps cimport set
from fastcore.memory cimport allocate_pages, grow
from fastcore.native cimport NEVER, prefetch
from fastcore.payments cimport index_payments
from fastcore.structs cimport Arrival, Figures, MeterState, Open
from fastcore.types cimport COMMAND_NONE, METER_GONE, NONE
from fastcore.windows cimport first_open_window
from fastcore.views cimport dtype_of

cdef enum:
    TOGETHER = 32                    # ids that are put into an index in one go


def unpacked(section, str struct, without=UNKEPT):
    """The structs that `packed` wrote; what it left out is zero."""
    full = dtype_of(struct)
    names = [name for name in full.names if name not in without]
    kind = np.dtype([(name, full[name]) for name in names])
    if kind.itemsize == full.itemsize:
        return np.frombuffer(section, full)
    rows = np.frombuffer(section, kind)
    out = np.zeros(len(rows), full)
    for name in names:
        out[name] = rows[name]
    return out


cdef object fill(int64_t* counts, object values):
    for i, value in enumerate(values):
        counts[i] = value


cdef object load_numbers(Core* core, dict numbers):
    fill(core.accepted_wh, numbers["accepted_wh"])
    fill(core.batches, numbers["batches"])
    fill(core.commands_repeated, numbers["commands_repeated"])
    fill(core.commands_sent, numbers["commands_sent"])
    fill(core.gates, numbers["gates"])
    fill(core.ledger_rows, numbers["ledger_rows"])
    fill(core.left_out_wh, numbers["left_out_wh"])
    fill(core.outcomes, numbers["outcomes"])
    fill(core.qualities, numbers["qualities"])
    fill(core.reasons, numbers["reasons"])
    fill(core.retired_wh, numbers["retired_wh"])
    fill(core.rows_taken, numbers["rows_taken"])
    fill(core.rules, numbers["rules"])
    core.begun_count = numbers["begun_count"]
    core.mass_count = numbers["mass_count"]
    core.mass_hour = numbers["mass_hour"]
    core.next_command_id = numbers["next_command_id"]
    core.findings.next_id = numbers["next_finding_id"]
    core.orders.next_id = numbers["next_order_id"]
    core.next_window = numbers["next_window"]
    core.now_s = numbers["now_s"]
    core.paid_first = numbers["paid_first"]
    core.payments_fed_at_s = numbers["payments_fed_at_s"]
    core.sequence = numbers["sequence"]
    core.suspended = numbers["suspended"]
    core.switches = numbers["switches"]
    core.trip_count = numbers["trip_count"]
    core.trip_hour = numbers["trip_hour"]


cdef int64_t put_back(void* place, object rows) except -1:
    """Copies structs to where they belong; how many they are."""
    cdef const unsigned char[::1] view
    if len(rows):
        view = memoryview(np.ascontiguousarray(rows)).cast("B")
        memcpy(place, &view[0], view.nbytes)
    return len(rows)


cdef object load_text(Index* index, object section):
    cdef const unsigned char[::1] view
    if len(section):
        view = section
        memcpy(index.text, &view[0], len(section))
    index.text_length = len(section)


cdef void load_index(Index* index, bint text, int64_t rows, const MeterState* meters) noexcept nogil:
    """Puts every row into an index but those of meters whose id has started anew; lines are fetched ahead."""
    cdef int64_t first = 0, end, i
    cdef uint64_t id
    cdef uint64_t[TOGETHER] hashes
    while first < rows:
        end = min(first + TOGETHER, rows)
        for i in range(first, end):
            id = (<const uint64_t*>(index.rows + index.stride * i))[0]
            hashes[i - first] = hash_text(index.text + (id >> 8), id & 0xFF) if text else hash_number(id)
            prefetch(&index.lines[hashes[i - first] & index.mask])
        for i in range(first, end):
            if meters == NULL or not meters[i].flags & METER_GONE:
                put(index, hashes[i - first], <uint32_t>i, NONE)
        first = end


cdef void load_gaps(Core* core) noexcept nogil:
    """Links the gaps, which lie by meter from the oldest on, into a ring a meter."""
    cdef int64_t i
    cdef uint32_t first, last, gap, next_gap = 0
    for i in range(core.meters_count):
        if core.meters[i].gaps == 0:
            core.meters[i].gaps = NONE
            continue
        first, last = next_gap, next_gap + core.meters[i].gaps - 1
        for gap in range(first, last + 1):
            core.gaps[gap].older = gap - 1 if gap > first else last
            core.gaps[gap].newer = gap + 1 if gap < last else first
        core.meters[i].gaps = last
        next_gap = last + 1


cdef object load_controls(Core* core, object levels):
    cdef int64_t i, said = 0
    cdef uint32_t count
    cdef const int64_t[::1] levels_nano = levels
    issued = []
    for i in range(core.controls_count):
        count = core.controls[i].said
        core.controls[i].said = <uint32_t>said if count else NONE
        while count:
            core.saids[said].level_nano = levels_nano[said]
            core.saids[said].next = <uint32_t>(said + 1) if count > 1 else NONE
            said += 1
            count -= 1
        if core.controls[i].command != COMMAND_NONE:
            issued.append((core.dispatches[i].command_id, core.controls[i].account))
        if core.dispatches[i].trip_id:
            issued.append((core.dispatches[i].trip_id, core.controls[i].account))
    core.saids_count = said
    for i, (id, account) in enumerate(sorted({*issued})):
        core.issued[i].id = id
        core.issued[i].account = account
        core.issued_count = i + 1


cdef object load_texts(Core* core, object texts):
    cdef int64_t i, offset = 0
    cdef const unsigned char[::1] view
    if len(texts):
        view = texts
        memcpy(core.texts.data, &view[0], len(texts))
    core.texts.items = len(texts)
    for i in range(core.districts_count):
        if core.districts[i].name.offset >= 0:
            core.districts[i].name.offset = offset
            offset += core.districts[i].name.length
        if core.districts[i].grid.offset >= 0:
            core.districts[i].grid.offset = offset
            offset += core.districts[i].grid.length


cdef object load_windows(Core* core, object windows, object figures):
    cdef int64_t i, place
    for i, window in enumerate(windows.tolist()):
        place = window - core.slab_base
        if core.slabs[place] == NULL:
            core.slabs[place] = <Figures*>allocate_pages(core.districts_capacity * sizeof(Figures))
            if core.slabs[place] == NULL:
                raise MemoryError("no room for the windows of a snapshot")
        put_back(core.slabs[place], figures[i * core.districts_count:(i + 1) * core.districts_count])


cdef object load_opens(Opens* opens, object rows):
    cdef int64_t i
    cdef Open* item
    rows["live"] = 1
    opens.count = opens.live = put_back(opens.items, rows)
    for i in range(opens.count):
        item = &opens.items[i]
        set(&opens.ids, <uint64_t>item.kind << 32 | item.subject, item.id)


cdef object load_attention(Core* core, object words):
    cdef int64_t i
    put_back(core.attention, words)
    for i in range(len(words)):
        if core.attention[i]:
            core.attention_words[i >> 6] |= <uint64_t>1 << (i & 63)
    core.attention_count = int(np.bitwise_count(words).sum())


cdef object load_state(Core* core, dict numbers, dict sections):
    cdef Needs needs
    rows = {name: unpacked(sections[name], struct) for name, struct in _STRUCTS.items()}
    windows, levels = np.frombuffer(sections["windows"], np.int64), np.frombuffer(sections["levels_said"], np.int64)
    load_numbers(core, numbers)
    if core.now_s == NEVER:
        return
    memset(&needs, 0, sizeof(Needs))
    needs.accounts, needs.account_bytes = len(rows["accounts"]), len(sections["account_ids"])
    needs.meters, needs.meter_bytes = len(rows["meters"]), len(sections["meter_ids"])
    needs.profiles = len(rows["profiles"])
    needs.districts, needs.district_bytes = len(rows["districts"]), len(sections["district_ids"])
    needs.text_bytes = len(sections["texts"])
    needs.gaps, needs.payments = len(rows["gaps"]), len(rows["paid"])
    needs.visits = len(rows["controls"]) + len(levels)
    needs.findings, needs.orders = len(rows["findings"]), len(rows["orders"])
    if len(windows):
        # Windows may be kept that lie before those into which a read can still fall.
        if grow(<void**>&core.slabs, &core.slabs_capacity, 1, sizeof(Figures*)) < 0:
            raise MemoryError("no room for the windows of a snapshot")
        core.slabs[0] = NULL
        core.slab_base, core.slabs_count = min(int(windows[0]), first_open_window(core)), 1
    if (reserve(core, &needs, core.now_s) < 0
            or grow(<void**>&core.arrivals, &core.arrivals_capacity, len(rows["arrivals"]), sizeof(Arrival)) < 0):
        raise MemoryError("no room for the state of a snapshot")
    core.meters_count = put_back(core.meters, rows["meters"])
    put_back(core.meter_infos, rows["meter_infos"])
    core.arrivals_count = put_back(core.arrivals, rows["arrivals"])
    core.profiles_count = put_back(core.profiles, rows["profiles"])
    core.accounts_count = put_back(core.accounts, rows["accounts"])
    put_back(core.account_infos, rows["account_infos"])
    core.districts_count = put_back(core.districts, rows["districts"])
    core.gaps_count = put_back(core.gaps, rows["gaps"])
    core.controls_count = put_back(core.controls, rows["controls"])
    put_back(core.dispatches, rows["dispatches"])
    load_text(&core.meter_ids, sections["meter_ids"])
    load_text(&core.account_ids, sections["account_ids"])
    load_text(&core.district_ids, sections["district_ids"])
    load_index(&core.meter_ids, core.text_ids, core.meters_count, core.meters)
    load_index(&core.account_ids, core.text_ids, core.accounts_count, NULL)
    load_index(&core.district_ids, core.text_ids, core.districts_count, NULL)
    index_profiles(core)
    load_gaps(core)
    load_controls(core, levels)
    load_attention(core, np.frombuffer(sections["attention"], np.uint64))
    load_texts(core, sections["texts"])
    load_windows(core, windows, rows["figures"])
    if len(rows["paid"]):
        ring = np.zeros(core.paid_capacity, dtype_of("Paid"))
        ring[(core.paid_first + np.arange(len(rows["paid"]))) & (core.paid_capacity - 1)] = rows["paid"]
        put_back(core.paid, ring)
        core.paid_count = len(rows["paid"])
        index_payments(core)
    load_opens(&core.findings, rows["findings"])
    load_opens(&core.orders, rows["orders"])


_STRUCTS = {
    "meters": "MeterState",
    "meter_infos": "MeterInfo",
    "arrivals": "Arrival",
    "profiles": "MeterProfile",
    "gaps": "Gap",
    "accounts": "AccountState",
    "account_infos": "AccountInfo",
    "controls": "Control",
    "dispatches": "Dispatch",
    "districts": "DistrictState",
    "figures": "Figures",
    "paid": "Paid",
    "findings": "Open",
    "orders": "Open",
}
