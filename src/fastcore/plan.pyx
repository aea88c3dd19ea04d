"""The plan of a read: where it falls, what it measures, what it costs (reference, sections 4 and 5).

Products that could leave 64 bits are taken in 128, so that results are those of unbounded integers.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastcore.core cimport Core
from fastcore.gaps cimport find_gap
from fastcore.native cimport ENERGY_READ_LIMIT_WH, MONEY_LIMIT_NANO, fits, int128_t, product
from fastcore.rating cimport spread, standing, tiers, time_of_use
from fastcore.structs cimport AccountState, Gap, MeterProfile, MeterState, Tariff
from fastcore.types cimport (
    METER_INITIAL, METER_PRIMARY, METER_READ, NONE, QUALITY_FIRST, QUALITY_GAP, QUALITY_LATE,
    QUALITY_ROLLOVER, READING_INTERVAL, REASON_ACCEPTED, REASON_BACKWARD, REASON_DUPLICATE,
    REASON_OUT_OF_RANGE, REASON_OVERLAP, REASON_SPIKE,
)
from fastcore.validation cimport intervals_in, is_spike


cdef inline int64_t cell_of(const Core* core, int64_t at_s) noexcept nogil:
    return (at_s - core.limits.calendar_from_s) // core.limits.cell_s


cdef inline void add_part(
    const Core* core, Plan* plan, int64_t from_s, int64_t to_s, int64_t energy_wh, int sign
) noexcept nogil:
    plan.change.parts[plan.change.count] = spread(energy_wh, cell_of(core, from_s), cell_of(core, to_s))
    plan.change.signs[plan.change.count] = sign
    plan.change.count += 1


cdef uint8_t plan_late(
    const Core* core, uint32_t row, const MeterProfile* profile, int64_t at_s, int64_t value, Plan* plan_out
) noexcept nogil:
    """A read before the newest one: rules 9 to 13 (reference, section 4)."""
    cdef bint interval = profile.reading == READING_INTERVAL
    cdef const Gap* gap
    cdef int128_t energy_wh, whole_wh
    cdef uint64_t advanced = <uint64_t>value
    plan_out.gap = find_gap(core, row, at_s, interval)
    if plan_out.gap == NONE:
        return REASON_DUPLICATE
    gap = &core.gaps[plan_out.gap]
    plan_out.quality |= QUALITY_LATE
    plan_out.end_s = at_s
    if interval:
        plan_out.start_s = at_s - profile.interval_s
        if plan_out.start_s < gap.from_s:
            return REASON_OVERLAP
        energy_wh = product(value, profile.wh_per_count)
        if is_spike(profile, energy_wh, profile.interval_s):
            return REASON_SPIKE
        if energy_wh >= ENERGY_READ_LIMIT_WH:
            return REASON_OUT_OF_RANGE
        plan_out.energy_wh = <int64_t>energy_wh
        add_part(core, plan_out, plan_out.start_s, at_s, plan_out.energy_wh, 1)
        plan_out.rated = True
        return REASON_ACCEPTED
    plan_out.start_s = gap.from_s
    if advanced < gap.from_value:
        advanced += <uint64_t>profile.modulus
    if advanced < gap.from_value or advanced > gap.to_value:
        return REASON_BACKWARD
    energy_wh = product(<int64_t>(advanced - gap.from_value), profile.wh_per_count)
    whole_wh = product(<int64_t>(gap.to_value - gap.from_value), profile.wh_per_count)
    add_part(core, plan_out, gap.from_s, at_s, <int64_t>energy_wh, 1)
    add_part(core, plan_out, at_s, gap.to_s, <int64_t>(whole_wh - energy_wh), 1)
    add_part(core, plan_out, gap.from_s, gap.to_s, <int64_t>whole_wh, -1)
    return REASON_ACCEPTED


cdef uint8_t plan_forward(
    const Core* core, const MeterState* meter, const MeterProfile* profile, int64_t at_s, int64_t value, Plan* plan_out
) noexcept nogil:
    """A read after the newest one, or the very first: rules 10 to 13 (reference, section 4)."""
    cdef bint known = meter.flags & (METER_READ | METER_INITIAL)
    cdef int128_t energy_wh
    cdef int64_t advanced
    plan_out.forward = True
    plan_out.end_s = at_s
    if profile.reading == READING_INTERVAL:
        plan_out.start_s = at_s - profile.interval_s
        if known and plan_out.start_s < meter.last_at_s:
            return REASON_OVERLAP
        energy_wh = product(value, profile.wh_per_count)
    elif not known:
        plan_out.start_s = at_s
        plan_out.quality |= QUALITY_FIRST
        return REASON_ACCEPTED
    else:
        plan_out.start_s = meter.last_at_s
        plan_out.intervals = intervals_in(profile, at_s - meter.last_at_s)
        advanced = value - meter.last_value
        if advanced < 0:
            if profile.modulus == 0 or profile.max_w == 0:
                return REASON_BACKWARD
            advanced += profile.modulus
            if is_spike(profile, product(advanced, profile.wh_per_count), at_s - meter.last_at_s):
                return REASON_BACKWARD
            plan_out.quality |= QUALITY_ROLLOVER
        if plan_out.intervals >= 2:
            plan_out.quality |= QUALITY_GAP
        energy_wh = product(advanced, profile.wh_per_count)
    if is_spike(profile, energy_wh, at_s - plan_out.start_s):
        return REASON_SPIKE
    if energy_wh >= ENERGY_READ_LIMIT_WH:
        return REASON_OUT_OF_RANGE
    plan_out.energy_wh = <int64_t>energy_wh
    add_part(core, plan_out, plan_out.start_s, at_s, plan_out.energy_wh, 1)
    plan_out.rated = True
    return REASON_ACCEPTED


cdef bint plan_money(const Core* core, const MeterState* meter, int64_t at_s, Plan* plan) noexcept nogil:
    """What a consumer's read costs (reference, section 5); False: money or a sum leaves its bound."""
    cdef const AccountState* account = &core.accounts[meter.account]
    cdef const Tariff* tariff = &core.tariffs[account.tariff]
    cdef int128_t charge = 0, extra, balance = account.balance_nano
    if plan.rated:
        charge = time_of_use(tariff, &plan.change.parts[0])
        if tariff.tier_kind:
            if not tiers(core, tariff, account, &plan.change.parts[0], &plan.use, &extra):
                return False
            charge += extra
        balance -= charge
        if not fits(charge, MONEY_LIMIT_NANO) or not fits(balance, MONEY_LIMIT_NANO):
            return False
        plan.charge_nano = <int64_t>charge
        if plan.forward and meter.flags & METER_PRIMARY and meter.flags & (METER_READ | METER_INITIAL):
            extra = standing(core, tariff, meter.last_at_s, at_s)
            balance -= extra
            if not fits(extra, MONEY_LIMIT_NANO) or not fits(balance, MONEY_LIMIT_NANO):
                return False
            plan.standing_nano = <int64_t>extra
    elif not plan.forward:
        extra = time_of_use(tariff, &plan.change.parts[2]) - time_of_use(tariff, &plan.change.parts[0])
        extra -= time_of_use(tariff, &plan.change.parts[1])
        if not fits(extra, MONEY_LIMIT_NANO) or not fits(balance + extra, MONEY_LIMIT_NANO):
            return False
        plan.correction_nano = <int64_t>extra
    return True
