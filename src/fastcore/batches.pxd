# A batch as it came, as pointers into its Arrow arrays, and what it may need at most.
from libc.stdint cimport int32_t, int64_t, uint8_t

from fastcore.acks cimport AckColumns
from fastcore.configured cimport Configured
from fastcore.core cimport Core, Needs
from fastcore.index cimport Ids
from fastcore.payments cimport PaymentColumns
from fastcore.reads cimport ReadColumns
from fastcore.fitting cimport MeterColumns
from fastcore.registry cimport AccountColumns, DistrictColumns, Optional, OptionalIds
from fastcore.updates cimport UpdateColumns

cdef Ids ids_of(object array) except *            # points into the array, which must live as long

cdef class Batch:
    cdef readonly int64_t rows
    cdef readonly object ids                 # "uint64", "utf8", or None: the batch has no ids
    cdef int kind
    cdef dict columns
    cdef list kept
    cdef AccountColumns accounts
    cdef MeterColumns meters
    cdef DistrictColumns districts
    cdef ReadColumns reads
    cdef PaymentColumns payments
    cdef AckColumns acks
    cdef UpdateColumns updates
    cdef Needs needs
    cdef object keep(self, object array)
    cdef const void* column(self, str name) except NULL
    cdef const int32_t* words(self, str name, object vocabulary) except NULL
    cdef const uint8_t* valid(self, object array) except? NULL
    cdef Optional optional(self, str name) except *
    cdef OptionalIds optional_ids(self, str name) except *
    cdef int64_t text_bytes(self, str name) except -1
    cdef take_accounts(self, Configured configured)
    cdef take_meters(self)
    cdef take_districts(self)
    cdef take_reads(self)
    cdef take_payments(self)
    cdef take_acks(self)
    cdef take_updates(self, Configured configured)
    cdef void look_up(self, const Core* core) noexcept nogil
    cdef void run(self, Core* core) noexcept nogil

cdef Batch take_batch(str kind, object batch, object ids, Configured configured)
