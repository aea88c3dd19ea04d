# A small hash map of uint64 to uint64, open addressing, entries taken out by shifting their followers back.
from libc.stdint cimport int64_t, uint64_t

cdef struct Entry:
    uint64_t key
    uint64_t value                   # 0: empty; values are from 1

cdef struct Map:
    Entry* entries
    uint64_t mask
    int64_t count

cdef int reserve_map(Map* map, int64_t more) noexcept nogil
cdef uint64_t get(const Map* map, uint64_t key) noexcept nogil          # 0: none
cdef void set(Map* map, uint64_t key, uint64_t value) noexcept nogil    # room is reserved
cdef void remove(Map* map, uint64_t key) noexcept nogil
cdef void free_map(Map* map) noexcept nogil
