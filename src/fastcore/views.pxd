# The core's structs as NumPy arrays; the dtypes are taken from the structs themselves.
from libc.stdint cimport int64_t

cdef object copy_of(const void* data, int64_t items, str struct)         # a copy, of that struct's dtype
cdef object bytes_of(const void* data, int64_t size)
cdef object dtype_of(str struct)
