"""Who looks at a clock, and who writes files: few modules, named here."""

from __future__ import annotations

import re

from tidy.tree import SRC, files, shown

# What time it is, one module asks; how long something took, some measure.
CLOCKS = {"pipeline/clock.py"}
STOPWATCHES = {"pipeline/cli/demo.py", "pipeline/clock.py", "pipeline/replay.py"}
WRITERS = {
    "fastcore/snapshot.py",
    "pipeline/batchlog.py",
    "pipeline/demo/parts.py",
    "pipeline/cli/run.py",
    "pipeline/cli/send.py",
    "pipeline/journal/disk.py",
    "pipeline/keys/files.py",
    "pipeline/cli/outputs.py",
    "pipeline/node/engine_process.py",
    "pipeline/node/mark.py",
    "pipeline/outputs/parquet.py",
    "pipeline/query/render.py",
    "pipeline/outputs/tree.py",
    "pipeline/reshard/move.py",
    "pipeline/sources/build.py",
    "pipeline/sources/rejects.py",
    "pipeline/sources/sent.py",
}

STOPWATCH = re.compile(r"\b(?:import time|from time import|perf_counter|monotonic)\b")
CLOCK = re.compile(r"\btime\.time(?:_ns)?\(|\.(?:utc)?now\(|\.today\(|\bclock_gettime\b|\bgettimeofday\b")
WRITING = re.compile(
    r"""\bopen\([^),]+,(?!\s*["']rb?["'])|\.write_(?:text|bytes)\(|\.mkdir\(|\bParquetWriter\(|\.unlink\(|\brename\(|\brmtree\("""
)

SOURCES = files(".py", ".pyx", ".pxd", under=SRC)


def having(pattern: re.Pattern[str]) -> set[str]:
    """The source files in which a pattern occurs."""
    return {path.relative_to(SRC).as_posix() for path in SOURCES if pattern.search(path.read_text())}


def test_one_module_asks_what_time_it_is():
    assert len(SOURCES) > 30
    assert having(CLOCK) == CLOCKS


def test_only_these_modules_measure_time():
    assert having(STOPWATCH) == STOPWATCHES


def test_only_these_modules_write_files():
    assert having(WRITING) == WRITERS


def test_the_core_never_prints():
    core = files(".py", ".pyx", ".pxd", under=SRC / "fastcore")
    assert len(core) > 20
    assert not [shown(path) for path in core if re.search(r"^\s*print\(", path.read_text(), re.MULTILINE)]
