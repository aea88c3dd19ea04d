# The gates that stand before every trip (reference, section 7).
from libc.stdint cimport int64_t, uint8_t, uint32_t

from fastcore.core cimport Core
from fastcore.structs cimport Ratio

# The first closed gate, or GATE_NONE.
cdef uint8_t closed_gate(const Core* core, uint32_t account) noexcept nogil
# The first closed gate of those that matter when a trip is sent again.
cdef uint8_t closed_gate_of_repeat(const Core* core, uint32_t account) noexcept nogil
# The end of the last of the consecutive cells, from T's on, that match the policy's trip windows; at most
# `until_s`.
cdef int64_t trip_window_end(const Core* core, uint32_t account, int64_t until_s) noexcept nogil
# The ceiling of ratio * count, exactly.
cdef int64_t ceiling(const Ratio* ratio, int64_t count) noexcept nogil
