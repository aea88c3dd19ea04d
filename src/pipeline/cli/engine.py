"""`feikong engine`: one engine of a node, for those who start the parts themselves."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from pipeline.cli._node import ACCEPT_LOSS, CONFIG, DATA, LOG_FORMAT, failing, load_setup, until_told
from pipeline.feed import Feed
from pipeline.gateway import Gateway, no_trip
from pipeline.gateway import Settings as GatewaySettings
from pipeline.journal import JournalError, RealDisk
from pipeline.keys import Keyring
from pipeline.logs import Format, Log
from pipeline.node.engine_process import Ends, Settings, serve
from pipeline.node.identity import node_pair
from pipeline.node.layout import Places, command_base, open_layout
from pipeline.outputs.keeping import prunable
from pipeline.outputs.places import OutputPlaces
from pipeline.wire import Role
from pipeline.wire.commands import Signer

__all__ = ["engine"]


@click.command()
@CONFIG
@DATA
@click.option("--shard", default=0, show_default=True, help="Which of the node's engines this one is.")
@ACCEPT_LOSS
@LOG_FORMAT
def engine(config: Path, data: Path, shard: int, accept_loss: bool, log_format: Format) -> None:
    """Run one engine of a node, behind its workers, until SIGTERM: journal, engine, snapshots, commands.

    On start it recovers what was acknowledged, or says what is missing, changes nothing, and ends with exit status 1.

    \b
    Example:
      feikong engine county.toml --data node --shard 0
    """  # noqa: D301
    log = Log(f"engine {shard}", log_format, shard=shard)
    with failing(log, JournalError):
        _engine(config, data, shard, accept_loss, log)


def _engine(config: Path, data: Path, shard: int, accept_loss: bool, log: Log) -> None:
    setup = load_setup(config)
    layout = open_layout(data, setup.node.shards)
    if not 0 <= shard < layout.shards:
        raise click.BadParameter(f"{shard}; expected 0 to {layout.shards - 1}", param_hint="--shard")
    ring = Keyring(data)
    secret = node_pair(data).commands_secret
    assert secret is not None, "a node's pair has one"
    ending = until_told()
    gateway = Gateway(
        GatewaySettings(
            setup.node.headends,
            partial(ring.of_role, Role.HEADEND),
            Signer(secret),
            partial(no_trip, data),
            command_base(layout, shard),
        )
    )
    feed = None
    if setup.node.feed:
        kept_bytes = setup.node.feed_mib << 20
        feed = Feed(setup.node.feed, kept_bytes, shard, layout.shards, layout.generation)
    settings = Settings(setup.node.snapshot_every_s, accept_loss)
    if setup.node.outputs.write:
        kept = OutputPlaces(data).of_shard(shard), setup.node.outputs.journal_mib << 20
        disk = RealDisk(Places(data, shard).journal)
        settings = settings._replace(prunable=lambda before: prunable(disk, kept[0], before, kept[1]))
    if setup.node.keep_journal:
        settings = settings._replace(prunable=lambda before: 0)
    ends = Ends(gateway, feed)
    serve(setup.engine, data, shard, ends, settings, ending=ending.is_set, say=log.say, ring=ring)
    log.say("ended")
