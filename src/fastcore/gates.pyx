"""The gates (reference, section 7): in their order, the first that is closed holds a trip back."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from fastcore.core cimport Core
from fastcore.native cimport NEVER, floor_div, product
from fastcore.structs cimport AccountState, Control, DistrictState, MeterState, Policy, Ratio
from fastcore.types cimport (
    ACCOUNT_HAS_SWITCH, ACCOUNT_MANUAL_APPROVAL, ACCOUNT_PROTECTED, CONTROL_APPROVED, DISTRICT_COVERED,
    DISTRICT_SUSPENDED, GATE_APPROVAL, GATE_AUTOPAY, GATE_COOLDOWN, GATE_NONE, GATE_NOTICE, GATE_OUTAGE,
    GATE_PAYMENTS, GATE_PROTECTED, GATE_RATE, GATE_READING, GATE_SUSPENDED, GATE_SWITCH, GATE_WINDOW, HOUR_S,
    METER_OUT_OF_USE, METER_READ, NONE, QUALITY_ESTIMATED, QUALITY_OUTAGE, QUALITY_SUSPECT,
)


cdef int64_t ceiling(const Ratio* ratio, int64_t count) noexcept nogil:
    return <int64_t>((product(ratio.numerator, count) + (ratio.denominator - 1)) // ratio.denominator)


cdef bint suspended(const Core* core, const AccountState* account) noexcept nogil:
    return core.suspended or core.districts[account.district].flags & DISTRICT_SUSPENDED


cdef bint debit_pending(const Core* core, const Policy* policy, const Control* control) noexcept nogil:
    return control.autopay_since_s != NEVER and core.now_s - control.autopay_since_s < policy.autopay_hold_s


cdef bint in_trip_window(const Core* core, const Policy* policy) noexcept nogil:
    """Whether the cell that starts at or before T and ends after it matches."""
    if not policy.has_windows:
        return True
    if core.now_s < core.limits.calendar_from_s or core.now_s >= core.limits.calendar_to_s:
        return False
    return policy.trip_mask[(core.now_s - core.limits.calendar_from_s) // core.limits.cell_s]


cdef bint payments_flow(const Core* core) noexcept nogil:
    if core.limits.payment_feed_timeout_s == 0:
        return True
    return (core.payments_fed_at_s != NEVER
            and core.now_s - core.payments_fed_at_s <= core.limits.payment_feed_timeout_s)


cdef bint readings_fresh(const Core* core, const Policy* policy, uint32_t account) noexcept nogil:
    cdef uint32_t row = core.account_infos[account].first_meter
    cdef const MeterState* meter
    while row != NONE:
        meter = &core.meters[row]
        if not meter.flags & METER_OUT_OF_USE:
            if (not meter.flags & METER_READ or meter.last_at_s < core.now_s - policy.max_staleness_s
                    or meter.quality & (QUALITY_ESTIMATED | QUALITY_SUSPECT | QUALITY_OUTAGE)):
                return False
        row = core.meter_infos[row].next_of_account
    return True


cdef bint supplied(const Core* core, const DistrictState* district) noexcept nogil:
    """Whether the district's newest closed window has the coverage without which it may be dark."""
    cdef const Ratio* least = &core.limits.outage_coverage
    if not district.flags & DISTRICT_COVERED:
        return True
    if district.expected == 0:
        return least.denominator >= least.numerator
    return product(district.received, least.denominator) >= product(district.expected, least.numerator)


cdef bint within_rate(const Core* core, const DistrictState* district) noexcept nogil:
    cdef int64_t hour = floor_div(core.now_s, HOUR_S)
    cdef int64_t of_district = district.trips if district.trip_hour == hour else 0
    cdef int64_t in_all = core.trip_count if core.trip_hour == hour else 0
    return (of_district < ceiling(&core.limits.trip_rate_district, district.switches)
            and in_all < ceiling(&core.limits.trip_rate_engine, core.switches))


cdef uint8_t closed_gate(const Core* core, uint32_t account) noexcept nogil:
    cdef const AccountState* state = &core.accounts[account]
    cdef const Policy* policy = &core.policies[state.policy]
    cdef const Control* control = &core.controls[state.control]
    if state.flags & ACCOUNT_PROTECTED:
        return GATE_PROTECTED
    if state.flags & ACCOUNT_MANUAL_APPROVAL and not control.flags & CONTROL_APPROVED:
        return GATE_APPROVAL
    if suspended(core, state):
        return GATE_SUSPENDED
    if control.failed_at_s != NEVER and core.now_s - control.failed_at_s < policy.trip_cooldown_s:
        return GATE_COOLDOWN
    if debit_pending(core, policy, control):
        return GATE_AUTOPAY
    if core.now_s - control.noticed_at_s < policy.notice_s:
        return GATE_NOTICE
    if not in_trip_window(core, policy):
        return GATE_WINDOW
    if not payments_flow(core):
        return GATE_PAYMENTS
    if not readings_fresh(core, policy, account):
        return GATE_READING
    if not supplied(core, &core.districts[state.district]):
        return GATE_OUTAGE
    if not state.flags & ACCOUNT_HAS_SWITCH:
        return GATE_SWITCH
    if not within_rate(core, &core.districts[state.district]):
        return GATE_RATE
    return GATE_NONE


cdef uint8_t closed_gate_of_repeat(const Core* core, uint32_t account) noexcept nogil:
    cdef const AccountState* state = &core.accounts[account]
    cdef const Policy* policy = &core.policies[state.policy]
    if state.flags & ACCOUNT_PROTECTED:
        return GATE_PROTECTED
    if suspended(core, state):
        return GATE_SUSPENDED
    if debit_pending(core, policy, &core.controls[state.control]):
        return GATE_AUTOPAY
    if not in_trip_window(core, policy):
        return GATE_WINDOW
    if not payments_flow(core):
        return GATE_PAYMENTS
    return GATE_NONE


cdef int64_t trip_window_end(const Core* core, uint32_t account, int64_t until_s) noexcept nogil:
    cdef const Policy* policy = &core.policies[core.accounts[account].policy]
    cdef int64_t k
    if not policy.has_windows:
        return until_s
    k = floor_div(core.now_s - core.limits.calendar_from_s, core.limits.cell_s)
    while (k < core.limits.cells and policy.trip_mask[k]
           and core.limits.calendar_from_s + k * core.limits.cell_s < until_s):
        k += 1
    return min(until_s, core.limits.calendar_from_s + k * core.limits.cell_s)
