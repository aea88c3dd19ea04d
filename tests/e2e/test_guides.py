"""The guides' commands, all of them, in their order, as a reader would type them; on a port that is free."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tidy.test_documents import blocks
from tidy.tree import ROOT

LONG_S = 150
HEREDOC = re.compile(r"<<'(\w+)'\s*$")


def script(name: str) -> list[str]:
    """The commands of a guide, each with the text that is fed to it."""
    commands: list[str] = []
    for where, body in blocks("console"):
        if where != name:
            continue
        lines = iter(body.splitlines())
        for line in lines:
            if not line.startswith("$ "):
                continue
            command = line[2:]
            if end := HEREDOC.search(command):
                for fed in lines:
                    command += f"\n{fed}"
                    if fed == end[1]:
                        break
            commands.append(command)
    return commands


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def guide(tmp_path):
    """Runs a guide in a shell; everything that it started is gone afterwards."""
    started: list[subprocess.Popen[bytes]] = []

    def run(name: str) -> tuple[str, Path]:
        port = free_port()
        commands = script(name)
        assert len(commands) > 10
        told = [f"{command}\n[ $? = 0 ] && echo 'ran {i}' || exit 1" for i, command in enumerate(commands)]
        # A part that was just started needs a moment before the next command talks to it.
        text = "\n".join(told).replace(":7070", f":{port}").replace(":7071", f":{free_port()}")
        text = re.sub(r"(?m)^(feikong (?:run|worker) .*&\n\[.*)$", r"\1\nsleep 6", text)
        path = tmp_path / "guide.sh"
        path.write_text(f"set -m\n{text}\n")
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(each for each in sys.path if each),
        }
        with open(tmp_path / "told.txt", "w") as told_to:
            shell = subprocess.Popen(
                ["bash", str(path)],
                cwd=tmp_path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=told_to,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(shell)
        try:
            status = shell.wait(LONG_S)
        except subprocess.TimeoutExpired:
            status = None
        out = (tmp_path / "told.txt").read_text()
        assert status == 0, out
        ran = [int(number) for number in re.findall(r"^ran (\d+)$", out, re.MULTILINE)]
        assert ran == list(range(len(commands))), out
        return out, tmp_path

    yield run
    for shell in started:
        for pid in _session(shell.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _session(session: int) -> list[int]:
    """The processes of a session that are still there."""
    out = subprocess.run(
        ["ps", "-o", "pid=", "-s", str(session)], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in out.stdout.split()]


@pytest.mark.slow
def test_the_operators_guide(guide):
    out, folder = guide("docs/operators.md")
    assert "Trips of every district are suspended." in out
    assert "NO-TRIP" in out
    assert "county.toml is in force." in out
    assert re.search(r"^Account A1$", out, re.MULTILINE)
    assert re.search(r"^Meter M1$", out, re.MULTILINE)
    assert re.search(r" op +suspend_trips +north-1$", out, re.MULTILINE)
    assert re.search(r" op +approve_trip +A1$", out, re.MULTILINE)
    assert re.search(r"^1 of 2 accounts would have fared otherwise: warned 1,", out, re.MULTILINE)
    assert (folder / "results" / "summary.json").exists()


@pytest.mark.slow
def test_the_guide_of_flight(guide):
    out, folder = guide("docs/flight.md")
    assert "output/ledger ['seq', 'row', 'account_id'," in out
    assert "state/accounts ['account_id', 'district_id'," in out
    assert "[{'account_id': 'A1', 'kind': 'opening', 'amount': Decimal('10.000000000')," in out
    assert re.findall(r"^A\d \d+\.\d+$", out, re.MULTILINE) == ["A1 10.000000000", "A2 60.000000000"]
    token = (folder / "books.token").read_text().strip()
    assert len(token) == 51
    assert token not in out


@pytest.mark.slow
def test_the_guide_of_queries(guide):
    out, folder = guide("docs/queries.md")
    assert "Restore timeliness (复电及时率)" in out
    assert re.search(r"^Last cut: trip \d+ to meter", out, re.MULTILINE)
    assert "The trip was held by these gates in turn: " in out
    assert "carried forward" in out
    assert (folder / "commands.csv").read_text().startswith("seq,command_id,kind,")


@pytest.mark.slow
def test_the_integrators_guide(guide):
    out, folder = guide("docs/integrators.md")
    assert "acknowledged" in out
    assert "A1 top_up 50.00 43.26" in out
    told = (folder / "headend.log").read_text().splitlines()
    page = (ROOT / "docs/integrators.md").read_text()
    shown = re.search(r"```text\n(trip .*?)```", page, re.DOTALL)
    assert shown
    assert told == shown[1].splitlines()
