"""Every benchmark at smoke size, for its answers; no time is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import memory
from benchmarks.bench_peers import TARGETS
from benchmarks.command import ask
from benchmarks.errors import CannotRun
from benchmarks.floor import Floor, library
from benchmarks.instructions import instructions_a_read
from benchmarks.plots.rates import Line, draw
from benchmarks.questions import MODULES
from pipeline.cli import main
from pipeline.cli.bench import find_checkout

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", [name for name in MODULES if name != "peers"])
def test_a_question_is_answered(name: str) -> None:
    figures = ask(name, "smoke")
    assert all(len(figure.values) >= (1 if name == "memory" else 5) for figure in figures)
    assert all(value > 0 for figure in figures for value in figure.values)
    assert all(figure.answer for figure in figures)
    assert name == "floor" or any(figure.target is not None for figure in figures)


def test_the_same_reads_have_the_same_answer_in_every_run_and_whatever_the_ids() -> None:
    grouped = ask("grouped", "smoke")
    assert grouped[0].answer == ask("grouped", "smoke")[0].answer == ask("utf8", "smoke")[0].answer
    assert len({figure.answer for figure in grouped}) == len(grouped)


def test_peers_give_the_cores_answer_and_those_not_installed_are_absent() -> None:
    figures = ask("peers", "smoke")
    assert [figure.what.rpartition(" ")[2] for figure in figures] == list(TARGETS)
    present = [figure for figure in figures if figure.verdict != "absent"]
    assert {"numpy", "python"} <= {figure.against for figure in present}
    assert len({figure.answer for figure in present}) == 1
    assert all(figure.note.startswith("absent: ") for figure in figures if figure not in present)


@pytest.mark.parametrize("tool", ["numba", "duckdb", "bytewax", "polars"])
def test_a_peer_that_is_not_installed_is_absent(tool: str) -> None:
    code = f"""
import sys
sys.modules[{tool!r}] = None
from benchmarks.bench_peers import PEERS, measure
from benchmarks.peers.job import make_job
rates, _, absent = measure(make_job(2_000, 4), {{name: PEERS[name] for name in ("core", "python", {tool!r})}}, 1)
print(sorted(rates), absent)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == f"['core', 'python'] {{{tool!r}: '{tool} is not installed'}}"


@pytest.mark.slow
def test_a_meter_with_its_account_takes_at_most_200_bytes_at_a_million() -> None:
    bytes_, _ = memory.bytes_a_meter(1_000_000)
    assert 100 < bytes_ <= memory.LIMIT_BYTES


def test_the_command_prints_json_for_machines() -> None:
    result = CliRunner().invoke(main, ["bench", "grouped", "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["size"] == "smoke"
    assert told["machine"]["python"]
    (answer,) = told["answers"]
    assert answer["question"] == "grouped"
    assert [len(figure["rounds"]) for figure in answer["figures"]] == [5, 5]


def test_a_question_that_there_is_none_of_is_wrong_usage() -> None:
    result = CliRunner().invoke(main, ["bench", "speed"])
    assert result.exit_code == 2
    assert "no question speed; expected some of floor, grouped" in result.output


def test_the_checkout_is_found_from_inside_and_missed_outside(tmp_path: Path) -> None:
    assert find_checkout([tmp_path, ROOT / "src" / "pipeline"]) == ROOT
    with pytest.raises(Exception, match=r"a wheel has no benchmarks/, and there is none in .* or above"):
        find_checkout([tmp_path])


def test_without_a_compiler_the_floor_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("benchmarks.floor.BUILD", tmp_path)
    monkeypatch.setenv("CC", "no-such-compiler")
    library.cache_clear()
    try:
        with pytest.raises(Exception, match="no C compiler no-such-compiler; expected cc"):
            library()
    finally:
        library.cache_clear()
    assert hasattr(Floor, "take")


def test_the_picture_is_drawn_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install 'feikong[bench]'")
    drawn = [Line("floor", {10: 5e7, 100: 4e7}), Line("core", {10: 3e7, 100: 2e7})]
    for name in ("one.svg", "two.svg"):
        draw(drawn, tmp_path / name)
    text = (tmp_path / "one.svg").read_text()
    assert text == (tmp_path / "two.svg").read_text()
    assert "feikong: the whole engine" in text
    assert "NumPy" not in text


def test_without_valgrind_no_instructions_are_counted(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CannotRun, match="no valgrind"):
        instructions_a_read("grouped")
