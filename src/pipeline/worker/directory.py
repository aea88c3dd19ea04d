"""Which shard an account or a meter is in, as a worker of a node with several shards knows it.

An account's first home is its district's shard, and it stays there for ever; a meter is where its account is, a supply
meter in its district's shard. Shards tell every worker who is in them, all at first, and then what each registry batch
brings, before they acknowledge it. What one producer has said of an account or a meter and is not acknowledged yet is
expected to come true: the meters of such an account may follow at once.

A batch that was applied may have rows that the engine has refused. Of a meter that is told so it is known only that a
row named an account: the meter counts as there if the account is. That is not so for a row that was refused for
another reason: if the next one names an account of another shard, it is refused, too, until the workers start anew.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from xxhash import xxh3_64_intdigest

__all__ = ["UNKNOWN", "Directory", "Shards", "What", "home_of", "homes"]

What = Literal["accounts", "meters"]
Shards: TypeAlias = npt.NDArray[np.int16]
"""A shard for each row; `UNKNOWN` where there is none."""

UNKNOWN: Final = -1
EXPECTED_MAX: Final = 1 << 22


def home_of(district: int | str, shards: int) -> int:
    """The shard of a district: XXH3-64 of its 8 bytes, little-endian, or of its UTF-8, modulo the number of shards."""
    data = district.to_bytes(8, "little") if isinstance(district, int) else district.encode()
    return xxh3_64_intdigest(data) % shards


def homes(districts: pa.Array, shards: int) -> Shards:
    """The shard of each district; `UNKNOWN` for a null."""
    encoded = districts.dictionary_encode()
    by_code = [UNKNOWN if each is None else home_of(each, shards) for each in encoded.dictionary.to_pylist()]
    codes = encoded.indices.fill_null(len(by_code)).to_numpy(zero_copy_only=False)
    found: Shards = np.array([*by_code, UNKNOWN], np.int16)[codes]
    return found


class Directory:
    """Who is where."""

    def __init__(self) -> None:
        self._known: dict[str, _Numbers | _Texts] = {}
        self._expected: dict[str, dict[Any, int]] = {"accounts": {}, "meters": {}}

    def learn(self, what: str, ids: pa.Array, shard: int) -> None:
        """A shard says that these are in it."""
        kind = _Numbers if pa.types.is_uint64(ids.type) else _Texts
        known = self._known.setdefault(what, kind())
        assert isinstance(known, kind), "a deployment has ids of one type"
        known.learn(ids, shard)
        self._forget(what, ids)

    def learn_meters(self, ids: pa.Array, accounts: pa.Array, shard: int) -> None:
        """A shard says that rows of these meters were applied, and whose they are; null: of no account."""
        there = (self.places("accounts", accounts) == shard) | accounts.is_null().to_numpy(
            zero_copy_only=False
        )
        self.learn("meters", ids.filter(pa.array(there)), shard)
        self._forget("meters", ids)

    def expect(self, what: What, ids: pa.Array, shards: Shards) -> None:
        """These are about to be registered there."""
        expected = self._expected[what]
        if len(expected) > EXPECTED_MAX:
            expected.clear()
        expected.update(zip(ids.to_pylist(), shards.tolist(), strict=True))

    def _forget(self, what: str, ids: pa.Array) -> None:
        """These are expected no longer."""
        expected = self._expected[what]
        if expected:
            for each in ids.to_pylist():
                expected.pop(each, None)

    def places(self, what: What, ids: pa.Array) -> Shards:
        """Where each of these is; `UNKNOWN` for a null, what no shard has told of, and ids of the other type."""
        known = self._known.get(what)
        if known is None or isinstance(known, _Numbers) != pa.types.is_uint64(ids.type):
            found = np.full(len(ids), UNKNOWN, np.int16)
        else:
            found = known.places(ids)
        expected = self._expected[what]
        if expected:
            rows = np.flatnonzero(found == UNKNOWN)
            found[rows] = [expected.get(each, UNKNOWN) for each in ids.take(pa.array(rows)).to_pylist()]
        return found


class _Numbers:
    """Ids of uint64: sorted, and the shard of each."""

    def __init__(self) -> None:
        self._ids = np.empty(0, np.uint64)
        self._shards = np.empty(0, np.int16)

    def learn(self, ids: pa.Array, shard: int) -> None:
        new = np.unique(ids.to_numpy(zero_copy_only=False))
        at = np.searchsorted(self._ids, new)
        known = np.zeros(len(new), bool)
        inside = at < len(self._ids)
        known[inside] = self._ids[at[inside]] == new[inside]
        self._shards[at[known]] = shard
        self._ids = np.insert(self._ids, at[~known], new[~known])
        self._shards = np.insert(self._shards, at[~known], shard)

    def places(self, ids: pa.Array) -> Shards:
        if not len(self._ids):
            return np.full(len(ids), UNKNOWN, np.int16)
        values = ids.fill_null(0).to_numpy(zero_copy_only=False)
        at = np.searchsorted(self._ids, values)
        at[at == len(self._ids)] = 0
        found = np.where(self._ids[at] == values, self._shards[at], np.int16(UNKNOWN))
        if ids.null_count:
            found[ids.is_null().to_numpy(zero_copy_only=False)] = UNKNOWN
        return found


class _Texts:
    """Ids of text."""

    def __init__(self) -> None:
        self._shards: dict[str, int] = {}

    def learn(self, ids: pa.Array, shard: int) -> None:
        self._shards.update(dict.fromkeys(ids.to_pylist(), shard))

    def places(self, ids: pa.Array) -> Shards:
        get = self._shards.get
        return np.array([get(each, UNKNOWN) for each in ids.to_pylist()], np.int16)
