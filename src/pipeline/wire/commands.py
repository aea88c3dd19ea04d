"""Commands to meters, signed with their evidence, and verified by whoever executes them.

What is signed, by Ed25519 (RFC 8032), is each command by itself, byte by byte; numbers are little-endian::

    16  "feikong command" and a zero: a signature of anything else is none of a command
     8  command_id
     1  kind: 1 trip, 2 restore
     1  reason: 1 balance, 2 protected, 3 operator
     4  attempt
     8  issued_at, seconds since 1970 UTC, signed
     8  expires_at, likewise
     8  balance, nano-units, signed: the account's, when the command was decided
     8  threshold, nano-units, signed: what it was compared with
     8  decided_seq: the number of the batch whose control step decided it
     …  account_id, then meter_id, each 1 byte 0 and 8 of a uint64; or 1 byte 1, 2 of the length, the UTF-8
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import pyarrow as pa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pipeline.wire.bodies import write_batch
from pipeline.wire.kinds import Kind
from pipeline.wire.schemas import COMMANDS

__all__ = [
    "KINDS",
    "REASONS",
    "Command",
    "SignedCommand",
    "Signer",
    "commands_body",
    "commands_of",
    "signed_bytes",
]

KINDS: Final = {"trip": 1, "restore": 2}
REASONS: Final = {"balance": 1, "protected": 2, "operator": 3}

_PREFIX: Final = b"feikong command\x00"
_FIELDS: Final = struct.Struct("<16sQBBIqqqqQ")
_WHOLE: Final = struct.Struct("<BQ")
_TEXT: Final = struct.Struct("<BH")


class Command(NamedTuple):
    """A command, as one attempt of it goes to a meter, and the evidence for it."""

    command_id: int
    kind: str
    attempt: int
    account_id: int | str
    meter_id: int | str
    issued_at_s: int
    expires_at_s: int
    reason: str
    balance_nano: int
    threshold_nano: int
    decided_seq: int


class SignedCommand(NamedTuple):
    """A command, the public Ed25519 key of the node that signed it, and the signature."""

    command: Command
    signer: bytes
    signature: bytes

    def verify(self, trusted: Iterable[bytes]) -> bool:
        """Whether a node of one of these public keys signed exactly this."""
        if self.signer not in trusted:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.signer).verify(self.signature, signed_bytes(self.command))
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """A node's signing key, 32 secret bytes; `public` is what head-ends must know."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, command: Command) -> SignedCommand:
        """Sign a command: some tens of microseconds."""
        return SignedCommand(command, self.public, self._key.sign(signed_bytes(command)))

    def __repr__(self) -> str:
        return f"<Signer {self.public.hex()}>"


def signed_bytes(command: Command) -> bytes:
    """What is signed of a command; raises `ValueError` for one that cannot be written so."""
    try:
        fields = _FIELDS.pack(
            _PREFIX,
            command.command_id,
            KINDS[command.kind],
            REASONS[command.reason],
            command.attempt,
            command.issued_at_s,
            command.expires_at_s,
            command.balance_nano,
            command.threshold_nano,
            command.decided_seq,
        )
        return fields + _id(command.account_id) + _id(command.meter_id)
    except (KeyError, struct.error) as error:
        raise ValueError(f"{command} cannot be signed: {error}") from None


def commands_body(commands: Sequence[SignedCommand]) -> bytes:
    """The body of a COMMAND message; the ids of all are whole numbers, or of all texts."""
    whole = not commands or isinstance(commands[0].command.meter_id, int)
    schema = COMMANDS["uint64" if whole else "utf8"]
    rows = [(*c.command, c.signer, c.signature) for c in commands]
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    arrays = [_array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return write_batch(Kind.COMMAND, pa.RecordBatch.from_arrays(arrays, schema=schema))


def commands_of(batch: pa.RecordBatch) -> Iterator[SignedCommand]:
    """The commands in a batch of a COMMAND message, not yet verified, in its order."""
    columns = [_values(column) for column in batch.columns]
    for *fields, signer, signature in zip(*columns, strict=True):
        yield SignedCommand(Command(*fields), signer, signature)


def _id(value: int | str) -> bytes:
    if isinstance(value, int):
        return _WHOLE.pack(0, value)
    data = value.encode("utf8")
    return _TEXT.pack(1, len(data)) + data


def _array(values: Iterable[object], kind: pa.DataType) -> pa.Array:
    if pa.types.is_decimal(kind):
        return pa.array(values, pa.int64()).view(kind)
    return pa.array(values, kind)


def _values(column: pa.Array) -> list[object]:
    if pa.types.is_decimal(column.type) or pa.types.is_timestamp(column.type):
        column = column.view(pa.int64())
    values: list[object] = column.to_pylist()
    return values
