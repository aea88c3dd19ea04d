"""Open addressing from ids to rows, by cache lines: twelve rows in each, and a byte of each id's hash.

A look-up reads one line, and then the state that the caller wants anyway. What finds its line full stands in
the next that is not. Nothing is ever taken out: an id that starts anew lets its place point to another row."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from fastcore.memory cimport allocate_huge, free_pages, grow
from fastcore.native cimport mix
from fastcore.types cimport NONE


cdef uint64_t hash_text(const char* text, int64_t length) noexcept nogil:
    cdef uint64_t hash = <uint64_t>0x9E3779B97F4A7C15 ^ <uint64_t>length
    cdef uint64_t word
    cdef int64_t place = 0
    while place + 8 <= length:
        memcpy(&word, text + place, 8)
        hash = mix(hash ^ word, <uint64_t>0xD1342543DE82EF95)
        place += 8
    word = 0
    memcpy(&word, text + place, length - place)
    return mix(hash ^ word, <uint64_t>0xA0761D6478BD642F)


cdef uint32_t find_number(const Index* index, uint64_t id, uint64_t hash) noexcept nogil:
    cdef uint64_t place = hash & index.mask
    cdef uint8_t tag = <uint8_t>tag_of(hash)
    cdef const Line* line
    cdef int i
    if index.lines == NULL:
        return NONE
    while True:
        line = &index.lines[place]
        for i in range(LINE_ROWS):
            if line.tags[i] == tag and (<const uint64_t*>(index.rows + index.stride * line.rows[i]))[0] == id:
                return line.rows[i]
        if not line.passed:
            return NONE
        place = (place + 1) & index.mask


cdef uint32_t find_text(const Index* index, const char* text, int64_t length, uint64_t hash) noexcept nogil:
    cdef uint64_t place = hash & index.mask, id
    cdef uint8_t tag = <uint8_t>tag_of(hash)
    cdef const Line* line
    cdef int i
    if index.lines == NULL:
        return NONE
    while True:
        line = &index.lines[place]
        for i in range(LINE_ROWS):
            if line.tags[i] != tag:
                continue
            id = (<const uint64_t*>(index.rows + index.stride * line.rows[i]))[0]
            if <int64_t>(id & 0xFF) == length and memcmp(index.text + (id >> 8), text, length) == 0:
                return line.rows[i]
        if not line.passed:
            return NONE
        place = (place + 1) & index.mask


cdef uint32_t find(const Index* index, const Ids* ids, int64_t i, uint64_t hash) noexcept nogil:
    if ids.numbers != NULL:
        return find_number(index, ids.numbers[i], hash)
    return find_text(index, ids.bytes + ids.offsets[i], ids.offsets[i + 1] - ids.offsets[i], hash)


cdef uint64_t store_id(Index* index, const Ids* ids, int64_t i) noexcept nogil:
    cdef int64_t length, place = index.text_length
    if ids.numbers != NULL:
        return ids.numbers[i]
    length = ids.offsets[i + 1] - ids.offsets[i]
    memcpy(index.text + place, ids.bytes + ids.offsets[i], length)
    index.text_length += length
    return <uint64_t>place << 8 | <uint64_t>length


cdef void place_row(Line* lines, uint64_t mask, uint64_t hash, uint32_t row) noexcept nogil:
    cdef uint64_t place = hash & mask
    cdef Line* line = &lines[place]
    cdef int i = 0
    while line.tags[LINE_ROWS - 1]:
        line.passed = 1
        place = (place + 1) & mask
        line = &lines[place]
    while line.tags[i]:
        i += 1
    line.rows[i] = row
    line.tags[i] = <uint8_t>tag_of(hash)


cdef void put(Index* index, uint64_t hash, uint32_t row, uint32_t in_place_of) noexcept nogil:
    cdef uint64_t place = hash & index.mask
    cdef Line* line
    cdef int i
    while in_place_of != NONE:
        line = &index.lines[place]
        for i in range(LINE_ROWS):
            if line.tags[i] and line.rows[i] == in_place_of:
                line.rows[i] = row
                return
        if not line.passed:
            break
        place = (place + 1) & index.mask
    place_row(index.lines, index.mask, hash, row)
    index.count += 1


cdef int reserve_ids(Index* index, int64_t more, int64_t more_bytes) noexcept nogil:
    cdef uint64_t lines = index.mask + 1 if index.lines != NULL else 8
    cdef uint64_t old, id, hash
    cdef Line* line
    cdef Line* grown
    cdef int i
    # A text may be copied with up to 15 bytes beyond it.
    if more_bytes and grow(<void**>&index.text, &index.text_capacity, index.text_length + more_bytes + 16, 1) < 0:
        return -1
    while LINE_FILL * lines < <uint64_t>(index.count + more):
        lines *= 2
    if index.lines != NULL and lines == index.mask + 1:
        return 0
    if lines > (<uint64_t>1 << 40):
        return -1
    grown = <Line*>allocate_huge(lines * sizeof(Line))
    if grown == NULL:
        return -1
    if index.lines != NULL:
        for old in range(index.mask + 1):
            line = &index.lines[old]
            for i in range(LINE_ROWS):
                if not line.tags[i]:
                    break
                id = (<const uint64_t*>(index.rows + index.stride * line.rows[i]))[0]
                if index.text_length:
                    hash = hash_text(index.text + (id >> 8), id & 0xFF)
                else:
                    hash = hash_number(id)
                place_row(grown, lines - 1, hash, line.rows[i])
    free_pages(index.lines)
    index.lines = grown
    index.mask = lines - 1
    return 0


cdef void free_index(Index* index) noexcept nogil:
    free_pages(index.lines)
    free_pages(index.text)
