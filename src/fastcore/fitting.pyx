"""Rows of meters: what a row may say, what it changes, and meters that start anew (reference, section 3)."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from fastcore.belonging cimport choose, join, leave
from fastcore.census cimport unsettle
from fastcore.commands cimport begin_dispatch, control_of, forget_command, set_state
from fastcore.core cimport Core, cell_of, dispatch_of, mark
from fastcore.exceptions cimport refuse, subject_is_id
from fastcore.findings cimport pass_findings
from fastcore.gaps cimport drop_gaps
from fastcore.index cimport Ids, find, hash_id, put, store_id
from fastcore.maps cimport get, set
from fastcore.native cimport ENERGY_READ_LIMIT_WH, NEVER, int128_t, mix, product
from fastcore.registry cimport district_of, has, has_id, is_id
from fastcore.structs cimport Control, Dispatch, MeterProfile, MeterState
from fastcore.types cimport (
    CONTROL_APPROVED, CONTROL_MAYBE_OPEN, CONTROL_UNSURE, DAY_S, GATE_NONE, KLASS_PUBLIC, METER_CLOSED,
    METER_EXCHANGED, METER_GONE, METER_INITIAL, METER_READ, METER_SUPPLY, METER_SWITCHABLE, NONE,
    READING_INTERVAL, REASON_ACCEPTED, REASON_BAD_REGISTRY, REASON_CLOSED, REASON_NEEDS_EXCHANGE,
    REASON_UNKNOWN_ACCOUNT, ROLE_CONSUMER, ROLE_SUPPLY, STATE_CLOSED, STATE_DUE,
)
from fastcore.validation cimport check_read
from fastcore.waiting cimport rouse


cdef struct Wanted:                  # what a row wants a meter to be
    MeterProfile profile
    uint32_t account
    uint32_t district                # NONE: of a supply meter, one that does not exist yet
    bint supply


cdef uint64_t find_profile(const Core* core, const MeterProfile* profile, uint64_t* key_out) noexcept nogil:
    """The row that says this, counted from 1; or 0, with the key under which it may be put."""
    cdef uint64_t found, key = <uint64_t>profile.wh_per_count ^ <uint64_t>0x9E3779B97F4A7C15
    cdef const MeterProfile* item
    key = mix(key, <uint64_t>profile.modulus + 1)
    key = mix(key ^ <uint64_t>profile.max_w, <uint64_t>0xD1342543DE82EF95)
    key = mix(key ^ (<uint64_t>profile.interval_s << 8 | profile.reading), <uint64_t>0xA0761D6478BD642F)
    while True:
        found = get(&core.profile_rows, key)
        key_out[0] = key
        if found == 0:
            return 0
        item = &core.profiles[found - 1]
        if (item.wh_per_count == profile.wh_per_count and item.modulus == profile.modulus
                and item.max_w == profile.max_w and item.interval_s == profile.interval_s
                and item.reading == profile.reading):
            return found
        key += 1


cdef uint32_t profile_row(Core* core, const MeterProfile* profile) noexcept nogil:
    """The row that says this, made if there is none."""
    cdef uint64_t key, found = find_profile(core, profile, &key)
    if found == 0:
        core.profiles[core.profiles_count] = profile[0]
        core.profiles_count += 1
        found = <uint64_t>core.profiles_count
        set(&core.profile_rows, key, found)
    return <uint32_t>(found - 1)


cdef void index_profiles(Core* core) noexcept nogil:
    cdef int64_t i
    cdef uint64_t key
    for i in range(core.profiles_count):
        find_profile(core, &core.profiles[i], &key)
        set(&core.profile_rows, key, <uint64_t>(i + 1))


cdef bint is_interval(const Core* core, int64_t interval_s) noexcept nogil:
    cdef int64_t window_s = core.limits.window_s
    return (0 < interval_s <= DAY_S and interval_s % core.limits.cell_s == 0
            and (window_s % interval_s == 0 or interval_s % window_s == 0))


cdef inline bint is_retired(const MeterState* meter) noexcept nogil:
    return meter.flags & (METER_EXCHANGED | METER_CLOSED)


cdef uint8_t judge_row(
    Core* core, const MeterColumns* rows, int64_t i, uint32_t row, Wanted* wanted_out
) noexcept nogil:
    """unknown_account and bad_registry."""
    cdef MeterProfile* profile = &wanted_out.profile
    cdef bint initial = has(&rows.initial_at, i)
    wanted_out.supply = rows.role[i] == ROLE_SUPPLY
    wanted_out.account = NONE
    wanted_out.district = NONE
    if not wanted_out.supply and has_id(&rows.account, i):
        wanted_out.account = find(&core.account_ids, &rows.account.ids, i, hash_id(&rows.account.ids, i))
        if wanted_out.account == NONE:
            return REASON_UNKNOWN_ACCOUNT
        wanted_out.district = core.accounts[wanted_out.account].district
    if not is_id(&rows.meter, i) or rows.role[i] < 0 or rows.reading[i] < 0:
        return REASON_BAD_REGISTRY
    if rows.role[i] == ROLE_CONSUMER and wanted_out.account == NONE:
        return REASON_BAD_REGISTRY
    if wanted_out.supply:
        if not has_id(&rows.district, i) or not is_id(&rows.district.ids, i):
            return REASON_BAD_REGISTRY
        wanted_out.district = find(&core.district_ids, &rows.district.ids, i, hash_id(&rows.district.ids, i))
    if not is_interval(core, rows.interval_s[i]):
        return REASON_BAD_REGISTRY
    if rows.wh_per_count[i] < 1 or rows.modulus[i] < 0 or rows.max_w[i] < 0:
        return REASON_BAD_REGISTRY
    profile.interval_s = <int32_t>rows.interval_s[i]
    profile.wh_per_count = rows.wh_per_count[i]
    profile.modulus = rows.modulus[i]
    profile.max_w = rows.max_w[i]
    profile.reading = rows.reading[i]
    profile.cells = <int32_t>(profile.interval_s // core.limits.cell_s)
    profile.most_wh = ENERGY_READ_LIMIT_WH - 1
    if profile.max_w:
        profile.most_wh = <int64_t>min(product(profile.max_w, profile.interval_s) // 3600, <int128_t>profile.most_wh)
    profile.most_counts = <uint64_t>(profile.most_wh // profile.wh_per_count)
    profile.value_limit = <uint64_t>profile.modulus if profile.modulus else <uint64_t>1 << 63
    profile.register_mask = 0 if profile.reading == READING_INTERVAL else -1
    memset(profile.spare, 0, sizeof(profile.spare))
    if initial != has(&rows.initial_value, i):
        return REASON_BAD_REGISTRY
    if initial and (profile.reading == READING_INTERVAL or check_read(
            core, profile, rows.initial_at.values[i], rows.initial_value.values[i]) != REASON_ACCEPTED):
        return REASON_BAD_REGISTRY
    if row != NONE and not initial and core.meters[row].flags & METER_INITIAL and not is_retired(&core.meters[row]):
        # The initial read that it keeps must go with what the row says of it.
        if profile.reading == READING_INTERVAL or 0 < profile.modulus <= core.meters[row].last_value:
            return REASON_BAD_REGISTRY
    return REASON_ACCEPTED


cdef bint moves(const Core* core, const MeterState* meter, const Wanted* wanted) noexcept nogil:
    return meter.account != wanted.account or (wanted.supply and meter.district != wanted.district)


cdef uint8_t judge_change(const Core* core, const MeterState* meter, const Wanted* wanted) noexcept nogil:
    """needs_exchange and closed, of a meter that exists."""
    cdef const MeterProfile* profile = &core.profiles[meter.profile]
    if is_retired(meter):
        return REASON_ACCEPTED if moves(core, meter, wanted) else REASON_CLOSED
    if meter.flags & METER_READ and (
            moves(core, meter, wanted) or profile.reading != wanted.profile.reading
            or profile.interval_s != wanted.profile.interval_s or profile.wh_per_count != wanted.profile.wh_per_count
            or profile.modulus != wanted.profile.modulus):
        return REASON_NEEDS_EXCHANGE
    return REASON_ACCEPTED


cdef void describe(
    Core* core, const MeterColumns* rows, int64_t i, uint32_t row, const Wanted* wanted
) noexcept nogil:
    """What a row says of a meter that is in no list, or stays in its lists."""
    cdef MeterState* meter = &core.meters[row]
    meter.profile = profile_row(core, &wanted.profile)
    meter.flags &= <uint8_t>(0xFF & ~(METER_SUPPLY | METER_SWITCHABLE))
    if rows.switchable[i]:
        meter.flags |= METER_SWITCHABLE
    if wanted.supply:
        meter.flags |= METER_SUPPLY
    if has(&rows.initial_at, i) and not meter.flags & METER_READ:
        meter.flags |= METER_INITIAL
        meter.last_at_s = rows.initial_at.values[i]
        meter.last_value = rows.initial_value.values[i]
        core.meter_infos[row].first_cell = cell_of(core, meter.last_at_s)


cdef void place(
    Core* core, const MeterColumns* rows, int64_t i, uint32_t row, const Wanted* wanted
) noexcept nogil:
    """Gives a meter that is in no list to its account and district."""
    cdef MeterState* meter = &core.meters[row]
    meter.account = wanted.account
    meter.district = wanted.district if wanted.district != NONE else district_of(core, &rows.district.ids, i)
    meter.klass = KLASS_PUBLIC
    meter.flags &= <uint8_t>(0xFF & ~METER_CLOSED)
    if wanted.account != NONE:
        meter.klass = core.account_infos[wanted.account].klass
        if core.accounts[wanted.account].state == STATE_CLOSED:
            meter.flags |= METER_CLOSED
    join(core, row)
    if wanted.account != NONE:
        choose(core, wanted.account)


cdef uint32_t new_meter(
    Core* core, const MeterColumns* rows, int64_t i, uint64_t hash, uint32_t in_place_of
) noexcept nogil:
    cdef uint32_t row = <uint32_t>core.meters_count
    cdef MeterState* meter = &core.meters[row]
    core.meters_count += 1
    if core.arrivals_count == 0 or core.arrivals[core.arrivals_count - 1].at_s != core.now_s:
        core.arrivals[core.arrivals_count].at_s = core.now_s
        core.arrivals[core.arrivals_count].first_meter = row
        core.arrivals[core.arrivals_count].spare = 0
        core.arrivals_count += 1
    meter.id = store_id(&core.meter_ids, &rows.meter, i)
    meter.last_at_s = NEVER
    meter.last_value = 0
    meter.typical_wh_x16 = 0
    meter.zero_since_s = NEVER
    meter.account = NONE
    meter.district = NONE
    meter.gaps = NONE
    meter.quality = 0
    meter.flags = 0
    meter.read_count = 0
    meter.suspect_run = 0
    meter.refused_run = 0
    meter.findings = 0
    meter.is_switch = 0
    core.meter_infos[row].first_cell = NONE
    core.meter_infos[row].next_of_account = NONE
    put(&core.meter_ids, hash, row, in_place_of)
    return row


cdef void inherit_doubt(Core* core, uint32_t old, uint32_t row) noexcept nogil:
    """A relay that may be open goes with its meter: the new account's first payment must restore it."""
    cdef uint32_t before = core.meters[old].account, account = core.meters[row].account
    cdef Control* control
    cdef Dispatch* dispatch
    if before == NONE or core.accounts[before].control == NONE:
        return
    control = &core.controls[core.accounts[before].control]
    if not control.flags & CONTROL_MAYBE_OPEN or dispatch_of(core, control).command_meter != old:
        return
    if account == NONE or not core.meters[row].is_switch:
        return
    control = control_of(core, account)
    forget_command(core, control)
    rouse(core, account)
    set_state(core, account, STATE_DUE)
    core.account_infos[account].blocked_by = GATE_NONE
    control.flags = <unsigned short>((control.flags | CONTROL_UNSURE) & ~CONTROL_APPROVED)
    control.noticed_at_s = core.now_s
    dispatch = begin_dispatch(core, control)
    dispatch.trip_id = 0
    dispatch.trip_expires_at_s = NEVER
    dispatch.command_meter = row
    dispatch.trip_meter = row


cdef void change_meter(
    Core* core, const MeterColumns* rows, int64_t i, uint32_t row, const Wanted* wanted
) noexcept nogil:
    cdef MeterState* meter = &core.meters[row]
    cdef uint32_t before = meter.account
    if not moves(core, meter, wanted):
        describe(core, rows, i, row, wanted)
        unsettle(core, meter.district)
        if before != NONE:
            choose(core, before)
            mark(core, before)
        return
    leave(core, row)
    describe(core, rows, i, row, wanted)
    meter.account = NONE
    if before != NONE:
        choose(core, before)
    place(core, rows, i, row, wanted)


cdef void apply_meters(Core* core, const MeterColumns* rows) noexcept nogil:
    cdef int64_t i
    cdef uint64_t hash
    cdef uint32_t row, old
    cdef uint8_t reason
    cdef Wanted wanted
    for i in range(rows.rows):
        hash = hash_id(&rows.meter, i)
        row = find(&core.meter_ids, &rows.meter, i, hash)
        reason = judge_row(core, rows, i, row, &wanted)
        if reason == REASON_ACCEPTED and row != NONE:
            reason = judge_change(core, &core.meters[row], &wanted)
        if reason != REASON_ACCEPTED:
            subject_is_id(core, refuse(core, <uint32_t>i, reason), &rows.meter, i)
            continue
        if row != NONE and not is_retired(&core.meters[row]):
            change_meter(core, rows, i, row, &wanted)
            continue
        old = row
        if old != NONE:
            leave(core, old)
            drop_gaps(core, old)
            core.meters[old].flags |= METER_GONE
        row = new_meter(core, rows, i, hash, old)
        describe(core, rows, i, row, &wanted)
        place(core, rows, i, row, &wanted)
        if old != NONE:
            pass_findings(core, old, row)
            inherit_doubt(core, old, row)


cdef int64_t count_new_meters(const Core* core, const Ids* ids, int64_t rows) noexcept nogil:
    cdef int64_t i, count = 0
    cdef uint32_t row
    for i in range(rows):
        row = find(&core.meter_ids, ids, i, hash_id(ids, i))
        count += row == NONE or is_retired(&core.meters[row])
    return count
