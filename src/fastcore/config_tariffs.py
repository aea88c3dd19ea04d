"""Reading the tables ``[tariffs.*]`` (reference, "Configuration" and sections 1, 2 and 5)."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any, cast

from fastcore import config_limits as limits
from fastcore import config_values as values
from fastcore.config_model import Line, Rate, Tariff, Tier, TierPeriod
from fastcore.config_reader import Reader

__all__ = ["read_span", "read_tariffs"]


def read_tariffs(reader: Reader) -> dict[str, Tariff]:
    """Return the tariffs that have no mistake, in the order of the file."""
    found = ((name, _tariff(name, table)) for name, table in reader.tables(limits.NAMES))
    return {name: tariff for name, tariff in found if tariff is not None}


def read_span(reader: Reader) -> dict[str, Any]:
    """Return the fields of a `Span`: the months, days and times that a line or a trip window matches."""
    return {
        "months": reader.take("months", values.months, None),
        "days": reader.take("days", values.days, None),
        "from_s": reader.take("from", lambda value: values.time_of_day_s(value, "23:59"), 0),
        "to_s": reader.take("to", lambda value: values.time_of_day_s(value, "24:00"), limits.DAY_S),
    }


def _tariff(name: str, reader: Reader) -> Tariff | None:
    before = len(reader.mistakes)
    tier_period: TierPeriod | None = reader.take("tier_period", _tier_period, "none")
    tables = reader.list_of_tables("rates", 1, limits.VERSIONS)
    reader.done()
    rates = tuple(_rate(table, tier_period) for table in tables or ())
    if len(reader.mistakes) > before or tier_period is None:
        return None
    tariff = Tariff(name=name, tier_period=tier_period, rates=cast("tuple[Rate, ...]", rates))
    for i, (old, new) in enumerate(pairwise(tariff.rates), 1):
        if not old.valid_from < new.valid_from:
            reader.note(
                f"rates[{i}].valid_from",
                f"expected a date after that of the version before, {old.valid_from}; found {new.valid_from}",
            )
    return tariff if len(reader.mistakes) == before else None


def _tier_period(value: object) -> TierPeriod:
    if value == "none" or value == "month" or value == "year":
        return value
    raise values.Misfit('"none", "month" or "year"', value)


def _rate(reader: Reader, tier_period: TierPeriod | None) -> Rate | None:
    before = len(reader.mistakes)
    valid_from = reader.take("valid_from", values.local_date)
    standing_nano = reader.take("standing", values.money_nano, 0)
    prices = _prices(reader)
    lines = reader.list_of_tables("schedule", 1, limits.LINES)
    tiers = reader.list_of_tables("tiers", 0, limits.TIERS, required=False)
    reader.done()
    schedule = tuple(_line(line, prices) for line in lines or ())
    levels = _tiers(reader, tiers or [], tier_period)
    if len(reader.mistakes) > before or valid_from is None or standing_nano is None or prices is None:
        return None
    return Rate(
        valid_from=valid_from,
        standing_nano=standing_nano,
        prices=prices,
        schedule=cast("tuple[Line, ...]", schedule),
        tiers=levels,
    )


def _prices(rate: Reader) -> dict[str, int] | None:
    reader = rate.table("prices")
    if reader is None:
        return None
    before = len(reader.mistakes)
    if not 1 <= len(reader) <= limits.PRICES:
        reader.mistakes.note(reader.key, f"expected 1 to {limits.PRICES} prices; found {len(reader)}")
        return None
    found = {name: reader.take(name, values.price) for name in reader}
    return cast("dict[str, int]", found) if len(reader.mistakes) == before else None


def _line(reader: Reader, prices: dict[str, int] | None) -> Line | None:
    before = len(reader.mistakes)
    span = read_span(reader)
    price = reader.take("price", values.text)
    reader.done()
    if prices is not None and price is not None and price not in prices:
        reader.note("price", f"expected one of {', '.join(prices)}; found {values.shown(price)}")
    return Line(**span, price=price) if len(reader.mistakes) == before and price is not None else None


def _tiers(rate: Reader, tables: list[Reader], tier_period: TierPeriod | None) -> tuple[Tier, ...]:
    before = len(rate.mistakes)
    found: list[Tier] = []
    for reader in tables:
        above_wh, add = reader.take("above", values.kwh_as_wh), reader.take("add", values.price)
        reader.done()
        if above_wh is not None and add is not None:
            found.append(Tier(above_wh=above_wh, add=add))
    if tables and tier_period == "none":
        rate.note("tiers", 'need a tier_period; expected "month" or "year"; found "none"')
    if len(rate.mistakes) > before:
        return ()
    for i, (low, high) in enumerate(pairwise(found), 1):
        if not low.above_wh < high.above_wh:
            rate.note(
                f"tiers[{i}].above",
                f"expected more than the level before, {low.above_wh} Wh; found {high.above_wh} Wh",
            )
    for i, total in enumerate(accumulate(tier.add for tier in found)):
        if abs(total) >= limits.PRICE:
            rate.note(
                f"tiers[{i}].add",
                f"expected the tiers up to here to add less than {limits.PRICE // 10**6} per kWh; "
                f"found {total / 10**6:.6f}",
            )
    return tuple(found)
