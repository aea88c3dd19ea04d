"""Updates, an op a function (reference, section 9).

An op judges first and changes only when nothing is left that could refuse it. The refusals stand in the
reference's order: what is unknown, `closed`, and `bad_update` for all else."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastcore.belonging cimport choose, succeed
from fastcore.census cimport unsettle
from fastcore.commands cimport control_of, forget_command, notice, set_state
from fastcore.core cimport Core, dispatch_of, mark, unmark
from fastcore.exceptions cimport refuse, subject_is_id
from fastcore.findings cimport (
    close_findings_of_account, close_findings_of_meter, close_one, close_open, close_orders_of_account,
    find_open,
)
from fastcore.index cimport Index, Ids, find, find_number, find_text, hash_id, hash_number, hash_text
from fastcore.native cimport NEVER
from fastcore.reads cimport take_baseline, take_read
from fastcore.rows cimport ExceptionRow
from fastcore.structs cimport AccountState, Control, MeterProfile, MeterState, Open
from fastcore.types cimport (
    ACCOUNT_MANUAL_APPROVAL, ACCOUNT_PROTECTED, CONTROL_APPROVED, CONTROL_MAYBE_OPEN, CONTROL_OPERATOR,
    CONTROL_UNSURE, DISTRICT_HIGH_LOSS, DISTRICT_NEGATIVE_LOSS, DISTRICT_OUTAGE, DISTRICT_SUSPENDED,
    FINDING_CALENDAR_ENDS, FINDING_CLOCK_JUMP, FINDING_HIGH_LOSS, FINDING_MASS_TRIP, FINDING_NEGATIVE_LOSS,
    FINDING_OUTAGE, FINDING_SILENT_METER, HAS_AT, HAS_VALUE, METER_CLOSED, METER_EXCHANGED, METER_INITIAL,
    METER_OUT_OF_USE, METER_READ, NONE, NOTICE_AUTOPAY_FAILED, OP_APPROVE_TRIP, OP_AUTOPAY_FAILED,
    OP_AUTOPAY_STARTED, OP_CLOSE_ACCOUNT, OP_CLOSE_FINDING, OP_CLOSE_ORDER, OP_EXCHANGE_METER,
    OP_REBASE_METER, OP_RESTORE_ACCOUNT, OP_RESUME_TRIPS, OP_SET_MANUAL_APPROVAL, OP_SET_POLICY,
    OP_SET_PROTECTED, OP_SET_TARIFF, OP_SUSPEND_TRIPS, READING_INTERVAL, READING_REGISTER, REASON_ACCEPTED,
    REASON_BAD_UPDATE, REASON_CLOSED, REASON_DUPLICATE, REASON_UNKNOWN_ACCOUNT, REASON_UNKNOWN_DISTRICT,
    REASON_UNKNOWN_METER, REASON_UNKNOWN_POLICY, REASON_UNKNOWN_TARIFF, STATE_CLOSED, STATE_DUE, STATE_OFF,
    STATE_ON, STATE_RESTORING, STATE_TRIPPING,
)
from fastcore.registry cimport has, has_id, take_tariff
from fastcore.validation cimport check_read


cdef bint parse_number(const char* text, int64_t length, uint64_t* number_out) noexcept nogil:
    """A uint64 in decimal, without sign or leading zeros."""
    cdef uint64_t number = 0, digit
    cdef int64_t i
    if length < 1 or length > 20 or (length > 1 and text[0] == c'0'):
        return False
    for i in range(length):
        if text[i] < c'0' or text[i] > c'9':
            return False
        digit = <uint64_t>(text[i] - c'0')
        if number > (<uint64_t>0xFFFFFFFFFFFFFFFF - digit) // 10:
            return False
        number = 10 * number + digit
    number_out[0] = number
    return True


cdef uint32_t find_named(const Core* core, const Index* index, const Ids* texts, int64_t i) noexcept nogil:
    """The row whose id the update's text gives."""
    cdef const char* text = texts.bytes + texts.offsets[i]
    cdef int64_t length = texts.offsets[i + 1] - texts.offsets[i]
    cdef uint64_t number
    if core.text_ids:
        return find_text(index, text, length, hash_text(text, length))
    if not parse_number(text, length, &number):
        return NONE
    return find_number(index, number, hash_number(number))


# ---- ops about an account

cdef void set_flag(AccountState* state, uint8_t flag, bint on) noexcept nogil:
    if on:
        state.flags |= flag
    else:
        state.flags &= <uint8_t>(0xFF & ~flag)


cdef bint may_be_open(const Core* core, uint32_t account) noexcept nogil:
    """Whether the relay of the account's last command may be open."""
    cdef uint8_t state = core.accounts[account].state
    if core.accounts[account].control == NONE:
        return False
    return (state == STATE_TRIPPING or state == STATE_OFF or state == STATE_RESTORING
            or core.controls[core.accounts[account].control].flags & CONTROL_UNSURE)


cdef void close_account(Core* core, uint32_t account) noexcept nogil:
    cdef AccountState* state = &core.accounts[account]
    cdef uint32_t meter = core.account_infos[account].first_meter
    cdef Control* control
    close_orders_of_account(core, account)
    close_findings_of_account(core, account)
    if state.control != NONE:
        control = &core.controls[state.control]
        if may_be_open(core, account):
            control.flags |= CONTROL_MAYBE_OPEN
        forget_command(core, control)
        control.autopay_since_s = NEVER
    while meter != NONE:
        core.meters[meter].flags |= METER_CLOSED
        meter = core.meter_infos[meter].next_of_account
    choose(core, account)
    unsettle(core, state.district)
    set_state(core, account, STATE_CLOSED)
    unmark(core, account)


cdef uint8_t autopay(Core* core, uint32_t account, int op) noexcept nogil:
    cdef AccountState* state = &core.accounts[account]
    cdef Control* control = &core.controls[state.control] if state.control != NONE else NULL
    if op == OP_AUTOPAY_STARTED:
        control = control_of(core, account)
        if (control.autopay_since_s == NEVER
                or core.now_s - control.autopay_since_s >= core.policies[state.policy].autopay_hold_s):
            control.autopay_since_s = core.now_s
        return REASON_ACCEPTED
    if op == OP_AUTOPAY_FAILED:
        if control == NULL or control.autopay_since_s == NEVER:
            return REASON_BAD_UPDATE
        notice(core, account, NOTICE_AUTOPAY_FAILED, -1)
        control.noticed_at_s = core.now_s
    if control != NULL:
        control.autopay_since_s = NEVER
    return REASON_ACCEPTED


cdef uint8_t update_account(Core* core, const UpdateColumns* rows, int64_t i, int op) noexcept nogil:
    cdef bint named = has_id(&rows.account, i), worded = has_id(&rows.text, i)
    cdef uint32_t account = NONE
    cdef AccountState* state
    cdef Control* control
    cdef int64_t value = rows.value.values[i] if has(&rows.value, i) else -1
    if named:
        account = find(&core.account_ids, &rows.account.ids, i, hash_id(&rows.account.ids, i))
        if account == NONE:
            return REASON_UNKNOWN_ACCOUNT
    if op == OP_SET_TARIFF and worded and rows.tariff[i] < 0:
        return REASON_UNKNOWN_TARIFF
    if op == OP_SET_POLICY and worded and rows.policy[i] < 0:
        return REASON_UNKNOWN_POLICY
    if account == NONE:
        return REASON_BAD_UPDATE
    state = &core.accounts[account]
    control = &core.controls[state.control] if state.control != NONE else NULL
    if state.state == STATE_CLOSED:
        return REASON_CLOSED
    if op == OP_SET_TARIFF:
        if not worded:
            return REASON_BAD_UPDATE
        take_tariff(core, account, rows.tariff[i])
    elif op == OP_SET_POLICY:
        if not worded:
            return REASON_BAD_UPDATE
        state.policy = <unsigned short>rows.policy[i]
    elif op == OP_SET_PROTECTED or op == OP_SET_MANUAL_APPROVAL:
        if value != 0 and value != 1:
            return REASON_BAD_UPDATE
        set_flag(state, ACCOUNT_PROTECTED if op == OP_SET_PROTECTED else ACCOUNT_MANUAL_APPROVAL, value == 1)
    elif op == OP_APPROVE_TRIP:
        if state.state != STATE_DUE:
            return REASON_BAD_UPDATE
        control.flags |= CONTROL_APPROVED
    elif op == OP_RESTORE_ACCOUNT:
        if (state.state != STATE_TRIPPING and state.state != STATE_OFF
                and (state.state != STATE_DUE or not control.flags & CONTROL_UNSURE)):
            return REASON_BAD_UPDATE
        control.flags |= CONTROL_OPERATOR
    elif op == OP_CLOSE_ACCOUNT:
        close_account(core, account)
        return REASON_ACCEPTED
    else:
        if autopay(core, account, op) != REASON_ACCEPTED:
            return REASON_BAD_UPDATE
    mark(core, account)
    return REASON_ACCEPTED


# ---- ops about trips, findings and orders

cdef uint8_t update_trips(Core* core, const UpdateColumns* rows, int64_t i, bint suspends) noexcept nogil:
    cdef uint32_t district
    core.waking = True
    if has_id(&rows.text, i):
        district = find_named(core, &core.district_ids, &rows.text.ids, i)
        if district == NONE:
            return REASON_UNKNOWN_DISTRICT
        if suspends:
            core.districts[district].flags |= DISTRICT_SUSPENDED
        else:
            core.districts[district].flags &= ~<uint32_t>DISTRICT_SUSPENDED
        return REASON_ACCEPTED
    core.suspended = suspends
    if not suspends:
        core.mass_count = 0
        close_one(core, &core.findings, FINDING_MASS_TRIP, NONE)
        close_one(core, &core.findings, FINDING_CLOCK_JUMP, NONE)
    return REASON_ACCEPTED


cdef uint8_t close_by_hand(Core* core, const UpdateColumns* rows, int64_t i, bint finding) noexcept nogil:
    cdef Open* item = NULL
    cdef uint8_t kind
    cdef uint32_t subject
    if not has(&rows.value, i) or rows.value.values[i] < 1:
        return REASON_BAD_UPDATE
    item = find_open(&core.findings if finding else &core.orders, <uint64_t>rows.value.values[i])
    if item == NULL:
        return REASON_BAD_UPDATE
    kind, subject = item.kind, item.subject
    if not finding:
        close_open(core, &core.orders, item)
        return REASON_ACCEPTED
    if kind == FINDING_MASS_TRIP or kind == FINDING_CLOCK_JUMP or kind == FINDING_CALENDAR_ENDS:
        return REASON_BAD_UPDATE
    close_open(core, &core.findings, item)
    if kind == FINDING_SILENT_METER:
        core.districts[core.meters[subject].district].silent_bound_s = NEVER
    elif kind == FINDING_HIGH_LOSS:
        core.districts[subject].flags &= ~<uint32_t>DISTRICT_HIGH_LOSS
    elif kind == FINDING_NEGATIVE_LOSS:
        core.districts[subject].flags &= ~<uint32_t>DISTRICT_NEGATIVE_LOSS
    elif kind == FINDING_OUTAGE:
        core.districts[subject].flags &= ~<uint32_t>DISTRICT_OUTAGE
    return REASON_ACCEPTED


# ---- ops about a meter

cdef uint8_t rebase(Core* core, const UpdateColumns* rows, int64_t i, uint32_t meter) noexcept nogil:
    cdef const MeterState* state = &core.meters[meter]
    cdef const MeterProfile* profile = &core.profiles[state.profile]
    cdef int64_t at_s, value
    cdef uint8_t reason
    if state.flags & METER_OUT_OF_USE or profile.reading == READING_INTERVAL:
        return REASON_BAD_UPDATE
    if not has(&rows.value, i) or not has(&rows.at_s, i):
        return REASON_BAD_UPDATE
    at_s, value = rows.at_s.values[i], rows.value.values[i]
    if state.flags & (METER_READ | METER_INITIAL) and at_s < state.last_at_s:
        return REASON_BAD_UPDATE
    reason = check_read(core, profile, at_s, value)
    if reason == REASON_ACCEPTED:
        take_baseline(core, <uint32_t>i, meter, at_s, value)
    return reason


cdef void end_doubt(Core* core, uint32_t account, uint32_t old) noexcept nogil:
    """The relay of the last command went with its meter; the new one is closed."""
    cdef Control* control
    if not may_be_open(core, account):
        return
    control = &core.controls[core.accounts[account].control]
    if dispatch_of(core, control).command_meter != old:
        return
    forget_command(core, control)
    control.flags &= ~CONTROL_UNSURE
    close_orders_of_account(core, account)
    set_state(core, account, STATE_ON)


cdef uint8_t exchange(
    Core* core, const UpdateColumns* rows, int64_t i, uint32_t old, uint32_t new
) noexcept nogil:
    cdef MeterState* before = &core.meters[old]
    cdef const MeterState* after = &core.meters[new]
    cdef bint valued = has(&rows.value, i)
    cdef uint8_t reason
    if old == new or before.flags & METER_OUT_OF_USE or after.flags & METER_OUT_OF_USE:
        return REASON_BAD_UPDATE
    if before.account != after.account or before.district != after.district:
        return REASON_BAD_UPDATE
    if valued != has(&rows.at_s, i):
        return REASON_BAD_UPDATE
    if valued and core.profiles[before.profile].reading == READING_REGISTER:
        reason = take_read(core, <uint32_t>i, old, rows.at_s.values[i], rows.value.values[i], 0)
        if reason != REASON_ACCEPTED and reason != REASON_DUPLICATE:
            return reason
    before.flags |= METER_EXCHANGED
    unsettle(core, before.district)
    if before.account != NONE:
        succeed(core, before.account, old, new)
        end_doubt(core, before.account, old)
        mark(core, before.account)
    close_findings_of_meter(core, old)
    return REASON_ACCEPTED


cdef uint8_t update_meter(Core* core, const UpdateColumns* rows, int64_t i, int op) noexcept nogil:
    cdef uint32_t meter = NONE, new = NONE
    if has_id(&rows.meter, i):
        meter = find(&core.meter_ids, &rows.meter.ids, i, hash_id(&rows.meter.ids, i))
        if meter == NONE:
            return REASON_UNKNOWN_METER
    if op == OP_REBASE_METER:
        return rebase(core, rows, i, meter) if meter != NONE else REASON_BAD_UPDATE
    if has_id(&rows.text, i):
        new = find_named(core, &core.meter_ids, &rows.text.ids, i)
        if new == NONE:
            return REASON_UNKNOWN_METER
    return exchange(core, rows, i, meter, new) if meter != NONE and new != NONE else REASON_BAD_UPDATE


# ---- rows

cdef void refuse_update(Core* core, const UpdateColumns* rows, int64_t i, uint8_t reason) noexcept nogil:
    cdef ExceptionRow* item = refuse(core, <uint32_t>i, reason)
    if has_id(&rows.meter, i):
        subject_is_id(core, item, &rows.meter.ids, i)
    elif has_id(&rows.account, i):
        subject_is_id(core, item, &rows.account.ids, i)
    elif has_id(&rows.text, i):
        subject_is_id(core, item, &rows.text.ids, i)
    if has(&rows.at_s, i):
        item.has |= HAS_AT
        item.at_s = rows.at_s.values[i]
    if has(&rows.value, i):
        item.has |= HAS_VALUE
        item.value = rows.value.values[i]


cdef void apply_updates(Core* core, const UpdateColumns* rows) noexcept nogil:
    cdef int64_t i
    cdef int op
    cdef uint8_t reason
    for i in range(rows.rows):
        op = rows.op[i]
        if op < 0:
            reason = REASON_BAD_UPDATE
        elif op == OP_SUSPEND_TRIPS or op == OP_RESUME_TRIPS:
            reason = update_trips(core, rows, i, op == OP_SUSPEND_TRIPS)
        elif op == OP_CLOSE_FINDING or op == OP_CLOSE_ORDER:
            reason = close_by_hand(core, rows, i, op == OP_CLOSE_FINDING)
        elif op == OP_REBASE_METER or op == OP_EXCHANGE_METER:
            reason = update_meter(core, rows, i, op)
        else:
            reason = update_account(core, rows, i, op)
        if reason != REASON_ACCEPTED:
            refuse_update(core, rows, i, reason)
