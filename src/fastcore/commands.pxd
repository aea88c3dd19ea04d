# An account's control record, its commands and notices (reference, section 7).
from libc.stdint cimport uint8_t, uint32_t

from fastcore.core cimport Core
from fastcore.structs cimport Control, Dispatch

# The control record of an account, made if it has none; room is reserved.
cdef Control* control_of(Core* core, uint32_t account) noexcept nogil
cdef void set_state(Core* core, uint32_t account, uint8_t state) noexcept nogil
cdef void notice(Core* core, uint32_t account, uint8_t kind, int level_text) noexcept nogil
# An attempt of the current command.
cdef void send(Core* core, uint32_t account, Control* control) noexcept nogil
# A new command; it supersedes the one before.
cdef void issue(Core* core, uint32_t account, Control* control, uint8_t command, uint8_t cause) noexcept nogil
cdef void restore(Core* core, uint32_t account, Control* control, uint8_t cause) noexcept nogil
# Ends what is under way for an account whose relay is known to be closed, or nobody's concern any more.
cdef void forget_command(Core* core, Control* control) noexcept nogil
# What an account's commands are noted in, made ready for the first.
cdef Dispatch* begin_dispatch(Core* core, const Control* control) noexcept nogil
