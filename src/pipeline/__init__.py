"""What stands around the engine: files in, batch logs, outputs, the command line.

Depends on `fastcore`; `fastcore` never depends on it.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("feikong")
except PackageNotFoundError:  # run from a source tree that nobody installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
