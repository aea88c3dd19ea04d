"""The command `feikong`: a command a file, each imported only when it is called, so that `--help` is quick.

Exit status: 0 done, 1 failed, 2 wrong usage. What goes wrong in a way that a person can mend is one line on
standard error: what was wrong, where, what would be right.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import click

from pipeline import __version__
from pipeline.cli._errors import explained

__all__ = ["main"]

# command: (its module, which holds a click command of the command's name; what `feikong --help` says of it)
COMMANDS = {
    "accounts": ("pipeline.cli.accounts", "An account: its state, meters, what is open, what happened last."),
    "backtest": ("pipeline.cli.backtest", "A history under another configuration: who would fare otherwise."),
    "bench": ("pipeline.cli.bench", "The benchmarks of a checkout: target, figure, ratio, verdict."),
    "changes": ("pipeline.cli.changes", "Who changed what: updates, configurations, ticks, and whose key."),
    "demo": ("pipeline.cli.demo", "A simulated county through a node on loopback, with its figures."),
    "engine": ("pipeline.cli.engine", "One engine of a node, by itself: journal, snapshots, commands."),
    "explain": (
        "pipeline.cli.explain",
        "Why an account was warned, cut or restored: all that led there, in order.",
    ),
    "findings": ("pipeline.cli.findings", "What is open: meters and districts that look wrong, alarms."),
    "gaps": ("pipeline.cli.gaps", "Reads that are missing, and should be collected again."),
    "journal": ("pipeline.cli.journal", "A node's journals: verify, export as a batch log, prune."),
    "keys": ("pipeline.cli.keys", "CURVE keys and their roles: new, allow, revoke, list."),
    "log": ("pipeline.cli.log", "Batch logs: reads, payments and registry from files to a log."),
    "meters": ("pipeline.cli.accounts", "A meter: its state, what is open, its gaps, its last reads."),
    "orders": ("pipeline.cli.findings", "What a crew has to drive to: the open orders."),
    "outputs": (
        "pipeline.cli.outputs",
        "What makes a node's outputs, by itself: files by day, from its journals.",
    ),
    "query": ("pipeline.cli.query", "SQL over the outputs and the state of a node or a replay."),
    "reconfigure": ("pipeline.cli.reconfigure", "Other tariffs, policies and limits for a node that runs."),
    "replay": ("pipeline.cli.replay", "A batch log through the engine, offline."),
    "report": (
        "pipeline.cli.report",
        "Ready questions: collection, losses, restores, who is held, revenue, …",
    ),
    "run": ("pipeline.cli.run", "A node: workers, engines, until SIGTERM; on start, it recovers."),
    "send": ("pipeline.cli.send", "Reads, payments or registry rows from files to a node, each once."),
    "shards": ("pipeline.cli.shards", "Another number of shards: the journals replayed into them."),
    "statement": ("pipeline.cli.statement", "A customer's month: each day's energy, each payment, balances."),
    "status": ("pipeline.cli.status", "What a node is doing, and what is wrong with it."),
    "tick": ("pipeline.cli.tick", "Tell a node what time it is, when it waits for that."),
    "trips": ("pipeline.cli.trips", "Trips: suspend, resume, approve, and what holds them."),
    "worker": ("pipeline.cli.worker", "One ingestion worker of a node, by itself."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands that are installed, in order."""
        return [name for name, (module, _) in COMMANDS.items() if find_spec(module) is not None]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import the command `name`; None if there is none of that name."""
        if name not in self.list_commands(ctx):
            return None
        try:
            command = getattr(import_module(COMMANDS[name][0]), name)
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"{name}: needs {error.name}, which is not installed; expected feikong with its extras cli and node"
            ) from error
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; turns the errors that a person can mend into one line and exit status 1."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            text = explained(error)
            if text is None:
                raise
            raise click.ClickException(text) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="feikong")
def main() -> None:
    """Keep every prepaid balance (费控): rate reads, warn, trip and restore supply.

    \b
    Example:
      feikong log build --out county.log --config county.toml --reads reads.csv --mapping mapping.toml
      feikong replay county.log --out results
    """  # noqa: D301
