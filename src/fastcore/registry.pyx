"""Rows of accounts and districts: they come, and change (reference, section 3)."""

from libc.math cimport NAN, isfinite
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from fastcore.belonging cimport join, leave
from fastcore.census cimport unsettle
from fastcore.core cimport Core, mark, push
from fastcore.exceptions cimport refuse, subject_is_id
from fastcore.index cimport Ids, find, hash_id, put, store_id
from fastcore.native cimport NEVER
from fastcore.rows cimport LedgerRow
from fastcore.structs cimport AccountInfo, AccountState, DistrictState, Text
from fastcore.types cimport (
    ACCOUNT_MANUAL_APPROVAL, ACCOUNT_PROTECTED, GATE_NONE, LEDGER_OPENING, METER_EXCHANGED, NONE, NO_PERIOD,
    REASON_ACCEPTED, REASON_BAD_REGISTRY, REASON_NEEDS_EXCHANGE, REASON_UNKNOWN_POLICY, REASON_UNKNOWN_TARIFF,
    STATE_ON,
)


cdef enum:
    ID_BYTES = 64


cdef bint is_id(const Ids* ids, int64_t i) noexcept nogil:
    cdef int64_t length
    if ids.numbers != NULL:
        return True
    length = ids.offsets[i + 1] - ids.offsets[i]
    return 1 <= length <= ID_BYTES


# ---- districts

cdef uint32_t district_of(Core* core, const Ids* ids, int64_t i) noexcept nogil:
    """The district of that id, made if it does not exist yet."""
    cdef uint64_t hash = hash_id(ids, i)
    cdef uint32_t row = find(&core.district_ids, ids, i, hash)
    cdef DistrictState* state
    if row != NONE:
        return row
    row = <uint32_t>core.districts_count
    state = &core.districts[row]
    core.districts_count += 1
    state.id = store_id(&core.district_ids, ids, i)
    state.loss_limit = NAN
    state.name.offset = -1
    state.grid.offset = -1
    state.name.length = 0
    state.grid.length = 0
    state.first_window = NEVER
    state.next_window = NEVER
    state.trip_hour = NEVER
    state.silent_bound_s = 0x7FFFFFFFFFFFFFFF
    state.newest_window = NEVER
    state.received = 0
    state.expected = 0
    state.trips = 0
    state.switches = 0
    state.meters = 0
    state.first_meter = NONE
    state.last_meter = NONE
    state.high_loss_run = 0
    state.negative_loss_run = 0
    state.flags = 0
    state.spare = 0
    memset(state.steady, 0, sizeof(state.steady))
    put(&core.district_ids, hash, row, NONE)
    return row


cdef void set_text(Core* core, Text* text, const OptionalIds* column, int64_t i) noexcept nogil:
    """Stores a name; one that stays the same takes no new room."""
    cdef const char* bytes
    cdef int64_t length
    if not has_id(column, i):
        text.offset = -1
        text.length = 0
        return
    bytes = column.ids.bytes + column.ids.offsets[i]
    length = column.ids.offsets[i + 1] - column.ids.offsets[i]
    if text.offset >= 0 and text.length == length and memcmp(core.texts.data + text.offset, bytes, length) == 0:
        return
    text.offset = core.texts.items
    text.length = length
    memcpy(core.texts.data + core.texts.items, bytes, length)
    core.texts.items += length


cdef void apply_districts(Core* core, const DistrictColumns* rows) noexcept nogil:
    cdef int64_t i
    cdef double limit
    cdef DistrictState* state
    for i in range(rows.rows):
        limit = NAN
        if rows.loss_limit != NULL and (rows.loss_limit_valid == NULL or rows.loss_limit_valid[i]):
            limit = rows.loss_limit[i]
            if not isfinite(limit) or limit < 0:
                subject_is_id(core, refuse(core, <uint32_t>i, REASON_BAD_REGISTRY), &rows.district, i)
                continue
        if not is_id(&rows.district, i):
            subject_is_id(core, refuse(core, <uint32_t>i, REASON_BAD_REGISTRY), &rows.district, i)
            continue
        state = &core.districts[district_of(core, &rows.district, i)]
        state.loss_limit = limit
        set_text(core, &state.name, &rows.name, i)
        set_text(core, &state.grid, &rows.grid, i)


# ---- accounts

cdef void take_tariff(Core* core, uint32_t account, int tariff) noexcept nogil:
    cdef AccountState* state = &core.accounts[account]
    if core.tariffs[tariff].tier_kind != core.tariffs[state.tariff].tier_kind:
        state.tier_period = NO_PERIOD
        state.tier_energy_wh = 0
        state.tier_energy_before_wh = 0
    state.tariff = tariff


cdef void open_account(Core* core, const AccountColumns* rows, int64_t i, uint64_t hash) noexcept nogil:
    cdef uint32_t row = <uint32_t>core.accounts_count
    cdef AccountState* state = &core.accounts[row]
    cdef AccountInfo* info = &core.account_infos[row]
    cdef LedgerRow* item
    core.accounts_count += 1
    state.id = store_id(&core.account_ids, &rows.account, i)
    state.balance_nano = rows.opening_nano[i]
    state.charged_nano = 0
    state.watch_nano = NEVER
    state.tier_energy_wh = 0
    state.tier_energy_before_wh = 0
    state.district = district_of(core, &rows.district, i)
    state.control = NONE
    state.tariff = rows.tariff[i]
    state.policy = rows.policy[i]
    state.tier_period = NO_PERIOD
    state.state = STATE_ON
    state.flags = ACCOUNT_PROTECTED if rows.protected[i] else 0
    if rows.manual_approval[i]:
        state.flags |= ACCOUNT_MANUAL_APPROVAL
    info.ledger_nano = rows.opening_nano[i]
    info.first_meter = NONE
    info.klass = rows.klass[i]
    info.blocked_by = GATE_NONE
    info.spare = 0
    put(&core.account_ids, hash, row, NONE)
    item = <LedgerRow*>push(core, &core.ledger)
    core.ledger_rows[<int>LEDGER_OPENING] += 1
    item.at_s = core.now_s
    item.amount_nano = rows.opening_nano[i]
    item.balance_nano = rows.opening_nano[i]
    item.row = <uint32_t>i
    item.account = row
    item.kind = LEDGER_OPENING
    item.has_ref = 0


cdef bint holds_meters(const Core* core, uint32_t account) noexcept nogil:
    """Whether the account has a meter that was not exchanged."""
    cdef uint32_t meter = core.account_infos[account].first_meter
    while meter != NONE and core.meters[meter].flags & METER_EXCHANGED:
        meter = core.meter_infos[meter].next_of_account
    return meter != NONE


cdef void move_account(Core* core, uint32_t account, uint32_t district) noexcept nogil:
    """Into another district, with the meters that were exchanged."""
    cdef uint32_t meter = core.account_infos[account].first_meter, next_meter
    if core.accounts[account].district == district:
        return
    core.accounts[account].district = district
    while meter != NONE:
        next_meter = core.meter_infos[meter].next_of_account
        leave(core, meter)
        core.meters[meter].district = district
        join(core, meter)
        meter = next_meter


cdef void change_account(Core* core, const AccountColumns* rows, int64_t i, uint32_t row) noexcept nogil:
    cdef AccountState* state = &core.accounts[row]
    cdef uint32_t meter = core.account_infos[row].first_meter
    move_account(core, row, district_of(core, &rows.district, i))
    take_tariff(core, row, rows.tariff[i])
    state.policy = rows.policy[i]
    if core.account_infos[row].klass != rows.klass[i]:
        core.account_infos[row].klass = rows.klass[i]
        unsettle(core, state.district)
        while meter != NONE:
            core.meters[meter].klass = rows.klass[i]
            meter = core.meter_infos[meter].next_of_account
    mark(core, row)


cdef void apply_accounts(Core* core, const AccountColumns* rows) noexcept nogil:
    cdef int64_t i
    cdef uint64_t hash
    cdef uint32_t row
    cdef uint8_t reason
    for i in range(rows.rows):
        hash = hash_id(&rows.account, i)
        row = find(&core.account_ids, &rows.account, i, hash)
        reason = REASON_ACCEPTED
        if rows.tariff[i] < 0:
            reason = REASON_UNKNOWN_TARIFF
        elif rows.policy[i] < 0:
            reason = REASON_UNKNOWN_POLICY
        elif rows.klass[i] < 0 or not is_id(&rows.account, i) or not is_id(&rows.district, i):
            reason = REASON_BAD_REGISTRY
        elif (row != NONE and holds_meters(core, row) and core.accounts[row].district
              != find(&core.district_ids, &rows.district, i, hash_id(&rows.district, i))):
            reason = REASON_NEEDS_EXCHANGE
        if reason != REASON_ACCEPTED:
            subject_is_id(core, refuse(core, <uint32_t>i, reason), &rows.account, i)
        elif row == NONE:
            open_account(core, rows, i, hash)
        else:
            change_account(core, rows, i, row)


cdef int64_t count_new_accounts(const Core* core, const Ids* ids, int64_t rows) noexcept nogil:
    cdef int64_t i, count = 0
    for i in range(rows):
        count += find(&core.account_ids, ids, i, hash_id(ids, i)) == NONE
    return count
