"""`feikong send`: files to a node."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from pipeline.cli._operator import connection_options
from pipeline.cli._terminal import Bar, progress_bar
from pipeline.client import BatchRefused, Event, LostAtNode, Producer, RefusedUnseen
from pipeline.keys import KeyPair
from pipeline.sources.mapping import Mapping
from pipeline.sources.rejects import Rejects
from pipeline.sources.send import FileToSend, Given, give
from pipeline.sources.sent import SentFiles
from pipeline.wire import ROWS_MAX, Role

__all__ = ["send"]

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
KINDS = {
    Role.READS: ("reads",),
    Role.PAYMENTS: ("payments",),
    Role.REGISTRY: ("accounts", "meters", "districts"),
}
KIND_NAMES = [kind for kinds in KINDS.values() for kind in kinds]


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@connection_options
@click.option(
    "--kind",
    type=click.Choice(KIND_NAMES),
    help="What the rows are.  [default: as the key's role says, or the file's name begins]",
)
@click.option(
    "--mapping", "mapping_path", type=FILE, help="TOML: what the files' columns, stamps and units mean."
)
@click.option(
    "--ids", type=click.Choice(["utf8", "uint64"]), default="utf8", show_default=True, help="Type of all ids."
)
@click.option(
    "--max-rows",
    type=click.IntRange(1, ROWS_MAX),
    default=ROWS_MAX,
    show_default=True,
    help="Most rows of a batch.",
)
@click.option(
    "--wait",
    "wait_s",
    default=60.0,
    show_default=True,
    help="Seconds without any progress after which it gives up.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def send(
    files: tuple[Path, ...],
    to: str,
    key: Path,
    node: Path,
    outbox: Path | None,
    kind: str | None,
    mapping_path: Path | None,
    ids: Any,
    max_rows: int,
    wait_s: float,
    as_json: bool,
) -> None:
    """Send reads, payments or registry rows from CSV, Parquet, Arrow or NEM12 files to a node.

    Every row arrives once: what was read is kept in the outbox until the node has it on its disk, and a command that
    was cut off goes on where it ended when it is given again. A file that was sent is not sent twice. Rows that cannot
    be used are told in OUTBOX.rejects.jsonl.

    \b
    Examples:
      feikong send reads.csv --to tcp://node:7070 --key feeder-1.key --node node.pub --mapping mapping.toml
      feikong send accounts.csv meters.csv --to tcp://node:7070 --key registry.key --node node.pub
    """  # noqa: D301
    pair = KeyPair.load(key)
    mapping = Mapping({}) if mapping_path is None else Mapping.load(mapping_path)
    kinds = [kind or _kind_of(path, pair.public.role) for path in files]
    to_send = [
        FileToSend(path, each, mapping.of(each, path)) for path, each in zip(files, kinds, strict=True)
    ]
    outbox = outbox or key.with_suffix(".outbox")
    rejects_path = outbox.with_name(f"{outbox.name}.rejects.jsonl")
    refused: list[str] = []
    with progress_bar(what="sending") as bar:

        def on_event(event: Event) -> None:
            if isinstance(event, BatchRefused):
                refused.append(f"batch {event.seq} is refused: {event.text}")
                bar.say(refused[-1])
            elif isinstance(event, RefusedUnseen):
                refused.append(f"{event.batches} batches were refused earlier; the node's dead letters tell")
                bar.say(refused[-1])
            elif isinstance(event, LostAtNode):
                bar.say(f"the node has lost what it had from batch {event.from_seq} on; it is sent again")

        with Producer(to, pair, node, outbox, ids=ids, on_event=on_event) as producer, ExitStack() as stack:
            rejects_path.unlink(missing_ok=True)  # of an earlier time: whoever has the outbox has this too
            rejects = stack.enter_context(Rejects(rejects_path))
            given = give(
                to_send,
                ids,
                max_rows,
                producer,
                SentFiles(outbox),
                rejects,
                on_file=_starting(bar, len(files)),
            )
            _drain(producer, bar, wait_s)
            waiting, rejected = producer.waiting, rejects.by_kind.total()
    _tell(given, waiting, rejected, refused, outbox, as_json)
    if waiting or refused:
        raise click.exceptions.Exit(1)


def _kind_of(path: Path, role: str) -> str:
    """What the rows of a file are: what the sender's role may send, by the file's name where that is several."""
    kinds = KINDS.get(Role(role), ()) if role in list(Role) else ()
    if not kinds:
        raise click.UsageError(f"a key of the role {role} sends no files; expected one of {', '.join(KINDS)}")
    for kind in kinds:
        if len(kinds) == 1 or path.name.startswith(kind):
            return kind
    raise click.UsageError(
        f"{path}: its name does not begin with {', '.join(kinds)}, so what its rows are must be said with --kind"
    )


def _starting(bar: Bar, files: int) -> Callable[[Path, Given], None]:
    """Tell the bar of each file that is begun, and how much was given before."""
    bar.start("reading", files)
    return lambda path, given: bar.step(f"{given.rows:,} rows, {path.name}")


def _drain(producer: Producer, bar: Bar, wait_s: float) -> None:
    """Wait until all is acknowledged, or nothing has been for so long."""
    left = producer.waiting
    bar.start("acknowledged", left)
    while left and not producer.flush(0.2):
        waited_s = 0.0
        while producer.waiting == left and waited_s < wait_s:
            producer.flush(0.2)
            waited_s += 0.2
        if producer.waiting == left:
            return
        while left > producer.waiting:
            left -= 1
            bar.step()


def _tell(given: Given, waiting: int, rejected: int, refused: list[str], outbox: Path, as_json: bool) -> None:
    summary = {
        "rows": given.rows,
        "batches": given.batches,
        "rejected_rows": rejected,
        "rounded": given.rounded,
        "sent_before": [str(path) for path in given.before],
        "refused_batches": refused,
        "waiting": waiting,
    }
    if as_json:
        click.echo(json.dumps(summary, indent=2))
        return
    for path in given.before:
        click.echo(f"{path} was sent before.")
    click.echo(
        f"{given.rows:,} rows in {given.batches:,} batches were given; {rejected:,} could not be used."
    )
    if waiting:
        click.echo(f"{waiting:,} batches wait in {outbox}: give the command again to send them.", err=True)
    else:
        click.echo("All that was ever given is at the node, on its disk and applied.")
