"""A running engine takes another configuration (reference, sections 3 and 5)."""

from libc.stdint cimport int64_t, uint32_t

from fastcore.core cimport Core, mark
from fastcore.structs cimport AccountState, Tariff
from fastcore.types cimport NO_PERIOD


cdef void forget_other_tiers(Core* core, const Tariff* before, int rows) noexcept nogil:
    cdef int64_t i
    cdef AccountState* account
    for i in range(core.accounts_count):
        account = &core.accounts[i]
        if account.tariff < rows and before[account.tariff].tier_kind != core.tariffs[account.tariff].tier_kind:
            account.tier_period = NO_PERIOD
            account.tier_energy_wh = 0
            account.tier_energy_before_wh = 0


cdef void mark_all(Core* core) noexcept nogil:
    cdef int64_t i
    for i in range(core.accounts_count):
        mark(core, <uint32_t>i)
