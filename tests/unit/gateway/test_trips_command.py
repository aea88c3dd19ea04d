"""`feikong trips`: an operator's wishes arrive as updates, with the deployment's type of ids, or nothing is left."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main
from pipeline.keys import new_pair
from pipeline.wire import Role
from unit.client.test_sockets import Serving


def run(tmp_path: Path, endpoint: str, *words: str, wait_s: float = 20) -> Result:
    """The command with its station's options."""
    station = ["--to", endpoint, "--key", f"{tmp_path}/op.key", "--node", f"{tmp_path}/node.pub"]
    return CliRunner().invoke(main, ["trips", *words, *station, "--wait", str(wait_s)])


def applied(serving: Serving) -> list[pa.Table]:
    return [pa.ipc.open_stream(body).read_all() for _, body in sorted(serving.model.applied.items())]


def rows(table: pa.Table) -> list[tuple[object, ...]]:
    return list(zip(*(table[name].to_pylist() for name in ("op", "account_id", "text")), strict=True))


def test_suspend_and_resume_arrive_in_order(serving, tmp_path):
    done = run(tmp_path, serving.endpoint, "suspend")
    assert (done.exit_code, done.output) == (0, "Trips of every district are suspended.\n")
    done = run(tmp_path, serving.endpoint, "resume", "--district", "12")
    assert (done.exit_code, "of district 12 may go" in done.output) == (0, True)
    assert [rows(table) for table in applied(serving)] == [
        [("suspend_trips", None, None)],
        [("resume_trips", None, "12")],
    ]
    assert (tmp_path / "op.outbox").is_dir()


def test_the_other_type_of_ids_is_tried_where_the_first_is_refused(serving, tmp_path):
    serving.model.refuse = {1}
    assert run(tmp_path, serving.endpoint, "suspend").exit_code == 0
    (table,) = applied(serving)
    assert table.schema.field("account_id").type == pa.uint64()
    serving.model.refuse = {3, 4}
    done = run(tmp_path, serving.endpoint, "suspend")
    assert (done.exit_code, "refuses it: ids of the other type" in done.output) == (1, True)


@pytest.mark.parametrize(
    ("accounts", "ids", "told"),
    [
        (["17", "4"], ["--ids", "uint64"], [17, 4]),
        (["17", "4"], [], ["17", "4"]),
        (["A17", "4"], [], ["A17", "4"]),
        (["²", "4"], [], ["²", "4"]),
    ],
)
def test_approvals_name_their_accounts(serving, tmp_path, accounts, ids, told):
    assert run(tmp_path, serving.endpoint, "approve", *accounts, *ids).exit_code == 0
    assert [rows(table) for table in applied(serving)] == [[("approve_trip", each, None) for each in told]]


def test_numbers_are_tried_only_for_accounts_that_are_numbers(serving, tmp_path):
    serving.model.refuse = {1, 3}
    assert run(tmp_path, serving.endpoint, "approve", "17").exit_code == 0
    assert [rows(table) for table in applied(serving)] == [[("approve_trip", 17, None)]]
    assert run(tmp_path, serving.endpoint, "approve", "A17").exit_code == 1
    assert run(tmp_path, serving.endpoint, "approve", "A17", "--ids", "uint64").exit_code == 2


def test_what_a_node_does_not_hear_now_it_never_hears(serving, tmp_path):
    """A `resume` that arrives a week later could cost somebody the supply."""
    done = run(tmp_path, "tcp://127.0.0.1:9", "resume", wait_s=0.2)
    assert (done.exit_code, "nothing was said" in done.output) == (1, True)
    assert run(tmp_path, serving.endpoint, "suspend").exit_code == 0
    assert [rows(table) for table in applied(serving)] == [[("suspend_trips", None, None)]]


def test_another_role_may_not(serving, tmp_path):
    (tmp_path / "op.key").unlink()
    (tmp_path / "op.pub").unlink()
    new_pair("op", Role.READS).save(tmp_path)
    done = run(tmp_path, serving.endpoint, "suspend", wait_s=0.2)
    assert done.exit_code == 1
    assert applied(serving) == []
