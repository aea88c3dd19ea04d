"""The table of a node in the configuration: typed, checked whole, and kept from the engine."""

from __future__ import annotations

import tomllib

import pytest

from fastcore import Config, ConfigError
from pipeline.node.config import HeadEndConfig, NodeConfig, setup_from_toml, split_toml
from pipeline.wire.cim import Codes

ENGINE = """
[engine]
currency = "CNY"
timezone = "Asia/Shanghai"
calendar = { from = 2025-01-01, to = 2027-01-01 }

[tariffs.home]
[[tariffs.home.rates]]
valid_from = 2025-01-01
prices = { flat = "0.5" }
schedule = [ { price = "flat" } ]
"""
POLICY = """
[policies.home]
warn_below = ["50"]
"""


def mistakes(node: str, engine: str = ENGINE + POLICY) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        setup_from_toml(engine + node)
    return list(caught.value.mistakes)


def test_a_configuration_without_a_node_has_the_defaults():
    setup = setup_from_toml(ENGINE + POLICY)
    assert setup.node == NodeConfig()
    assert setup.node.listen == "tcp://0.0.0.0:7070"
    assert setup.engine.text == ENGINE + POLICY


def test_all_that_a_node_may_say():
    node = """
[node]
listen = "tcp://[::1]:7071"
workers = 3
worker_memory_mib = 512
shards = 4
snapshot_every = "90s"
keep_journal = true
dead_letters_mib = 7
feed = ["ledger", "notices", "ledger"]
feed_mib = 3

[node.headends.east]
districts = ["1", "2"]
format = "cim"
trip = "3.31.0.1"
restore = "3.31.0.2"

[node.headends."north-1"]
grids = ["north"]
"""
    setup = setup_from_toml(ENGINE + node + POLICY)
    east = HeadEndConfig(
        name="east", districts=frozenset({"1", "2"}), form="cim", codes=Codes("3.31.0.1", "3.31.0.2")
    )
    north = HeadEndConfig(name="north-1", grids=frozenset({"north"}))
    assert setup.node == NodeConfig(
        listen="tcp://[::1]:7071",
        workers=3,
        worker_memory_mib=512,
        shards=4,
        snapshot_every_s=90,
        keep_journal=True,
        dead_letters_mib=7,
        feed=("ledger", "notices"),
        feed_mib=3,
        headends={"east": east, "north-1": north},
    )
    assert setup.engine.text == ENGINE + POLICY, "byte by byte without the node's part"
    assert setup.engine == Config.from_toml(ENGINE + POLICY)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("workers = 0", "node.workers: expected a whole number from 1 to 64; found 0"),
        ("workers = true", "node.workers: expected a whole number from 1 to 64; found true"),
        ("shards = 65", "node.shards: expected a whole number from 1 to 64; found 65"),
        ("worker_memory_mib = 10", "node.worker_memory_mib: expected a whole number from 256"),
        ('snapshot_every = "0s"', "node.snapshot_every: expected a duration of at least 1 s; found"),
        ("keep_journal = 1", "node.keep_journal: expected true or false; found 1"),
        ("dead_letters_mib = 0", "node.dead_letters_mib: expected a whole number from 1"),
        ("feed_mib = 0", "node.feed_mib: expected a whole number from 1"),
        ('feed = "ledger"', "node.feed: expected a list of outputs: intervals, ledger, exceptions"),
        (
            'feed = ["ledger", "leger"]',
            "node.feed: expected a list of outputs: intervals, ledger, exceptions",
        ),
        ('listen = "7070"', 'node.listen: expected an endpoint of this machine such as "tcp://0.0.0.0:7070"'),
        ('listen = "ipc:///tmp/x"', "node.listen: expected an endpoint of this machine"),
        ("port = 7070", "node.port: unknown key; expected one of listen, workers, worker_memory_mib, shards"),
        (
            "[node.headends.a]\nformat = 'xml'",
            'node.headends.a.format: expected "arrow" or "cim"; found "xml"',
        ),
        ("[node.headends.a]\ndistricts = [1]", "node.headends.a.districts: expected a list of at most"),
        (
            "[node.headends.a]\ntrip = '3.31'",
            "node.headends.a: the code '3.31' of trip; expected four numbers",
        ),
        ("[node.headends.a]\nkey = 'b'", "node.headends.a.key: unknown key; expected one of trip, restore"),
    ],
)
def test_what_a_node_may_not_say(line, said):
    (found,) = mistakes(f"\n[node]\n{line}\n")
    assert found.startswith(said)


def test_every_mistake_of_both_parts_is_told_at_once():
    broken = ENGINE.replace('"CNY"', '""') + POLICY
    found = mistakes("\n[node]\nworkers = 0\nshards = 0\n", broken)
    assert [mistake.partition(":")[0] for mistake in found] == [
        "engine.currency",
        "node.workers",
        "node.shards",
    ]


def test_a_district_has_one_head_end():
    (found,) = mistakes('[node.headends.a]\ndistricts = ["1"]\n[node.headends.b]\ndistricts = ["1"]\n')
    assert found == 'node.headends.b.districts: "1" is node.headends.a\'s already; expected one owner of each'


@pytest.mark.parametrize(
    "text",
    [
        "node = { workers = 2 }\n" + ENGINE,
        "node.workers = 2\n" + ENGINE,
        ENGINE + '\n[node]\nlisten = """\n[engine]\n"""\n',
    ],
)
def test_a_node_that_is_not_in_tables_of_its_own_is_not_guessed_at(text):
    with pytest.raises(ConfigError, match="expected as tables of its own"):
        setup_from_toml(text + POLICY)


def test_a_table_in_a_text_is_no_table():
    text = ENGINE.replace('"flat"', "'flat'") + '[policies."[node]"]\nwarn_below = ["""\n50"""]\n'
    engine, node = split_toml(text)
    assert (engine, node) == (text, "")


def test_parts_make_the_whole():
    text = f"# first\n{ENGINE}\n[node] # mine\nworkers = 2\n  [node.headends.a]  \n{POLICY}\n[ node.headends.b ]\n"
    engine, node = split_toml(text)
    assert sorted((engine + node).splitlines()) == sorted(text.splitlines())
    whole = tomllib.loads(text)
    assert tomllib.loads(node)["node"] == whole.pop("node")
    assert tomllib.loads(engine) == whole


def test_what_is_no_toml_is_told():
    assert mistakes("[node\n")[0].startswith("the configuration: is not TOML;")
