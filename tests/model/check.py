"""What always holds (reference, section 10), as far as the twin's state can show it."""

from __future__ import annotations

from .state import Account, World


def check(world: World) -> None:
    """Assert the invariants; the message names what breaks one."""
    for account in world.accounts.values():
        check_account(world, account)
    for meter in world.meters.values():
        edges = [edge for gap in meter.gaps for edge in (gap.a, gap.b)]
        assert edges == sorted(edges), f"gaps of meter {meter.id} overlap: {edges}"
        assert all(gap.a < gap.b and gap.u <= gap.w for gap in meter.gaps), f"gaps of meter {meter.id}"
        assert not edges or (meter.t1 is not None and edges[-1] <= meter.t1), f"gap after meter {meter.id}"
        if meter.reading == "register" and meter.has_read:
            assert meter.advanced * meter.wh_per_count == meter.energy, f"energy of meter {meter.id}"
    for district in world.districts.values():
        kept = sum(window.supply + window.consumption for window in district.windows.values())
        taken = kept + district.forgotten + district.left_out
        assert taken == district.energy, f"energy of district {district.id}: {taken} of {district.energy}"


def check_account(world: World, account: Account) -> None:
    """An account's money and its place in the state machine."""
    named = f"account {account.id}"
    booked = account.ledger_sum - account.charge_sum
    assert account.balance == booked, f"balance of {named}: {account.balance}, booked {booked}"
    assert (account.command is not None) == (account.state in ("tripping", "restoring")), (
        f"command of {named}"
    )
    if account.command:
        assert account.command.kind == ("trip" if account.state == "tripping" else "restore"), named
    assert account.blocked_by is None or account.state == "due", f"gate of {named}"
    assert account.state == "due" or not account.approved, f"approval of {named}"
    policy = world.policy(account)
    still = account.state == "closed" or not account.meters
    if account.state == "off":
        assert still or account.balance <= policy.restore_above, f"{named} is off, and paid"
    if account.state == "tripping":
        assert still or account.balance <= policy.trip_below, f"{named} is tripping, and paid"
