"""Arrays of the core that grow by doubling, never by row, and a switch that lets tests see an allocation
fail.
"""

# cython: cdivision=True

from libc.stdint cimport INT64_MAX, int64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset

from fastcore.native cimport aligned, ask_for_huge_pages

cdef enum:
    LINE_BYTES = 64
    HUGE_PAGE_BYTES = 1 << 21

cdef int64_t allocations_left = -1           # for tests; -1: no limit


def fail_after(allocations):
    """Let that many allocations of the core succeed and the next ones fail; None: as many as the machine has
    room for.
    """
    global allocations_left
    allocations_left = -1 if allocations is None else allocations


cdef bint refused() noexcept nogil:
    global allocations_left
    if allocations_left < 0:
        return False
    if allocations_left == 0:
        return True
    allocations_left -= 1
    return False


cdef void* allocate(int64_t size_bytes) noexcept nogil:
    return NULL if refused() else calloc(1, size_bytes)


cdef int grow(void** data, int64_t* capacity, int64_t need, int64_t item_bytes) noexcept nogil:
    cdef int64_t room
    cdef void* grown
    if need <= capacity[0]:
        return 0
    room = max(need, 2 * capacity[0], 16)
    if room > INT64_MAX // item_bytes or refused():
        return -1
    grown = realloc(data[0], room * item_bytes)
    if grown == NULL:
        return -1
    data[0] = grown
    capacity[0] = room
    return 0


cdef int grow_zeroed(void** data, int64_t* capacity, int64_t need, int64_t item_bytes) noexcept nogil:
    cdef int64_t before = capacity[0]
    if grow(data, capacity, need, item_bytes) < 0:
        return -1
    memset(<char*>data[0] + before * item_bytes, 0, (capacity[0] - before) * item_bytes)
    return 0


cdef void* allocate_lines(int64_t size_bytes) noexcept nogil:
    cdef void* data
    cdef bint large = size_bytes >= 2 * HUGE_PAGE_BYTES
    if refused():
        return NULL
    data = aligned(HUGE_PAGE_BYTES if large else LINE_BYTES, size_bytes)
    if data != NULL and large:
        ask_for_huge_pages(data, size_bytes)
    return data


cdef int grow_lines(void** data, int64_t* capacity, int64_t need, int64_t item_bytes) noexcept nogil:
    cdef int64_t room
    cdef void* grown
    if need <= capacity[0]:
        return 0
    room = max(need, 2 * capacity[0], 16)
    if room > INT64_MAX // item_bytes:
        return -1
    grown = allocate_lines(room * item_bytes)
    if grown == NULL:
        return -1
    if capacity[0]:
        memcpy(grown, data[0], capacity[0] * item_bytes)
    free(data[0])
    data[0] = grown
    capacity[0] = room
    return 0
