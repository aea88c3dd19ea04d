"""The county that stories play in, quiet but for what a story makes loud."""

from __future__ import annotations

QUIET = {
    "currency": '"CNY"',
    "timezone": '"Asia/Shanghai"',
    "calendar": "{ from = 2026-01-01, to = 2026-07-01 }",
    "max_jump": '"60d"',
    "mass_trip_fraction": "1",
    "trip_rate_engine": "1",
    "trip_rate_district": "1",
    "outage_coverage": "0",
    "zero_usage": '"3650d"',
    "silent_after": '"3650d"',
}
FLAT = """
[tariffs.flat]
[[tariffs.flat.rates]]
valid_from = 2026-01-01
prices = { flat = "0.5" }
schedule = [ { price = "flat" } ]
"""
STD = {"warn_below": '["20"]', "max_staleness": '"3650d"'}


def _lines(values: dict[str, str], said: str) -> str:
    """The lines of a table, those that are said in the place of the others."""
    told = dict(line.split(" = ", 1) for line in said.strip().splitlines())
    return "\n".join(f"{key.strip()} = {value}" for key, value in {**values, **_stripped(told)}.items())


def _stripped(told: dict[str, str]) -> dict[str, str]:
    return {key.strip(): value.strip() for key, value in told.items()}


def county(engine: str = "", policy: str = "", tariffs: str = FLAT, policies: str = "") -> str:
    """A configuration: lines of ``[engine]`` and of the policy ``std`` that differ, all tariffs, further policies.

    Energy costs 0.5 a kWh (2 kWh cost 1), the one level is 20, and no alarm, rate or finding is near.
    """
    return f"[engine]\n{_lines(QUIET, engine)}\n{tariffs}\n[policies.std]\n{_lines(STD, policy)}\n{policies}"


# An account of 25 with a register of watt-hours that has been read once.
HOME = """
    account  A1  25
    meter    M1  A1
    read     M1  00:00  0  -> first
"""
