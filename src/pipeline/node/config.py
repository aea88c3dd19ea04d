"""The table ``[node]`` of the configuration, typed and checked whole; the rest is the engine's.

::

    [node]                              # all may be left out; these are the defaults
    listen = "tcp://0.0.0.0:7070"       # where producers and head-ends connect
    workers = 1                         # processes that check what they send
    worker_memory_mib = 1024            # of each; one that needs more is ended, and started again
    shards = 1                          # engines, each with a writer and a journal of its own
    snapshot_every = "15m"
    keep_journal = false                # true: from its first frame on, as `feikong shards` needs it
    dead_letters_mib = 64               # what is kept of refused messages, for each worker
    feed = []                           # outputs that subscribers can follow, such as "ledger"
    feed_mib = 64                       # what is kept of each of them in memory, in each engine

    [node.headends.NAME]                # NAME: of the head-end's key, as it is allowed
    districts = ["12", "13"]            # whose commands it gets; "*": those that no other gets
    grids = ["north"]                   # likewise, by the grid of the district
    format = "arrow"                    # or "cim": IEC 61968-9, with the codes below
    trip = "3.31.0.23"
    restore = "3.31.0.18"

    [node.outputs]                      # see `pipeline.node.config_outputs`
    [node.flight]                       # see `pipeline.node.config_flight`

    [node.metrics]
    listen = "127.0.0.1:9464"           # /metrics, /healthz, /readyz; "": none

The engine takes no table that it does not know, and its configuration is journaled byte by byte: so the text is cut
in two, between lines.
"""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

import msgspec

from fastcore import Config, ConfigError
from fastcore import config_values as values
from fastcore.config_reader import Mistakes, Reader
from fastcore.config_values import Misfit
from fastcore.schemas import OUTPUTS
from pipeline.node.config_flight import FlightConfig, flight_config
from pipeline.node.config_outputs import OutputsConfig, outputs_config
from pipeline.node.layout import SHARDS_MAX
from pipeline.wire.cim import Codes

__all__ = ["EVERYTHING", "HeadEndConfig", "NodeConfig", "Setup", "setup_from_toml", "split_toml"]

EVERYTHING: Final = "*"
"""As a district: what no other head-end gets."""

WORKERS_MAX: Final = 64
MIB_MAX: Final = 1 << 20
WORKER_MIB_LEAST: Final = 256
HEADENDS_MAX: Final = 1024
NAMES_MAX: Final = 100_000
SNAPSHOT_S_LEAST: Final = 1

_TABLE: Final = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')\s*[.\]]")
_LISTEN: Final = re.compile(r"tcp://(?:\*|[0-9A-Za-z.-]+|\[[0-9A-Fa-f:]+\]):(?:[0-9]{1,5}|\*)")


class HeadEndConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The table of a head-end: which districts' and grids' commands it gets, and how they are written."""

    name: str
    districts: frozenset[str] = frozenset()
    grids: frozenset[str] = frozenset()
    form: Literal["arrow", "cim"] = "arrow"
    codes: Codes = Codes()


class NodeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The table ``[node]``."""

    listen: str = "tcp://0.0.0.0:7070"
    workers: int = 1
    worker_memory_mib: int = 1024
    shards: int = 1
    snapshot_every_s: int = 900
    keep_journal: bool = False
    dead_letters_mib: int = 64
    feed: tuple[str, ...] = ()
    feed_mib: int = 64
    headends: dict[str, HeadEndConfig] = {}
    outputs: OutputsConfig = OutputsConfig()
    flight: FlightConfig | None = None
    metrics: str = "127.0.0.1:9464"


class Setup(NamedTuple):
    """What a configuration says: for the node, and for its engines."""

    node: NodeConfig
    engine: Config


def setup_from_toml(text: str) -> Setup:
    """What a configuration says, checked whole; raises `ConfigError` with every mistake in either part."""
    mistakes = Mistakes()
    engine_text, node_text = split_toml(text)
    node = _node(node_text, mistakes)
    try:
        engine = Config.from_toml(engine_text)
    except ConfigError as error:
        raise ConfigError([*error.mistakes, *mistakes]) from None
    if mistakes:
        raise ConfigError(mistakes)
    return Setup(node, engine)


def split_toml(text: str) -> tuple[str, str]:
    """The engine's part and the node's, each line of the text in one of them.

    Raises `ConfigError` where the text is not TOML, or says something of the node elsewhere than in tables of its own.
    """
    parts: tuple[list[str], list[str]] = ([], [])
    mine = False
    for line in text.splitlines(keepends=True):
        if (found := _TABLE.match(line)) is not None:
            mine = found[1].strip("\"'") == "node"
        parts[mine].append(line)
    engine_text, node_text = "".join(parts[0]), "".join(parts[1])
    whole = _parse(text)
    node = {"node": whole.pop("node")} if "node" in whole else {}
    try:
        same = tomllib.loads(engine_text, parse_float=Decimal) == whole and (
            tomllib.loads(node_text, parse_float=Decimal) == node
        )
    except ValueError:
        same = False
    if not same:
        raise ConfigError(
            ["node: expected as tables of its own, [node] and [node.headends.NAME], each header on a line"]
        )
    return engine_text, node_text


def _parse(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise ConfigError([f"the configuration: is not TOML; {error}"]) from None


def _node(text: str, mistakes: Mistakes) -> NodeConfig:
    document = Reader("", _parse(text), mistakes)
    table = document.table("node", required=False)
    if table is None:
        return NodeConfig()
    default = NodeConfig()

    def count(name: str, least: int, most: int) -> Any:
        return table.take(name, lambda value: values.count(value, least, most), getattr(default, name))

    fields: dict[str, Any] = {
        "listen": table.take("listen", _listen, default.listen),
        "workers": count("workers", 1, WORKERS_MAX),
        "worker_memory_mib": count("worker_memory_mib", WORKER_MIB_LEAST, MIB_MAX),
        "shards": count("shards", 1, SHARDS_MAX),
        "snapshot_every_s": table.take(
            "snapshot_every",
            lambda value: values.duration_s(value, SNAPSHOT_S_LEAST),
            default.snapshot_every_s,
        ),
        "keep_journal": table.take("keep_journal", values.flag, default.keep_journal),
        "dead_letters_mib": count("dead_letters_mib", 1, MIB_MAX),
        "feed": table.take("feed", _outputs, default.feed),
        "feed_mib": count("feed_mib", 1, MIB_MAX),
    }
    headends = table.table("headends", required=False)
    fields["outputs"] = outputs_config(table.table("outputs", required=False), _outputs)
    metrics = table.table("metrics", required=False)
    if metrics is not None:
        fields["metrics"] = metrics.take("listen", _address, default.metrics)
        metrics.done()
    fields["flight"] = flight_config(table.table("flight", required=False), _listen)
    fields["headends"] = {} if headends is None else _headends(headends)
    table.done()
    document.done()
    return NodeConfig(**fields)


def _headends(table: Reader) -> dict[str, HeadEndConfig]:
    found: dict[str, HeadEndConfig] = {}
    owners: dict[tuple[str, str], str] = {}
    for name, reader in table.tables(HEADENDS_MAX):
        trip = reader.take("trip", values.text, Codes().trip)
        restore = reader.take("restore", values.text, Codes().restore)
        headend = HeadEndConfig(
            name=name,
            districts=reader.take("districts", _names, frozenset()) or frozenset(),
            grids=reader.take("grids", _names, frozenset()) or frozenset(),
            form=reader.take("format", _form, "arrow") or "arrow",
            codes=_codes(reader, trip, restore),
        )
        reader.done()
        for what, names in (("districts", headend.districts), ("grids", headend.grids)):
            for each in sorted(names):
                other = owners.setdefault((what, each), name)
                if other != name:
                    reader.note(
                        what, f'"{each}" is {table.path(other)}\'s already; expected one owner of each'
                    )
        found[name] = headend
    return found


def _codes(reader: Reader, trip: str | None, restore: str | None) -> Codes:
    if trip is None or restore is None:
        return Codes()
    try:
        return Codes(trip, restore).checked()
    except ValueError as error:
        reader.mistakes.note(reader.key, str(error))
        return Codes()


def _listen(value: object) -> str:
    if not isinstance(value, str) or not _LISTEN.fullmatch(value):
        raise Misfit('an endpoint of this machine such as "tcp://0.0.0.0:7070"', value)
    return value


def _address(value: object) -> str:
    if value == "":
        return ""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Za-z.-]+:[0-9]{1,5}", value):
        raise Misfit('an address of this machine such as "127.0.0.1:9464", or "" for none', value)
    return value


def _outputs(value: object) -> tuple[str, ...]:
    expected = f"a list of outputs: {', '.join(OUTPUTS)}"
    if not isinstance(value, list):
        raise Misfit(expected, value)
    for each in value:
        if not isinstance(each, str) or each not in OUTPUTS:
            raise Misfit(expected, each)
    return tuple(dict.fromkeys(value))


def _form(value: object) -> Literal["arrow", "cim"]:
    if value == "arrow":
        return "arrow"
    if value == "cim":
        return "cim"
    raise Misfit('"arrow" or "cim"', value)


def _names(value: object) -> frozenset[str]:
    expected = f'a list of at most {NAMES_MAX} texts, such as ["12", "13"]'
    if not isinstance(value, list) or len(value) > NAMES_MAX:
        raise Misfit(expected, value)
    for each in value:
        if not isinstance(each, str) or not each:
            raise Misfit(expected, each)
    return frozenset(value)
