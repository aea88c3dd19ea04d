"""`feikong keys`: key pairs, and who may connect to a node."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pipeline.cli._terminal import output_console, table
from pipeline.keys import NODE, Keyring, PublicKey, new_pair
from pipeline.keys import allow as allow_key
from pipeline.keys import revoke as revoke_key
from pipeline.keys.tokens import Tokens, new_token, revoke_token
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


@keys.group()
def token() -> None:
    """Tokens of those who read the node's outputs over Arrow Flight.

    \b
    Example:
      feikong keys token new books --data node
    """  # noqa: D301


@token.command("new")
@click.argument("name")
@DATA
def new_one(name: str, data: Path) -> None:
    """Make the token NAME and print it: the only time that it is shown, since the node keeps nothing but a digest.

    \b
    Example:
      feikong keys token new books --data node > books.token
    """  # noqa: D301
    click.echo(new_token(data, name))
    click.echo(f"whoever has it reads all outputs of {data}; it is not shown again", err=True)


@token.command("revoke")
@click.argument("name")
@DATA
def revoke_one(name: str, data: Path) -> None:
    """Let nobody in any more with the token NAME; streams that it began end within a second or two.

    \b
    Example:
      feikong keys token revoke books --data node
    """  # noqa: D301
    revoke_token(data, name)
    click.echo(f"{name} may not read any more.")


@token.command("list")
@DATA
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_tokens(data: Path, as_json: bool) -> None:
    """Show the names of the tokens; exit status 1 where a file there cannot be used.

    \b
    Example:
      feikong keys token list --data node
    """  # noqa: D301
    tokens = Tokens(data)
    names = sorted(tokens.current().values())
    problems = sorted(tokens.problems.values())
    if as_json:
        click.echo(json.dumps({"tokens": names, "problems": problems}, indent=2))
    else:
        output_console().print(table("Tokens", ("name",), [(name,) for name in names]))
        for problem in problems:
            click.echo(problem, err=True)
    if problems:
        raise click.exceptions.Exit(1)
