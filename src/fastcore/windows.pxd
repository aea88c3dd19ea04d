# Line loss and collection (reference, section 8): what a district was given, used, and was read of, a window
# at a time.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from fastcore.core cimport Core
from fastcore.native cimport floor_div
from fastcore.rating cimport Spread

cdef struct Change:                  # what a read does to its district's windows
    Spread[3] parts
    int[3] signs
    int count
    uint32_t district
    bint supply

cdef inline int64_t window_of(const Core* core, int64_t at_s) noexcept nogil:
    """The window in which an instant lies: window j is (j W, (j+1) W]."""
    return floor_div(at_s - 1, core.limits.window_s)

cdef inline int64_t first_open_window(const Core* core) noexcept nogil:
    """The first window that ends after T - window_horizon: what falls into one before it is left out."""
    return floor_div(core.now_s - core.limits.window_horizon_s, core.limits.window_s)

cdef inline int64_t last_due_window(const Core* core, int64_t now_s) noexcept nogil:
    """The last window that is due to close at T."""
    return floor_div(now_s - core.limits.allowed_lateness_s, core.limits.window_s) - 1

# A district's windows begin with its first accepted read.
cdef void begin_windows(Core* core, uint32_t district, int64_t at_s) noexcept nogil
# Whether every window's sum stays in its bound.
cdef bint fits_windows(const Core* core, const Change* change) noexcept nogil
cdef void change_windows(Core* core, const Change* change) noexcept nogil
# Counts a read that is not `first`.
cdef void count_received(Core* core, uint32_t district, uint8_t klass, int64_t at_s) noexcept nogil
# Step 3 of a batch: closes what is due, revises what the batch changed, and looks at the calendar's end.
cdef void close_windows(Core* core) noexcept nogil
