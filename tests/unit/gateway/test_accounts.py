"""What the gateway knows of accounts is what the engine knows, and it seldom asks."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipeline.gateway import accounts as module
from pipeline.gateway.accounts import Accounts
from pipeline.wire import Kind


class Book:
    """An engine's accounts: each asked for is counted."""

    def __init__(self, ids: list[int | str]) -> None:
        self.policy = dict.fromkeys(ids, "strict")
        self.asked = 0

    def accounts(self) -> pa.Table:
        self.asked += 1
        ids = list(self.policy)
        return pa.table(
            {
                "account_id": pa.array(ids, pa.uint64() if isinstance(ids[0], int) else pa.string()),
                "district_id": pa.array([f"D{each}" for each in ids]),
                "policy": pa.array(list(self.policy.values())).dictionary_encode(),
            }
        )


def updates(op: str, *ids: int) -> pa.RecordBatch:
    return pa.record_batch({"op": [op] * len(ids), "account_id": pa.array(ids, pa.uint64())})


@pytest.mark.parametrize("ids", [[7, 3, 2**64 - 1, 0], ["b", "ä", "a", "zz", "日本"]])
def test_each_is_found_and_no_other(ids):
    accounts = Accounts(Book(ids))
    assert [accounts.of(each).district_id for each in ids] == [f"D{each}" for each in ids]
    for other in (4, 2**63) if isinstance(ids[0], int) else ("", "aa", "zzz"):
        with pytest.raises(KeyError):
            accounts.of(other)


def test_the_table_is_asked_for_again_only_for_rows_that_may_have_changed():
    book = Book([1, 2, 3])
    accounts = Accounts(book)
    accounts.heard(Kind.UPDATES, updates("set_policy", 1))
    assert (accounts.of(1).policy, book.asked) == ("strict", 1)
    book.policy[2] = "lenient"
    accounts.heard(Kind.UPDATES, updates("set_policy", 2))
    accounts.heard(Kind.UPDATES, updates("set_tariff", 3))
    assert (accounts.of(1).policy, accounts.of(3).policy, book.asked) == ("strict", "strict", 1)
    assert (accounts.of(2).policy, book.asked) == ("lenient", 2)
    assert (accounts.of(2).policy, book.asked) == ("lenient", 2)
    book.policy[4] = "strict"
    accounts.heard(Kind.ACCOUNTS, pa.record_batch({"account_id": pa.array([4], pa.uint64())}))
    assert (accounts.of(4).policy, book.asked) == ("strict", 3)


def test_what_is_remembered_as_touched_has_a_limit(monkeypatch):
    monkeypatch.setattr(module, "TOUCHED_MAX", 2)
    book = Book([1, 2, 3])
    accounts = Accounts(book)
    accounts.of(1)
    accounts.heard(Kind.UPDATES, updates("set_policy", 1, 2))
    assert (accounts.of(3).policy, book.asked) == ("strict", 1)
    accounts.heard(Kind.UPDATES, updates("set_policy", 4))
    assert (accounts.of(3).policy, book.asked) == ("strict", 2)
