"""Accounts that a gate holds back and that sleep until it may open (reference, section 7).

A trip that is due waits for its notice for two days, at night for the trip window, after an alarm for an
operator. Most accounts in `due` wait like that, and to look at all of them in each batch would cost more than
the batch. A sleeping account has left `attention`; it comes back when its instant has come, when anything is
done to it, and when trips are suspended or resumed. Until then the gate that holds it is the same, since no
gate before it can close by time alone, and its turns are counted for it.

Instants lie in a heap. One whose account was woken earlier stays there; it wakes the account once more, which
changes nothing."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from fastcore.core cimport Core, mark, unmark
from fastcore.native cimport floor_div
from fastcore.structs cimport Control, Policy, Wake
from fastcore.types cimport (
    CONTROL_ASLEEP, GATE_APPROVAL, GATE_AUTOPAY, GATE_COOLDOWN, GATE_NOTICE, GATE_SUSPENDED, GATE_WINDOW, GATES,
)


cdef int64_t window_start(const Core* core, const Policy* policy) noexcept nogil:
    """The next cell in which a trip may go out; the calendar's end if there is none."""
    cdef int64_t k = max(
        floor_div(core.now_s - core.limits.calendar_from_s, core.limits.cell_s) + 1, <int64_t>0)
    while k < core.limits.cells and not policy.trip_mask[k]:
        k += 1
    return core.limits.calendar_from_s + k * core.limits.cell_s


cdef void push_wake(Core* core, int64_t at_s, uint32_t account) noexcept nogil:
    cdef int64_t place = core.wakes_count, above
    if place >= core.wakes_capacity:
        core.overrun += 1
        return
    core.wakes_count += 1
    while place:
        above = (place - 1) // 2
        if core.wakes[above].at_s <= at_s:
            break
        core.wakes[place] = core.wakes[above]
        place = above
    core.wakes[place].at_s = at_s
    core.wakes[place].account = account


cdef uint32_t pop_wake(Core* core) noexcept nogil:
    cdef uint32_t account = core.wakes[0].account
    cdef Wake last
    cdef int64_t place = 0, below
    core.wakes_count -= 1
    last = core.wakes[core.wakes_count]
    while True:
        below = 2 * place + 1
        if below >= core.wakes_count:
            break
        if below + 1 < core.wakes_count and core.wakes[below + 1].at_s < core.wakes[below].at_s:
            below += 1
        if core.wakes[below].at_s >= last.at_s:
            break
        core.wakes[place] = core.wakes[below]
        place = below
    core.wakes[place] = last
    return account


cdef void let_sleep(Core* core, uint32_t account, uint8_t gate) noexcept nogil:
    cdef Control* control = &core.controls[core.accounts[account].control]
    cdef const Policy* policy = &core.policies[core.accounts[account].policy]
    if gate == GATE_COOLDOWN:
        push_wake(core, control.failed_at_s + policy.trip_cooldown_s, account)
    elif gate == GATE_AUTOPAY:
        push_wake(core, control.autopay_since_s + policy.autopay_hold_s, account)
    elif gate == GATE_NOTICE:
        push_wake(core, control.noticed_at_s + policy.notice_s, account)
    elif gate == GATE_WINDOW:
        push_wake(core, window_start(core, policy), account)
    elif gate != GATE_APPROVAL and gate != GATE_SUSPENDED:
        return
    control.flags |= CONTROL_ASLEEP
    core.asleep[gate] += 1
    unmark(core, account)


cdef void rouse(Core* core, uint32_t account) noexcept nogil:
    cdef Control* control = &core.controls[core.accounts[account].control]
    if control.flags & CONTROL_ASLEEP:
        control.flags &= ~CONTROL_ASLEEP
        core.asleep[core.account_infos[account].blocked_by] -= 1


cdef void wake_due(Core* core) noexcept nogil:
    cdef uint32_t account
    while core.wakes_count and core.wakes[0].at_s <= core.now_s:
        account = pop_wake(core)
        if core.controls[core.accounts[account].control].flags & CONTROL_ASLEEP:
            rouse(core, account)
            mark(core, account)


cdef void wake_all(Core* core) noexcept nogil:
    cdef int64_t i
    for i in range(core.controls_count):
        if core.controls[i].flags & CONTROL_ASLEEP:
            rouse(core, core.controls[i].account)
            mark(core, core.controls[i].account)


cdef int64_t count_asleep(const Core* core) noexcept nogil:
    cdef int64_t gate, count = 0
    for gate in range(GATES):
        count += core.asleep[gate]
    return count


cdef int64_t count_due_below(const Core* core, int64_t place, int64_t now_s) noexcept nogil:
    if place >= core.wakes_count or core.wakes[place].at_s > now_s:
        return 0
    return (1 + count_due_below(core, 2 * place + 1, now_s)
            + count_due_below(core, 2 * place + 2, now_s))


cdef int64_t count_due(const Core* core, int64_t now_s) noexcept nogil:
    return count_due_below(core, 0, now_s)
