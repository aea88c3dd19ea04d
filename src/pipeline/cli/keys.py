"""`feikong keys`: key pairs, and who may connect to a node."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pipeline.cli._terminal import output_console, table
from pipeline.keys import NODE, Keyring, PublicKey, new_pair
from pipeline.keys import allow as allow_key
from pipeline.keys import revoke as revoke_key
from pipeline.wire.kinds import Role

__all__ = ["keys"]

DATA = click.option(
    "--data",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The node's data directory.",
)


@click.group()
def keys() -> None:
    """CURVE keys and their roles.

    \b
    Example:
      feikong keys new feeder-1 --role reads --out .
      feikong keys allow feeder-1.pub --data node
    """  # noqa: D301


@keys.command()
@click.argument("name")
@click.option(
    "--role",
    required=True,
    type=click.Choice([*(role.value for role in Role), NODE]),
    help="What the key is for.",
)
@click.option(
    "--out",
    default=".",
    type=click.Path(file_okay=False, path_type=Path),
    show_default=True,
    help="Folder of the two files.",
)
def new(name: str, role: str, out: Path) -> None:
    """Make a key pair: NAME.key, which never leaves its owner, and NAME.pub.

    \b
    Example:
      feikong keys new feeder-1 --role reads
    """  # noqa: D301
    path = new_pair(name, role).save(out)
    click.echo(f"{path} is secret, and readable by its owner alone.")
    if role == NODE:
        click.echo(f"{path.with_suffix('.pub')} is what producers and head-ends need.")
    else:
        click.echo(f"{path.with_suffix('.pub')} is for the node: feikong keys allow {name}.pub --data DIR")


@keys.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@DATA
def allow(file: Path, data: Path) -> None:
    """Let the key in FILE, a NAME.pub, connect to a node.

    \b
    Example:
      feikong keys allow feeder-1.pub --data node
    """  # noqa: D301
    key = PublicKey.load(file)
    allow_key(data, key)
    click.echo(f"{key.name} may connect, as {key.role}.")


@keys.command()
@click.argument("name")
@DATA
def revoke(name: str, data: Path) -> None:
    """Let a key connect no more; its open sessions end within a second.

    \b
    Example:
      feikong keys revoke feeder-1 --data node
    """  # noqa: D301
    revoke_key(data, name)
    click.echo(f"{name} may not connect any more.")


@keys.command("list")
@DATA
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_keys(data: Path, as_json: bool) -> None:
    """Show who may connect to a node; exit status 1 where a file there cannot be used.

    \b
    Example:
      feikong keys list --data node
    """  # noqa: D301
    ring = Keyring(data)
    found = sorted(ring.current.values(), key=lambda key: key.name)
    if as_json:
        shown = [{"name": key.name, "role": key.role, "public": key.curve.hex()} for key in found]
        click.echo(json.dumps({"keys": shown, "problems": sorted(ring.problems.values())}, indent=2))
    else:
        rows = [(key.name, key.role, key.curve.hex()) for key in found]
        output_console().print(table("Who may connect", ("name", "role", "public key"), rows))
        for problem in sorted(ring.problems.values()):
            click.echo(problem, err=True)
    if ring.problems:
        raise click.exceptions.Exit(1)
