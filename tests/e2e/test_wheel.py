"""What is published: a wheel that installs without the sources, embeds in ten lines, carries its types."""

from __future__ import annotations

import re
import site
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tidy.tree import ROOT, SRC, files

EMBEDDING = re.search(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def run(*command: str | Path, cwd: Path) -> str:
    """The standard output of a command that must not fail, far from the sources."""
    out = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, timeout=600
    )
    assert out.returncode == 0, f"{command}\n{out.stdout}\n{out.stderr}"
    return out.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy of what the source distribution holds."""
    place = tmp_path_factory.mktemp("dist")
    build = "import sys; from setuptools import build_meta as b; "
    sdist = run(sys.executable, "-c", f"{build}print(b.build_sdist({str(place)!r}))", cwd=ROOT).split()[-1]
    run(sys.executable, "-m", "tarfile", "-e", place / sdist, place, cwd=place)
    source = place / sdist.removesuffix(".tar.gz")
    name = run(sys.executable, "-c", f"{build}print(b.build_wheel({str(place)!r}))", cwd=source).split()[-1]
    return place / name


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """The Python of an empty environment with the wheel in it; dependencies are those of this environment."""
    place = tmp_path_factory.mktemp("empty")
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel, cwd=place)
    there = Path(sysconfig.get_path("purelib", vars={"base": str(place), "platbase": str(place)}))
    # Only the packages: this environment's own .pth files would lead back to the sources.
    (there / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    return python


def test_the_wheel_holds_what_it_must(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    core = SRC / "fastcore"
    headers = {path.relative_to(SRC).as_posix() for path in files(".pxd", ".pyi", under=core)}
    modules = {path.relative_to(SRC).as_posix() for path in files(".py", under=SRC)}
    compiled = {
        f"fastcore/{path.stem}{sysconfig.get_config_var('EXT_SUFFIX')}" for path in files(".pyx", under=core)
    }
    assert len(headers) > 10
    assert len(compiled) > 5
    assert headers | modules | compiled | {"fastcore/py.typed", "pipeline/py.typed"} <= held
    assert not [name for name in held if name.endswith((".pyx", ".c")) or name.startswith("tests")]
    assert [name for name in held if name.endswith("licenses/LICENSE")]


def test_it_installs_without_the_sources(python, tmp_path):
    where = run(
        python, "-c", "import fastcore, fastcore.engine; print(fastcore.engine.__file__)", cwd=tmp_path
    )
    assert Path(where.strip()).is_relative_to(python.parents[1])


def test_it_embeds_in_ten_lines(python, tmp_path):
    assert EMBEDDING
    told = re.findall(r"^print\(.*\)\s+# (.+)$", EMBEDDING[1], re.MULTILINE)
    assert len(told) == 3
    assert run(python, "-c", EMBEDDING[1], cwd=tmp_path).splitlines() == told


def test_it_brings_the_command(python, tmp_path):
    assert "feikong" in run(python.parent / "feikong", "--version", cwd=tmp_path)
