"""Tiers and standing charges (reference, section 5)."""

from libc.stdint cimport int64_t, uint16_t

from fastcore.core cimport Core
from fastcore.native cimport ENERGY_SUM_LIMIT_WH, int128_t
from fastcore.structs cimport AccountState, Tariff
from fastcore.types cimport NO_PERIOD


cdef bint tiers(
    const Core* core, const Tariff* tariff, const AccountState* account, const Spread* s,
    TierUse* use_out, int128_t* cost_out
) noexcept nogil:
    cdef const uint16_t* period_of_cell = core.month_of_cell if tariff.tier_kind == 1 else core.year_of_cell
    cdef const int64_t* first_cell = core.month_first_cell if tariff.tier_kind == 1 else core.year_first_cell
    cdef int64_t at = s.k0, end, energy
    cdef int64_t period, priced
    cdef int128_t cost = 0
    use_out.period = account.tier_period
    use_out.energy_wh = account.tier_energy_wh
    use_out.before_wh = account.tier_energy_before_wh
    cost_out[0] = 0
    while at < s.k1:
        period = period_of_cell[at]
        end = min(first_cell[period + 1], s.k1)
        energy = spread_up_to(s, end) - spread_up_to(s, at)
        if use_out.period == NO_PERIOD or period > use_out.period:
            if use_out.period != NO_PERIOD and period == use_out.period + 1:
                use_out.before_wh = use_out.energy_wh
            else:
                use_out.before_wh = 0
            use_out.energy_wh = 0
            use_out.period = <uint16_t>period
        if period == use_out.period:
            cost += tier_cost(tariff, period, use_out.energy_wh + energy) - tier_cost(tariff, period, use_out.energy_wh)
            use_out.energy_wh += energy
            if use_out.energy_wh >= ENERGY_SUM_LIMIT_WH:
                return False
        else:
            priced = use_out.period - 1
            cost += tier_cost(tariff, priced, use_out.before_wh + energy) - tier_cost(tariff, priced, use_out.before_wh)
            use_out.before_wh += energy
            if use_out.before_wh >= ENERGY_SUM_LIMIT_WH:
                return False
        at = end
    cost_out[0] = cost
    return True


cdef int128_t standing(const Core* core, const Tariff* tariff, int64_t from_s, int64_t to_s) noexcept nogil:
    cdef int64_t cell_s = core.limits.cell_s
    cdef int64_t first = core.day_of_edge[(from_s - core.limits.calendar_from_s) // cell_s]
    cdef int64_t last = core.day_of_edge[(to_s - core.limits.calendar_from_s) // cell_s]
    cdef int64_t day
    cdef int128_t sum = 0
    if to_s == core.limits.calendar_to_s:
        last -= 1                    # the midnight that ends the calendar begins no day of it
    for day in range(first, last):
        sum += tariff.standing_nano[day]
    return sum
