"""Engine and twin take the same configurations, and make the same calendars and prices of them."""

from __future__ import annotations

import re
from random import Random

import numpy as np
import pytest

from agreement.settings import changed, settings, spoiled
from fastcore.calendar import Calendar
from fastcore.config import Config
from fastcore.errors import ConfigError
from fastcore.tariffs import TariffTables
from model import TwinConfigError
from model.config_parse import parse, special
from model.tariffs import Prices, kind_of, match_days

VALUES = (
    *('"0s"', '"1s"', '"7m"', '"90s"', '"25h"', '"1d"', '"1w"', '"-5"', '"0.5d"', '"1h30m"', '"00s"'),
    *("0", "1", "-1", "1.5", "0.5", "true", "nan", "inf", "1e2", "{}", "[]", "[1]", "[13]", "[1.0]"),
    *('"x"', '""', '"0.0000001"', '"9.999999"', '"10"', '"1e3"', '"+5"', '".5"', '"5."', '" 5"', '"1_0"'),
    *('"999999999.999999999"', '"1000000000"', '"24:00"', '"00:00"', '"24:15"', '"9:00"', '"none"'),
    *('"mon"', '"Mon"', '"mon - fri"', '"mon-fri, sat"', '"mon,,fri"', '"holidays-mon"', '"sun-sat"'),
    *("2026-01-01", "2026-01-01T00:00:00", "[2026-01-01, 2026-01-01]", '"2026-01-01"'),
)
VALUE = re.compile(r'"[^"]*"|(?<=[=\[ ])-?\d[\d.\-]*|true|false|\[[^\[\]]*\]|\{[^{}]*\}')


def mutated(rng: Random, text: str) -> str:
    """A configuration with one line gone, doubled, or with another value in it, but for the currency."""
    lines = text.splitlines()
    place = rng.choice([i for i, line in enumerate(lines) if not line.startswith("currency")])
    found = list(VALUE.finditer(lines[place]))
    if rng.random() < 0.1 or not found:
        del lines[place]
    elif rng.random() < 0.1:
        lines.insert(place, lines[place])
    else:
        value = rng.choice(found)
        line = lines[place]
        lines[place] = line[: value.start()] + rng.choice(VALUES) + line[value.end() :]
    return "\n".join(lines)


def twin_refuses(text: str) -> tuple[str, ...]:
    """The mistakes that the twin finds."""
    try:
        parse(text)
    except TwinConfigError as error:
        return error.mistakes
    return ()


def engine_refuses(text: str) -> tuple[str, ...]:
    """The mistakes that the engine finds."""
    try:
        Config.from_toml(text)
    except ConfigError as error:
        return error.mistakes
    return ()


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_both_refuse_the_same_mistakes(first: int) -> None:
    refused = 0
    for seed in range(first, first + 20):
        rng = Random(seed)
        text = settings(rng).toml()
        assert not twin_refuses(text)
        for _ in range(12):
            wrong = mutated(rng, text)
            mine, theirs = twin_refuses(wrong), engine_refuses(wrong)
            assert bool(mine) == bool(theirs), f"seed {seed}: twin {mine}, engine {theirs}\n{wrong}"
            refused += bool(mine)
    assert refused > 60


def test_both_refuse_what_is_spoiled_and_take_what_is_changed() -> None:
    for seed in range(100):
        rng = Random(seed)
        now = settings(rng)
        for later in (changed(rng, now), spoiled(rng, now)):
            text = later.toml()
            assert bool(twin_refuses(text)) == bool(engine_refuses(text)), f"seed {seed}"


@pytest.mark.parametrize("seed", range(60))
def test_calendars_and_prices_are_the_same(seed: int) -> None:
    text = settings(Random(seed)).toml()
    mine, config = parse(text), Config.from_toml(text)
    calendar, theirs = mine.calendar, Calendar.build(config)
    assert (calendar.from_s, calendar.to_s, calendar.cells) == (theirs.from_s, theirs.to_s, theirs.n_cells)
    edges = [calendar.from_s + k * calendar.cell_s for k in range(calendar.cells + 1)]
    assert theirs.day_of_edge.tolist() == [calendar.day_of(edge) + 1 for edge in edges]
    assert theirs.month_first_cell.tolist() == [*calendar.months, calendar.cells]
    assert theirs.year_first_cell.tolist() == [*calendar.years, calendar.cells]
    days = special(mine.engine)
    kinds = [kind_of(day.date, days) for day in calendar.days for _ in day.seconds]
    assert theirs.cell_weekday.tolist() == kinds
    assert theirs.cell_second_of_day.tolist() == [s for day in calendar.days for s in day.seconds]
    for name, policy in mine.policies.items():
        matched = [m for day in calendar.days for m in match_days(policy.windows, day, days)]
        mask = theirs.trip_mask(config.policies[name]).astype(bool)
        assert mask.tolist() == (matched if policy.windows else [True] * calendar.cells)
    for name, tariff in mine.tariffs.items():
        prices, table = Prices(tariff, calendar, days), TariffTables.build(config.tariffs[name], theirs)
        assert np.asarray(table.price_sum).tolist() == prices.sums
        standing = [prices.standing(m - 1, m) for m in calendar.midnights[:-1]]
        assert np.asarray(table.standing_of_day).tolist() == standing
