# Which meters an account and a district have, and which of them is the primary and the switch (reference,
# section 3).
from libc.stdint cimport uint32_t

from fastcore.core cimport Core

# Puts a meter into the lists of its account and district, by arrival; takes it out of them.
cdef void join(Core* core, uint32_t meter) noexcept nogil
cdef void leave(Core* core, uint32_t meter) noexcept nogil
# An account's primary meter and its switch; NONE: it has none.
cdef uint32_t primary_of(const Core* core, uint32_t account) noexcept nogil
cdef uint32_t switch_of(const Core* core, uint32_t account) noexcept nogil
# Keeps an account's primary and switch where they may stay, and else lets the first that there is take over.
cdef void choose(Core* core, uint32_t account) noexcept nogil
# Lets one meter be primary and, if it can, switch.
cdef void succeed(Core* core, uint32_t account, uint32_t old, uint32_t new) noexcept nogil
