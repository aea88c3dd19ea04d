# What callers drive: one core, its configuration, and which outputs are wanted.
from libc.stdint cimport int64_t

from fastcore.batches cimport Batch
from fastcore.columns cimport Block
from fastcore.configured cimport Configured
from fastcore.core cimport Core

cdef class Engine:
    cdef Core* core
    cdef Configured configured
    cdef readonly tuple outputs
    cdef object ids                          # "uint64" or "utf8"; None while the registry is empty
    cdef bint busy
    cdef void want(self)
    cdef dict header(self)
    cdef Configured next_configuration(self, object text)
    cdef object effects(self, Block block)
    cdef object new_rows(self, str output)
    cdef object intervals(self, Block block)
    cdef object run_batch(self, str kind, Batch batch, Configured next_configured, int64_t now_s)
