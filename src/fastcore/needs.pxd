# What a batch may need at most, from what it is and the time it brings.
from libc.stdint cimport int64_t

from fastcore.core cimport Core, Needs

# `lateness_s`: allowed_lateness of the configuration that the batch brings, or -1.
cdef void complete_needs(
    const Core* core, Needs* needs, int kind, int64_t now_s, int64_t lateness_s
) noexcept nogil
