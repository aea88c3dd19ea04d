"""The public names have the types that a program which embeds the engine counts on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tidy.tree import ROOT

PROGRAM = Path(__file__).with_name("embedding.py")


@pytest.mark.slow
def test_a_type_checker_finds_what_is_wrong_and_nothing_else(tmp_path):
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--cache-dir",
        str(tmp_path),
        "--no-error-summary",
        str(PROGRAM),
    ]
    environment = {**os.environ, "MYPYPATH": str(ROOT / "src")}
    out = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert not out.stderr
    pattern = re.compile(
        rf"{re.escape(PROGRAM.relative_to(ROOT).as_posix())}:(\d+): error: .*\[([\w-]+)\]$", re.MULTILINE
    )
    found = {(int(line), code) for line, code in pattern.findall(out.stdout)}
    lines = enumerate(PROGRAM.read_text().splitlines(), 1)
    told = {(i, match[1]) for i, line in lines if (match := re.search(r"# error: ([\w-]+)$", line))}
    assert len(told) >= 8
    assert found == told, out.stdout
    assert out.stdout.count(": error:") == len(told), out.stdout
