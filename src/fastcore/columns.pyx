"""Columns that are handed to Arrow without a copy.

A batch writes its intervals into one large block; each column's Arrow buffer keeps the block alive, and when the
last is dropped the block returns to a pool, so that a steady stream of batches pays for its pages once."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset
from posix.stdlib cimport posix_memalign

import numpy as np
import pyarrow as pa

from fastcore.core cimport Intervals
from fastcore.index cimport Index
from fastcore.memory cimport allocate_huge, free_pages
from fastcore.native cimport copy_text

cdef enum:
    ALIGNMENT = 64
    ID_BYTES = 64
    APART = 5 * 64
    POOLED = 4                       # blocks of a size that are kept for the next batch

cdef dict pool = {}                  # size → addresses of blocks that nobody holds


cdef class Block:
    """Bytes of the core that Arrow buffers borrow."""

    def __dealloc__(self):
        if self.data == NULL:
            return
        if not self.pooled:
            free(self.data)
            return
        kept = pool.setdefault(self.size, [])
        if len(kept) < POOLED:
            kept.append(<size_t>self.data)
        else:
            free_pages(self.data)


cdef Block small_block(int64_t size):
    cdef Block block = Block.__new__(Block)
    cdef void* data = NULL
    block.size = padded(size + ALIGNMENT)
    if posix_memalign(&data, ALIGNMENT, block.size):
        raise MemoryError(f"no room for {block.size} bytes of output")
    block.data = <char*>data
    return block


cdef Block large_block(int64_t size):
    cdef Block block = Block.__new__(Block)
    cdef int64_t room = 4096
    while room < size:
        room *= 2
    kept = pool.get(room)
    if kept:
        block.data = <char*><size_t>kept.pop()
    else:
        block.data = <char*>allocate_huge(room)
        if block.data == NULL:
            raise MemoryError(f"no room for {room} bytes of output")
    block.size = room
    block.pooled = True
    return block


cdef Block intervals_block(int64_t rows, Intervals* out):
    # Columns a power of two apart would all fall into the same few lines of the first cache.
    cdef int64_t wide = padded(8 * rows) + APART, bits = padded((rows + 7) >> 3)
    cdef Block block = large_block(9 * wide + padded(4 * rows) + padded(2 * rows) + bits)
    cdef char* place = block.data
    out.items = 0
    out.without_account = 0
    out.seq = <uint64_t*>place
    out.meter_id = <uint64_t*>(place + wide)
    out.account_id = <uint64_t*>(place + 2 * wide)
    out.district_id = <uint64_t*>(place + 3 * wide)
    out.start_s = <int64_t*>(place + 4 * wide)
    out.end_s = <int64_t*>(place + 5 * wide)
    out.energy_wh = <int64_t*>(place + 6 * wide)
    out.charge_nano = <int64_t*>(place + 7 * wide)
    out.balance_nano = <int64_t*>(place + 8 * wide)
    place += 9 * wide
    out.row = <uint32_t*>place
    out.quality = <uint16_t*>(place + padded(4 * rows))
    out.has_account = <uint8_t*>(place + padded(4 * rows) + padded(2 * rows))
    memset(out.has_account, 0xFF, bits)
    return block


cdef Block text_block(int64_t rows):
    """Room for that many ids as text, however long they are."""
    return large_block(padded(4 * (rows + 1)) + ID_BYTES * (rows + 1))


cdef void gather_texts(
    const Index* index, const uint64_t* codes, int64_t rows, int32_t* offsets, char* bytes
) noexcept nogil:
    """A row without an id has the code 0: no text."""
    cdef int64_t i, length = 0
    for i in range(rows):
        offsets[i] = <int32_t>length
        copy_text(bytes + length, index.text + (codes[i] >> 8), codes[i] & 0xFF)
        length += codes[i] & 0xFF
    offsets[rows] = <int32_t>length


cdef object id_array(
    const Index* index, bint text, const uint64_t* codes, int64_t rows, object owner, object valid
):
    cdef int32_t* offsets
    cdef char* bytes
    if not text:
        return pa.Array.from_buffers(pa.uint64(), rows, [valid, pa.foreign_buffer(<size_t>codes, 8 * rows, owner)])
    owner = np.empty(padded(4 * (rows + 1)) + ID_BYTES * (rows + 1), np.uint8)
    offsets = <int32_t*><size_t>owner.ctypes.data
    bytes = <char*>offsets + padded(4 * (rows + 1))
    with nogil:
        gather_texts(index, codes, rows, offsets, bytes)
    return pa.Array.from_buffers(pa.string(), rows, [
        valid,
        pa.foreign_buffer(<size_t>offsets, 4 * (rows + 1), owner),
        pa.foreign_buffer(<size_t>bytes, offsets[rows], owner),
    ])
