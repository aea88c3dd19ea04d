# The rules of a read that need no more than the read and its meter's kind (reference, section 4): leaves, in
# the order of the rules.
from libc.stdint cimport int64_t, uint8_t, uint16_t

from fastcore.core cimport Core
from fastcore.native cimport int128_t, product
from fastcore.structs cimport MeterProfile
from fastcore.types cimport (
    READING_INTERVAL, REASON_ACCEPTED, REASON_BACKWARD, REASON_BAD_STATUS, REASON_BAD_VALUE, REASON_CLOSED,
    REASON_CONFLICT, REASON_DUPLICATE, REASON_ESTIMATED, REASON_FUTURE, REASON_MISALIGNED, REASON_OUT_OF_CALENDAR,
    REASON_OVERLAP, REASON_SPIKE, REASON_TOO_LATE, REASON_UNKNOWN_METER, STATUS_CLOCK_INVALID, STATUS_ESTIMATED,
    STATUS_TEST_MODE,
)

cdef inline int rule_of(uint8_t reason) noexcept nogil:
    """The rule by which a read is refused; a duplicate is of rule 7, unless it is late: then of rule 9."""
    if reason == REASON_UNKNOWN_METER or reason == REASON_CLOSED:
        return 1
    if reason == REASON_BAD_STATUS or reason == REASON_ESTIMATED:
        return 2
    if reason == REASON_MISALIGNED:
        return 3
    if reason == REASON_OUT_OF_CALENDAR:
        return 4
    if reason == REASON_FUTURE:
        return 5
    if reason == REASON_BAD_VALUE:
        return 6
    if reason == REASON_CONFLICT or reason == REASON_DUPLICATE:
        return 7
    if reason == REASON_TOO_LATE:
        return 8
    if reason == REASON_OVERLAP:
        return 10
    if reason == REASON_BACKWARD:
        return 11
    return 12 if reason == REASON_SPIKE else 13

cdef inline uint8_t check_status(const Core* core, uint16_t status) noexcept nogil:
    """Rule 2."""
    if status & (STATUS_CLOCK_INVALID | STATUS_TEST_MODE):
        return REASON_BAD_STATUS
    if status & STATUS_ESTIMATED and not core.limits.accept_estimates:
        return REASON_ESTIMATED
    return REASON_ACCEPTED

cdef inline uint8_t check_read(
    const Core* core, const MeterProfile* profile, int64_t at_s, int64_t value
) noexcept nogil:
    """Rules 3 to 6."""
    if at_s % core.limits.cell_s:
        return REASON_MISALIGNED
    if at_s > core.limits.calendar_to_s or at_s < core.limits.calendar_from_s:
        return REASON_OUT_OF_CALENDAR
    if profile.reading == READING_INTERVAL and at_s - profile.interval_s < core.limits.calendar_from_s:
        return REASON_OUT_OF_CALENDAR
    if at_s > core.now_s + core.limits.future_tolerance_s:
        return REASON_FUTURE
    if value < 0 or (profile.modulus > 0 and value >= profile.modulus):
        return REASON_BAD_VALUE
    return REASON_ACCEPTED

cdef inline bint is_spike(const MeterProfile* profile, int128_t energy_wh, int64_t seconds) noexcept nogil:
    """Rule 12: more than the installation can draw. Beyond 2**100 Wh no limit is left that could allow it."""
    if profile.max_w == 0:
        return False
    if energy_wh >> 100:
        return True
    return energy_wh * 3600 > product(profile.max_w, seconds)

cdef inline int64_t intervals_in(const MeterProfile* profile, int64_t seconds) noexcept nogil:
    """n = max(1, floor(seconds / L + 1/2))."""
    cdef int64_t n = (2 * seconds + profile.interval_s) // (2 * <int64_t>profile.interval_s)
    return n if n > 1 else 1
