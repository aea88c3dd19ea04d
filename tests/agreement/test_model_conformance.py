"""The twin gives every conformance log's expected rows, to the last digit."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from model import write
from shared import names, shared

LOGS = names("conformance") or ["none"]


@pytest.fixture(scope="module")
def diff() -> ModuleType:
    """The comparison that comes with the logs."""
    spec = importlib.util.spec_from_file_location("diff", shared("conformance", "diff.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_logs() -> None:
    logs = [path for path in shared("conformance").iterdir() if (path / "log").is_dir()]
    assert len(logs) >= 157


@pytest.mark.parametrize("name", LOGS)
def test_twin_gives_the_expected_rows(name: str, diff: ModuleType, tmp_path: Path) -> None:
    log = shared("conformance", name, "log")
    write(log, tmp_path)
    said: list[str] = []
    wrong, (rows_expected, rows_given), _ = diff.run(
        str(shared("conformance", name, "expected")), str(tmp_path), out=said.append
    )
    assert wrong == 0, "\n".join(said[:20])
    assert rows_expected == rows_given > 0
