"""`feikong changes`: what operators changed, and with whose key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from pipeline.batchlog import instant_text
from pipeline.cli._node import DATA
from pipeline.cli._shift import AS_JSON
from pipeline.cli._terminal import count, output_console
from pipeline.journal import RealDisk
from pipeline.keys.allowed import Keyring
from pipeline.node.changes import Change
from pipeline.node.changes import changes as changes_of
from pipeline.node.layout import LayoutError, Places, read_layout
from pipeline.outputs.local import LocalError, connect
from pipeline.query.sheet import lines_of

__all__ = ["changes"]

NODE = "the node"


@click.command()
@DATA
@click.option("--key", metavar="NAME", help="Of one key.")
@click.option("--op", metavar="OP", help="Of one kind, such as suspend_trips, configuration or tick.")
@click.option("--account", metavar="ID", help="About one account.")
@click.option("--limit", type=click.IntRange(min=1), default=200, show_default=True, help="Most, the newest.")
@AS_JSON
def changes(
    data: Path, key: str | None, op: str | None, account: str | None, limit: int, as_json: bool
) -> None:
    """Tell who changed what: every update, configuration and operator's tick in the journal, and whose key it was.

    A key that is allowed no longer is shown by its bytes. What the engine refused of it is in `exceptions`. The
    journal is cut back as snapshots make parts of it needless, unless the configuration says `keep_journal`.

    \b
    Example:
      feikong changes --data node
      feikong changes --data node --op suspend_trips --json
    """  # noqa: D301
    if not data.is_dir():
        raise LayoutError(f"{data}: does not exist; expected the data directory of a node")
    names = {curve: public.name for curve, public in Keyring(data).current.items()}
    ids = _ids(data)
    found: list[tuple[int, str, Change]] = []
    for shard in range(read_layout(RealDisk(data)).shards):
        places = Places(data, shard)
        if not places.journal.is_dir():
            continue
        for change in changes_of(RealDisk(places.journal), ids):
            by = NODE if change.producer is None else names.get(change.producer, change.producer.hex())
            wanted = (key in (None, by)) and (op in (None, change.op))
            if wanted and (account is None or str(change.account_id) == account):
                found.append((shard, by, change))
    found.sort(key=lambda each: (each[2].at_s, each[0], each[2].frame))
    if as_json:
        click.echo(json.dumps([_as_json(*each) for each in found[-limit:]], indent=1, ensure_ascii=False))
        return
    if len(found) > limit:
        click.echo(f"{count(len(found) - limit)} older ones are not shown; see --limit", err=True)
    if found:
        rows = [_row(*each) for each in found[-limit:]]
        headers = ("time", "shard", "key", "change", "about", "to")
        output_console().print(lines_of(headers, rows, right=(1,)), markup=False)


def _ids(data: Path) -> pa.DataType | None:
    """The deployment's type of ids, None as long as nothing says which.

    An operator's command that was not told tries one type, and then the other: of two batches one was taken.
    """
    try:
        with connect(data) as local:
            districts = local.state("districts")
    except LocalError:
        return None
    return districts.schema.field("district_id").type if districts.num_rows else None


def _row(shard: int, by: str, change: Change) -> tuple[str, ...]:
    about = [str(each) for each in (change.account_id, change.meter_id) if each is not None]
    to = [str(each) for each in (change.value, change.text) if each is not None]
    name = by if len(by) < 64 else f"{by[:12]}…"
    return (instant_text(change.at_s), str(shard), name, change.op, " ".join(about), " ".join(to))


def _as_json(shard: int, by: str, change: Change) -> dict[str, Any]:
    return {
        "at": instant_text(change.at_s),
        "shard": shard,
        "frame": change.frame,
        "key": by,
        "change": change.op,
        "account_id": change.account_id,
        "meter_id": change.meter_id,
        "value": change.value,
        "text": change.text,
        "about": None if change.about_s is None else instant_text(change.about_s),
    }
