"""The state as tables (reference, outputs)."""

from __future__ import annotations

from .columns import Row
from .control import command_row
from .findings import row_of
from .reads import intervals_between
from .state import Item, World


def accounts(world: World) -> list[Row]:
    """The accounts, by arrival."""
    return [
        {
            "account_id": account.id,
            "district_id": account.district_id,
            "tariff": account.tariff,
            "policy": account.policy,
            "klass": account.klass,
            "state": account.state,
            "unsure": account.unsure,
            "blocked_by": account.blocked_by,
            "balance": account.balance,
            "tier_energy": account.period_wh,
        }
        for account in world.accounts.values()
    ]


def meters(world: World) -> list[Row]:
    """The meters, by arrival."""
    return [
        {
            "meter_id": meter.id,
            "account_id": meter.account_id,
            "district_id": world.district_of(meter).id,
            "in_use": world.in_use(meter),
            "last_at": meter.t1,
            "last_value": None if meter.t1 is None else meter.v1,
            "typical": meter.typical // 16,
            "quality": meter.forward_quality,
        }
        for meter in world.meters.values()
    ]


def districts(world: World) -> list[Row]:
    """The districts, by arrival."""
    return [
        {
            "district_id": district.id,
            "name": district.name,
            "grid": district.grid,
            "loss_limit": district.loss_limit,
            "suspended": district.suspended,
        }
        for district in world.districts.values()
    ]


def gaps(world: World) -> list[Row]:
    """The gaps, by the meters' arrival and in order of time."""
    rows: list[Row] = []
    for meter in world.meters.values():
        less = 1 if meter.reading == "register" else 0
        for gap in meter.gaps:
            missing = intervals_between(meter, gap.a, gap.b) - less
            rows.append({"meter_id": meter.id, "from": gap.a, "to": gap.b, "missing": missing})
    return rows


def items(world: World, found: dict[int, Item]) -> list[Row]:
    """Open findings or orders, by id."""
    return [row_of(world, item, "opened", item.at) for item in found.values()]


def commands(world: World) -> list[Row]:
    """The current commands, by id, as last sent."""
    current = [account.command for account in world.accounts.values() if account.command]
    return [command_row(command) for command in sorted(current, key=lambda command: command.id)]
