"""Open addressing from ids to rows: eight bytes a slot, at most five eighths of them taken.

A slot holds a row and half of its id's hash, so a look-up reads one slot and then the state that the caller
wants anyway. Nothing is ever taken out: an id that starts anew lets its slot point to another row."""

# cython: cdivision=True

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

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
    cdef Slot slot
    if index.slots == NULL:
        return NONE
    while True:
        slot = index.slots[place]
        if slot.row == NONE:
            return NONE
        if slot.tag == <uint32_t>(hash >> 32) and (<const uint64_t*>(index.rows + index.stride * slot.row))[0] == id:
            return slot.row
        place = (place + 1) & index.mask


cdef uint32_t find_text(const Index* index, const char* text, int64_t length, uint64_t hash) noexcept nogil:
    cdef uint64_t place = hash & index.mask
    cdef uint64_t id
    cdef Slot slot
    if index.slots == NULL:
        return NONE
    while True:
        slot = index.slots[place]
        if slot.row == NONE:
            return NONE
        if slot.tag == <uint32_t>(hash >> 32):
            id = (<const uint64_t*>(index.rows + index.stride * slot.row))[0]
            if <int64_t>(id & 0xFF) == length and memcmp(index.text + (id >> 8), text, length) == 0:
                return slot.row
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


cdef void put(Index* index, uint64_t hash, uint32_t row, uint32_t in_place_of) noexcept nogil:
    cdef uint64_t place = hash & index.mask
    while index.slots[place].row != NONE:
        if in_place_of != NONE and index.slots[place].row == in_place_of:
            index.slots[place].row = row
            return
        place = (place + 1) & index.mask
    index.slots[place].row = row
    index.slots[place].tag = <uint32_t>(hash >> 32)
    index.count += 1


cdef int reserve_ids(Index* index, int64_t more, int64_t more_bytes) noexcept nogil:
    cdef uint64_t slots = index.mask + 1 if index.slots != NULL else 64
    cdef uint64_t old, place, id, hash
    cdef uint32_t row
    cdef Slot* grown
    # A text may be copied with up to 15 bytes beyond it.
    if more_bytes and grow(<void**>&index.text, &index.text_capacity, index.text_length + more_bytes + 16, 1) < 0:
        return -1
    while 5 * slots < 8 * <uint64_t>(index.count + more):
        slots *= 2
    if index.slots != NULL and slots == index.mask + 1:
        return 0
    if slots > (<uint64_t>1 << 40):
        return -1
    grown = <Slot*>allocate_huge(slots * sizeof(Slot))
    if grown == NULL:
        return -1
    memset(grown, 0xFF, slots * sizeof(Slot))
    if index.slots != NULL:
        for old in range(index.mask + 1):
            row = index.slots[old].row
            if row == NONE:
                continue
            id = (<const uint64_t*>(index.rows + index.stride * row))[0]
            if index.text_length:
                hash = hash_text(index.text + (id >> 8), id & 0xFF)
            else:
                hash = hash_number(id)
            place = hash & (slots - 1)
            while grown[place].row != NONE:
                place = (place + 1) & (slots - 1)
            grown[place] = index.slots[old]
    free_pages(index.slots)
    index.slots = grown
    index.mask = slots - 1
    return 0


cdef void free_index(Index* index) noexcept nogil:
    free_pages(index.slots)
    free_pages(index.text)
