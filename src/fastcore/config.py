"""The configuration: TOML text, typed and checked whole.

`Config.from_toml` reads the tables through ``config_engine``, ``config_tariffs`` and ``config_policies`` into
the structs of ``config_model``, and then checks them against the calendar. `Config.check_change` says whether
a running engine may take it. Every mistake is reported at once (reference, "Configuration").
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal

import msgspec

from fastcore import config_limits as limits
from fastcore.calendar import Calendar
from fastcore.config_engine import read_engine
from fastcore.config_model import Engine, Policy, Tariff
from fastcore.config_policies import read_policies
from fastcore.config_reader import Mistakes, Reader
from fastcore.config_tariffs import read_tariffs
from fastcore.errors import ConfigError
from fastcore.tariffs import uncovered

__all__ = ["Config"]

_FIXED = (
    "currency",
    "timezone",
    "calendar_from",
    "cell_s",
    "window_s",
    "future_tolerance_s",
    "late_horizon_s",
    "payment_horizon_s",
    "window_horizon_s",
)
"""What shapes the state, and so may not change in a running engine."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration that has passed every check; tariffs and policies by name, in the order of the file."""

    text: str
    engine: Engine
    tariffs: dict[str, Tariff]
    policies: dict[str, Policy]

    @classmethod
    def from_toml(cls, text: str) -> Config:
        """Return the configuration that a TOML text says.

        Takes about 10 ms for three years of quarter-hours. Raises ConfigError with every mistake, each with
        its key: values out of their domain, unknown keys, levels and dates that do not fit together, local
        midnights that are not on whole cells, and cells of the calendar that no version or no line of a
        tariff covers.
        """
        mistakes = Mistakes()
        document = Reader("", _parse(text), mistakes)
        engine_table = document.table("engine")
        tariffs_table = document.table("tariffs", required=False)
        policies_table = document.table("policies", required=False)
        document.done()
        engine = read_engine(engine_table) if engine_table else None
        tariffs = read_tariffs(tariffs_table) if tariffs_table else {}
        policies = read_policies(policies_table) if policies_table else {}
        if engine is not None:
            mistakes.extend(_against_calendar(engine, tariffs))
        if engine is None or mistakes:
            raise ConfigError(mistakes)
        return cls(text=text, engine=engine, tariffs=tariffs, policies=policies)

    def check_change(
        self, old: Config, used_tariffs: AbstractSet[str], used_policies: AbstractSet[str]
    ) -> None:
        """Raise ConfigError, with every reason, if an engine with the ``old`` one may not take this one.

        What shapes the state may not change, the calendar may only get longer, and no tariff or policy of an
        account (``used_tariffs``, ``used_policies``) may go.
        """
        mistakes = Mistakes()
        for field in _FIXED:
            was, found = (_shown(field, getattr(config.engine, field)) for config in (old, self))
            if found != was:
                mistakes.note(
                    f"engine.{_key(field)}",
                    f"may not change in a running engine; expected {was}; found {found}",
                )
        if self.engine.calendar_to < old.engine.calendar_to:
            mistakes.note(
                "engine.calendar.to",
                f"the calendar may only get longer; expected {old.engine.calendar_to} or later; "
                f"found {self.engine.calendar_to}",
            )
        for key, used, there in (
            ("tariffs", used_tariffs, self.tariffs),
            ("policies", used_policies, self.policies),
        ):
            for name in sorted(used - there.keys()):
                mistakes.note(f"{key}.{name}", "is in use and may not go; expected a table; found none")
        if mistakes:
            raise ConfigError(mistakes)


def _parse(text: str) -> dict[str, object]:
    if not isinstance(text, str):
        raise ConfigError([f"the configuration: expected its TOML as str; found {type(text).__name__}"])
    try:
        size = len(text.encode())  # refuses lone surrogates, which no file can hold
        if size > limits.TEXT_BYTES:
            raise ConfigError(
                [f"the configuration: expected at most {limits.TEXT_BYTES} bytes; found {size}"]
            )
        return tomllib.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise ConfigError([f"the configuration: is not TOML; {error}"]) from None


def _against_calendar(engine: Engine, tariffs: Mapping[str, Tariff]) -> list[str]:
    """Return what is wrong with the calendar itself, or else with the tariffs against it."""
    try:
        calendar = Calendar(engine)
    except ConfigError as error:
        return list(error.mistakes)
    return [mistake for tariff in tariffs.values() for mistake in uncovered(tariff, calendar)]


def _key(field: str) -> str:
    return "calendar.from" if field == "calendar_from" else field.removesuffix("_s")


def _shown(field: str, value: object) -> str:
    return f"{value}s" if field.endswith("_s") else str(value)
