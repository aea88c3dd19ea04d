# Warn, trip, restore (reference, section 7).
from libc.stdint cimport int64_t

from fastcore.core cimport Core

# Step 1 of a batch: it takes T to `now_s`.
cdef void advance_time(Core* core, int64_t now_s) noexcept nogil
# Step 4.
cdef void control_step(Core* core) noexcept nogil
