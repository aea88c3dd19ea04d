"""What the reads of one instant share, worked out once for all of them."""

# cython: cdivision=True

from libc.stdint cimport int64_t

from fastcore.core cimport Core
from fastcore.windows cimport first_open_window, window_of


cdef void look_at(const Core* core, int64_t at_s, Moment* moment_out) noexcept nogil:
    cdef int64_t window, k
    moment_out.at_s = at_s
    moment_out.ordinary = False
    if at_s % core.limits.cell_s or at_s <= core.limits.calendar_from_s or at_s > core.limits.calendar_to_s:
        return
    if at_s > core.now_s + core.limits.future_tolerance_s:
        return
    window = window_of(core, at_s)
    if window < first_open_window(core) or core.slabs[window - core.slab_base] == NULL:
        return
    k = (at_s - core.limits.calendar_from_s) // core.limits.cell_s
    moment_out.k1 = k
    moment_out.window_start_s = window * core.limits.window_s
    moment_out.slab = core.slabs[window - core.slab_base]
    moment_out.month = core.month_of_cell[k - 1]
    moment_out.year = core.year_of_cell[k - 1]
    moment_out.month_k0 = core.month_first_cell[moment_out.month]
    moment_out.year_k0 = core.year_first_cell[moment_out.year]
    moment_out.ordinary = True
