"""Acks: noted at their row, taken by the control step (reference, section 7)."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastcore.core cimport Core, dispatch_of, mark
from fastcore.exceptions cimport refuse, subject_is_number
from fastcore.rows cimport ExceptionRow
from fastcore.structs cimport Control
from fastcore.types cimport (
    COMMAND_NONE, CONTROL_ARMED, CONTROL_DONE, CONTROL_TRIP_DONE, CONTROL_UNSURE, HAS_AT, OUTCOME_ARMED,
    OUTCOME_DONE, REASON_ACCEPTED, REASON_BAD_VALUE, REASON_STALE_ACK, REASON_UNKNOWN_COMMAND, STATE_DUE,
)


cdef bint is_current(const Core* core, const Control* control, uint64_t command) noexcept nogil:
    return control.command != COMMAND_NONE and dispatch_of(core, control).command_id == command


cdef bint is_doubtful_trip(const Core* core, const Control* control, uint64_t command) noexcept nogil:
    """The last trip, in `due` while unsure: a late answer still tells whether the relay is open."""
    return (dispatch_of(core, control).trip_id == command and control.flags & CONTROL_UNSURE
            and core.accounts[control.account].state == STATE_DUE)


cdef Control* addressee(const Core* core, uint64_t command) noexcept nogil:
    """The control record of the account to which a command was sent; NULL: its acks are stale."""
    cdef int64_t low = 0, high = core.issued_count, middle
    while low < high:
        middle = (low + high) // 2
        if core.issued[middle].id < command:
            low = middle + 1
        else:
            high = middle
    if low == core.issued_count or core.issued[low].id != command:
        return NULL
    return &core.controls[core.accounts[core.issued[low].account].control]


cdef uint8_t take_ack(Core* core, uint64_t command, int outcome) noexcept nogil:
    cdef Control* control
    if command == 0 or command >= core.next_command_id:
        return REASON_UNKNOWN_COMMAND
    if outcome < 0:
        return REASON_BAD_VALUE
    control = addressee(core, command)
    if control == NULL:
        return REASON_STALE_ACK
    if is_current(core, control, command):
        if outcome == OUTCOME_DONE:
            control.flags |= CONTROL_DONE
        elif outcome == OUTCOME_ARMED:
            control.flags |= CONTROL_ARMED
    elif is_doubtful_trip(core, control, command):
        if outcome == OUTCOME_DONE:
            control.flags |= CONTROL_TRIP_DONE
    else:
        return REASON_STALE_ACK
    core.outcomes[outcome] += 1
    mark(core, control.account)
    return REASON_ACCEPTED


cdef void apply_acks(Core* core, const AckColumns* rows) noexcept nogil:
    cdef int64_t i
    cdef uint8_t reason
    cdef ExceptionRow* item
    for i in range(rows.rows):
        reason = take_ack(core, rows.command[i], rows.outcome[i])
        if reason != REASON_ACCEPTED:
            item = refuse(core, <uint32_t>i, reason)
            subject_is_number(core, item, rows.command[i])
            item.has |= HAS_AT
            item.at_s = rows.at_s[i]


cdef void drop_stale_commands(Core* core) noexcept nogil:
    """Clears the list once it is twice as long as the accounts that ever had a command could make it."""
    cdef int64_t i, kept = 0
    cdef const Control* control
    if core.issued_count <= 4 * core.controls_count + 64:
        return
    for i in range(core.issued_count):
        control = &core.controls[core.accounts[core.issued[i].account].control]
        if (is_current(core, control, core.issued[i].id)
                or dispatch_of(core, control).trip_id == core.issued[i].id):
            core.issued[kept] = core.issued[i]
            kept += 1
    core.issued_count = kept
