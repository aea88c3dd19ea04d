# What is read of a core, by the functions of frames and states.
from libc.stdint cimport int64_t

from fastcore.columns cimport Block
from fastcore.configured cimport Configured
from fastcore.core cimport Core

cdef class Reader:
    cdef Core* core
    cdef Configured configured
    cdef Block meter_texts                   # where the running batch's intervals gather their ids as text
    cdef Block account_texts
    cdef Block district_texts
    cdef object ids                          # "uint64" or "utf8"; None while no registry batch has decided
    cdef Block room_for_intervals(self, int64_t rows)
    # An output of the newest batch, as a record batch; `block` has its intervals, None if there are none.
    cdef object output(self, str name, Block block)
