# Memory that Arrow comes to own: blocks taken from a pool, cut into columns, and given back when the last
# array is gone.
from libc.stdint cimport int32_t, int64_t, uint64_t

from fastcore.core cimport Intervals
from fastcore.index cimport Index

cdef enum:
    COPIED_BEYOND = 16               # bytes that a text may be copied with

cdef class Block:
    cdef char* data
    cdef readonly int64_t size
    cdef bint pooled

cdef inline int64_t padded(int64_t size) noexcept nogil:
    return (size + 63) & ~<int64_t>63

cdef Block small_block(int64_t size)                     # MemoryError where there is no room
# A block for that many rows of `intervals`, and where each column lies.
cdef Block intervals_block(int64_t rows, Intervals* out)
# A block for that many ids as text.
cdef Block text_block(int64_t rows)
# Gathers ids of text: their bytes, and where each begins and ends. Room for COPIED_BEYOND more is there.
cdef void gather_texts(
    const Index* index, const uint64_t* codes, int64_t rows, int32_t* offsets, char* bytes
) noexcept nogil
# An Arrow array of ids: `codes` are the states' first fields, in memory of `owner`. With text, its bytes are gathered.
cdef object id_array(
    const Index* index, bint text, const uint64_t* codes, int64_t rows, object owner, object valid
)
