# Warn, trip, restore (reference, section 7).
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastcore.core cimport Core
from fastcore.types cimport Control

# The control record of an account, made if it has none; room is reserved.
cdef Control* control_of(Core* core, uint32_t account) noexcept nogil
# Step 4 of a batch.
cdef void control_step(Core* core) noexcept nogil
# Step 1: a batch takes T to `now_s`.
cdef void advance_time(Core* core, int64_t now_s) noexcept nogil
# Ends what is under way for an account whose relay is known to be closed, or nobody's concern any more.
cdef void forget_command(Control* control) noexcept nogil
cdef void set_state(Core* core, uint32_t account, uint8_t state) noexcept nogil
cdef void notice(Core* core, uint32_t account, uint8_t kind, int level_text) noexcept nogil
