# Arrays that grow by doubling. All growth happens before a batch takes effect (core.reserve): a failed
# allocation then leaves the engine as it was.
from libc.stdint cimport int64_t

# Room for `need` items of `item_bytes`. 0, or -1 with the array as it was. What is new is not touched, so
# that room which no batch comes to use is address space only.
cdef int grow(void** data, int64_t* capacity, int64_t need, int64_t item_bytes) noexcept nogil
cdef int grow_zeroed(void** data, int64_t* capacity, int64_t need, int64_t item_bytes) noexcept nogil
cdef void* allocate(int64_t size_bytes) noexcept nogil       # zeroed; NULL where there is no room
# The same for structs of one cache line, each of which starts at one; large arrays lie on huge pages where
# the system has them.
cdef int grow_lines(void** data, int64_t* capacity, int64_t need, int64_t item_bytes) noexcept nogil
cdef void* allocate_lines(int64_t size_bytes) noexcept nogil  # not zeroed
