"""What the reads of one instant share, worked out once for all of them."""

from libc.stdint cimport int32_t, int64_t

from fastcore.core cimport Core
from fastcore.structs cimport Rate, Tariff
from fastcore.windows cimport first_open_window, window_of


cdef Moment look_at(const Core* core, int64_t at_s) noexcept nogil:
    cdef Moment moment
    cdef int64_t window, k, first, window_cells
    moment.at_s = at_s
    moment.k1 = 0
    moment.cells_back = 0
    moment.slab = NULL
    moment.month = 0
    moment.year = 0
    if at_s % core.limits.cell_s or at_s <= core.limits.calendar_from_s or at_s > core.limits.calendar_to_s:
        return moment
    if at_s > core.now_s + core.limits.future_tolerance_s:
        return moment
    window = window_of(core, at_s)
    if window < first_open_window(core) or core.slabs[window - core.slab_base] == NULL:
        return moment
    k = (at_s - core.limits.calendar_from_s) // core.limits.cell_s
    window_cells = (at_s - window * core.limits.window_s) // core.limits.cell_s
    first = k
    while first > 0 and k - first < window_cells and core.day_of_edge[first - 1] == core.day_of_edge[k]:
        first -= 1
    moment.k1 = k
    moment.cells_back = k - first
    moment.slab = core.slabs[window - core.slab_base]
    moment.month = core.month_of_cell[k - 1]
    moment.year = core.year_of_cell[k - 1]
    return moment


cdef void rate_at(Tariff* tariff, int64_t k1, int32_t month, int32_t year) noexcept nogil:
    cdef Rate* rate = &tariff.rate
    cdef int32_t version
    rate.k1 = k1
    rate.price_nano = tariff.price_sum[k1] - tariff.price_sum[k1 - 1]
    rate.tiers = 0
    rate.period = -1
    if not tariff.tier_kind:
        return
    rate.period = month if tariff.tier_kind == 1 else year
    version = tariff.version_of_period[rate.period]
    rate.tiers = tariff.tier_offset[version + 1] - tariff.tier_offset[version]
    rate.tier_above_wh = tariff.tier_above_wh + tariff.tier_offset[version]
    rate.tier_add = tariff.tier_add + tariff.tier_offset[version]


cdef int64_t tiers_add(const Rate* rate, int64_t used_wh, int64_t energy_wh) noexcept nogil:
    cdef int64_t i, level, add = 0
    for i in range(rate.tiers):
        level = rate.tier_above_wh[i]
        if used_wh + energy_wh <= level:
            break
        add += rate.tier_add[i] * (used_wh + energy_wh - max(level, used_wh))
    return add
