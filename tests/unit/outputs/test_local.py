"""What commands on a node's machine ask: of the process that runs, and of what it left behind."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pyarrow as pa
import pytest

from fastcore.schemas import STATES
from pipeline.errors import SourceError
from pipeline.node.config import setup_from_toml
from pipeline.node.layout import LayoutError
from pipeline.outputs.flight.doors import doors
from pipeline.outputs.flight.wanted import plain
from pipeline.outputs.follower import ALL
from pipeline.outputs.local import LocalError, connect
from pipeline.outputs.shown import Shown
from pipeline.outputs.tables import output_schema, state_schema
from unit import core_world
from unit.outputs.flight_world import Served, begun, by_seq, wanted
from unit.outputs.world import LAYOUT, node


def tables(data: Path) -> dict[str, pa.Table]:
    with connect(data) as local:
        return {name: local.state(name) for name in STATES}


@pytest.mark.parametrize("name", ALL)
def test_files_and_the_tail_are_all_rows_while_it_runs(tmp_path, name):
    served = begun(tmp_path, days=2)
    with served.serve(), connect(tmp_path) as local:
        rows, sealed = local.tail(name)
        assert local.live
        assert local.as_of == served.outputs.follower.engine.now_s
    assert sealed == {0: served.outputs.follower.sealed}
    assert by_seq(rows) == [row for row in by_seq(wanted(name, 2)) if row["seq"] > sealed[0]]
    assert rows.schema == plain(output_schema(name, pa.uint64()))


def test_a_node_that_stands_gives_its_newest_state_and_says_of_when(tmp_path):
    served = begun(tmp_path, days=2)
    with served.serve():
        now = tables(tmp_path)
    with connect(tmp_path) as local:
        assert not local.live
        old_s = local.as_of
        assert old_s is not None
        assert old_s <= served.outputs.follower.engine.now_s
        assert local.tail("ledger") == (plain(output_schema("ledger", pa.uint64())).empty_table(), {})
        for name in STATES:
            assert local.state(name).schema == plain(state_schema(name, pa.uint64())), name
    # A snapshot of now is newer than any checkpoint.
    served.shard.snapshot()
    with connect(tmp_path) as local:
        assert local.as_of == served.outputs.follower.engine.now_s >= old_s
    assert tables(tmp_path) == now


def test_what_is_damaged_is_passed_over(tmp_path):
    served = begun(tmp_path, days=2)
    newest, older = served.places.of_shard(0).glob("checkpoint-*.engine")
    newest, older = sorted((newest, older), reverse=True)
    with connect(tmp_path) as local:
        newest_s = local.as_of
    newest.write_bytes(newest.read_bytes()[:-1])
    with connect(tmp_path) as local:
        assert local.as_of < newest_s
    older.unlink()
    with pytest.raises(
        LocalError, match="the node does not run, and shard 0 has left no state that can be read"
    ):
        connect(tmp_path)


def test_a_socket_that_nobody_listens_at_is_passed_over(tmp_path):
    served = begun(tmp_path, days=2)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(served.places.socket))
    assert served.places.socket.exists()
    with connect(tmp_path) as local:
        assert not local.live
    # And the next process listens there all the same.
    with served.serve(), connect(tmp_path) as local:
        assert local.live


def test_what_there_is_not_is_said(tmp_path):
    with pytest.raises(LocalError, match="is no folder; expected the data directory of a node"):
        connect(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(LayoutError, match="is not there; expected the data directory of a node"):
        connect(tmp_path)
    served = begun(tmp_path / "n", days=2)
    with (
        served.serve(),
        connect(tmp_path / "n") as live,
        pytest.raises(LocalError, match="no table 'money'; expected one"),
    ):
        live.state("money")
    with connect(tmp_path / "n") as saved:
        with pytest.raises(LocalError, match="no table 'money'; expected one of intervals"):
            saved.tail("money")
        with pytest.raises(LocalError, match="no table 'money'; expected one of accounts"):
            saved.state("money")


def test_a_process_that_ends_amid_an_answer_is_said(tmp_path):
    served = begun(tmp_path, days=2)
    server = served.serve()
    with connect(tmp_path) as local:
        server.close()
        with pytest.raises(LocalError, match="the node's outputs do not answer: ") as gone:
            local.state("accounts")
    assert "gRPC" not in str(gone.value)


CONFIG = (
    core_world.CONFIG
    + """
[node]
[node.outputs.keep]
notices = "30d"
[node.flight]
listen = "tcp://127.0.0.1:*"
certificate = "flight.crt"
key = "flight.key"
"""
)


def test_the_doors_of_a_configuration(tmp_path):
    served = Served(tmp_path)
    setup = setup_from_toml(core_world.CONFIG).node
    (start,) = doors(setup, served.places, tmp_path)
    with start(Shown(LAYOUT, ALL, served.followers)), connect(tmp_path) as local:
        assert served.places.socket.stat().st_mode & 0o777 == 0o600
        assert local.live
        assert local.as_of is None
        assert local.state("accounts").num_rows == 0


def test_what_would_not_be_safe_is_not_served(tmp_path):
    served = Served(tmp_path)
    setup = setup_from_toml(CONFIG).node
    with pytest.raises(FileNotFoundError):
        doors(setup, served.places, tmp_path)
    (tmp_path / "flight.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    (tmp_path / "flight.key").write_text("-----BEGIN PRIVATE KEY-----\n")
    os.chmod(tmp_path / "flight.key", 0o644)
    with pytest.raises(
        SourceError, match=r"flight.key: has the mode 644, so anybody here can use it; expected 600"
    ):
        doors(setup, served.places, tmp_path)
    os.chmod(tmp_path / "flight.key", 0o640)
    assert len(doors(setup, served.places, tmp_path)) == 2
    (tmp_path / "flight.key").write_text("secret")
    with pytest.raises(SourceError, match=r"flight.key: holds no private key; expected PEM") as refused:
        doors(setup, served.places, tmp_path)
    assert "secret" not in str(refused.value)
    os.chmod(served.places.socket.parent, 0o755)
    with pytest.raises(SourceError, match=r"has the mode 755 and the owner .* expected 700"):
        doors(setup, served.places, tmp_path)


def test_a_path_that_is_too_long_for_a_socket_is_said(tmp_path):
    served = Served(node(tmp_path / ("x" * 100)))
    with pytest.raises(SourceError, match="is too long for a socket; expected at most 100 bytes"):
        doors(setup_from_toml(core_world.CONFIG).node, served.places, tmp_path)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('listen = "tcp://127.0.0.1:1"', "node.flight.certificate: is required, and is missing"),
        ('listen = "here"', "node.flight.listen: "),
        ('certificate = ""', "node.flight.certificate: "),
        ('token = "x"', "node.flight.token"),
    ],
)
def test_a_table_that_is_wrong_is_refused(text, wrong):
    with pytest.raises(Exception, match=wrong):
        setup_from_toml(f"{core_world.CONFIG}\n[node.flight]\n{text}\n")
