"""Where the conformance logs and other given data lie; the one place that knows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("FEIKONG_SHARED", Path(__file__).resolve().parents[2] / "shared"))
"""A folder beside the repository, or wherever ``FEIKONG_SHARED`` says."""


def shared(*parts: str) -> Path:
    """A path of the given data; the test is skipped where it is not there."""
    path = ROOT.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no {'/'.join(parts)} in {ROOT}: set FEIKONG_SHARED to the folder that holds it")
    return path


def names(folder: str) -> list[str]:
    """The names of a folder's sub-folders, for parametrized tests; none where it is not there."""
    path = ROOT / folder
    return sorted(entry.name for entry in path.iterdir() if entry.is_dir()) if path.is_dir() else []
