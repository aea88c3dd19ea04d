"""What a replay left: `outputs/NAME.parquet`, `state/NAME.parquet`, and the configuration in their metadata."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fastcore import Config
from fastcore.schemas import OUTPUTS, STATES
from pipeline.outputs.parquet import CONFIG
from pipeline.query.folder import QueryError, Rows

__all__ = ["Replayed"]


class Replayed:
    """The folder of a replay; see `pipeline.query.folder.Folder`."""

    daily = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outputs = _there(path / "outputs", OUTPUTS)
        self.states = _there(path / "state", STATES)
        if not self.outputs and not self.states:
            raise QueryError(
                f"{path}: holds no outputs; expected the folder of `feikong replay LOG --out`, of `feikong demo`, "
                "or the data directory of a node"
            )

    @staticmethod
    def is_one(path: Path) -> bool:
        """Whether a folder looks like one."""
        return any((path / "outputs").glob("*.parquet")) or any((path / "state").glob("*.parquet"))

    def rows(self, output: str) -> Rows:
        """The rows of an output."""
        return _rows(self.path / "outputs" / f"{output}.parquet")

    def state(self, name: str) -> Rows:
        """A state table."""
        return _rows(self.path / "state" / f"{name}.parquet")

    def balances(self) -> Rows:
        """Not kept by a replay."""
        raise QueryError(f"{self.path}: a replay keeps no balances of each day; a node does")

    def config(self) -> Config | None:
        """What the state tables say; None for a folder of an older version, or without state."""
        for name in self.states:
            metadata = pq.read_schema(self.path / "state" / f"{name}.parquet").metadata or {}
            if CONFIG in metadata:
                return Config.from_toml(metadata[CONFIG].decode())
        return None

    def note(self) -> str | None:
        """A folder without its summary is that of a run that has not ended, or was broken off."""
        if (self.path / "summary.json").exists():
            return None
        return f"{self.path}: has no summary.json, so the run that wrote it has not ended well"

    def close(self) -> None:
        """Nothing is open."""


def _there(folder: Path, known: object) -> tuple[str, ...]:
    assert isinstance(known, dict)
    return tuple(name for name in known if (folder / f"{name}.parquet").is_file())


def _rows(path: Path) -> Rows:
    try:
        return Rows(pq.read_schema(path).remove_metadata(), (path,))
    except FileNotFoundError:
        raise QueryError(
            f"{path}: is not there; the run that wrote the folder left this output out"
        ) from None
    except (OSError, pa.ArrowException) as error:
        raise QueryError(
            f"{path}: cannot be read: {error}; expected a Parquet file of a run that ended"
        ) from None
