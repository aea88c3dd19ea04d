"""New shards out of a history: each row to where its account lives now, each number to all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from fastcore import Engine
from pipeline.errors import LogError
from pipeline.journal import SEGMENT_BYTES, Disk, Journal, Recovery
from pipeline.node.directory import LEARNED
from pipeline.node.entries import Entry, Sent, encode, entry_bytes, is_batch
from pipeline.node.layout import Layout
from pipeline.node.state import State, content_of, of_all_trips
from pipeline.reshard.ids import Commands, Ids
from pipeline.reshard.merge import Event, Once, history
from pipeline.wire import Kind, Refused
from pipeline.wire.schemas import ARROW_KINDS
from pipeline.worker.gather import body_of
from pipeline.worker.split import Split, with_column

__all__ = ["Resharded", "reshard"]

FRAME_BYTES: Final = 4 << 20
OUTPUTS: Final = ("commands",)


class Resharded(NamedTuple):
    """What a new number of shards came to.

    Attributes:
        accounts, meters: how many there are, in all shards.
        differing: accounts that stand elsewhere in their state than before, as text: before → now.
        unknown: ids in acks and updates that the new engines have nothing for, by kind.
    """

    accounts: int
    meters: int
    differing: dict[str, str]
    unknown: dict[str, int]


@dataclass(slots=True)
class _Shard:
    """A new shard: its state, its journal, and what is not written to it yet."""

    journal: Journal
    state: State = field(default_factory=lambda: State(OUTPUTS))
    commands: Commands = field(default_factory=Commands)
    waiting: list[Entry] = field(default_factory=list)
    waiting_bytes: int = 0

    def take(self, entry: Entry) -> bool:
        """Take the next entry; whether the engine did not refuse it whole."""
        outcome = self.state.apply(entry)
        self.commands.note(outcome.effects)
        self.waiting.append(entry)
        self.waiting_bytes += entry_bytes(entry)
        if self.waiting_bytes >= FRAME_BYTES:
            self.write()
        return outcome.refusal is None

    def write(self) -> None:
        """Have all on the disk."""
        if self.waiting:
            batches = sum(map(is_batch, self.waiting))
            self.journal.commit(
                encode(self.waiting),
                now_s=self.state.now_s or 0,
                first_batch=self.state.batches - batches,
                batches=batches,
            )
            self.waiting, self.waiting_bytes = [], 0


def reshard(
    old: Sequence[Disk],
    new: Sequence[Disk],
    layout: Layout,
    new_id: Callable[[], bytes],
    on_entry: Callable[[], None] = lambda: None,
    segment_bytes: int = SEGMENT_BYTES,
) -> Resharded:
    """Replay the journals of old shards into those of new ones, whose disks are empty.

    `layout` is the one to come; `new_id` gives 16 random bytes. Raises `LogError` where a journal's begin has been
    pruned, or where an account's balance came out otherwise than it was; and what journals raise.
    """
    shards = []
    for disk in new:
        with Recovery(disk, new_id=new_id(), segment_bytes=segment_bytes) as recovery:
            if next(iter(recovery), None) is not None:
                raise LogError(f"{disk.where}: holds a journal already; expected an empty folder")
            shards.append(_Shard(recovery.finish()))
    made = _Resharding(shards, layout, len(old))
    try:
        for event in history(old):
            made.take(event)
            on_entry()
        for shard in shards:
            shard.write()
    finally:
        for shard in shards:
            shard.journal.close()
    return made.compared()


class _Resharding:
    def __init__(self, shards: list[_Shard], layout: Layout, before: int) -> None:
        self._new = shards
        self._old = [State(OUTPUTS) for _ in range(before)]
        self._sent = [Commands() for _ in range(before)]
        self._ids = Ids(layout, self._sent, [shard.commands for shard in shards])
        self._split = Split(layout, meters_move=True)
        self._once = Once()

    def take(self, event: Event) -> None:
        """Take an entry: to the new shards first, as long as the old one is where it was."""
        self._carry(event)
        outcome = self._old[event.shard].apply(event.entry)
        self._sent[event.shard].note(outcome.effects)

    def compared(self) -> Resharded:
        """Compare what was with what is."""
        before = _standing(state.engine for state in self._old)
        now = _standing(shard.state.engine for shard in self._new)
        wrong = [key for key in before.keys() | now.keys() if _money(before.get(key)) != _money(now.get(key))]
        if wrong:
            raise LogError(
                f"{len(wrong)} accounts came out with another balance, such as {sorted(map(str, wrong))[:5]}; nothing "
                "is changed. Please report this, with the journals"
            )
        differing = {
            str(key): f"{before[key][1]} → {now[key][1]}" for key in before if before[key][1] != now[key][1]
        }
        engines = [shard.state.engine for shard in self._new if shard.state.engine is not None]
        return Resharded(
            len(now), sum(engine.stats()["meters"] for engine in engines), differing, dict(self._ids.unknown)
        )

    def _carry(self, event: Event) -> None:
        entry = event.entry
        fresh = self._once.fresh(entry)
        parts = tuple(part for part, new in zip(entry.parts, fresh, strict=True) if new)
        if not is_batch(entry) or entry.kind not in ARROW_KINDS:
            started = self._new[0].state.engine is not None
            if parts or (not entry.parts and not (entry.what == Kind.CONFIG and started)):
                self._to_all(entry._replace(parts=parts))
            return
        try:
            content = content_of(entry)
        except Refused:
            if parts:
                self._to_all(entry._replace(parts=parts))
            return
        if entry.kind is Kind.UPDATES and not entry.parts and _of_node(content):
            self._to_all(entry)
            return
        engines = [shard.state.engine for shard in self._new]
        old = self._old[event.shard].engine
        content = self._ids.translated(entry.kind, content, event.shard, old, engines)
        if entry.kind is Kind.METERS and old is not None:
            content = _with_accounts_of(content, old)
        counted, repeated = _apart(content, entry.parts, fresh)
        if parts:
            self._cut(entry, counted, parts)
        if repeated.num_rows:
            self._cut(entry, _for_one(entry.kind, repeated), ())

    def _to_all(self, entry: Entry) -> None:
        for shard in self._new:
            shard.take(entry)

    def _cut(self, entry: Entry, batch: pa.RecordBatch, parts: tuple[Sent, ...]) -> None:
        rows = [part.rows for part in parts] if parts else [batch.num_rows]
        for number, piece in enumerate(self._split.cut(entry.kind, batch, rows)):
            mine = tuple(part._replace(rows=count) for part, count in zip(parts, piece.rows, strict=False))
            if not mine and not piece.batch.num_rows:
                continue
            body = body_of(piece.batch)
            taken = self._new[number].take(
                Entry(entry.what, mine, entry.now_s, piece.batch.num_rows, entry.detail, body)
            )
            if taken and entry.kind in LEARNED:
                who, column = LEARNED[entry.kind]
                self._split.directory.learn(who, piece.batch[column], number)


def _apart(
    content: pa.RecordBatch, parts: Sequence[Sent], fresh: Sequence[bool]
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The rows of the parts that count, and all others, which no part may have."""
    counted = [
        *chain.from_iterable([new] * part.rows for part, new in zip(parts, fresh, strict=True)),
    ]
    counted += [False] * (content.num_rows - len(counted))
    mask = pa.array(counted, pa.bool_())
    return content.filter(mask), content.filter(pc.invert(mask))


def _for_one(kind: Kind, rows: pa.RecordBatch) -> pa.RecordBatch:
    """Without the rows that every shard had, and that have been carried to all with the first."""
    return rows.filter(pc.invert(of_all_trips(rows))) if kind is Kind.UPDATES else rows


def _with_accounts_of(meters: pa.RecordBatch, engine: Engine) -> pa.RecordBatch:
    """Rows of meters, without accounts that the old engine did not know: it refused those rows, and so will the new."""
    accounts = meters["account_id"].to_pylist()
    known = {each: _knows(engine, each) for each in set(accounts) if each is not None}
    if all(known.values()):
        return meters
    return with_column(meters, "account_id", [each if known.get(each) else None for each in accounts])


def _knows(engine: Engine, account: int | str) -> bool:
    try:
        engine.account(account)
    except KeyError:
        return False
    return True


def _of_node(updates: pa.RecordBatch) -> bool:
    return bool(pc.all(of_all_trips(updates)).as_py())


def _standing(engines: Iterable[Engine | None]) -> dict[object, tuple[object, str]]:
    """Balance and state of each account."""
    found: dict[object, tuple[object, str]] = {}
    for engine in engines:
        if engine is not None:
            table = engine.accounts()
            columns = (table[name].to_pylist() for name in ("account_id", "balance", "state"))
            found.update((key, (balance, state)) for key, balance, state in zip(*columns, strict=True))
    return found


def _money(standing: tuple[object, str] | None) -> object:
    return None if standing is None else standing[0]
