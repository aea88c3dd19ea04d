# The ordinary read: the next interval of a meter that reads on time, plausible, within one window and one day, at
# no threshold that would need more than a line. It does what take_read does, in one straight line; whatever is not
# ordinary, it leaves alone.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fastcore.core cimport Core, Intervals, mark
from fastcore.native cimport (
    ENERGY_SUM_LIMIT_WH, MONEY_LIMIT_NANO, NEVER, likely, product, put_word, unlikely, word,
)
from fastcore.structs cimport AccountState, Figures, MeterProfile, MeterState, Rate, Tariff
from fastcore.types cimport METER_INITIAL, METER_OUT_OF_USE, METER_READ, NONE, STATE_OFF, STATE_RESTORING

cdef enum:
    ORDINARY_STATUS = 1 | 2 | 4 | 8  # none of these is set
    FULL_COUNT = 16                  # forward reads after which a meter's typical energy is believed
    MOMENTS = 64                     # instants remembered, a power of two
    # Bits of a meter's last eight bytes, from `quality` to `is_switch`.
    FLAGS_BIT = 8
    COUNT_BIT = 24
    RUNS_BIT = 32
    FINDINGS_BIT = 48

cdef struct Moment:                  # what the reads of one instant share
    int64_t at_s
    int64_t k1                       # the cell edge at it
    int64_t cells_back               # to the newest edge of a window or a day before it; 0: no read at it is ordinary
    Figures* slab                    # of its window, by district
    int32_t month
    int32_t year

cdef struct Pass:                    # what a pass over a batch keeps at hand
    Moment moment
    Intervals out                    # its counts are ahead of the core's
    int64_t taken                    # ordinary reads
    int64_t consumed_wh              # by them
    int64_t supplied_wh

# What reads at an instant share; not ordinary: rules 3 to 5 refuse it, or it lies in no open window.
cdef Moment look_at(const Core* core, int64_t at_s) noexcept nogil
# Brings a tariff's rate to a cell edge: the cell before it lies in that month and year.
cdef void rate_at(Tariff* tariff, int64_t k1, int32_t month, int32_t year) noexcept nogil
# What tiers add to the charge of energy beyond what was used in their period.
cdef int64_t tiers_add(const Rate* rate, int64_t used_wh, int64_t energy_wh) noexcept nogil

cdef inline bint is_ordinary_meter(uint64_t tail) noexcept nogil:
    """By its last eight bytes: in use, with a read or an initial one, no finding open."""
    cdef uint64_t known = <uint64_t>(METER_READ | METER_INITIAL) << FLAGS_BIT
    cdef uint64_t none = <uint64_t>METER_OUT_OF_USE << FLAGS_BIT | <uint64_t>0xFF << FINDINGS_BIT
    return tail & known and not tail & none

cdef inline uint64_t tail_after(uint64_t tail, uint64_t count) noexcept nogil:
    """The same bytes after one more forward read: its quality is 0, and no run of suspect or refused ones goes on."""
    cdef uint64_t gone = <uint64_t>0xFF | <uint64_t>METER_INITIAL << FLAGS_BIT | <uint64_t>0xFFFF << RUNS_BIT
    return (tail & ~gone | <uint64_t>METER_READ << FLAGS_BIT) + (<uint64_t>(count < FULL_COUNT) << COUNT_BIT)

cdef inline Pass begin_pass(const Core* core) noexcept nogil:
    cdef Pass run
    run.moment = look_at(core, NEVER)
    run.out = core.intervals
    run.taken = 0
    run.consumed_wh = 0
    run.supplied_wh = 0
    return run

cdef inline void end_pass(Core* core, const Pass* run) noexcept nogil:
    """Hands the core what was counted."""
    core.intervals.items = run.out.items
    core.intervals.without_account = run.out.without_account
    core.qualities[0] += run.taken
    core.accepted_wh[0] += run.consumed_wh
    core.accepted_wh[1] += run.supplied_wh

cdef inline bint take_ordinary(
    Core* core, Pass* run, uint32_t row, uint32_t meter_row, int64_t value, uint16_t status
) noexcept nogil:
    """Whether the read was an ordinary one, and has been taken."""
    cdef MeterState* meter = &core.meters[meter_row]
    cdef const MeterProfile* profile = &core.profiles[meter.profile]
    cdef AccountState* account = NULL
    cdef Tariff* tariff
    cdef Figures* figures
    cdef uint64_t tail = word(&meter.quality), count
    cdef int64_t energy_wh, charge = 0, balance = 0, k1 = run.moment.k1, k0, base, rest, typical, i, used
    cdef int64_t start_s = meter.last_at_s, at_s = run.moment.at_s
    if unlikely(not is_ordinary_meter(tail) or status & ORDINARY_STATUS):
        return False
    if unlikely(at_s - start_s != profile.interval_s or profile.cells > run.moment.cells_back):
        return False
    energy_wh = value - (meter.last_value & profile.register_mask)
    if unlikely(<uint64_t>value >= profile.value_limit or <uint64_t>energy_wh > profile.most_counts):
        return False
    energy_wh *= profile.wh_per_count
    typical = meter.typical_wh_x16 >> 4
    count = tail >> COUNT_BIT & 0xFF
    if unlikely(energy_wh > core.limits.suspect_floor_wh and count >= FULL_COUNT and product(
            energy_wh, core.limits.suspect_ratio.denominator) > product(typical, core.limits.suspect_ratio.numerator)):
        return False
    figures = &run.moment.slab[meter.district]
    if unlikely(not figures.ready):
        return False

    if likely(meter.account != NONE):
        account = &core.accounts[meter.account]
        tariff = &core.tariffs[account.tariff]
        if unlikely(account.state == STATE_OFF or account.state == STATE_RESTORING):
            return False
        if unlikely(energy_wh == 0 and (
                profile.interval_s >= core.limits.zero_usage_s
                or (meter.zero_since_s != NEVER and at_s - meter.zero_since_s >= core.limits.zero_usage_s))):
            return False
        if unlikely(tariff.rate.k1 != k1):
            rate_at(tariff, k1, run.moment.month, run.moment.year)
        # E < 10**11 and |price| < 10**7: no product of this function leaves 10**18.
        if likely(profile.cells == 1):
            charge = energy_wh * tariff.rate.price_nano
        else:
            k0 = k1 - profile.cells
            base, rest = energy_wh // profile.cells, energy_wh % profile.cells
            charge = (base * (tariff.price_sum[k1] - tariff.price_sum[k0])
                      + tariff.price_sum[k0 + rest] - tariff.price_sum[k0])
        used = account.tier_energy_wh
        if tariff.tier_kind:
            if unlikely(account.tier_period != tariff.rate.period or used + energy_wh >= ENERGY_SUM_LIMIT_WH):
                return False
            if tariff.rate.tiers and used + energy_wh > tariff.rate.tier_above_wh[0]:
                charge += tiers_add(&tariff.rate, used, energy_wh)
        balance = account.balance_nano - charge
        if unlikely(charge >= MONEY_LIMIT_NANO or charge <= -MONEY_LIMIT_NANO
                    or balance >= MONEY_LIMIT_NANO or balance <= -MONEY_LIMIT_NANO
                    or figures.consumption_wh + energy_wh >= ENERGY_SUM_LIMIT_WH):
            return False
        figures.consumption_wh += energy_wh
        run.consumed_wh += energy_wh
        account.balance_nano = balance
        account.charged_nano = <int64_t>(<uint64_t>account.charged_nano + <uint64_t>charge)
        if tariff.tier_kind:
            account.tier_energy_wh = used + energy_wh
        if likely(energy_wh):
            meter.zero_since_s = NEVER
        elif meter.zero_since_s == NEVER:
            meter.zero_since_s = start_s
        if unlikely(balance <= account.watch_nano or charge < 0):
            mark(core, meter.account)
    else:
        if unlikely(figures.supply_wh + energy_wh >= ENERGY_SUM_LIMIT_WH):
            return False
        figures.supply_wh += energy_wh
        run.supplied_wh += energy_wh
    figures.received[meter.klass] += 1
    run.taken += 1

    meter.typical_wh_x16 = meter.typical_wh_x16 + energy_wh - typical if likely(count) else 16 * energy_wh
    meter.last_at_s = at_s
    meter.last_value = value
    put_word(&meter.quality, tail_after(tail, count))

    if likely(run.out.row != NULL):
        i = run.out.items
        run.out.items = i + 1
        run.out.row[i] = row
        run.out.meter_id[i] = meter.id
        run.out.district_id[i] = figures.district_id
        run.out.start_s[i] = start_s
        run.out.end_s[i] = at_s
        run.out.energy_wh[i] = energy_wh
        run.out.quality[i] = 0
        run.out.charge_nano[i] = charge
        run.out.balance_nano[i] = balance
        if likely(account != NULL):
            run.out.account_id[i] = account.id
        else:
            run.out.account_id[i] = 0
            run.out.has_account[i >> 3] &= ~<uint8_t>(1 << (i & 7))
            run.out.without_account += 1
    return True
