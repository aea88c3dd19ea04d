# From an id to its row. Ids are uint64, or text of 1 to 64 bytes that is stored once, in `text`; a state
# struct's first field is its id: the number, or `place << 8 | length`.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp

from fastcore.native cimport lowest_bit, mix, word
from fastcore.types cimport NONE

cdef struct Ids:                     # a column of ids as it came in
    const uint64_t* numbers          # NULL: they are text
    const char* bytes
    const int32_t* offsets

cdef enum:
    LINE_ROWS = 12                   # rows of one line
    LINE_FILL = 10                   # of them, as many as are used on the average when a table grows

cdef struct Line:                    # 64 bytes, one cache line
    uint32_t[LINE_ROWS] rows
    uint8_t[LINE_ROWS] tags          # of the ids' hashes; 0: empty, and so are those behind it
    uint32_t passed                  # whether ids that belong here stand further on

cdef struct Index:
    Line* lines
    uint64_t mask                    # lines - 1; lines are a power of two
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

cdef inline uint64_t tag_of(uint64_t hash) noexcept nogil:
    """1 to 255: eight bits of the hash that say nothing of its line."""
    return (hash >> 56) + (hash >> 56 == 0)

cdef inline uint64_t fitting(const Line* line, uint64_t tag, int64_t first) noexcept nogil:
    """Which of the eight tags from `first` on are this one: the highest bit of each byte that may be.

    The lowest of them is one; those above it need not be.
    """
    cdef uint64_t ones = <uint64_t>0x0101010101010101, x = word(&line.tags[first]) ^ tag * ones
    return (x - ones) & ~x & (ones << 7)

cdef inline uint32_t first_likely(const Index* index, uint64_t hash) noexcept nogil:
    """The first row whose tag fits: nearly always the one, without a look at its state.

    NONE: there is none.
    """
    cdef uint64_t place = hash & index.mask, tag = tag_of(hash), fits
    cdef const Line* line
    while True:
        line = &index.lines[place]
        fits = fitting(line, tag, 0)
        if fits:
            return line.rows[lowest_bit(fits) >> 3]
        fits = fitting(line, tag, LINE_ROWS - 8)
        if fits:
            return line.rows[LINE_ROWS - 8 + (lowest_bit(fits) >> 3)]
        if not line.passed:
            return NONE
        place = (place + 1) & index.mask

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
