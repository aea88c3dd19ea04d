# Rows of meters: fitted, changed, and started anew (reference, section 3).
from libc.stdint cimport int32_t, int64_t, uint8_t

from fastcore.core cimport Core
from fastcore.index cimport Ids
from fastcore.registry cimport Optional, OptionalIds

cdef struct MeterColumns:
    Ids meter
    OptionalIds account
    OptionalIds district
    const int32_t* role
    const int32_t* reading
    const int64_t* interval_s
    const int64_t* wh_per_count
    const int64_t* modulus
    const int64_t* max_w
    const uint8_t* switchable
    Optional initial_at
    Optional initial_value
    int64_t rows

cdef void apply_meters(Core* core, const MeterColumns* rows) noexcept nogil
# Lets every profile be found again.
cdef void index_profiles(Core* core) noexcept nogil
# How many of a batch's ids would make a new row, at most; a meter that is retired may start anew.
cdef int64_t count_new_meters(const Core* core, const Ids* ids, int64_t rows) noexcept nogil
