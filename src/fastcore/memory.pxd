# Arrays of zero pages that grow by doubling: a page takes room only once it is written to, so that room which no
# batch comes to use is address space. All growth happens before a batch takes effect (core.reserve): a failed
# allocation then leaves the engine as it was. Structs of one line each start at one.
from libc.stdint cimport int64_t

# For `free_pages`; NULL where there is no room.
cdef void* allocate_pages(int64_t size_bytes) noexcept nogil
cdef void* allocate_huge(int64_t size_bytes) noexcept nogil      # on huge pages where the system has them
cdef void free_pages(void* data) noexcept nogil
# Room for `need` items of `item_bytes`; what is new is zero. 0, or -1 with the array as it was.
cdef int grow(void** data, int64_t* capacity, int64_t need, int64_t item_bytes) noexcept nogil
cdef int grow_huge(void** data, int64_t* capacity, int64_t need, int64_t item_bytes) noexcept nogil
# The same for what is empty between batches, and is not carried over.
cdef int renew(void** data, int64_t* capacity, int64_t need, int64_t item_bytes) noexcept nogil
