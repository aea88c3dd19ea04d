"""Payments: each counted once, however often it is sent (reference, section 6)."""

from __future__ import annotations

from .columns import Row
from .state import Account, RefusedError, World

MONEY_LIMIT = 10**18


def fits(*amounts: int) -> None:
    """Refuse money out of its bound."""
    if any(abs(amount) >= MONEY_LIMIT for amount in amounts):
        raise RefusedError("out_of_range")


def post(
    world: World, row: int, account: Account, at: int, kind: str, amount: int, ref: bytes | None = None
) -> None:
    """Add a row to an account's ledger."""
    account.balance += amount
    account.ledger_sum += amount
    world.emit(
        "ledger",
        row=row,
        account_id=account.id,
        at=at,
        kind=kind,
        amount=amount,
        balance=account.balance,
        ref=ref,
    )


def take(world: World, number: int, row: Row) -> None:
    """One row of ``payments``; ``RefusedError`` with the first reason against it."""
    account = world.accounts.get(row["account_id"])
    kind, amount, at, ref = row["kind"], row["amount"], row["at"], row["payment_id"]
    future, horizon = world.config.number("future_tolerance"), world.config.number("payment_horizon")
    if account is None:
        raise RefusedError("unknown_account")
    if account.state == "closed" and kind == "top_up":
        raise RefusedError("closed")
    if kind not in ("top_up", "reversal", "adjustment"):
        raise RefusedError("bad_value")
    if amount == 0 or (kind == "top_up" and amount < 0) or (kind == "reversal" and amount > 0):
        raise RefusedError("bad_amount")
    if at > world.time + future:
        raise RefusedError("future")
    if at <= world.time - horizon:
        raise RefusedError("too_old")
    known = world.payments.get(ref)
    if known is not None and world.time <= known[0] + horizon + future:
        raise RefusedError("duplicate" if known[1:] == (account.id, kind, amount) else "conflict")
    fits(account.balance + amount)
    world.payments[ref] = (world.time, account.id, kind, amount)
    post(world, number, account, at, kind, amount, ref)
