"""Findings and orders: what is open, and the rows that tell of it (reference, sections 7 and 8)."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastcore.core cimport Core, Opens, push
from fastcore.maps cimport get, remove, set
from fastcore.structs cimport MeterState, Open
from fastcore.types cimport (
    FINDING_INSPECT_METER, FINDING_OFF_BUT_CONSUMING, FINDING_SILENT_METER, FINDING_ZERO_USAGE,
    HAS_INSPECT_METER, HAS_SILENT_METER, HAS_ZERO_USAGE, NONE, ORDER_FIELD_RESTORE, ORDER_TRIP_FAILED,
)


cdef inline uint64_t key(uint8_t kind, uint32_t subject) noexcept nogil:
    return <uint64_t>kind << 32 | subject


cdef void tell(Core* core, Opens* opens, const Open* item, bint closed) noexcept nogil:
    cdef Open* row = <Open*>push(core, opens.rows)
    row[0] = item[0]
    row.at_s = core.now_s
    row.live = not closed


cdef bint is_open(const Opens* opens, uint8_t kind, uint32_t subject) noexcept nogil:
    return get(&opens.ids, key(kind, subject)) != 0


cdef bint open_one(
    Core* core, Opens* opens, uint8_t kind, uint32_t subject, uint32_t district
) noexcept nogil:
    cdef Open* item
    if is_open(opens, kind, subject):
        return False
    item = &opens.items[opens.count]
    item.id = opens.next_id
    item.at_s = core.now_s
    item.subject = subject
    item.district = district
    item.kind = kind
    item.live = 1
    opens.count += 1
    opens.live += 1
    opens.next_id += 1
    set(&opens.ids, key(kind, subject), item.id)
    tell(core, opens, item, False)
    return True


cdef Open* find_open(const Opens* opens, uint64_t id) noexcept nogil:
    cdef int64_t low = 0, high = opens.count, middle
    while low < high:
        middle = (low + high) // 2
        if opens.items[middle].id < id:
            low = middle + 1
        else:
            high = middle
    if low < opens.count and opens.items[low].id == id and opens.items[low].live:
        return &opens.items[low]
    return NULL


cdef uint8_t flag_of(uint8_t kind) noexcept nogil:
    """The bit by which a meter knows that a finding about it is open."""
    if kind == FINDING_INSPECT_METER:
        return HAS_INSPECT_METER
    if kind == FINDING_SILENT_METER:
        return HAS_SILENT_METER
    return HAS_ZERO_USAGE if kind == FINDING_ZERO_USAGE else 0


cdef void close_open(Core* core, Opens* opens, Open* item) noexcept nogil:
    item.live = 0
    opens.live -= 1
    remove(&opens.ids, key(item.kind, item.subject))
    tell(core, opens, item, True)
    if opens == &core.findings and flag_of(item.kind):
        core.meters[item.subject].findings &= ~flag_of(item.kind)


cdef bint close_one(Core* core, Opens* opens, uint8_t kind, uint32_t subject) noexcept nogil:
    cdef uint64_t id = get(&opens.ids, key(kind, subject))
    if id == 0:
        return False
    close_open(core, opens, find_open(opens, id))
    return True


cdef void meter_finding(Core* core, uint32_t meter, uint8_t kind, bint opens) noexcept nogil:
    """Opens or closes a finding about a meter, and keeps the meter's own note of it."""
    cdef MeterState* state = &core.meters[meter]
    if opens:
        if open_one(core, &core.findings, kind, meter, state.district):
            state.findings |= flag_of(kind)
    elif state.findings & flag_of(kind):
        close_one(core, &core.findings, kind, meter)


cdef void drop_closed(Opens* opens) noexcept nogil:
    """Clears away what has closed once it is more than half, so that the list stays as long as what is open.
    """
    cdef int64_t i, kept = 0
    if opens.count <= 2 * opens.live + 64:
        return
    for i in range(opens.count):
        if opens.items[i].live:
            opens.items[kept] = opens.items[i]
            kept += 1
    opens.count = kept


cdef void close_in_order(Core* core, uint64_t* ids, int count) noexcept nogil:
    """Closes a handful of findings in order of id; 0 stands for none."""
    cdef int i, least
    while True:
        least = -1
        for i in range(count):
            if ids[i] and (least < 0 or ids[i] < ids[least]):
                least = i
        if least < 0:
            return
        close_open(core, &core.findings, find_open(&core.findings, ids[least]))
        ids[least] = 0


cdef void close_findings_of_meter(Core* core, uint32_t meter) noexcept nogil:
    cdef uint64_t[3] ids
    if core.meters[meter].findings == 0:
        return
    ids[0] = get(&core.findings.ids, key(FINDING_INSPECT_METER, meter))
    ids[1] = get(&core.findings.ids, key(FINDING_SILENT_METER, meter))
    ids[2] = get(&core.findings.ids, key(FINDING_ZERO_USAGE, meter))
    close_in_order(core, ids, 3)


cdef void pass_findings(Core* core, uint32_t old, uint32_t new) noexcept nogil:
    cdef uint8_t kind
    cdef uint64_t id
    for kind in range(FINDING_INSPECT_METER, FINDING_ZERO_USAGE + 1):
        if not core.meters[old].findings & flag_of(kind):
            continue
        id = get(&core.findings.ids, key(kind, old))
        remove(&core.findings.ids, key(kind, old))
        set(&core.findings.ids, key(kind, new), id)
        find_open(&core.findings, id).subject = new
    core.meters[new].findings = core.meters[old].findings
    core.meters[old].findings = 0


cdef void close_findings_of_account(Core* core, uint32_t account) noexcept nogil:
    """Takes the oldest each time; an account has few meters, and each at most three findings."""
    cdef uint64_t least, id
    cdef uint32_t meter
    cdef uint8_t kind
    while True:
        least = get(&core.findings.ids, key(FINDING_OFF_BUT_CONSUMING, account))
        meter = core.account_infos[account].first_meter
        while meter != NONE:
            if core.meters[meter].findings:
                for kind in range(FINDING_INSPECT_METER, FINDING_ZERO_USAGE + 1):
                    id = get(&core.findings.ids, key(kind, meter)) if flag_of(kind) else 0
                    if id and (least == 0 or id < least):
                        least = id
            meter = core.meter_infos[meter].next_of_account
        if least == 0:
            return
        close_open(core, &core.findings, find_open(&core.findings, least))


cdef void close_orders_of_account(Core* core, uint32_t account) noexcept nogil:
    cdef uint64_t failed = get(&core.orders.ids, key(ORDER_TRIP_FAILED, account))
    cdef uint64_t field = get(&core.orders.ids, key(ORDER_FIELD_RESTORE, account))
    if failed and (field == 0 or failed < field):
        close_one(core, &core.orders, ORDER_TRIP_FAILED, account)
        close_one(core, &core.orders, ORDER_FIELD_RESTORE, account)
    else:
        close_one(core, &core.orders, ORDER_FIELD_RESTORE, account)
        close_one(core, &core.orders, ORDER_TRIP_FAILED, account)
