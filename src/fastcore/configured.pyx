"""From a checked configuration to the tables that the loops read: limits, running price sums, levels, trip
windows.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free

import numpy as np

from fastcore.calendar import Calendar
from fastcore.tariffs import TariffTables

from fastcore.core cimport Core
from fastcore.sheets cimport Words
from fastcore.structs cimport Limits, Policy, Ratio, Tariff


cdef Ratio ratio(object fraction):
    cdef Ratio out
    out.numerator = fraction.numerator
    out.denominator = fraction.denominator
    return out


def rows_for(names, before):
    """The names by row: each that there was `before` keeps its row; None stands where one has gone."""
    rows = [name if name in names else None for name in before]
    known = set(rows)
    for name in names:
        if name in known:
            continue
        if None in rows:
            rows[rows.index(None)] = name
        else:
            rows.append(name)
    return tuple(rows)


cdef class Configured:
    """The tables of one configuration.

    Tariffs and policies keep the rows that they had: `tariff_names` and `policy_names` of before.
    """

    def __cinit__(self, config, tariff_names=(), policy_names=()):
        cdef int row
        self.config = config
        self.kept = []
        self.calendar = Calendar.build(config)
        self.tariff_names = rows_for(config.tariffs, tariff_names)
        self.policy_names = rows_for(config.policies, policy_names)
        self.tariffs = <Tariff*>calloc(len(self.tariff_names) + 1, sizeof(Tariff))
        self.policies = <Policy*>calloc(len(self.policy_names) + 1, sizeof(Policy))
        if self.tariffs == NULL or self.policies == NULL:
            raise MemoryError("no room for the tables of the configuration")
        self.lay_limits()
        for row, name in enumerate(self.tariff_names):
            if name is not None:
                self.lay_tariff(config.tariffs[name], &self.tariffs[row])
        texts = []
        for row, name in enumerate(self.policy_names):
            if name is not None:
                self.lay_policy(config.policies[name], &self.policies[row], texts)
        self.level_texts = Words(texts)

    def __dealloc__(self):
        free(self.tariffs)
        free(self.policies)

    cdef const void* keep(self, object array) except NULL:
        """The place of an array's values, which stay there as long as this object does."""
        cdef size_t place
        array = np.ascontiguousarray(array)
        if not array.size:
            array = np.zeros(1, array.dtype)
        self.kept.append(array)
        place = array.ctypes.data
        return <const void*>place

    cdef void lay_limits(self):
        engine, calendar = self.config.engine, self.calendar
        cdef Limits* limits = &self.limits
        limits.calendar_from_s = calendar.from_s
        limits.calendar_to_s = calendar.to_s
        limits.cells = calendar.n_cells
        limits.cell_s = engine.cell_s
        limits.window_s = engine.window_s
        limits.max_jump_s = engine.max_jump_s
        limits.clock_jump_s = engine.clock_jump_s
        limits.future_tolerance_s = engine.future_tolerance_s
        limits.late_horizon_s = engine.late_horizon_s
        limits.suspect_floor_wh = engine.suspect_floor_wh
        limits.payment_horizon_s = engine.payment_horizon_s
        limits.payment_feed_timeout_s = engine.payment_feed_timeout_s
        limits.off_tolerance_wh = engine.off_tolerance_wh
        limits.allowed_lateness_s = engine.allowed_lateness_s
        limits.window_horizon_s = engine.window_horizon_s
        limits.loss_windows = engine.loss_windows
        limits.zero_usage_s = engine.zero_usage_s
        limits.silent_after_s = engine.silent_after_s
        limits.suspect_ratio = ratio(engine.suspect_ratio)
        limits.mass_trip_fraction = ratio(engine.mass_trip_fraction)
        limits.trip_rate_engine = ratio(engine.trip_rate_engine)
        limits.trip_rate_district = ratio(engine.trip_rate_district)
        limits.outage_coverage = ratio(engine.outage_coverage)
        limits.loss_coverage = ratio(engine.loss_coverage)
        limits.accept_estimates = engine.accept_estimates

    cdef void lay_tariff(self, object tariff, Tariff* out):
        tables = TariffTables.build(tariff, self.calendar)
        out.price_sum = <const int64_t*>self.keep(tables.price_sum)
        out.standing_nano = <const int64_t*>self.keep(tables.standing_of_day)
        out.version_of_period = <const int32_t*>self.keep(tables.version_of_period)
        out.tier_offset = <const int32_t*>self.keep(tables.tier_offset)
        out.tier_above_wh = <const int64_t*>self.keep(tables.tier_above)
        out.tier_add = <const int64_t*>self.keep(tables.tier_add)
        out.tier_kind = tables.tier_kind
        out.rate.k1 = -1

    cdef void lay_policy(self, object policy, Policy* out, list texts):
        out.level_nano = <const int64_t*>self.keep(np.array(policy.warn_below, np.int64))
        out.levels = len(policy.warn_below)
        out.level_text = len(texts)
        texts.extend(policy.warn_below_text)
        self.most_levels = max(self.most_levels, out.levels)
        out.has_windows = bool(policy.windows)
        if policy.windows:
            out.trip_mask = <const uint8_t*>self.keep(self.calendar.trip_mask(policy))
        out.trip_below_nano = policy.trip_below_nano
        out.restore_above_nano = policy.restore_above_nano
        out.notice_s = policy.notice_s
        out.autopay_hold_s = policy.autopay_hold_s
        out.max_staleness_s = policy.max_staleness_s
        out.ack_timeout_s = policy.ack_timeout_s
        out.max_attempts = policy.max_attempts
        out.command_ttl_s = policy.command_ttl_s
        out.armed_timeout_s = policy.armed_timeout_s
        out.trip_cooldown_s = policy.trip_cooldown_s
        out.restore_retry_s = policy.restore_retry_s

    cdef void install(self, Core* core) noexcept:
        calendar = self.calendar
        core.limits = self.limits
        core.tariffs = self.tariffs
        core.policies = self.policies
        core.most_levels = self.most_levels
        core.day_of_edge = <const uint32_t*><size_t>calendar.day_of_edge.ctypes.data
        core.month_of_cell = <const uint16_t*><size_t>calendar.month_of_cell.ctypes.data
        core.year_of_cell = <const uint16_t*><size_t>calendar.year_of_cell.ctypes.data
        core.month_first_cell = <const int64_t*><size_t>calendar.month_first_cell.ctypes.data
        core.year_first_cell = <const int64_t*><size_t>calendar.year_first_cell.ctypes.data
