"""How an operator's commands speak to a node: with a key of that role, over the wire, as every producer does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from pipeline.client import BatchRefused, Event, Patience, Producer
from pipeline.wire import Reason
from pipeline.wire.schemas import IDS, Ids

__all__ = ["Station", "connection_options", "say", "station_options"]

_ORDER: Final[tuple[Ids, ...]] = ("utf8", "uint64")
"""The order in which types of ids are tried where nobody has said which the deployment has."""
_PATIENCE: Final = Patience(hello_s=0.5)


class Station(NamedTuple):
    """From where an operator speaks: the node's endpoint and public key, the operator's key, and its outbox.

    `ids` is the deployment's type of ids, None where that was not said.
    """

    to: str
    key: Path
    node: Path
    outbox: Path
    wait_s: float
    ids: Ids | None = None


def connection_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that tell which node a command speaks to, and who speaks: `to`, `key`, `node`, `outbox`."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    for option in (
        click.option(
            "--outbox",
            type=click.Path(file_okay=False, path_type=Path),
            help="Folder of what is on its way; always the same for a key.  [default: NAME.outbox beside the key]",
        ),
        click.option("--node", required=True, type=file, help="The node's node.pub."),
        click.option(
            "--key", required=True, type=file, help="The sender's NAME.key; its role says what it may send."
        ),
        click.option("--to", required=True, metavar="ENDPOINT", help="The node, such as tcp://node:7070."),
    ):
        command = option(command)
    return command


def station_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a command that speaks to a node; it is given a `Station` as `station`."""

    @connection_options
    @click.option(
        "--ids", type=click.Choice(list(IDS)), help="Type of all ids.  [default: what the node takes]"
    )
    @click.option("--wait", "wait_s", default=10.0, show_default=True, help="Seconds to wait for the node.")
    @wraps(command)
    def with_station(
        *,
        to: str,
        key: Path,
        node: Path,
        outbox: Path | None,
        wait_s: float,
        ids: Ids | None,
        **options: Any,
    ) -> None:
        command(station=Station(to, key, node, outbox or key.with_suffix(".outbox"), wait_s, ids), **options)

    return with_station


def say(station: Station, kind: str, batch_of: Callable[[Ids], Any], ids: Sequence[Ids] = _ORDER) -> None:
    """Have the node take a batch, and wait until it is on its disk and applied.

    Nothing is kept for later if the node does not answer: what an operator wants now may be wrong tomorrow. Where the
    batch does not show which ids the deployment has, each type in `ids` is tried. Raises `click.ClickException`.
    """
    refused: list[BatchRefused] = []

    def on_event(event: Event) -> None:
        if isinstance(event, BatchRefused):
            refused.append(event)

    with Producer(
        station.to, station.key, station.node, station.outbox, on_event=on_event, patience=_PATIENCE
    ) as producer:
        earlier = producer.waiting
        if not producer.flush(station.wait_s):
            raise click.ClickException(
                f"{station.to}: no answer within {station.wait_s:g} s, or this key is not let in; nothing was said"
            )
        if earlier:
            click.echo(f"{earlier} that an earlier command had left on its way arrived first.", err=True)
        for each in (station.ids,) if station.ids else ids:
            refused.clear()
            producer.send(kind, batch_of(each))
            if not producer.flush(station.wait_s):
                raise click.ClickException(
                    f"{station.to}: did not say within {station.wait_s:g} s that it has this; it is kept in "
                    f"{station.outbox}, and the next command sends it first"
                )
            if not any(refusal.reason == Reason.MALFORMED for refusal in refused):
                break
    if refused:
        raise click.ClickException(f"{station.to}: refuses it: {refused[-1].text}")
