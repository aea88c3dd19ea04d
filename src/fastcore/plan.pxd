# What a read will do if nothing refuses it: the rules that need its meter's past, and its price (reference,
# sections 4 and 5).
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from fastcore.core cimport Core
from fastcore.rating cimport TierUse
from fastcore.structs cimport MeterProfile, MeterState
from fastcore.windows cimport Change

cdef struct Plan:                    # what an accepted read will do
    int64_t start_s
    int64_t end_s
    int64_t energy_wh
    int64_t intervals
    int64_t charge_nano
    int64_t standing_nano
    int64_t correction_nano
    uint32_t gap                     # late: the gap that it falls into
    uint16_t quality
    bint forward
    bint rated
    Change change
    TierUse use

# A read before the newest one: rules 9 to 13. Why it is refused, or REASON_ACCEPTED.
cdef uint8_t plan_late(
    const Core* core, uint32_t row, const MeterProfile* profile, int64_t at_s, int64_t value, Plan* plan_out
) noexcept nogil
# A read after the newest one, or the very first: rules 10 to 13.
cdef uint8_t plan_forward(
    const Core* core, const MeterState* meter, const MeterProfile* profile, int64_t at_s, int64_t value, Plan* plan_out
) noexcept nogil
# What a consumer's read costs (section 5); False: money or a sum leaves its bound.
cdef bint plan_money(const Core* core, const MeterState* meter, int64_t at_s, Plan* plan) noexcept nogil
