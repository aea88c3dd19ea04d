"""Whose ack is whose: what head-ends answered in the run that was, for the commands of another run.

The acks of a history name commands of the run that was. The other run sends its own, at other moments, to other
accounts. Two rules say how they are answered:

- **Both runs have the same kind of command under way to an account.** It is the same question to the same relay: the
  ack that the one got, the other gets too. This goes on holding for the two commands, whatever becomes of them.
- **Only the other run has one under way.** Nobody knows what its relay would have said. It is taken to have said
  `done`, at once; unless the account is unsure in the run that was, when its relay did not answer there either: then
  nothing is said, and the command is repeated and given up, as it was.

An ack whose command has no counterpart is left out. So the other run of an unchanged configuration gets what the
history says, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from pipeline.backtest.history import Batch
from pipeline.backtest.side import Id, Side

__all__ = ["Answers"]


class Answers:
    """The acks of one run, for the commands of another.

    Attributes:
        given: acks that the history has no counterpart of.
        left_out: acks of the history that the other run asked nobody for.
    """

    def __init__(self, was: Side, otherwise: Side) -> None:
        self.given = 0
        self.left_out = 0
        self._was = was
        self._otherwise = otherwise
        self._twins: dict[int, int] = {}
        self._open: dict[Id, None] = dict.fromkeys(otherwise.orders)

    def translated(self, batch: Batch) -> Batch:
        """A batch of acks of the history, for the other run; one that is malformed stays what it is."""
        table = batch.content
        if not isinstance(table, pa.Table | pa.RecordBatch):
            return batch
        place = table.schema.get_field_index("command_id")
        if (
            place < 0
            or not pa.types.is_integer(table.schema.field(place).type)
            or table.column(place).null_count
        ):
            return batch
        ids = [self._twin(command_id) for command_id in table.column(place).to_pylist()]
        kept = pa.array([command_id is not None for command_id in ids], pa.bool_())
        self.left_out += ids.count(None)
        twins = pa.array([0 if command_id is None else command_id for command_id in ids], pa.uint64())
        return batch._replace(content=table.set_column(place, "command_id", twins).filter(kept))

    def after(self, sent_was: Iterable[Id], sent_otherwise: Iterable[Id]) -> Batch | None:
        """What the other run is told next, after these accounts were sent new commands; None: nothing."""
        self._open.update(dict.fromkeys(sent_was))
        self._open.update(dict.fromkeys(sent_otherwise))
        done = []
        for account_id in list(self._open):
            order, was = self._otherwise.under_way(account_id), self._was.under_way(account_id)
            if order is None:
                if was is None:
                    del self._open[account_id]
            elif was is not None and was.kind == order.kind:
                self._twins[was.command_id] = order.command_id
            elif not self._was.unsure(account_id):
                done.append(order.command_id)
        if not done:
            return None
        self.given += len(done)
        at = pa.array([self._otherwise.now_s] * len(done), pa.timestamp("s", "UTC"))
        acks = {
            "command_id": pa.array(done, pa.uint64()),
            "outcome": pa.array(["done"] * len(done)),
            "at": at,
        }
        return Batch("acks", self._otherwise.now_s, pa.table(acks))

    def _twin(self, command_id: int) -> int | None:
        """The other run's command for one that was; itself where neither run has sent it since they parted."""
        if command_id in self._twins:
            return self._twins[command_id]
        sent = [side.first_id for side in (self._was, self._otherwise) if side.first_id is not None]
        return command_id if not sent or command_id < min(sent) else None
