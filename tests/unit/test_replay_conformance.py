"""Every conformance log through `replay` gives the rows that it must."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from pipeline.batchlog import BatchLog
from pipeline.replay import replay
from tests.shared import names, shared


def difference() -> Any:
    """The module that compares what came out with what must."""
    spec = importlib.util.spec_from_file_location("conformance_diff", shared("conformance", "diff.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", names("conformance") or ["absent"])
def test_a_conformance_log_gives_its_rows(tmp_path: Path, name: str) -> None:
    folder = shared("conformance", name)
    run = replay(BatchLog.open(folder / "log"), tmp_path, check_save_load=5)
    lines: list[str] = []
    differences, _, _ = difference().run(str(folder / "expected"), str(tmp_path), out=lines.append)
    assert differences == 0, "\n".join(lines)
    assert run.save_load_checks == run.sequence // 5
