# Payments: each counted once, however often it is sent (reference, section 6).
from libc.stdint cimport int32_t, int64_t, uint8_t

from fastcore.core cimport Core
from fastcore.index cimport Ids

cdef struct PaymentColumns:
    const uint8_t* id                # 16 bytes each
    Ids account
    const int32_t* kind              # Payment; -1: no such kind
    const int64_t* amount_nano
    const int64_t* at_s
    int64_t rows

cdef void apply_payments(Core* core, const PaymentColumns* rows) noexcept nogil
# The key under which a payment's id is remembered, before any other payment that has the same.
cdef void index_payments(Core* core) noexcept nogil
