"""Findings and orders: opened once until they close (reference, sections 7 and 8)."""

from __future__ import annotations

from collections.abc import Iterable

from .state import District, Id, Item, World

METER_FINDINGS = ("inspect_meter", "silent_meter", "zero_usage")
NOT_BY_HAND = ("mass_trip", "clock_jump", "calendar_ends")


def district_of(world: World, item: Item) -> District | None:
    """The district that an item belongs to now; None for the engine's."""
    if item.subject is None:
        return None
    if item.about == "meter":
        return world.district_of(world.meters[item.subject])
    return world.districts[
        world.accounts[item.subject].district_id if item.about == "account" else item.subject
    ]


def row_of(world: World, item: Item, state: str, at: int) -> dict[str, object]:
    """An item as a row of ``findings`` or ``orders``, without ``seq``."""
    district = district_of(world, item)
    return {
        "id": item.id,
        "kind": item.kind,
        "state": state,
        "subject": None if item.subject is None else str(item.subject),
        "district_id": district.id if district else None,
        "grid": district.grid if district else None,
        "at": at,
        "detail": None,
    }


def is_open(items: dict[int, Item], kind: str, subject: Id | None) -> Item | None:
    """The open item of a kind about a subject."""
    return next((item for item in items.values() if item.kind == kind and item.subject == subject), None)


def open_finding(world: World, kind: str, about: str, subject: Id | None) -> None:
    """Open a finding, unless it is open."""
    if is_open(world.findings, kind, subject) is None:
        world.finding_count += 1
        item = Item(world.finding_count, kind, about, subject, world.time, world.seq)
        world.findings[item.id] = item
        world.emit("findings", **row_of(world, item, "opened", world.time))


def close_finding(world: World, kind: str, subject: Id | None) -> None:
    """Close a finding, if it is open."""
    item = is_open(world.findings, kind, subject)
    if item is not None:
        close_findings(world, [item])


def close_findings(world: World, items: Iterable[Item]) -> None:
    """Close findings that are open, in order of id."""
    for item in sorted(items, key=lambda item: item.id):
        del world.findings[item.id]
        world.emit("findings", **row_of(world, item, "closed", world.time))


def open_order(world: World, kind: str, account_id: Id) -> None:
    """Open an order about an account, unless it is open."""
    if is_open(world.orders, kind, account_id) is None:
        world.order_count += 1
        item = Item(world.order_count, kind, "account", account_id, world.time, world.seq)
        world.orders[item.id] = item
        world.emit("orders", **row_of(world, item, "opened", world.time))


def close_orders(world: World, items: Iterable[Item]) -> None:
    """Close orders that are open, in order of id."""
    for item in sorted(items, key=lambda item: item.id):
        del world.orders[item.id]
        world.emit("orders", **row_of(world, item, "closed", world.time))


def orders_of(world: World, account_id: Id) -> list[Item]:
    """The open orders about an account."""
    return [item for item in world.orders.values() if item.subject == account_id]


def findings_of_meter(world: World, meter_id: Id) -> list[Item]:
    """The open findings about a meter."""
    return [item for item in world.findings.values() if item.about == "meter" and item.subject == meter_id]
