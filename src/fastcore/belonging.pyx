"""Lists of meters by account and by district, in order of arrival, and an account's primary and switch
(reference, section 3).
"""

from libc.stdint cimport uint8_t, uint32_t

from fastcore.census cimport arrived_s, not_silent, unsettle
from fastcore.core cimport Core, mark
from fastcore.structs cimport AccountState, DistrictState, MeterState
from fastcore.types cimport (
    ACCOUNT_HAS_PRIMARY, ACCOUNT_HAS_SWITCH, METER_OUT_OF_USE, METER_PRIMARY, METER_SWITCHABLE, NONE,
)


cdef void join(Core* core, uint32_t meter) noexcept nogil:
    cdef MeterState* state = &core.meters[meter]
    cdef DistrictState* district = &core.districts[state.district]
    cdef uint32_t* link
    if district.last_meter == NONE or district.last_meter < meter:
        link = &district.first_meter
        if district.last_meter != NONE:
            link = &core.meter_infos[district.last_meter].next_of_district
        district.last_meter = meter
    else:
        link = &district.first_meter
        while link[0] < meter:
            link = &core.meter_infos[link[0]].next_of_district
    core.meter_infos[meter].next_of_district = link[0]
    link[0] = meter
    district.meters += 1
    unsettle(core, state.district)
    not_silent(core, state.district, arrived_s(core, meter))
    if state.account == NONE:
        return
    link = &core.account_infos[state.account].first_meter
    while link[0] < meter:           # NONE is after all rows
        link = &core.meter_infos[link[0]].next_of_account
    core.meter_infos[meter].next_of_account = link[0]
    link[0] = meter
    mark(core, state.account)


cdef void leave(Core* core, uint32_t meter) noexcept nogil:
    cdef MeterState* state = &core.meters[meter]
    cdef DistrictState* district = &core.districts[state.district]
    cdef uint32_t* link = &district.first_meter
    cdef uint32_t before = NONE
    while link[0] != meter:
        before = link[0]
        link = &core.meter_infos[before].next_of_district
    link[0] = core.meter_infos[meter].next_of_district
    if district.last_meter == meter:
        district.last_meter = before
    district.meters -= 1
    unsettle(core, state.district)
    if state.account == NONE:
        return
    link = &core.account_infos[state.account].first_meter
    while link[0] != meter:
        link = &core.meter_infos[link[0]].next_of_account
    link[0] = core.meter_infos[meter].next_of_account
    state.flags &= <uint8_t>(0xFF & ~METER_PRIMARY)
    state.is_switch = 0
    mark(core, state.account)


cdef uint32_t primary_of(const Core* core, uint32_t account) noexcept nogil:
    cdef uint32_t meter = core.account_infos[account].first_meter
    while meter != NONE and not core.meters[meter].flags & METER_PRIMARY:
        meter = core.meter_infos[meter].next_of_account
    return meter


cdef uint32_t switch_of(const Core* core, uint32_t account) noexcept nogil:
    cdef uint32_t meter = core.account_infos[account].first_meter
    while meter != NONE and not core.meters[meter].is_switch:
        meter = core.meter_infos[meter].next_of_account
    return meter


cdef void set_switch(Core* core, uint32_t account, uint32_t meter) noexcept nogil:
    """Counts the accounts that have a switch, in all and in the district."""
    cdef AccountState* state = &core.accounts[account]
    cdef DistrictState* district = &core.districts[state.district]
    cdef uint32_t before = switch_of(core, account)
    if before != NONE:
        core.meters[before].is_switch = 0
    if meter != NONE:
        core.meters[meter].is_switch = 1
    if meter != NONE and not state.flags & ACCOUNT_HAS_SWITCH:
        state.flags |= ACCOUNT_HAS_SWITCH
        core.switches += 1
        district.switches += 1
    elif meter == NONE and state.flags & ACCOUNT_HAS_SWITCH:
        state.flags &= <uint8_t>(0xFF & ~ACCOUNT_HAS_SWITCH)
        core.switches -= 1
        district.switches -= 1


cdef void set_primary(Core* core, uint32_t account, uint32_t meter) noexcept nogil:
    cdef AccountState* state = &core.accounts[account]
    cdef uint32_t before = primary_of(core, account)
    if before != NONE:
        core.meters[before].flags &= <uint8_t>(0xFF & ~METER_PRIMARY)
    state.flags &= <uint8_t>(0xFF & ~ACCOUNT_HAS_PRIMARY)
    if meter != NONE:
        core.meters[meter].flags |= METER_PRIMARY
        state.flags |= ACCOUNT_HAS_PRIMARY


cdef bint may_serve(const Core* core, uint32_t account, uint32_t meter, bint as_switch) noexcept nogil:
    cdef const MeterState* state
    if meter == NONE:
        return False
    state = &core.meters[meter]
    return (state.account == account and not state.flags & METER_OUT_OF_USE
            and (not as_switch or state.flags & METER_SWITCHABLE))


cdef uint32_t first_to_serve(const Core* core, uint32_t account, bint as_switch) noexcept nogil:
    cdef uint32_t meter = core.account_infos[account].first_meter
    while meter != NONE and not may_serve(core, account, meter, as_switch):
        meter = core.meter_infos[meter].next_of_account
    return meter


cdef void choose(Core* core, uint32_t account) noexcept nogil:
    if not may_serve(core, account, primary_of(core, account), False):
        set_primary(core, account, first_to_serve(core, account, False))
    if not may_serve(core, account, switch_of(core, account), True):
        set_switch(core, account, first_to_serve(core, account, True))


cdef void succeed(Core* core, uint32_t account, uint32_t old, uint32_t new) noexcept nogil:
    if core.meters[old].flags & METER_PRIMARY:
        set_primary(core, account, new)
    if core.meters[old].is_switch and core.meters[new].flags & METER_SWITCHABLE:
        set_switch(core, account, new)
    choose(core, account)
