# A meter's gaps: a ring of those that are kept, the newest first (reference, section 4).
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastcore.core cimport Core

# The gap of a meter in which an instant lies, strictly inside, or also at its end; NONE.
cdef uint32_t find_gap(const Core* core, uint32_t meter, int64_t at_s, bint or_end) noexcept nogil
# Adds the newest gap, and forgets those that have become too old to be filled.
cdef void add_gap(
    Core* core, uint32_t meter, int64_t from_s, uint64_t from_value, int64_t to_s, uint64_t to_value
) noexcept nogil
# What a late read splits off a gap: a new one next to it, older.
cdef void split_off(
    Core* core, uint32_t meter, uint32_t gap, int64_t from_s, uint64_t from_value, int64_t to_s, uint64_t to_value
) noexcept nogil
cdef void remove_gap(Core* core, uint32_t meter, uint32_t gap) noexcept nogil
cdef void drop_gaps(Core* core, uint32_t meter) noexcept nogil
# Whether a gap still stands: a read that moves the meter on forgets those whose end lies `late_horizon`
# before it, though they are perhaps not yet cleared away.
cdef bint stands(const Core* core, uint32_t meter, uint32_t gap) noexcept nogil
