# Accounts in `due` that a gate holds back until an instant, or until something happens to them: the control step
# lets them sleep meanwhile. They count as if it had looked at them.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from fastcore.core cimport Core

# Lets an account sleep that the gate holds back, if that gate opens at a known instant or by an update alone.
cdef void let_sleep(Core* core, uint32_t account, uint8_t gate) noexcept nogil
# It is looked at again, or has left `due`.
cdef void rouse(Core* core, uint32_t account) noexcept nogil
# Brings those back to attention whose time has come by T, or all of them.
cdef void wake_due(Core* core) noexcept nogil
cdef void wake_all(Core* core) noexcept nogil
# How many sleep, and how many of them have their time come by then, at most.
cdef int64_t count_asleep(const Core* core) noexcept nogil
cdef int64_t count_due(const Core* core, int64_t now_s) noexcept nogil
