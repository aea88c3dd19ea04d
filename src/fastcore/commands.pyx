"""Control records, and what is sent: commands with their attempts, and notices (reference, section 7)."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from fastcore.belonging cimport switch_of
from fastcore.core cimport Core, dispatch_of, push
from fastcore.findings cimport close_one
from fastcore.gates cimport trip_window_end
from fastcore.native cimport MONEY_LIMIT_NANO, NEVER
from fastcore.rows cimport CommandRow, NoticeRow
from fastcore.structs cimport AccountState, Control, Dispatch, Policy
from fastcore.types cimport (
    CAUSE_BALANCE, COMMAND_NONE, COMMAND_RESTORE, COMMAND_TRIP, CONTROL_APPROVED, CONTROL_ARMED, CONTROL_DONE,
    CONTROL_FIELD_ORDERED, CONTROL_OPERATOR, CONTROL_PROVEN, CONTROL_TRIP_DONE, FINDING_OFF_BUT_CONSUMING,
    GATE_NONE, HOUR_S, NONE, STATE_DUE, STATE_OFF, STATE_RESTORING,
)
from fastcore.waiting cimport rouse


cdef Control* control_of(Core* core, uint32_t account) noexcept nogil:
    cdef AccountState* state = &core.accounts[account]
    cdef Control* control
    if state.control != NONE:
        return &core.controls[state.control]
    if core.controls_count >= core.controls_capacity:
        core.overrun += 1
        return &core.controls[0]
    state.control = <uint32_t>core.controls_count
    control = &core.controls[core.controls_count]
    core.controls_count += 1
    control.wait_until_s = NEVER
    control.noticed_at_s = NEVER
    control.off_since_s = NEVER
    control.autopay_since_s = NEVER
    control.failed_at_s = NEVER
    control.account = account
    control.attempt = 0
    control.said = NONE
    control.least_said_nano = MONEY_LIMIT_NANO
    control.flags = 0
    control.command = COMMAND_NONE
    control.cause = CAUSE_BALANCE
    return control


cdef void notice(Core* core, uint32_t account, uint8_t kind, int level_text) noexcept nogil:
    cdef NoticeRow* row = <NoticeRow*>push(core, &core.notices)
    row.account = account
    row.kind = kind
    row.level_text = level_text
    row.balance_nano = core.accounts[account].balance_nano


cdef void set_state(Core* core, uint32_t account, uint8_t state) noexcept nogil:
    """What ends with a state ends here: an approval with `due`, `off_but_consuming` with `off`."""
    cdef AccountState* item = &core.accounts[account]
    if item.state == STATE_DUE and state != STATE_DUE:
        rouse(core, account)
        core.account_infos[account].blocked_by = GATE_NONE
        core.controls[item.control].flags &= ~(CONTROL_APPROVED | CONTROL_TRIP_DONE)
    if item.state == STATE_OFF and state != STATE_OFF:
        close_one(core, &core.findings, FINDING_OFF_BUT_CONSUMING, account)
    item.state = state


cdef Dispatch* begin_dispatch(Core* core, const Control* control) noexcept nogil:
    cdef Dispatch* out = dispatch_of(core, control)
    if not out.begun:
        out.first_issued_at_s = NEVER
        out.issued_at_s = NEVER
        out.expires_at_s = NEVER
        out.trip_expires_at_s = NEVER
        out.command_meter = NONE
        out.trip_meter = NONE
        out.begun = 1
    return out


cdef void forget_command(Core* core, Control* control) noexcept nogil:
    control.command = COMMAND_NONE
    if dispatch_of(core, control).begun:
        dispatch_of(core, control).command_id = 0
    control.flags &= ~(CONTROL_DONE | CONTROL_ARMED | CONTROL_PROVEN)
    control.flags &= ~(CONTROL_OPERATOR | CONTROL_FIELD_ORDERED | CONTROL_TRIP_DONE)


cdef int64_t wait_after(const Policy* policy, uint32_t attempt) noexcept nogil:
    """min(ack_timeout 2^(i-1), 1 h)."""
    cdef int64_t wait_s = policy.ack_timeout_s
    cdef uint32_t _i
    for _i in range(1, attempt):
        if wait_s >= HOUR_S:
            break
        wait_s *= 2
    return min(wait_s, <int64_t>HOUR_S)


cdef void send(Core* core, uint32_t account, Control* control) noexcept nogil:
    """An attempt of the current command."""
    cdef const Policy* policy = &core.policies[core.accounts[account].policy]
    cdef Dispatch* dispatch = dispatch_of(core, control)
    cdef CommandRow* row = <CommandRow*>push(core, &core.commands)
    dispatch.issued_at_s = core.now_s
    dispatch.expires_at_s = core.now_s + policy.command_ttl_s
    if control.command == COMMAND_TRIP:
        dispatch.expires_at_s = trip_window_end(core, account, dispatch.expires_at_s)
        dispatch.trip_expires_at_s = dispatch.expires_at_s
    if control.attempt == 1:
        dispatch.first_issued_at_s = core.now_s
        core.commands_sent[control.command] += 1
    else:
        core.commands_repeated[control.command] += 1
    control.wait_until_s = core.now_s + wait_after(policy, control.attempt)
    row.id = dispatch.command_id
    row.kind = control.command
    row.attempt = control.attempt
    row.account = account
    row.meter = dispatch.command_meter
    row.issued_at_s = dispatch.issued_at_s
    row.expires_at_s = dispatch.expires_at_s
    row.cause = control.cause


cdef void issue(
    Core* core, uint32_t account, Control* control, uint8_t command, uint8_t cause
) noexcept nogil:
    """A new command; it supersedes the one before."""
    cdef Dispatch* dispatch = begin_dispatch(core, control)
    forget_command(core, control)
    control.command = command
    control.cause = cause
    dispatch.command_id = core.next_command_id
    control.attempt = 1
    core.next_command_id += 1
    if command == COMMAND_TRIP:
        dispatch.command_meter = switch_of(core, account)
        dispatch.trip_meter = dispatch.command_meter
        dispatch.trip_id = dispatch.command_id
    else:
        dispatch.command_meter = dispatch.trip_meter
        if dispatch.trip_meter == NONE:
            dispatch.command_meter = switch_of(core, account)
    if core.issued_count >= core.issued_capacity:
        core.overrun += 1
    else:
        core.issued[core.issued_count].id = dispatch.command_id
        core.issued[core.issued_count].account = account
        core.issued_count += 1
    send(core, account, control)


cdef void restore(Core* core, uint32_t account, Control* control, uint8_t cause) noexcept nogil:
    issue(core, account, control, COMMAND_RESTORE, cause)
    set_state(core, account, STATE_RESTORING)
