"""What held an account's trip, batch by batch, and who did what about it: a history replayed.

No output says which gate was closed when: the state does, after each batch. So the history is taken through an engine
of its own, and whatever changes of the one account is noted, with its acks and its updates, which are inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from fastcore import Config, Engine, FeikongError
from pipeline.backtest.history import Batch, History
from pipeline.batchlog import Broken
from pipeline.query.folder import QueryError

__all__ = ["Change", "changes"]


class Change(NamedTuple):
    """Something of the account that no output tells.

    Attributes:
        seq: the batch after which it was so.
        now_s: the engine's time then.
        kind: `gate` (`detail`: which holds the trip now; None: none any more), `ack` or `update` (`detail`: what).
    """

    seq: int
    now_s: int
    kind: str
    detail: str | None


def changes(
    history: History, account: int | str, on_batch: Callable[[], None] = lambda: None
) -> list[Change]:
    """All that a history tells of an account's gates, acks and updates, in order; raises `QueryError`.

    Takes as long as a replay. `on_batch` is called after each batch.
    """
    follower = _Follower(account, history.start(("commands",)))
    for batch in history:
        if not isinstance(batch, Broken):
            follower.take(batch)
        on_batch()
    if not follower.known:
        raise QueryError(f"{history.name}: has no account {account}; expected the history of these outputs")
    return follower.found


class _Follower:
    def __init__(self, account: int | str, engine: Engine | None) -> None:
        self.account = account
        self.engine = engine
        self.found: list[Change] = []
        self.known = False
        self._gate: str | None = None
        self._commands: set[int] = set()

    def take(self, batch: Batch) -> None:
        if self.engine is None:
            if batch.kind == "config":
                self.engine = Engine(Config.from_toml(str(batch.content)), outputs=("commands",))
            return
        assert batch.now_s is not None, "only the first line of a log has no time"
        try:
            effects = self.engine.apply(batch.kind, batch.content, now=batch.now_s)
        except FeikongError:
            return
        told = self._told(batch)
        for row in self._own(effects.commands):
            self._commands.add(row["command_id"])
        for kind, detail in told:
            self._note(kind, detail)
        self._look()

    def _look(self) -> None:
        assert self.engine is not None
        try:
            gate = self.engine.account(self.account)["blocked_by"]
        except KeyError:
            return
        self.known = True
        if gate != self._gate:
            self._gate = gate
            self._note("gate", gate)

    def _note(self, kind: str, detail: str | None) -> None:
        assert self.engine is not None
        self.found.append(Change(self.engine.sequence, self.engine.now_s or 0, kind, detail))

    def _told(self, batch: Batch) -> Iterable[tuple[str, str]]:
        if not isinstance(batch.content, pa.Table | pa.RecordBatch):
            return []
        if batch.kind == "acks":
            rows = batch.content.to_pylist()
            return [("ack", row["outcome"]) for row in rows if row["command_id"] in self._commands]
        if batch.kind == "updates" and "account_id" in batch.content.schema.names:
            return [("update", _update(row)) for row in self._own(batch.content)]
        return []

    def _own(self, rows: pa.Table | pa.RecordBatch) -> list[dict[str, Any]]:
        if not rows.num_rows:
            return []
        found: list[dict[str, Any]] = rows.filter(pc.equal(rows["account_id"], self.account)).to_pylist()
        return found


def _update(row: dict[str, Any]) -> str:
    more = [str(row[name]) for name in ("meter_id", "text", "value") if row.get(name) is not None]
    return " ".join([row["op"], *more])
