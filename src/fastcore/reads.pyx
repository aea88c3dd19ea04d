"""Reads, row by row: found, judged, rated, written (reference, sections 4 and 5).

A read is planned first, in 128 bits where a product could leave 64, and takes effect only when nothing is
left that could refuse it."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fastcore.census cimport arrived_s, not_silent, unsettle
from fastcore.core cimport Core, Intervals, cell_of, dispatch_of, mark, push
from fastcore.exceptions cimport refuse, subject_is_id
from fastcore.findings cimport meter_finding, open_one
from fastcore.gaps cimport add_gap, split_off, drop_gaps, remove_gap
from fastcore.native cimport NEVER, product, unlikely
from fastcore.lookup cimport (
    ACCOUNT_AHEAD, BLOCK, METER_AHEAD, RING, LINE_AHEAD, TEXT_AHEAD, Lookup, fetch_account, fetch_meter,
    fetch_line, fetch_text, guess, start_lookup, that_take_steps,
)
from fastcore.ordinary cimport (
    FULL_COUNT, MOMENTS, Moment, Pass, begin_pass, end_pass, look_at, take_ordinary,
)
from fastcore.plan cimport Plan, plan_forward, plan_late, plan_money
from fastcore.rows cimport ExceptionRow, LedgerRow
from fastcore.structs cimport AccountState, Control, Dispatch, Gap, MeterProfile, MeterState
from fastcore.types cimport (
    CONTROL_PROVEN, FINDING_INSPECT_METER, FINDING_OFF_BUT_CONSUMING, FINDING_SILENT_METER,
    FINDING_ZERO_USAGE, HAS_AT, HAS_INSPECT_METER, HAS_SILENT_METER, HAS_VALUE, LEDGER_CORRECTION,
    LEDGER_STANDING, METER_INITIAL, METER_OUT_OF_USE, METER_READ, NONE, QUALITY_ESTIMATED, QUALITY_FIRST,
    QUALITY_GAP, QUALITY_OUTAGE, QUALITY_ROLLOVER, QUALITY_SUSPECT, READING_INTERVAL, REASON_ACCEPTED,
    REASON_BACKWARD, REASON_CLOSED, REASON_CONFLICT, REASON_DUPLICATE, REASON_OUT_OF_RANGE, REASON_SPIKE,
    REASON_TOO_LATE, REASON_UNKNOWN_METER, STATE_OFF, STATE_RESTORING, STATUS_ESTIMATED, STATUS_POWER_OUTAGE,
)
from fastcore.validation cimport check_read, check_status, rule_of, intervals_in
from fastcore.windows cimport begin_windows, change_windows, count_received, fits_windows


cdef enum:
    SUSPECT_RUN = 3                  # suspect reads in a row, after which the next sets the typical energy anew
    REFUSED_RUN = 3                  # refusals in a row that call for an inspection


cdef bint judge_energy(const Core* core, MeterState* meter, const Plan* plan) noexcept nogil:
    """Learns a meter's typical energy; whether the read is suspect (reference, section 4)."""
    cdef int64_t x = plan.energy_wh // plan.intervals
    cdef int64_t typical = meter.typical_wh_x16 >> 4
    if (meter.read_count >= FULL_COUNT and x > core.limits.suspect_floor_wh
            and product(x, core.limits.suspect_ratio.denominator)
            > product(typical, core.limits.suspect_ratio.numerator)):
        if meter.suspect_run < SUSPECT_RUN:
            meter.suspect_run += 1
            return True
        meter.typical_wh_x16 = 16 * x
    elif meter.read_count == 0:
        meter.typical_wh_x16 = 16 * x
    else:
        meter.typical_wh_x16 += x - typical
    meter.suspect_run = 0
    if meter.read_count < FULL_COUNT:
        meter.read_count += 1
    return False


cdef void write_interval(
    Core* core, uint32_t row, const MeterState* meter, const Plan* plan, int64_t balance_nano
) noexcept nogil:
    cdef Intervals* out = &core.intervals
    cdef int64_t i = out.items
    if out.row == NULL:
        return
    out.items = i + 1
    out.row[i] = row
    out.meter_id[i] = meter.id
    out.district_id[i] = core.districts[meter.district].id
    out.start_s[i] = plan.start_s
    out.end_s[i] = plan.end_s
    out.energy_wh[i] = plan.energy_wh
    out.quality[i] = plan.quality
    out.charge_nano[i] = plan.charge_nano
    out.balance_nano[i] = balance_nano
    if meter.account != NONE:
        out.account_id[i] = core.accounts[meter.account].id
    else:
        out.account_id[i] = 0
        out.has_account[i >> 3] &= ~<uint8_t>(1 << (i & 7))
        out.without_account += 1


cdef void post(
    Core* core, uint32_t row, uint32_t account, int64_t at_s, uint8_t kind, int64_t amount_nano
) noexcept nogil:
    """A ledger row of a read: it is added to the balance."""
    cdef AccountState* state = &core.accounts[account]
    cdef LedgerRow* item = <LedgerRow*>push(core, &core.ledger)
    state.balance_nano += amount_nano
    core.account_infos[account].ledger_nano = <int64_t>(
        <uint64_t>core.account_infos[account].ledger_nano + <uint64_t>amount_nano)
    core.ledger_rows[kind] += 1
    item.at_s = at_s
    item.amount_nano = amount_nano
    item.balance_nano = state.balance_nano
    item.row = row
    item.account = account
    item.kind = kind
    item.has_ref = 0


cdef void settle_money(Core* core, uint32_t row, const MeterState* meter, const Plan* plan) noexcept nogil:
    """Charges the account, writes the read's rows, and lets the control step look where it must."""
    cdef AccountState* account = &core.accounts[meter.account]
    cdef int64_t before = account.balance_nano
    account.balance_nano -= plan.charge_nano
    account.charged_nano = <int64_t>(<uint64_t>account.charged_nano + <uint64_t>plan.charge_nano)
    if plan.rated and core.tariffs[account.tariff].tier_kind:
        account.tier_energy_wh = plan.use.energy_wh
        account.tier_energy_before_wh = plan.use.before_wh
        account.tier_period = plan.use.period
    write_interval(core, row, meter, plan, account.balance_nano)
    if plan.standing_nano:
        post(core, row, meter.account, plan.end_s, LEDGER_STANDING, -plan.standing_nano)
    if plan.correction_nano:
        post(core, row, meter.account, plan.end_s, LEDGER_CORRECTION, plan.correction_nano)
    if account.balance_nano <= account.watch_nano or account.balance_nano > before:
        mark(core, meter.account)


cdef void settle_gaps(
    Core* core, uint32_t row, const MeterProfile* profile, int64_t value, const Plan* plan
) noexcept nogil:
    """What a late read leaves of its gap (reference, section 4)."""
    cdef Gap gap = core.gaps[plan.gap]
    cdef uint64_t advanced = <uint64_t>value
    if profile.reading == READING_INTERVAL:
        if gap.from_s < plan.start_s:
            split_off(core, row, plan.gap, gap.from_s, 0, plan.start_s, 0)
        if plan.end_s < gap.to_s:
            core.gaps[plan.gap].from_s = plan.end_s
        else:
            remove_gap(core, row, plan.gap)
        return
    if advanced < gap.from_value:
        advanced += <uint64_t>profile.modulus
    if intervals_in(profile, plan.end_s - gap.from_s) >= 2:
        split_off(core, row, plan.gap, gap.from_s, gap.from_value, plan.end_s, advanced)
    if intervals_in(profile, gap.to_s - plan.end_s) >= 2:
        core.gaps[plan.gap].from_s = plan.end_s
        core.gaps[plan.gap].from_value = advanced
    else:
        remove_gap(core, row, plan.gap)


cdef void move_on(
    Core* core, uint32_t row, const MeterProfile* profile, int64_t value, const Plan* plan
) noexcept nogil:
    """A forward read becomes the meter's newest."""
    cdef MeterState* meter = &core.meters[row]
    cdef int64_t from_s = meter.last_at_s
    cdef uint64_t from_value = <uint64_t>meter.last_value, to_value = <uint64_t>value
    cdef bint known = meter.flags & (METER_READ | METER_INITIAL)
    if not known:
        core.meter_infos[row].first_cell = cell_of(core, plan.end_s)
        unsettle(core, meter.district)
    meter.flags = <uint8_t>((meter.flags | METER_READ) & ~METER_INITIAL)
    meter.last_at_s = plan.end_s
    meter.last_value = value
    meter.quality = <uint8_t>plan.quality
    if profile.reading == READING_INTERVAL:
        if known and plan.start_s > from_s:
            add_gap(core, row, from_s, 0, plan.start_s, 0)
    elif plan.quality & QUALITY_GAP:
        if plan.quality & QUALITY_ROLLOVER:
            to_value += <uint64_t>profile.modulus
        add_gap(core, row, from_s, from_value, plan.end_s, to_value)


cdef void watch_usage(Core* core, uint32_t row, const Plan* plan, bint off) noexcept nogil:
    """`zero_usage` of a consumer meter (reference, section 8)."""
    cdef MeterState* meter = &core.meters[row]
    if plan.energy_wh:
        meter.zero_since_s = NEVER
        meter_finding(core, row, FINDING_ZERO_USAGE, False)
    elif off:
        meter.zero_since_s = NEVER
    else:
        if meter.zero_since_s == NEVER:
            meter.zero_since_s = plan.start_s
        if plan.end_s - meter.zero_since_s >= core.limits.zero_usage_s:
            meter_finding(core, row, FINDING_ZERO_USAGE, True)


cdef void take_note(Core* core, uint32_t row, const Plan* plan) noexcept nogil:
    """The findings of an accepted read, and what it proves of the relay (reference, sections 7 and 8)."""
    cdef MeterState* meter = &core.meters[row]
    cdef AccountState* account
    cdef Control* control
    cdef const Dispatch* dispatch
    meter.refused_run = 0
    if meter.findings & HAS_INSPECT_METER:
        meter_finding(core, row, FINDING_INSPECT_METER, False)
    account = &core.accounts[meter.account] if meter.account != NONE else NULL
    if account != NULL and account.state == STATE_OFF:
        control = &core.controls[account.control]
        if (dispatch_of(core, control).trip_meter == row and plan.start_s >= control.off_since_s
                and plan.energy_wh > core.limits.off_tolerance_wh):
            open_one(core, &core.findings, FINDING_OFF_BUT_CONSUMING, meter.account, account.district)
    if meter.findings & HAS_SILENT_METER:
        meter_finding(core, row, FINDING_SILENT_METER, False)
        not_silent(core, meter.district, max(arrived_s(core, row), meter.last_at_s))
    if account == NULL:
        return
    if plan.forward and not plan.quality & QUALITY_FIRST:
        watch_usage(core, row, plan, account.state == STATE_OFF)
    if account.state == STATE_RESTORING and plan.energy_wh and not plan.quality & (QUALITY_ESTIMATED | QUALITY_SUSPECT):
        control = &core.controls[account.control]
        dispatch = dispatch_of(core, control)
        if (dispatch.command_meter == row and plan.start_s >= dispatch.first_issued_at_s
                and plan.start_s >= dispatch.trip_expires_at_s):
            control.flags |= CONTROL_PROVEN


cdef uint8_t take_read(
    Core* core, uint32_t row, uint32_t meter_row, int64_t at_s, int64_t value, uint16_t status
) noexcept nogil:
    cdef MeterState* meter = &core.meters[meter_row]
    cdef const MeterProfile* profile = &core.profiles[meter.profile]
    cdef Plan plan
    cdef uint8_t reason
    if meter.flags & METER_OUT_OF_USE:
        return REASON_CLOSED
    reason = check_status(core, status)
    if reason == REASON_ACCEPTED:
        reason = check_read(core, profile, at_s, value)
    if reason != REASON_ACCEPTED:
        return reason
    plan.quality = 0
    plan.energy_wh = 0
    plan.intervals = 1
    plan.charge_nano = 0
    plan.standing_nano = 0
    plan.correction_nano = 0
    plan.forward = False
    plan.rated = False
    plan.change.count = 0
    plan.change.district = meter.district
    plan.change.supply = meter.account == NONE
    if status & STATUS_ESTIMATED:
        plan.quality |= QUALITY_ESTIMATED
    if status & STATUS_POWER_OUTAGE:
        plan.quality |= QUALITY_OUTAGE
    if not meter.flags & (METER_READ | METER_INITIAL) or at_s > meter.last_at_s:
        reason = plan_forward(core, meter, profile, at_s, value, &plan)
    elif at_s == meter.last_at_s:
        return REASON_DUPLICATE if value == meter.last_value else REASON_CONFLICT
    elif at_s <= meter.last_at_s - core.limits.late_horizon_s:
        return REASON_TOO_LATE
    else:
        reason = plan_late(core, meter_row, profile, at_s, value, &plan)
    if reason != REASON_ACCEPTED:
        return reason
    if meter.account != NONE and not plan_money(core, meter, at_s, &plan):
        return REASON_OUT_OF_RANGE
    if plan.change.count and not fits_windows(core, &plan.change):
        return REASON_OUT_OF_RANGE

    begin_windows(core, meter.district, at_s)
    if plan.change.count:
        change_windows(core, &plan.change)
    if not plan.quality & QUALITY_FIRST:
        count_received(core, meter.district, meter.klass, at_s)
        if plan.forward and judge_energy(core, meter, &plan):
            plan.quality |= QUALITY_SUSPECT
    core.qualities[plan.quality & 127] += 1
    if meter.account != NONE:
        settle_money(core, row, meter, &plan)
    else:
        write_interval(core, row, meter, &plan, 0)
    if plan.forward:
        move_on(core, meter_row, profile, value, &plan)
    else:
        settle_gaps(core, meter_row, profile, value, &plan)
    take_note(core, meter_row, &plan)
    return REASON_ACCEPTED


cdef void take_baseline(
    Core* core, uint32_t row, uint32_t meter_row, int64_t at_s, int64_t value
) noexcept nogil:
    cdef MeterState* meter = &core.meters[meter_row]
    cdef const MeterProfile* profile = &core.profiles[meter.profile]
    cdef Plan plan
    plan.start_s = at_s
    plan.end_s = at_s
    plan.energy_wh = 0
    plan.charge_nano = 0
    plan.standing_nano = 0
    plan.correction_nano = 0
    plan.quality = QUALITY_FIRST
    plan.forward = True
    plan.rated = False
    drop_gaps(core, meter_row)
    begin_windows(core, meter.district, at_s)
    core.qualities[<int>QUALITY_FIRST] += 1
    if meter.account != NONE:
        settle_money(core, row, meter, &plan)
    else:
        write_interval(core, row, meter, &plan, 0)
    move_on(core, meter_row, profile, value, &plan)
    take_note(core, meter_row, &plan)


cdef void refuse_read(
    Core* core, const ReadColumns* reads, int64_t i, uint32_t meter, uint8_t reason
) noexcept nogil:
    cdef ExceptionRow* item = refuse(core, <uint32_t>i, reason)
    subject_is_id(core, item, &reads.meter, i)
    item.has |= HAS_AT | HAS_VALUE
    item.at_s = reads.at_s[i]
    item.value = reads.value[i]
    if reason == REASON_DUPLICATE and reads.at_s[i] < core.meters[meter].last_at_s:
        core.rules[9] += 1
    else:
        core.rules[rule_of(reason)] += 1
    if reason != REASON_BACKWARD and reason != REASON_SPIKE:
        return
    if core.meters[meter].refused_run < REFUSED_RUN:
        core.meters[meter].refused_run += 1
    if core.meters[meter].refused_run >= REFUSED_RUN:
        meter_finding(core, meter, FINDING_INSPECT_METER, True)


cdef void take_otherwise(Core* core, const ReadColumns* reads, int64_t row, uint32_t meter) noexcept nogil:
    """A read that is not ordinary, of a meter that is known or NONE."""
    cdef uint8_t reason = REASON_UNKNOWN_METER
    if meter != NONE:
        reason = take_read(core, <uint32_t>row, meter, reads.at_s[row], reads.value[row], reads.status[row])
    if reason != REASON_ACCEPTED:
        refuse_read(core, reads, row, meter, reason)


cdef inline const Moment* moment_of(const Core* core, Moment* moments, int64_t at_s) noexcept nogil:
    """An instant that was met before is not worked out again: a day's reads of each meter come to a few of them."""
    cdef Moment* moment = &moments[<uint64_t>at_s * <uint64_t>0x9E3779B97F4A7C15 >> 32 & (MOMENTS - 1)]
    if moment.at_s != at_s:
        moment[0] = look_at(core, at_s)
    return moment


cdef void take_known(Core* core, const ReadColumns* reads) noexcept nogil:
    """The reads of a batch, where there is an index to look them up in."""
    cdef Lookup lookup
    cdef Moment[MOMENTS] moments
    cdef int64_t first, i, rows = reads.rows
    cdef uint32_t meter
    cdef uint8_t lines, meters, texts, accounts, bit
    cdef Pass run = begin_pass(core)
    for i in range(MOMENTS):
        moments[i] = run.moment
    start_lookup(&lookup, &reads.meter, rows)
    first = -LINE_AHEAD
    while first < rows:
        if first + LINE_AHEAD < rows:
            guess(core, first + LINE_AHEAD, &lookup)
        lines = that_take_steps(&lookup, first + LINE_AHEAD)
        meters = that_take_steps(&lookup, first + METER_AHEAD)
        texts = that_take_steps(&lookup, first + TEXT_AHEAD) if reads.meter.numbers == NULL else 0
        accounts = that_take_steps(&lookup, first + ACCOUNT_AHEAD)
        bit = 1
        for i in range(first, first + BLOCK):
            if lines & bit:
                fetch_line(core, i + LINE_AHEAD, &lookup)
            if meters & bit:
                fetch_meter(core, i + METER_AHEAD, &lookup)
            if unlikely(texts & bit):
                fetch_text(core, i + TEXT_AHEAD, &lookup)
            if accounts & bit:
                fetch_account(core, i + ACCOUNT_AHEAD, run.moment.slab, &lookup)
            bit = <uint8_t>(bit << 1)
            if i < 0 or i >= rows:
                continue
            if unlikely(reads.at_s[i] != run.moment.at_s):
                run.moment = moment_of(core, moments, reads.at_s[i])[0]
            meter = lookup.found[i & (RING - 1)]
            if unlikely(meter == NONE or not take_ordinary(
                    core, &run, <uint32_t>i, meter, reads.value[i], reads.status[i])):
                core.intervals.items = run.out.items
                core.intervals.without_account = run.out.without_account
                take_otherwise(core, reads, i, meter)
                run.out.items = core.intervals.items
                run.out.without_account = core.intervals.without_account
        first += BLOCK
    end_pass(core, &run)


cdef void apply_reads(Core* core, const ReadColumns* reads) noexcept nogil:
    """An ordinary read takes the straight line; all others, and whatever is wrong with one, `take_read`."""
    cdef int64_t i
    if core.meter_ids.lines != NULL:
        take_known(core, reads)
        return
    for i in range(reads.rows):
        take_otherwise(core, reads, i, NONE)
