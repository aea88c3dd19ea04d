"""Record batches over columns of the core, by the Arrow C data interface.

A `Sheet` owns the blocks that its columns lie in. Arrow holds the sheet until the last array of the batch is gone.
"""

from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint64_t, uintptr_t
from libc.string cimport memcpy, memset

import numpy as np
import pyarrow as pa

from fastcore.columns cimport COPIED_BEYOND, Block, gather_texts, padded, small_block
from fastcore.index cimport Index

cdef enum:
    LINE_BYTES = 64


cdef void let_go_part(ArrowArray* part) noexcept:
    """A column or a dictionary is released: its bytes are the sheet's."""
    part.release = NULL


cdef void let_go(ArrowArray* array) noexcept with gil:
    """A batch is released, and the columns that nobody took out of it."""
    cdef int64_t i
    cdef ArrowArray* column
    for i in range(array.n_children):
        column = array.children[i]
        if column.dictionary != NULL and column.dictionary.release != NULL:
            column.dictionary.release(column.dictionary)
        if column.release != NULL:
            column.release(column)
    array.release = NULL
    Py_DECREF(<Sheet>array.private_data)


cdef class Words:
    """Texts, one behind the other."""

    def __cinit__(self, texts):
        data = [text.encode() for text in texts]
        self.items = len(data)
        self.kept = np.cumsum([0, *map(len, data)], dtype=np.int32), b"".join(data)
        self.offsets = <const int32_t*><size_t>self.kept[0].ctypes.data
        self.text = <const char*>self.kept[1]
        self.buffers[0] = NULL
        self.buffers[1] = self.offsets
        self.buffers[2] = self.text

    cdef int64_t bytes_of(self, const int32_t* places, int64_t rows) noexcept nogil:
        """Bytes of the texts at those places; negative ones are none."""
        cdef int64_t i, size = 0
        for i in range(rows):
            if places[i] >= 0:
                size += self.offsets[places[i] + 1] - self.offsets[places[i]]
        return size


cdef class Sheet:
    """The columns of one record batch."""

    cdef int reserve(self, int64_t size, int64_t columns) except -1:
        self.block = small_block(size + LINE_BYTES * columns)
        self.taken = 0
        self.kept.append(self.block)
        return 0

    cdef void* take(self, int64_t size) except NULL:
        cdef void* place = self.block.data + self.taken
        self.taken += padded(size)
        if self.taken > self.block.size:
            raise MemoryError(f"{self.taken} bytes of columns, and room for {self.block.size}; a fault of fastcore")
        return place

    cdef uint8_t* take_bits(self) except NULL:
        cdef int64_t size = (self.rows + 7) >> 3
        return <uint8_t*>memset(self.take(size), 0, size)

    cdef void add(self, const void* values, const uint8_t* valid) noexcept:
        cdef int64_t i = self.count
        cdef ArrowArray* column = &self.columns[i]
        column.length = self.rows
        column.null_count = -1 if valid != NULL else 0
        column.n_buffers = 2
        column.buffers = &self.buffers[BUFFERS_MAX * i]
        column.buffers[0] = valid
        column.buffers[1] = values
        column.release = let_go_part
        self.places[i] = column
        self.count += 1

    cdef void add_words(self, Words words, const int8_t* codes, const uint8_t* valid) noexcept:
        cdef ArrowArray* dictionary = &self.dictionaries[self.count]
        dictionary.length = words.items
        dictionary.n_buffers = 3
        dictionary.buffers = words.buffers
        dictionary.release = let_go_part
        self.columns[self.count].dictionary = dictionary
        self.kept.append(words)
        self.add(codes, valid)

    cdef void add_text(self, const int32_t* offsets, const void* text, const uint8_t* valid) noexcept:
        self.add(offsets, valid)
        self.columns[self.count - 1].n_buffers = 3
        self.columns[self.count - 1].buffers[2] = text

    cdef int add_ids(
        self, const Index* index, bint text, const uint64_t* codes, const uint8_t* valid, Block block
    ) except -1:
        """`block` is where ids of text are gathered; without one, the sheet makes it."""
        cdef int64_t i, size = 0
        cdef int32_t* offsets
        cdef char* bytes
        if not text:
            self.add(codes, valid)
            return 0
        if block is None:
            for i in range(self.rows):
                size += codes[i] & 0xFF
            block = small_block(padded(4 * (self.rows + 1)) + size + COPIED_BEYOND)
        self.kept.append(block)
        offsets = <int32_t*>block.data
        bytes = block.data + padded(4 * (self.rows + 1))
        with nogil:
            gather_texts(index, codes, self.rows, offsets, bytes)
        self.add_text(offsets, bytes, valid)
        return 0

    cdef int add_gathered(self, Words words, const int32_t* places) except -1:
        cdef int64_t i, size = words.bytes_of(places, self.rows), length
        cdef Block block = small_block(padded(4 * (self.rows + 1)) + padded((self.rows + 7) >> 3) + size)
        cdef int32_t* offsets = <int32_t*>block.data
        cdef uint8_t* valid = <uint8_t*>block.data + padded(4 * (self.rows + 1))
        cdef char* bytes = <char*>valid + padded((self.rows + 7) >> 3)
        self.kept.append(block)
        memset(valid, 0, (self.rows + 7) >> 3)
        size = 0
        for i in range(self.rows):
            offsets[i] = <int32_t>size
            if places[i] >= 0:
                length = words.offsets[places[i] + 1] - words.offsets[places[i]]
                memcpy(bytes + size, words.text + words.offsets[places[i]], length)
                size += length
                valid[i >> 3] |= <uint8_t>(1 << (i & 7))
        offsets[self.rows] = <int32_t>size
        self.add_text(offsets, bytes, valid)
        return 0

    cdef object record_batch(self, object schema):
        self.array.length = self.rows
        self.array.n_buffers = 1
        self.array.buffers = self.no_validity
        self.array.n_children = self.count
        self.array.children = self.places
        self.array.release = let_go
        self.array.private_data = <void*>self
        Py_INCREF(self)
        # Arrow takes the struct over, whatever comes of it.
        return pa.RecordBatch._import_from_c(<uintptr_t>&self.array, schema)


cdef Sheet new_sheet(int64_t rows):
    cdef Sheet sheet = Sheet.__new__(Sheet)
    sheet.rows = rows
    sheet.kept = []
    return sheet


cdef Sheet output_sheet(int64_t rows, int64_t columns, uint64_t sequence):
    cdef Sheet sheet = new_sheet(rows)
    cdef uint64_t* seq
    cdef int64_t i
    sheet.reserve(8 * columns * (rows + 1), columns)
    seq = <uint64_t*>sheet.take(8 * rows)
    for i in range(rows):
        seq[i] = sequence
    sheet.add(seq, NULL)
    return sheet
