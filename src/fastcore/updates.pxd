# What operators, banks and fitters report (reference, section 9).
from libc.stdint cimport int32_t, int64_t

from fastcore.core cimport Core
from fastcore.registry cimport Optional, OptionalIds

cdef struct UpdateColumns:
    const int32_t* op                # Op; -1: no such op
    OptionalIds account
    OptionalIds meter
    OptionalIds text                 # texts
    const int32_t* tariff            # the row that `text` names; -1: none of that name
    const int32_t* policy
    Optional value
    Optional at_s
    int64_t rows

cdef void apply_updates(Core* core, const UpdateColumns* rows) noexcept nogil
