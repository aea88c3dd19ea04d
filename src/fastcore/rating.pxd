# What energy costs (reference, section 5): leaves that index and multiply. Products are taken in 128 bits.
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t

from fastcore.core cimport Core
from fastcore.native cimport int128_t, product
from fastcore.structs cimport AccountState, Tariff

cdef struct Spread:                  # E over N cells from cell k0 on: the first `rest` get base + 1, the others `base`
    int64_t k0
    int64_t k1
    int64_t base
    int64_t rest

cdef struct TierUse:                 # what an account has used, as it will be
    int64_t energy_wh
    int64_t before_wh
    uint16_t period

cdef inline Spread spread(int64_t energy_wh, int64_t k0, int64_t k1) noexcept nogil:
    cdef Spread s
    s.k0 = k0
    s.k1 = k1
    s.base = energy_wh // (k1 - k0) if k1 > k0 else 0
    s.rest = energy_wh % (k1 - k0) if k1 > k0 else 0
    return s

cdef inline int64_t spread_up_to(const Spread* s, int64_t k) noexcept nogil:
    """Wh in the cells before k, k0 <= k <= k1."""
    return s.base * (k - s.k0) + min(k - s.k0, s.rest)

cdef inline int128_t time_of_use(const Tariff* tariff, const Spread* s) noexcept nogil:
    """b (P[k1] - P[k0]) + P[k0 + r] - P[k0], in nano."""
    cdef const int64_t* prices = tariff.price_sum
    return product(s.base, prices[s.k1] - prices[s.k0]) + (prices[s.k0 + s.rest] - prices[s.k0])

cdef inline int128_t tier_cost(const Tariff* tariff, int64_t period, int64_t energy_wh) noexcept nogil:
    """F(x): what the energy used so far in a tier period has cost beyond time of use, in nano."""
    cdef int128_t cost = 0
    cdef int32_t version = tariff.version_of_period[period]
    cdef int32_t i
    for i in range(tariff.tier_offset[version], tariff.tier_offset[version + 1]):
        if energy_wh > tariff.tier_above_wh[i]:
            cost += product(tariff.tier_add[i], energy_wh - tariff.tier_above_wh[i])
    return cost

# The tiers' part of the charge of a stretch, and what the account will have used; False: a sum leaves its
# bound.
cdef bint tiers(
    const Core* core, const Tariff* tariff, const AccountState* account, const Spread* s,
    TierUse* use_out, int128_t* cost_out
) noexcept nogil
# The standing charge of the midnights m with from_s < m <= to_s, in nano.
cdef int128_t standing(const Core* core, const Tariff* tariff, int64_t from_s, int64_t to_s) noexcept nogil
