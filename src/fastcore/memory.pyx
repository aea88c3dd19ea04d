"""Arrays of the core that grow by doubling, never by row, and a switch that lets tests see an allocation
fail.
"""

from libc.stdint cimport INT64_MAX, int64_t
from libc.string cimport memcpy

from fastcore.native cimport map_pages, remap_pages, unmap_pages

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


cdef void* allocate_pages(int64_t size_bytes) noexcept nogil:
    return NULL if refused() else map_pages(size_bytes, False)


cdef void* allocate_huge(int64_t size_bytes) noexcept nogil:
    return NULL if refused() else map_pages(size_bytes, True)


cdef void free_pages(void* data) noexcept nogil:
    unmap_pages(data)


cdef int64_t room_for(int64_t capacity, int64_t need, int64_t item_bytes) noexcept nogil:
    """Items to make room for; -1 if no memory could hold them."""
    cdef int64_t room = max(need, 2 * capacity, 16)
    return room if room <= INT64_MAX // item_bytes else -1


cdef int grow(void** data, int64_t* capacity, int64_t need, int64_t item_bytes) noexcept nogil:
    cdef int64_t room = room_for(capacity[0], need, item_bytes)
    cdef void* grown
    if need <= capacity[0]:
        return 0
    if room < 0 or refused():
        return -1
    grown = remap_pages(data[0], room * item_bytes)
    if grown == NULL:
        return -1
    data[0] = grown
    capacity[0] = room
    return 0


cdef int move_to(
    void* made, void** data, int64_t* capacity, int64_t room, int64_t kept_bytes
) noexcept nogil:
    """What was made takes an array's place, and its first bytes."""
    if made == NULL:
        return -1
    if kept_bytes:
        memcpy(made, data[0], kept_bytes)
    free_pages(data[0])
    data[0] = made
    capacity[0] = room
    return 0


cdef int grow_huge(void** data, int64_t* capacity, int64_t need, int64_t item_bytes) noexcept nogil:
    cdef int64_t room = room_for(capacity[0], need, item_bytes)
    if need <= capacity[0]:
        return 0
    return move_to(
        allocate_huge(room * item_bytes) if room > 0 else NULL, data, capacity, room, capacity[0] * item_bytes)


cdef int renew(void** data, int64_t* capacity, int64_t need, int64_t item_bytes) noexcept nogil:
    cdef int64_t room = room_for(capacity[0], need, item_bytes)
    if need <= capacity[0]:
        return 0
    return move_to(allocate_pages(room * item_bytes) if room > 0 else NULL, data, capacity, room, 0)
