"""Reading the tables ``[policies.*]`` (reference, "Configuration" and section 7)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from fastcore import config_limits as limits
from fastcore import config_values as values
from fastcore.config_model import Policy, TripWindow
from fastcore.config_reader import Reader
from fastcore.config_tariffs import read_span

__all__ = ["read_policies"]

_H = 3_600
_DURATIONS: tuple[tuple[str, int, int], ...] = (
    # key, least, default, in seconds
    ("notice", 0, 48 * _H),
    ("autopay_hold", 0, 72 * _H),
    ("max_staleness", 0, 26 * _H),
    ("ack_timeout", 1, 60),
    ("command_ttl", 1, 600),
    ("armed_timeout", 0, 24 * _H),
    ("trip_cooldown", 0, 24 * _H),
    ("restore_retry", 1, _H),
)


def read_policies(reader: Reader) -> dict[str, Policy]:
    """Return the policies that have no mistake, in the order of the file."""
    found = ((name, _policy(name, table)) for name, table in reader.tables(limits.NAMES))
    return {name: policy for name, policy in found if policy is not None}


def _policy(name: str, reader: Reader) -> Policy | None:
    before = len(reader.mistakes)
    levels = reader.take("warn_below", _levels)
    trip_below_nano = reader.take("trip_below", values.money_nano, 0)
    restore_above_nano = reader.take("restore_above", values.money_nano, trip_below_nano)
    durations: dict[str, Any] = {
        f"{key}_s": reader.take(key, _duration(least_s), default_s) for key, least_s, default_s in _DURATIONS
    }
    max_attempts = reader.take("max_attempts", lambda value: values.count(value, 1, limits.COUNT), 5)
    tables = reader.list_of_tables("windows", 0, limits.LINES, required=False)
    reader.done()
    windows = [window for window in map(_window, tables or ()) if window is not None]
    if levels is not None and trip_below_nano is not None and restore_above_nano is not None:
        _check_levels(reader, levels, trip_below_nano, restore_above_nano)
    if len(reader.mistakes) > before or levels is None:
        return None
    return Policy(
        name=name,
        warn_below=tuple(level for level, _ in levels),
        warn_below_text=tuple(text for _, text in levels),
        trip_below_nano=trip_below_nano or 0,
        restore_above_nano=restore_above_nano or 0,
        windows=tuple(windows),
        max_attempts=max_attempts or 0,
        **durations,
    )


def _duration(least_s: int) -> Callable[[object], int]:
    return lambda value: values.duration_s(value, least_s)


def _levels(value: object) -> tuple[tuple[int, str], ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= limits.WARN_LEVELS:
        raise values.Misfit(f"a list of 1 to {limits.WARN_LEVELS} amounts as text, falling", value)
    return tuple((values.money_nano(item), str(item)) for item in value)


def _check_levels(
    reader: Reader, levels: tuple[tuple[int, str], ...], trip_below_nano: int, restore_above_nano: int
) -> None:
    """Note what the amounts of a policy have to do with each other."""
    for i, ((high, high_text), (low, low_text)) in enumerate(pairwise(levels), 1):
        if not high > low:
            reader.note(
                f"warn_below[{i}]", f"expected less than the level before, {high_text}; found {low_text}"
            )
    for i, (level, text) in enumerate(levels):
        if level < trip_below_nano:
            reader.note(
                f"warn_below[{i}]", f"expected at least trip_below, {trip_below_nano / 10**9}; found {text}"
            )
    if trip_below_nano > 0:
        reader.note("trip_below", f"expected 0, or less; found {trip_below_nano / 10**9}")
    if restore_above_nano < trip_below_nano:
        reader.note("restore_above", f"expected at least trip_below; found {restore_above_nano / 10**9}")


def _window(reader: Reader) -> TripWindow | None:
    before = len(reader.mistakes)
    span = read_span(reader)
    reader.done()
    return TripWindow(**span) if len(reader.mistakes) == before else None
