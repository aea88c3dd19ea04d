# What callers drive: one core, its configuration, and which outputs are wanted.
from libc.stdint cimport int64_t

from fastcore.batches cimport Batch
from fastcore.columns cimport Block
from fastcore.configured cimport Configured
from fastcore.core cimport Core
from fastcore.reader cimport Reader

cdef class Engine:
    cdef Reader reader                       # owns the core
    cdef Core* core
    cdef readonly tuple outputs
    cdef bint busy
    cdef void want(self)
    cdef int check_idle(self) except -1
    cdef int64_t account_row(self, object account_id) except -1
    cdef dict header(self)
    cdef Configured next_configuration(self, object text)
    cdef object run_batch(self, str kind, Batch batch, Configured next_configured, int64_t now_s)
