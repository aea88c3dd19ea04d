"""Lists of meters by account and by district, in order of arrival, and an account's primary and switch
(reference, section 3).
"""

from libc.stdint cimport uint8_t, uint32_t

from fastcore.census cimport not_silent, unsettle
from fastcore.core cimport Core, mark

from fastcore.structs cimport AccountInfo, DistrictState, MeterState
from fastcore.types cimport METER_OUT_OF_USE, METER_PRIMARY, METER_SWITCHABLE, NONE


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
    not_silent(core, state.district, core.meter_infos[meter].arrived_s)
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
    mark(core, state.account)


cdef void set_switch(Core* core, uint32_t account, uint32_t meter) noexcept nogil:
    """Counts the accounts that have a switch, in all and in the district."""
    cdef AccountInfo* info = &core.account_infos[account]
    cdef DistrictState* district = &core.districts[core.accounts[account].district]
    if info.switch_meter == NONE and meter != NONE:
        core.switches += 1
        district.switches += 1
    elif info.switch_meter != NONE and meter == NONE:
        core.switches -= 1
        district.switches -= 1
    info.switch_meter = meter


cdef void set_primary(Core* core, uint32_t account, uint32_t meter) noexcept nogil:
    cdef AccountInfo* info = &core.account_infos[account]
    if info.primary != NONE:
        core.meters[info.primary].flags &= <uint8_t>(0xFF & ~METER_PRIMARY)
    info.primary = meter
    if meter != NONE:
        core.meters[meter].flags |= METER_PRIMARY


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
    cdef AccountInfo* info = &core.account_infos[account]
    if not may_serve(core, account, info.primary, False):
        set_primary(core, account, first_to_serve(core, account, False))
    if not may_serve(core, account, info.switch_meter, True):
        set_switch(core, account, first_to_serve(core, account, True))


cdef void succeed(Core* core, uint32_t account, uint32_t old, uint32_t new) noexcept nogil:
    cdef AccountInfo* info = &core.account_infos[account]
    if info.primary == old:
        set_primary(core, account, new)
    if info.switch_meter == old and core.meters[new].flags & METER_SWITCHABLE:
        set_switch(core, account, new)
    choose(core, account)
