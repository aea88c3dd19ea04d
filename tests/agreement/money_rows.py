"""Random rows of payments and acks: what customers pay, and what relays answer."""

from __future__ import annotations

from .grid import Grid, Row

NANO = 10**9


def payment_row(grid: Grid) -> Row:
    """A payment: new, sent again, or with something wrong in it."""
    rng = grid.rng
    if grid.payments and grid.chance(0.15):
        row = dict(rng.choice(grid.payments))
        if grid.chance(0.5):
            row |= rng.choice(
                (
                    {"amount": bounded(row["amount"] + 1)},
                    {"account_id": grid.some_account()},
                    {"kind": "top_up"},
                )
            )
        if grid.chance(0.5):
            row["at"] = grid.time
        return row
    account_id = grid.some_account()
    kind = rng.choice(("top_up", "top_up", "top_up", "reversal", "adjustment"))
    amount = rng.choice((1, NANO, 5 * NANO, 20 * NANO + 1, 60 * NANO))
    account = grid.world.accounts.get(account_id)
    if account and grid.chance(0.5):
        level = rng.choice(grid.settings.levels.get(account.policy, [0]))
        amount = level - account.balance + rng.choice((-1, 0, 0, 1))
        kind = "adjustment" if grid.chance(0.5) else "top_up" if amount > 0 else "reversal"
    elif kind == "reversal":
        amount = -amount
    elif kind == "adjustment":
        amount *= rng.choice((1, -1))
    if grid.chance(0.02):
        amount = rng.choice((1, -1)) * (10**18 - rng.randint(1, 100))
    row = {
        "payment_id": rng.getrandbits(128).to_bytes(16, "big"),
        "account_id": account_id,
        "kind": "gift" if grid.chance(0.02) else kind,
        "amount": 0 if grid.chance(0.02) else bounded(amount if grid.chance(0.97) else -amount),
        "at": paid_at(grid),
        "channel": rng.choice((None, "app", "bank")),
    }
    grid.payments.append(row)
    return row


def bounded(amount: int) -> int:
    """An amount that a row can hold."""
    return max(1 - 10**18, min(amount, 10**18 - 1))


def paid_at(grid: Grid) -> int:
    """When a payment was made: of late most often, at times on the edge of what is taken."""
    config = grid.world.config
    if grid.chance(0.75):
        return grid.time - grid.rng.choice((0, 0, 60, 3600))
    future, horizon = config.number("future_tolerance"), config.number("payment_horizon")
    edge = grid.rng.choice((grid.time + future, grid.time - horizon))
    return edge + grid.rng.choice((-1, 0, 1))


def ack_rows(grid: Grid) -> list[Row]:
    """Answers to the commands that the twin has sent, and to others."""
    rng, world = grid.rng, grid.world
    asked = [account.command.id for account in world.accounts.values() if account.command]
    asked += [account.trip.id for account in world.accounts.values() if account.trip and account.unsure]
    rows = []
    for command_id in asked:
        if grid.chance(0.6):
            outcome = rng.choice(("done", "done", "done", "armed", "armed", "failed", "refused"))
            rows.append({"command_id": command_id, "outcome": outcome, "at": grid.time})
    if grid.chance(0.2) or not rows:
        wrong = rng.choice((0, 2**63, world.command_count + 1, max(1, world.command_count - 1)))
        rows.append({"command_id": wrong, "outcome": rng.choice(("done", "lost")), "at": grid.time})
    rng.shuffle(rows)
    return rows
