"""What a command is signed with: why it was decided, so that a head-end can tell what it executes.

The balance is the account's after the rows of the batch that sent the command, which is what its control step saw. The
threshold is of the account's policy: of a trip `trip_below`. Of a restore it is `restore_above`, which an account that
is off must exceed; where the balance does not, the account was not known to be off, or is protected, or a person
asked for it, and the threshold is `trip_below`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from fastcore import Config
from pipeline.wire.commands import Command

__all__ = ["Books", "Decided", "decided", "nano"]


class Books(Protocol):
    """What is asked of an engine here; `balance` is a Decimal, of the currency's units."""

    @property
    def config(self) -> Config:
        """The configuration in force."""

    def balance(self, account_id: int | str) -> Decimal:
        """The balance of one account."""

    def account(self, account_id: int | str) -> dict[str, Any]:
        """One account, by the columns of the state table."""


class Decided(NamedTuple):
    """A command as the engine decided it, with its evidence; its number is the one that head-ends see."""

    command: Command
    district_id: int | str


def decided(rows: pa.RecordBatch | pa.Table, seq: int, books: Books, base: int) -> Iterator[Decided]:
    """The commands in rows of the output or the state table ``commands``, right after batch `seq`.

    `base` is what is added to their ids where they leave their shard.
    """
    columns = [
        rows[name].to_pylist()
        for name in ("command_id", "kind", "attempt", "account_id", "meter_id", "reason")
    ]
    instants = [rows[name].cast(pa.int64()).to_pylist() for name in ("issued_at", "expires_at")]
    for own_id, kind, attempt, account_id, meter_id, reason, issued_at_s, expires_at_s in zip(
        *columns, *instants, strict=True
    ):
        account = books.account(account_id)
        balance_nano = nano(account["balance"])
        command = Command(
            command_id=base + own_id,
            kind=kind,
            attempt=attempt,
            account_id=account_id,
            meter_id=meter_id,
            issued_at_s=issued_at_s,
            expires_at_s=expires_at_s,
            reason=reason,
            balance_nano=balance_nano,
            threshold_nano=_threshold_nano(kind, balance_nano, account["policy"], books.config),
            decided_seq=seq,
        )
        yield Decided(command, account["district_id"])


def nano(amount: Decimal) -> int:
    """An amount of money in nano-units, exactly."""
    return int(amount.scaleb(9))


def _threshold_nano(kind: str, balance_nano: int, policy_name: str, config: Config) -> int:
    policy = config.policies[policy_name]
    if kind == "restore" and balance_nano > policy.restore_above_nano:
        return policy.restore_above_nano
    return policy.trip_below_nano
