"""Bounds on what a batch may write, so that all room is made before it takes effect."""

from libc.stdint cimport int64_t

from fastcore.core cimport Core, Needs
from fastcore.native cimport floor_div
from fastcore.structs cimport DistrictState
from fastcore.types cimport DISTRICT_BEGUN, KIND_CONFIG, KIND_READS, KIND_UPDATES
from fastcore.waiting cimport count_asleep, count_due


cdef enum:
    FINDINGS_OF_READ = 4             # inspect_meter, off_but_consuming, silent_meter, zero_usage: each opened or closed
    FINDINGS_OF_WINDOW = 3           # high_loss, negative_loss, outage
    FINDINGS_OF_ENGINE = 4           # mass_trip, clock_jump, calendar_ends, and one to spare
    ROWS_OF_CONTROL = 2              # accounts that a row can bring to the control step's notice


cdef int64_t silent_bound(const Core* core, int64_t end_s) noexcept nogil:
    """Meters in districts that have to be looked at for silence before that end of a window."""
    cdef int64_t i, meters = 0
    cdef const DistrictState* district
    for i in range(core.districts_count):
        district = &core.districts[i]
        if district.flags & DISTRICT_BEGUN and end_s - core.limits.silent_after_s >= district.silent_bound_s:
            meters += district.meters
    return meters


cdef void complete_needs(
    const Core* core, Needs* needs, int kind, int64_t now_s, int64_t lateness_s
) noexcept nogil:
    cdef int64_t window_s = core.limits.window_s
    cdef int64_t before = core.limits.allowed_lateness_s
    cdef int64_t lateness = before if lateness_s < 0 else min(lateness_s, before)
    cdef int64_t due = floor_div(now_s - lateness, window_s) - 1
    cdef int64_t opened = floor_div(now_s - core.limits.window_horizon_s, window_s)
    cdef int64_t closed_kept = max(due, core.next_window - 1) - min(opened, core.slab_base) + 1
    cdef int64_t reading = needs.rows if kind == KIND_READS or kind == KIND_UPDATES else 0
    cdef int64_t beginning = min(reading, core.districts_count - core.begun_count)
    cdef int64_t closings = 0
    if core.begun_count:
        closings = core.begun_count * max(due - core.next_window + 1, <int64_t>0)
    closings += beginning * max(due - opened + 1, <int64_t>0)
    needs.closings = closings
    needs.revisions = min(reading, core.districts_count) * max(closed_kept, <int64_t>0)
    needs.visits = core.attention_count + count_due(core, now_s) + ROWS_OF_CONTROL * needs.rows + 1
    if kind == KIND_UPDATES:
        needs.visits += count_asleep(core)
    if kind == KIND_CONFIG:
        needs.visits = core.accounts_count + 1
    needs.findings = FINDINGS_OF_READ * needs.rows + FINDINGS_OF_WINDOW * closings + FINDINGS_OF_ENGINE + needs.visits
    if closings:
        needs.findings += silent_bound(core, (due + 1) * window_s) + reading
    needs.orders = 2 * needs.visits + needs.rows
    if kind == KIND_UPDATES:
        needs.findings += core.findings.live
        needs.orders += core.orders.live
