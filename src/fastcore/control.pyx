"""The control step: accounts by their balance from `on` to `off` and back (reference, section 7).

Only accounts in `core.attention` are looked at: those whose balance rose, or fell to what the account watches
for, whose registry, policy or acks changed, and all that wait for time to pass. To the others the step has
nothing to say."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastcore.commands cimport control_of, forget_command, issue, notice, restore, send, set_state
from fastcore.core cimport Core, unmark
from fastcore.findings cimport close_one, open_one
from fastcore.gates cimport ceiling, closed_gate, closed_gate_of_repeat
from fastcore.native cimport MONEY_LIMIT_NANO, NEVER, floor_div, lowest_bit
from fastcore.structs cimport AccountState, Control, DistrictState, Policy
from fastcore.types cimport (
    ACCOUNT_HAS_PRIMARY, ACCOUNT_HAS_SWITCH, ACCOUNT_PROTECTED, CAUSE_BALANCE, CAUSE_OPERATOR,
    CAUSE_PROTECTED, COMMAND_TRIP, CONTROL_ARMED, CONTROL_DONE, CONTROL_FIELD_ORDERED, CONTROL_OPERATOR,
    CONTROL_PROVEN, CONTROL_TRIP_DONE, CONTROL_UNSURE, FINDING_CLOCK_JUMP, FINDING_MASS_TRIP, GATE_NONE,
    GATES, HOUR_S, NONE, NOTICE_LOW_BALANCE, NOTICE_PRESS_BUTTON, NOTICE_RESTORED, NOTICE_TRIP_DUE,
    NOTICE_TRIPPED, ORDER_FIELD_RESTORE, ORDER_TRIP_FAILED, STATE_CLOSED, STATE_DUE, STATE_OFF, STATE_ON,
    STATE_RESTORING, STATE_TRIPPING, STATE_WARNED,
)
from fastcore.waiting cimport let_sleep, rouse, wake_all, wake_due


# ---- levels said

cdef void forget_levels_below(Core* core, Control* control, int64_t balance_nano) noexcept nogil:
    """Levels with B > level count as not said."""
    cdef uint32_t* link = &control.said
    cdef uint32_t gone
    if balance_nano <= control.least_said_nano:
        return
    control.least_said_nano = MONEY_LIMIT_NANO
    while link[0] != NONE:
        if balance_nano > core.saids[link[0]].level_nano:
            gone = link[0]
            link[0] = core.saids[gone].next
            core.saids[gone].next = core.saids_free
            core.saids_free = gone
        else:
            control.least_said_nano = min(control.least_said_nano, core.saids[link[0]].level_nano)
            link = &core.saids[link[0]].next


cdef bint is_said(const Core* core, const Control* control, int64_t level_nano) noexcept nogil:
    cdef uint32_t said = control.said
    while said != NONE:
        if core.saids[said].level_nano == level_nano:
            return True
        said = core.saids[said].next
    return False


cdef void say(Core* core, Control* control, int64_t level_nano) noexcept nogil:
    cdef uint32_t said = core.saids_free
    if said != NONE:
        core.saids_free = core.saids[said].next
    elif core.saids_count < core.saids_capacity:
        said = <uint32_t>core.saids_count
        core.saids_count += 1
    else:
        core.overrun += 1
        return
    core.saids[said].level_nano = level_nano
    core.saids[said].next = control.said
    control.said = said
    control.least_said_nano = min(control.least_said_nano, level_nano)


# ---- a move from each state; True: the account has moved, and may move again

cdef bint leave_on(Core* core, uint32_t account, AccountState* state, const Policy* policy) noexcept nogil:
    if policy.levels and state.balance_nano <= policy.level_nano[0]:
        set_state(core, account, STATE_WARNED)
        return True
    return False


cdef bint leave_warned(
    Core* core, uint32_t account, AccountState* state, const Policy* policy
) noexcept nogil:
    cdef Control* control = control_of(core, account)
    cdef int i
    for i in range(policy.levels):
        if state.balance_nano <= policy.level_nano[i] and not is_said(core, control, policy.level_nano[i]):
            notice(core, account, NOTICE_LOW_BALANCE, policy.level_text + i)
            say(core, control, policy.level_nano[i])
    if policy.levels == 0 or state.balance_nano > policy.level_nano[0]:
        set_state(core, account, STATE_ON)
        return True
    if state.balance_nano > policy.trip_below_nano:
        return False
    notice(core, account, NOTICE_TRIP_DUE, -1)
    control.noticed_at_s = core.now_s
    set_state(core, account, STATE_DUE)
    if state.flags & ACCOUNT_HAS_SWITCH:
        if core.mass_hour != floor_div(core.now_s, HOUR_S):
            core.mass_hour = floor_div(core.now_s, HOUR_S)
            core.mass_count = 0
        core.mass_count += 1
    return True


cdef bint leave_due(Core* core, uint32_t account, AccountState* state, const Policy* policy) noexcept nogil:
    cdef Control* control = &core.controls[state.control]
    cdef bint protected = state.flags & ACCOUNT_PROTECTED
    if not control.flags & CONTROL_UNSURE:
        if state.balance_nano > policy.trip_below_nano:
            set_state(core, account, STATE_WARNED)
            return True
        return False
    if protected or state.balance_nano > policy.trip_below_nano:
        restore(core, account, control, CAUSE_PROTECTED if protected else CAUSE_BALANCE)
        return True
    if control.flags & CONTROL_TRIP_DONE:
        notice(core, account, NOTICE_TRIPPED, -1)
        control.off_since_s = core.now_s
        set_state(core, account, STATE_OFF)
        return True
    return False


cdef bint leave_tripping(
    Core* core, uint32_t account, AccountState* state, const Policy* policy
) noexcept nogil:
    cdef Control* control = &core.controls[state.control]
    cdef bint protected = state.flags & ACCOUNT_PROTECTED
    if protected or state.balance_nano > policy.trip_below_nano:
        restore(core, account, control, CAUSE_PROTECTED if protected else CAUSE_BALANCE)
        return True
    if control.flags & CONTROL_DONE:
        notice(core, account, NOTICE_TRIPPED, -1)
        control.off_since_s = core.now_s
        forget_command(core, control)
        set_state(core, account, STATE_OFF)
        return True
    if core.now_s < control.wait_until_s:
        return False
    if control.attempt < policy.max_attempts and closed_gate_of_repeat(core, account) == GATE_NONE:
        control.attempt += 1
        send(core, account, control)
        return False
    if control.attempt >= policy.max_attempts:
        open_one(core, &core.orders, ORDER_TRIP_FAILED, account, state.district)
        control.failed_at_s = core.now_s
    forget_command(core, control)
    control.flags |= CONTROL_UNSURE
    set_state(core, account, STATE_DUE)
    return True


cdef bint leave_off(Core* core, uint32_t account, AccountState* state, const Policy* policy) noexcept nogil:
    cdef bint protected = state.flags & ACCOUNT_PROTECTED
    if not protected and state.balance_nano <= policy.restore_above_nano:
        return False
    restore(core, account, &core.controls[state.control], CAUSE_PROTECTED if protected else CAUSE_BALANCE)
    return True


cdef bint leave_restoring(
    Core* core, uint32_t account, AccountState* state, const Policy* policy
) noexcept nogil:
    cdef Control* control = &core.controls[state.control]
    if control.flags & (CONTROL_DONE | CONTROL_PROVEN):
        notice(core, account, NOTICE_RESTORED, -1)
        close_one(core, &core.orders, ORDER_FIELD_RESTORE, account)
        forget_command(core, control)
        control.flags &= ~CONTROL_UNSURE
        set_state(core, account, STATE_ON)
        return True
    if control.flags & CONTROL_ARMED:
        control.flags &= ~CONTROL_ARMED
        notice(core, account, NOTICE_PRESS_BUTTON, -1)
        control.wait_until_s = core.now_s + policy.armed_timeout_s
        return False
    if core.now_s < control.wait_until_s:
        return False
    control.attempt += 1
    send(core, account, control)
    if control.attempt > policy.max_attempts:
        control.wait_until_s = core.now_s + policy.restore_retry_s
        if not control.flags & CONTROL_FIELD_ORDERED:
            control.flags |= CONTROL_FIELD_ORDERED
            open_one(core, &core.orders, ORDER_FIELD_RESTORE, account, state.district)
    return False


# ---- an account's turn

cdef void watch(Core* core, uint32_t account) noexcept nogil:
    """Sets below which balance the account needs its next turn; those that wait for time stay in `attention`.
    """
    cdef AccountState* state = &core.accounts[account]
    cdef const Policy* policy = &core.policies[state.policy]
    cdef int i
    state.watch_nano = NEVER
    if state.state == STATE_ON and policy.levels:
        state.watch_nano = policy.level_nano[0]
    elif state.state == STATE_WARNED:
        state.watch_nano = policy.trip_below_nano
        for i in range(policy.levels):
            if state.balance_nano > policy.level_nano[i]:
                state.watch_nano = policy.level_nano[i]
                break
    if state.state != STATE_DUE and state.state != STATE_TRIPPING and state.state != STATE_RESTORING:
        unmark(core, account)


cdef void take_turn(Core* core, uint32_t account) noexcept nogil:
    cdef AccountState* state = &core.accounts[account]
    cdef const Policy* policy = &core.policies[state.policy]
    cdef Control* control = &core.controls[state.control] if state.control != NONE else NULL
    cdef bint moves = state.state != STATE_CLOSED and state.flags & ACCOUNT_HAS_PRIMARY
    if control != NULL and state.state != STATE_CLOSED:
        rouse(core, account)
        forget_levels_below(core, control, state.balance_nano)
        if moves and control.flags & CONTROL_OPERATOR and (
                state.state == STATE_TRIPPING or state.state == STATE_OFF
                or (state.state == STATE_DUE and control.flags & CONTROL_UNSURE)):
            restore(core, account, control, CAUSE_OPERATOR)
        control.flags &= ~CONTROL_OPERATOR
    while moves:
        if state.state == STATE_ON:
            moves = leave_on(core, account, state, policy)
        elif state.state == STATE_WARNED:
            moves = leave_warned(core, account, state, policy)
        elif state.state == STATE_DUE:
            moves = leave_due(core, account, state, policy)
        elif state.state == STATE_TRIPPING:
            moves = leave_tripping(core, account, state, policy)
        elif state.state == STATE_OFF:
            moves = leave_off(core, account, state, policy)
        else:
            moves = leave_restoring(core, account, state, policy)
    watch(core, account)


cdef void look_for_mass_trip(Core* core) noexcept nogil:
    if core.mass_hour != floor_div(core.now_s, HOUR_S):
        return
    if core.mass_count > ceiling(&core.limits.mass_trip_fraction, core.switches):
        core.suspended = True
        open_one(core, &core.findings, FINDING_MASS_TRIP, NONE, NONE)
        wake_all(core)


cdef void try_trip(Core* core, uint32_t account) noexcept nogil:
    cdef AccountState* state = &core.accounts[account]
    cdef DistrictState* district = &core.districts[state.district]
    cdef int64_t hour = floor_div(core.now_s, HOUR_S)
    cdef uint8_t gate
    if not state.flags & ACCOUNT_HAS_PRIMARY:
        return
    gate = closed_gate(core, account)
    core.account_infos[account].blocked_by = gate
    if gate != GATE_NONE:
        core.gates[gate] += 1
        let_sleep(core, account, gate)
        return
    if district.trip_hour != hour:
        district.trip_hour = hour
        district.trips = 0
    if core.trip_hour != hour:
        core.trip_hour = hour
        core.trip_count = 0
    district.trips += 1
    core.trip_count += 1
    issue(core, account, &core.controls[state.control], COMMAND_TRIP, CAUSE_BALANCE)
    set_state(core, account, STATE_TRIPPING)


cdef void walk_attention(Core* core, bint tripping) noexcept nogil:
    """In order of arrival; a turn never adds an account that comes later."""
    cdef int64_t words = (core.accounts_count + 4095) >> 12, i, j
    cdef uint64_t outer, inner
    cdef uint32_t account
    for i in range(words):
        outer = core.attention_words[i]
        while outer:
            j = i << 6 | lowest_bit(outer)
            outer &= outer - 1
            inner = core.attention[j]
            while inner:
                account = <uint32_t>(j << 6 | lowest_bit(inner))
                inner &= inner - 1
                if not tripping:
                    take_turn(core, account)
                elif core.accounts[account].state == STATE_DUE:
                    try_trip(core, account)


cdef void control_step(Core* core) noexcept nogil:
    cdef int gate
    wake_due(core)
    if core.waking:
        wake_all(core)
        core.waking = False
    walk_attention(core, False)
    look_for_mass_trip(core)
    for gate in range(GATES):
        core.gates[gate] += core.asleep[gate]
    walk_attention(core, True)


cdef void advance_time(Core* core, int64_t now_s) noexcept nogil:
    if (core.now_s != NEVER and core.limits.clock_jump_s and now_s > core.now_s
            and now_s - core.now_s > core.limits.clock_jump_s):
        core.now_s = now_s
        core.suspended = True
        core.waking = True
        open_one(core, &core.findings, FINDING_CLOCK_JUMP, NONE, NONE)
    core.now_s = max(core.now_s, now_s)
