"""What the figures were measured on, and with which versions: printed with every run."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

from benchmarks.errors import CannotRun
from benchmarks.floor import FLAGS, compiler

__all__ = ["available_bytes", "machine", "need_memory"]

PACKAGES = ("feikong", "numpy", "pyarrow", "polars", "duckdb", "numba", "bytewax")


def machine() -> dict[str, str]:
    """The machine and the versions, name by name."""
    out = {
        "processor": f"{_field('/proc/cpuinfo', 'model name') or platform.processor() or platform.machine()}, "
        f"{os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}",
        "memory": f"{_total_bytes() / 2**30:.1f} GiB, {available_bytes() / 2**30:.1f} free",
        "huge pages": _first_line("/sys/kernel/mm/transparent_hugepage/enabled"),
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "compiler": _compiler(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }
    return out | {package: _version(package) for package in PACKAGES}


def available_bytes() -> int:
    """Memory that may be taken without swapping; all there is where the system does not say."""
    return int((_field("/proc/meminfo", "MemAvailable") or "0 kB").split()[0]) * 1024 or _total_bytes()


def need_memory(what: str, bytes_: int) -> None:
    """Raise `CannotRun` unless so much memory is available."""
    if available_bytes() < bytes_:
        raise CannotRun(
            f"{what}: {available_bytes() / 2**30:.1f} GiB of memory are free; expected {bytes_ / 2**30:.1f} GiB or more"
        )


def _total_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _compiler() -> str:
    try:
        command = compiler()
    except CannotRun:
        return "none"
    said = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False).stdout
    return f"{said.partition(chr(10))[0]}, {' '.join(FLAGS[:1])}"


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return "unknown"


def _field(path: str, name: str) -> str:
    """The first field of that name in a file of `name: value` lines; nothing if there is none."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next(
        (line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name), ""
    )
