# From an id to its row. Ids are uint64, or text of 1 to 64 bytes that is stored once, in `text`; a state
# struct's first field is its id: the number, or `place << 8 | length`.
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcmp

from fastcore.native cimport mix
from fastcore.types cimport NONE

cdef struct Ids:                     # a column of ids as it came in
    const uint64_t* numbers          # NULL: they are text
    const char* bytes
    const int32_t* offsets

cdef struct Slot:
    uint32_t row                     # NONE: empty
    uint32_t tag                     # upper half of the hash

cdef struct Index:
    Slot* slots
    uint64_t mask                    # slots - 1; slots are a power of two
    int64_t count
    char* text
    int64_t text_length
    int64_t text_capacity
    const char* rows                 # the state structs
    int64_t stride                   # bytes of one

cdef inline uint64_t hash_number(uint64_t id) noexcept nogil:
    return mix(id ^ <uint64_t>0x9E3779B97F4A7C15, <uint64_t>0xD1342543DE82EF95)

cdef uint64_t hash_text(const char* text, int64_t length) noexcept nogil

cdef inline uint64_t hash_id(const Ids* ids, int64_t i) noexcept nogil:
    if ids.numbers != NULL:
        return hash_number(ids.numbers[i])
    return hash_text(ids.bytes + ids.offsets[i], ids.offsets[i + 1] - ids.offsets[i])

cdef inline uint32_t first_likely(const Index* index, uint64_t hash) noexcept nogil:
    """The first row whose half of the hash fits: nearly always the one, without a look at its state.

    NONE: there is none.
    """
    cdef uint64_t place = hash & index.mask
    while index.slots[place].row != NONE and index.slots[place].tag != <uint32_t>(hash >> 32):
        place = (place + 1) & index.mask
    return index.slots[place].row

cdef inline bint is_row(const Index* index, uint32_t row, const Ids* ids, int64_t i) noexcept nogil:
    """Whether a row's id is the i-th."""
    cdef uint64_t id = (<const uint64_t*>(index.rows + index.stride * row))[0]
    cdef int64_t length
    if ids.numbers != NULL:
        return id == ids.numbers[i]
    length = ids.offsets[i + 1] - ids.offsets[i]
    return <int64_t>(id & 0xFF) == length and memcmp(index.text + (id >> 8), ids.bytes + ids.offsets[i], length) == 0

cdef uint32_t find(const Index* index, const Ids* ids, int64_t i, uint64_t hash) noexcept nogil
cdef uint32_t find_number(const Index* index, uint64_t id, uint64_t hash) noexcept nogil
cdef uint32_t find_text(const Index* index, const char* text, int64_t length, uint64_t hash) noexcept nogil
# Room for that many more ids with so many bytes of text, in a table `rows` of structs; 0, or -1.
cdef int reserve_ids(Index* index, int64_t more, int64_t more_bytes) noexcept nogil
# Stores the id's text if it has one; what becomes the struct's first field. Room is reserved.
cdef uint64_t store_id(Index* index, const Ids* ids, int64_t i) noexcept nogil
# Lets the id of `row` (already in its struct) be found there, in place of the row that had it.
cdef void put(Index* index, uint64_t hash, uint32_t row, uint32_t in_place_of) noexcept nogil
cdef void free_index(Index* index) noexcept nogil
