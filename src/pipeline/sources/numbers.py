"""Energies to whole counts, and the other cells of a file to typed values.

An energy in kWh is so many counts of `resolution_wh`. It is exact: what is not a whole number of counts is a
problem, unless the mapping says `round`; only what floating-point arithmetic leaves behind, less than a
thousandth of a count (6.5279999 kWh in counts of 1 Wh), is taken for the whole number that it was.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sources.columns import Column, Ids, arrow_type
from pipeline.sources.mapping import UNITS_WH, FileMapping

__all__ = ["DUST_COUNTS", "counts", "typed"]

DUST_COUNTS = 1e-3
COUNTS_MAX = 10**12  # up to here a float64 holds counts to a tenth of DUST_COUNTS
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?$"
_WHOLE = r"^[+-]?\d{1,18}$"
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_HEX_32 = re.compile(r"[0-9a-fA-F]{32}")

Problems = dict[int, str]


def counts(column: pa.Array, mapping: FileMapping) -> tuple[pa.Array, Problems, int]:
    """Counts (int64) of a column of texts or numbers, problems by row, and how many were rounded.

    Rows with a problem are 0. `column` has no nulls.
    """
    if mapping.unit == "counts" and not pa.types.is_floating(column.type):
        values, problems = _whole(column)
        return values, problems, 0
    numbers, problems = _floats(column, mapping.decimal)
    scale = 1.0 if mapping.unit == "counts" else UNITS_WH[mapping.unit] / mapping.resolution_wh
    exact = numbers * scale
    odd = ~(np.abs(exact) <= COUNTS_MAX)  # nan too
    exact[odd] = 0
    whole = np.rint(exact)
    dust = np.abs(exact - whole) > DUST_COUNTS
    if not mapping.round:
        each = "counts" if mapping.unit == "counts" else f"counts of {mapping.resolution_wh} Wh"
        for row in np.flatnonzero(dust):
            problems.setdefault(
                int(row), f"{exact[row]:.6g} {each}; expected a whole number of them, or rounding"
            )
    for row in np.flatnonzero(odd):
        problems.setdefault(
            int(row), f"no number within {COUNTS_MAX:.0e} counts; expected an energy that a meter can read"
        )
    rounded = int(np.count_nonzero(dust)) if mapping.round else 0
    return pa.array(whole.astype(np.int64)), problems, rounded


def typed(column: pa.Array, want: Column, ids: Ids, mapping: FileMapping) -> tuple[pa.Array, Problems]:
    """The cells of `column`, which has no nulls, as the engine takes `want`; null, with a reason, by row."""
    kind = arrow_type(want, ids)
    if want.meaning == "id" and ids == "utf8":
        return _texts(
            column, problem="of no or more than 64 bytes; expected an id of 1 to 64 bytes", bytes_max=64
        )
    if want.meaning == "text":
        return _texts(column, problem="empty; expected a name", bytes_max=None)
    if column.type == kind:
        return column, {}
    return _by_distinct(column, _PARSERS[want.meaning], kind, mapping)


def _by_distinct(
    column: pa.Array, parse: Callable[[object, FileMapping], object], kind: pa.DataType, mapping: FileMapping
) -> tuple[pa.Array, Problems]:
    """Read each distinct cell once by `parse`, which raises ValueError with what is wrong."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    values: list[object] = []
    reasons: dict[int, str] = {}
    for code, cell in enumerate(encoded.dictionary.to_pylist()):
        try:
            value = parse(cell.strip() if isinstance(cell, str) else cell, mapping)
            pa.scalar(value, kind)
            values.append(value)
        except (ValueError, OverflowError, InvalidOperation) as error:
            values.append(None)
            reasons[code] = (
                str(error) if isinstance(error, _Reason) else f"does not fit; expected a value of type {kind}"
            )
    codes = encoded.indices.to_numpy()
    problems = {int(row): reasons[code] for code in reasons for row in np.flatnonzero(codes == code)}
    return pa.array(values, kind).take(encoded.indices), problems


class _Reason(ValueError):
    """What is wrong with a cell, in words."""


def _parse_id(cell: object, mapping: FileMapping) -> int:
    text = str(cell)
    if not (text.isascii() and text.isdigit()) or int(text) >= 2**64:
        raise _Reason("no whole number below 2^64; expected one, as ids are uint64 here")
    return int(text)


def _parse_whole(cell: object, mapping: FileMapping) -> int:
    text = str(cell)
    if not re.match(_WHOLE, text):
        raise _Reason("no whole number; expected one, such as 900")
    return int(text)


def _parse_money(cell: object, mapping: FileMapping) -> Decimal:
    try:
        amount = Decimal(str(cell).replace(mapping.decimal, "."))
    except InvalidOperation as error:
        raise _Reason("no amount; expected one such as 12.50") from error
    if not amount.is_finite() or abs(amount) >= 10**9 or amount != amount.quantize(Decimal("1e-9")):
        raise _Reason("no amount below 10^9 with at most 9 decimals; expected one such as 12.50")
    return amount.quantize(Decimal("1e-9"))


def _parse_ratio(cell: object, mapping: FileMapping) -> float:
    try:
        return float(str(cell).replace(mapping.decimal, "."))
    except ValueError as error:
        raise _Reason("no number; expected a ratio such as 0.05") from error


def _parse_flag(cell: object, mapping: FileMapping) -> bool:
    flag = _FLAGS.get(str(cell).lower())
    if flag is None:
        raise _Reason("neither true nor false; expected true, false, 1, 0, yes or no")
    return flag


def _parse_payment_id(cell: object, mapping: FileMapping) -> bytes:
    """The 16 bytes of a UUID or of 32 hex digits; of any other text its BLAKE2b digest of 16 bytes."""
    if isinstance(cell, UUID):
        return cell.bytes
    if isinstance(cell, bytes):
        if len(cell) != 16:
            raise _Reason(f"{len(cell)} bytes; expected a payment id of 16")
        return cell
    text = str(cell)
    plain = text.replace("-", "") if len(text) == 36 else text
    if _HEX_32.fullmatch(plain):
        return bytes.fromhex(plain)
    return hashlib.blake2b(text.encode("utf8"), digest_size=16).digest()


_PARSERS: dict[str, Callable[[object, FileMapping], object]] = {
    "id": _parse_id,
    "whole": _parse_whole,
    "money": _parse_money,
    "ratio": _parse_ratio,
    "flag": _parse_flag,
    "payment_id": _parse_payment_id,
}


def _texts(column: pa.Array, problem: str, bytes_max: int | None) -> tuple[pa.Array, Problems]:
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    texts = pc.utf8_trim_whitespace(plain.cast(pa.string()))
    lengths = pc.binary_length(texts).to_numpy(zero_copy_only=False)
    wrong = lengths == 0 if bytes_max is None else (lengths == 0) | (lengths > bytes_max)
    return texts, dict.fromkeys(map(int, np.flatnonzero(wrong)), problem)


def _whole(column: pa.Array) -> tuple[pa.Array, Problems]:
    if pa.types.is_integer(column.type):
        fits = (
            pc.less_equal(column, pa.scalar(2**63 - 1, pa.uint64())) if column.type == pa.uint64() else None
        )
        values = column if fits is None else pc.if_else(fits, column, pa.scalar(0, column.type))
        rows = () if fits is None else np.flatnonzero(~fits.to_numpy(zero_copy_only=False))
        return values.cast(pa.int64()), dict.fromkeys(map(int, rows), "no count below 2^63; expected one")
    texts = _plain_texts(column)
    good = pc.match_substring_regex(texts, _WHOLE)
    rows = np.flatnonzero(~good.to_numpy(zero_copy_only=False))
    values = pc.if_else(good, pc.utf8_ltrim(texts, "+"), "0").cast(pa.int64())
    return values, dict.fromkeys(map(int, rows), "no whole number of counts; expected one such as 1234")


def _floats(column: pa.Array, decimal: str) -> tuple[np.ndarray, Problems]:
    if (
        pa.types.is_integer(column.type)
        or pa.types.is_floating(column.type)
        or pa.types.is_decimal(column.type)
    ):
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False).copy(), {}
    texts = _plain_texts(column)
    if decimal != ".":
        texts = pc.replace_substring(texts, decimal, ".")
    good = pc.match_substring_regex(texts, _NUMBER)
    rows = np.flatnonzero(~good.to_numpy(zero_copy_only=False))
    numbers = pc.if_else(good, pc.utf8_ltrim(texts, "+"), "0").cast(pa.float64())
    example = f"1{decimal}234"
    return numbers.to_numpy(zero_copy_only=False).copy(), dict.fromkeys(
        map(int, rows), f"no number; expected one such as {example}"
    )


def _plain_texts(column: pa.Array) -> pa.Array:
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    return pc.utf8_trim_whitespace(plain.cast(pa.string()))
