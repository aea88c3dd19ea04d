"""One column of a batch, from the types it may come in to the one that the core reads (reference, "Inputs").

Nothing that arrives is trusted: a column is validated before anything walks its offsets or its dictionary, so
that damaged Arrow data ends as `SchemaError` and never as a crash. Columns that already are what the core
reads are not copied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pyarrow as pa

from fastcore.schemas import INSTANT, MONEY, PAYMENT_ID, Domain

__all__ = ["CANONICAL", "Mismatch", "canonical", "is_text", "settled"]

CANONICAL: Final[dict[Domain, pa.DataType]] = {
    Domain.INSTANT: pa.int64(),
    Domain.INT64: pa.int64(),
    Domain.INT32: pa.int64(),
    Domain.UINT16: pa.uint16(),
    Domain.UINT64: pa.uint64(),
    Domain.MONEY: pa.int64(),
    Domain.FLAG: pa.uint8(),
    Domain.FLOAT64: pa.float64(),
    Domain.PAYMENT_ID: PAYMENT_ID,
    Domain.TEXT: pa.string(),
}
"""What the core reads: seconds, nano-units, 0 or 1. Ids are ``uint64`` or ``utf8``, as they came."""

_INT64, _STRING, _UINT64 = pa.int64(), pa.string(), pa.uint64()
_UNSIGNED: Final = (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
_SIGNED: Final = (pa.int8(), pa.int16(), pa.int32(), pa.int64())
_TEXTS: Final = (pa.string(), pa.large_string(), pa.string_view())
_NARROWER: Final[dict[Domain, tuple[pa.DataType, ...]]] = {
    Domain.INT64: (*_SIGNED, *_UNSIGNED[:3]),
    Domain.INT32: (*_SIGNED[:3], *_UNSIGNED[:2]),
    Domain.UINT16: _UNSIGNED[:2],
    Domain.UINT64: _UNSIGNED,
}
_UTC: Final = frozenset(
    [
        "utc",
        "etc/utc",
        "uct",
        "etc/uct",
        "gmt",
        "etc/gmt",
        "zulu",
        "etc/zulu",
        "universal",
        "etc/universal",
        "z",
        "+00:00",
        "-00:00",
    ]
)
_SCALE_MIN: Final = -38
"""Far below any amount's; Arrow does not check a scale before it looks up its power of ten."""
_UUID: Final = pa.uuid()


class Mismatch(Exception):
    """A column of another type than its domain allows. The message, if any, says more than the type does."""


def canonical(domain: Domain, array: pa.Array) -> pa.Array:
    """Return a column as the core reads it: see `CANONICAL`.

    Raises `Mismatch` if its type is another than the domain allows, or its values do not fit; and
    ``pa.ArrowInvalid`` if it is damaged.
    """
    return _CONVERT[domain](domain, array)


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is ``utf8``, of whatever layout, plain or dictionary-encoded."""
    return (kind.value_type if pa.types.is_dictionary(kind) else kind) in _TEXTS


def settled(array: pa.Array) -> pa.Array:
    """Return an array with buffers aligned for its values, wherever in them it begins; copied where it is not so."""
    if not len(array):
        return pa.array([], array.type)
    if any(buffer is not None and buffer.address % 8 for buffer in array.buffers()):
        return pa.concat_arrays([array])
    return array


def _id(domain: Domain, array: pa.Array) -> pa.Array:
    if array.type in _UNSIGNED:
        return _integer(Domain.UINT64, array)
    return _text(domain, array)


def _instant(domain: Domain, array: pa.Array) -> pa.Array:
    kind = array.type
    if not pa.types.is_timestamp(kind):
        return _integer(Domain.INT64, array)
    if kind.tz is None or kind.tz.lower() not in _UTC:
        raise Mismatch
    _check(array)
    if kind.unit != "s":
        try:
            array = array.cast(INSTANT)
        except pa.ArrowInvalid as error:
            raise Mismatch(str(error)) from None
    return array.view(_INT64)


def _integer(domain: Domain, array: pa.Array) -> pa.Array:
    kind = array.type
    if kind not in _NARROWER[domain]:
        raise Mismatch
    _check(array)
    return array if kind == CANONICAL[domain] else array.cast(CANONICAL[domain])


def _money(domain: Domain, array: pa.Array) -> pa.Array:
    kind = array.type
    if not pa.types.is_decimal(kind) or not _SCALE_MIN <= kind.scale <= MONEY.scale:
        raise Mismatch
    array.validate(full=True)
    if kind != MONEY:
        try:
            if kind.scale < 0:
                array = array.cast(pa.decimal256(76, 0))
            array = array.cast(MONEY)
        except pa.ArrowInvalid as error:
            raise Mismatch(str(error)) from None
    return array.view(_INT64)


def _flag(domain: Domain, array: pa.Array) -> pa.Array:
    if not pa.types.is_boolean(array.type):
        raise Mismatch
    _check(array)
    return array.cast(pa.uint8())


def _float64(domain: Domain, array: pa.Array) -> pa.Array:
    if array.type != CANONICAL[domain]:
        raise Mismatch
    _check(array)
    return array


def _payment_id(domain: Domain, array: pa.Array) -> pa.Array:
    if array.type == _UUID:
        array = array.storage
    if array.type != PAYMENT_ID:
        raise Mismatch
    _check(array)
    return array


def _text(domain: Domain, array: pa.Array) -> pa.Array:
    if not is_text(array.type):
        raise Mismatch
    array.validate(full=True)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array if array.type == _STRING else array.cast(_STRING)


def _check(array: pa.Array) -> None:
    """Raise ``pa.ArrowInvalid`` if the buffers are too short, or a null count does not match its bitmap."""
    array.validate(full=array.buffers()[0] is not None)


_CONVERT: Final[dict[Domain, Callable[[Domain, pa.Array], pa.Array]]] = {
    Domain.ID: _id,
    Domain.INSTANT: _instant,
    Domain.INT64: _integer,
    Domain.INT32: _integer,
    Domain.UINT16: _integer,
    Domain.UINT64: _integer,
    Domain.MONEY: _money,
    Domain.FLAG: _flag,
    Domain.FLOAT64: _float64,
    Domain.PAYMENT_ID: _payment_id,
    Domain.TEXT: _text,
}
