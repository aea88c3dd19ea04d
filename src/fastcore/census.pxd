# Which reads a district's meters owe a window, and which of them have fallen silent (reference, section 8).
from libc.stdint cimport int64_t, uint32_t

from fastcore.core cimport Core

# The reads that a window expects, by class.
cdef void expect(Core* core, int64_t window, uint32_t district, uint32_t* expected_out) noexcept nogil
# T of a meter's registration.
cdef int64_t arrived_s(const Core* core, uint32_t meter) noexcept nogil
# Opens `silent_meter` for the meters that have fallen silent by the window's end, by their arrival.
cdef void find_silent(Core* core, int64_t window, uint32_t district) noexcept nogil
# A meter of the district has read, or arrived, at an instant: it may be the first to fall silent.
cdef void not_silent(Core* core, uint32_t district, int64_t at_s) noexcept nogil
# What a district's windows expect has changed.
cdef void unsettle(Core* core, uint32_t district) noexcept nogil
