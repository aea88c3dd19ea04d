# The ordinary read: the next interval of a meter that reads on time, plausible, within one window, at no edge
# and no threshold that would need more than a line. It does what take_read does, in one straight line;
# whatever is not ordinary, it leaves alone.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fastcore.core cimport Core, Intervals, mark
from fastcore.native cimport ENERGY_SUM_LIMIT_WH, MONEY_LIMIT_NANO, NEVER, likely, product, unlikely
from fastcore.structs cimport AccountState, Figures, MeterProfile, MeterState, Tariff
from fastcore.types cimport (
    METER_OUT_OF_USE, METER_PRIMARY, METER_READ, NONE, READING_REGISTER, STATE_OFF, STATE_RESTORING,
)

cdef enum:
    ORDINARY_STATUS = 1 | 2 | 4 | 8  # none of these is set
    SMALL = 0x7FFFFFFF               # products of two smaller numbers stay far inside 63 bits

cdef struct Moment:                  # what the reads of one instant share
    int64_t at_s
    int64_t k1                       # the cell edge at it
    int64_t window_start_s
    Figures* slab                    # of its window, by district
    int64_t month_k0                 # the first cell of its month, and of its year
    int64_t year_k0
    int64_t month
    int64_t year
    bint ordinary                    # a read at it may be

# What reads at an instant share; not ordinary: rules 3 to 5 refuse it, or it lies in no open window.
cdef void look_at(const Core* core, int64_t at_s, Moment* moment_out) noexcept nogil

cdef inline bint take_ordinary(
    Core* core, const Moment* moment, uint32_t row, MeterState* meter, int64_t value, uint16_t status
) noexcept nogil:
    """Whether the read was an ordinary one, and has been taken."""
    cdef const MeterProfile* profile = &core.profiles[meter.profile]
    cdef AccountState* account
    cdef const Tariff* tariff
    cdef Figures* figures
    cdef Intervals* out = &core.intervals
    cdef int64_t counts, energy_wh, charge, balance, k0, base, rest, typical, level, i, first, last, used = 0
    cdef int64_t start_s = meter.last_at_s
    if unlikely(status & ORDINARY_STATUS or meter.flags & (METER_OUT_OF_USE | METER_READ) != METER_READ):
        return False
    if unlikely(meter.findings):
        return False
    if unlikely(moment.at_s - start_s != profile.interval_s or start_s < moment.window_start_s):
        return False
    counts = value - meter.last_value if profile.reading == READING_REGISTER else value
    if unlikely(value < 0 or counts < 0 or counts > SMALL or profile.wh_per_count > SMALL):
        return False
    if unlikely(profile.modulus > 0 and value >= profile.modulus):
        return False
    energy_wh = counts * profile.wh_per_count
    if unlikely(energy_wh > profile.most_wh):
        return False
    typical = meter.typical_wh_x16 >> 4
    if unlikely(energy_wh > core.limits.suspect_floor_wh and meter.read_count >= 16 and product(
            energy_wh, core.limits.suspect_ratio.denominator) > product(typical, core.limits.suspect_ratio.numerator)):
        return False
    figures = &moment.slab[meter.district]
    if unlikely(not figures.ready):
        return False
    k0 = moment.k1 - profile.cells

    if likely(meter.account != NONE):
        account = &core.accounts[meter.account]
        tariff = &core.tariffs[account.tariff]
        if unlikely(account.state == STATE_OFF or account.state == STATE_RESTORING):
            return False
        if unlikely(meter.flags & METER_PRIMARY and core.day_of_edge[moment.k1] != core.day_of_edge[k0]):
            return False
        if unlikely(energy_wh == 0 and meter.zero_since_s != NEVER
                    and moment.at_s - meter.zero_since_s >= core.limits.zero_usage_s):
            return False
        if unlikely(energy_wh == 0 and profile.interval_s >= core.limits.zero_usage_s):
            return False
        # E < 10**11 and |price| < 10**7: no product of this function leaves 10**18.
        if profile.cells == 1:
            charge = energy_wh * (tariff.price_sum[moment.k1] - tariff.price_sum[k0])
        else:
            base, rest = energy_wh // profile.cells, energy_wh % profile.cells
            charge = (base * (tariff.price_sum[moment.k1] - tariff.price_sum[k0])
                      + tariff.price_sum[k0 + rest] - tariff.price_sum[k0])
        if tariff.tier_kind:
            if unlikely(account.tier_period != (moment.month if tariff.tier_kind == 1 else moment.year)
                        or k0 < (moment.month_k0 if tariff.tier_kind == 1 else moment.year_k0)):
                return False
            used = account.tier_energy_wh
            if unlikely(used + energy_wh >= ENERGY_SUM_LIMIT_WH):
                return False
            first = tariff.tier_offset[tariff.version_of_period[account.tier_period]]
            last = tariff.tier_offset[tariff.version_of_period[account.tier_period] + 1]
            for i in range(first, last):
                level = tariff.tier_above_wh[i]
                if used + energy_wh <= level:
                    break
                charge += tariff.tier_add[i] * (used + energy_wh - (level if level > used else used))
        balance = account.balance_nano - charge
        if unlikely(charge >= MONEY_LIMIT_NANO or charge <= -MONEY_LIMIT_NANO
                    or balance >= MONEY_LIMIT_NANO or balance <= -MONEY_LIMIT_NANO):
            return False
        if unlikely(figures.consumption_wh + energy_wh >= ENERGY_SUM_LIMIT_WH):
            return False
        figures.consumption_wh += energy_wh
        core.accepted_wh[0] += energy_wh
        account.balance_nano = balance
        account.charged_nano = <int64_t>(<uint64_t>account.charged_nano + <uint64_t>charge)
        if tariff.tier_kind:
            account.tier_energy_wh = used + energy_wh
        if energy_wh:
            meter.zero_since_s = NEVER
        elif meter.zero_since_s == NEVER:
            meter.zero_since_s = start_s
        if unlikely(balance <= account.watch_nano or charge < 0):
            mark(core, meter.account)
    else:
        if unlikely(figures.supply_wh + energy_wh >= ENERGY_SUM_LIMIT_WH):
            return False
        account = NULL
        charge = 0
        balance = 0
        figures.supply_wh += energy_wh
        core.accepted_wh[1] += energy_wh
    figures.received[meter.klass] += 1

    if unlikely(meter.read_count == 0):
        meter.typical_wh_x16 = 16 * energy_wh
    else:
        meter.typical_wh_x16 += energy_wh - typical
    meter.read_count += meter.read_count < 16
    meter.suspect_run = 0
    meter.refused_run = 0
    meter.last_at_s = moment.at_s
    meter.last_value = value
    meter.quality = 0
    core.qualities[0] += 1

    if likely(out.row != NULL):
        i = out.items
        out.items = i + 1
        out.row[i] = row
        out.meter_id[i] = meter.id
        out.district_id[i] = figures.district_id
        out.start_s[i] = start_s
        out.end_s[i] = moment.at_s
        out.energy_wh[i] = energy_wh
        out.quality[i] = 0
        out.charge_nano[i] = charge
        out.balance_nano[i] = balance
        if likely(account != NULL):
            out.account_id[i] = account.id
        else:
            out.account_id[i] = 0
            out.has_account[i >> 3] &= ~<uint8_t>(1 << (i & 7))
            out.without_account += 1
    return True
