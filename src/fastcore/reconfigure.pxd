# What a new configuration changes in the state at once.
from fastcore.core cimport Core
from fastcore.structs cimport Tariff

# Accounts whose tariff has another tier period than it had in `before` forget what they used.
cdef void forget_other_tiers(Core* core, const Tariff* before, int rows) noexcept nogil
# Lets the control step look at every account.
cdef void mark_all(Core* core) noexcept nogil
