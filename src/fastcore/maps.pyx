"""A hash map of uint64 to uint64 for the core's side tables."""

from libc.stdint cimport int64_t, uint64_t

from fastcore.memory cimport allocate_pages, free_pages
from fastcore.native cimport mix


cdef inline uint64_t home(const Map* map, uint64_t key) noexcept nogil:
    return mix(key ^ <uint64_t>0x9E3779B97F4A7C15, <uint64_t>0xD1342543DE82EF95) & map.mask


cdef uint64_t get(const Map* map, uint64_t key) noexcept nogil:
    cdef uint64_t place
    if map.count == 0:
        return 0
    place = home(map, key)
    while map.entries[place].value:
        if map.entries[place].key == key:
            return map.entries[place].value
        place = (place + 1) & map.mask
    return 0


cdef void set(Map* map, uint64_t key, uint64_t value) noexcept nogil:
    cdef uint64_t place = home(map, key)
    while map.entries[place].value:
        if map.entries[place].key == key:
            map.entries[place].value = value
            return
        place = (place + 1) & map.mask
    map.entries[place].key = key
    map.entries[place].value = value
    map.count += 1


cdef void remove(Map* map, uint64_t key) noexcept nogil:
    cdef uint64_t hole, place, wanted
    if map.count == 0:
        return
    hole = home(map, key)
    while map.entries[hole].value and map.entries[hole].key != key:
        hole = (hole + 1) & map.mask
    if map.entries[hole].value == 0:
        return
    map.count -= 1
    place = hole
    while True:
        map.entries[hole].value = 0
        while True:
            place = (place + 1) & map.mask
            if map.entries[place].value == 0:
                return
            wanted = home(map, map.entries[place].key)
            # An entry may move back into the hole if its home does not lie behind the hole.
            if ((place - wanted) & map.mask) >= ((place - hole) & map.mask):
                break
        map.entries[hole] = map.entries[place]
        hole = place


cdef int reserve_map(Map* map, int64_t more) noexcept nogil:
    cdef uint64_t room = map.mask + 1 if map.entries != NULL else 16
    cdef uint64_t old
    cdef Map grown
    while 5 * room < 8 * <uint64_t>(map.count + more):
        room *= 2
    if map.entries != NULL and room == map.mask + 1:
        return 0
    if room > (<uint64_t>1 << 40):
        return -1
    grown.entries = <Entry*>allocate_pages(room * sizeof(Entry))
    if grown.entries == NULL:
        return -1
    grown.mask = room - 1
    grown.count = 0
    if map.entries != NULL:
        for old in range(map.mask + 1):
            if map.entries[old].value:
                set(&grown, map.entries[old].key, map.entries[old].value)
    free_pages(map.entries)
    map[0] = grown
    return 0


cdef void free_map(Map* map) noexcept nogil:
    free_pages(map.entries)
