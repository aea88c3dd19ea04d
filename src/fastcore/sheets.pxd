# A record batch over columns that the core has written, handed to Arrow by its C data interface: one call a batch,
# not several a column.
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint64_t

from fastcore.columns cimport Block
from fastcore.index cimport Index

cdef enum:
    COLUMNS_MAX = 12                 # of any output
    BUFFERS_MAX = 3                  # of a column: validity, values; or validity, offsets, text

cdef struct ArrowArray

ctypedef const void* Bytes
ctypedef ArrowArray* ArrowPlace
ctypedef void (*LetGo)(ArrowArray* array) noexcept

cdef struct ArrowArray:              # as the Arrow C data interface has it
    int64_t length
    int64_t null_count
    int64_t offset
    int64_t n_buffers
    int64_t n_children
    Bytes* buffers
    ArrowPlace* children
    ArrowArray* dictionary
    LetGo release
    void* private_data

cdef class Words:                    # the dictionary of a vocabulary, or texts to gather from
    cdef tuple kept
    cdef const int32_t* offsets
    cdef const char* text
    cdef int64_t items
    cdef Bytes[BUFFERS_MAX] buffers
    cdef int64_t bytes_of(self, const int32_t* places, int64_t rows) noexcept nogil

cdef class Sheet:
    cdef ArrowArray array
    cdef ArrowArray[COLUMNS_MAX] columns
    cdef ArrowArray[COLUMNS_MAX] dictionaries
    cdef ArrowPlace[COLUMNS_MAX] places
    cdef Bytes[COLUMNS_MAX * BUFFERS_MAX] buffers
    cdef Bytes[1] no_validity
    cdef int64_t count               # columns so far
    cdef readonly int64_t rows
    cdef list kept                   # what owns the columns' bytes
    cdef Block block                 # the one that `take` cuts
    cdef int64_t taken
    # Makes room for that many bytes of columns in all, 64 more for each; MemoryError where there is none.
    cdef int reserve(self, int64_t size, int64_t columns) except -1
    # Cuts off room for a column of so many bytes, in a cache line of its own.
    cdef void* take(self, int64_t size) except NULL
    # Room for a bit a row, all of them 0.
    cdef uint8_t* take_bits(self) except NULL
    # The next column; without `valid`, a bit a row, it has no nulls.
    cdef void add(self, const void* values, const uint8_t* valid) noexcept
    cdef void add_words(self, Words words, const int8_t* codes, const uint8_t* valid) noexcept
    cdef void add_text(self, const int32_t* offsets, const void* text, const uint8_t* valid) noexcept
    # Ids: `codes` are the states' first fields, 0 where there is none.
    cdef int add_ids(
        self, const Index* index, bint text, const uint64_t* codes, const uint8_t* valid, Block block
    ) except -1
    # A text of those in `words` for each row; null where the place is negative.
    cdef int add_gathered(self, Words words, const int32_t* places) except -1
    # Hands the columns over.
    cdef object record_batch(self, object schema)

cdef Sheet new_sheet(int64_t rows)
# One with room for so many columns of eight bytes a row, of which `seq` is the first.
cdef Sheet output_sheet(int64_t rows, int64_t columns, uint64_t sequence)
