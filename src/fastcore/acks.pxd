# What head-ends answer to commands (reference, section 7).
from libc.stdint cimport int32_t, int64_t, uint64_t

from fastcore.core cimport Core

cdef struct AckColumns:
    const uint64_t* command
    const int32_t* outcome           # Outcome; -1: no such outcome
    const int64_t* at_s
    int64_t rows

cdef void apply_acks(Core* core, const AckColumns* rows) noexcept nogil
# Between batches: forgets the commands whose acks can only be stale.
cdef void drop_stale_commands(Core* core) noexcept nogil
