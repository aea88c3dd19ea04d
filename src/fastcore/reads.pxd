# Reads: judged, rated, and written (reference, sections 4 and 5).
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from fastcore.core cimport Core
from fastcore.index cimport Ids

cdef struct ReadColumns:
    Ids meter
    const int64_t* at_s
    const int64_t* value
    const uint16_t* status
    int64_t rows

cdef void apply_reads(Core* core, const ReadColumns* reads) noexcept nogil
# One read of a known meter; why it was refused, or REASON_ACCEPTED.
cdef uint8_t take_read(
    Core* core, uint32_t row, uint32_t meter, int64_t at_s, int64_t value, uint16_t status
) noexcept nogil
# A register's new baseline, which rules 3 to 6 allow and which is not before its newest read.
cdef void take_baseline(Core* core, uint32_t row, uint32_t meter, int64_t at_s, int64_t value) noexcept nogil
