# A refused row becomes a row of `exceptions`, and changes nothing else.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastcore.core cimport Core
from fastcore.index cimport Ids
from fastcore.rows cimport ExceptionRow

cdef ExceptionRow* refuse(Core* core, uint32_t row, uint8_t reason) noexcept nogil
cdef void subject_is_id(Core* core, ExceptionRow* item, const Ids* ids, int64_t i) noexcept nogil
cdef void subject_is_number(Core* core, ExceptionRow* item, uint64_t number) noexcept nogil
cdef void subject_is_text(Core* core, ExceptionRow* item, const char* text, int64_t length) noexcept nogil
