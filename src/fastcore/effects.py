"""What a batch did."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

__all__ = ["Effects"]


class Effects:
    """The outputs of one batch, one `pyarrow.RecordBatch` each (reference, "Outputs").

    They are attributes of the outputs' names: ``effects.commands``, ``effects.intervals`` … Iterating gives
    (name, batch) pairs of those that the engine was asked for. The batches own their memory: they stay what they
    are when the engine goes on.
    """

    __slots__ = ("_outputs",)

    def __init__(self, outputs: dict[str, pa.RecordBatch]) -> None:
        self._outputs = outputs

    def __getattr__(self, name: str) -> pa.RecordBatch:
        try:
            return self._outputs[name]
        except KeyError:
            raise AttributeError(
                f"{name}: the engine was made with the outputs {', '.join(self._outputs) or 'none'}"
            ) from None

    def __iter__(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        return iter(self._outputs.items())

    def __repr__(self) -> str:
        rows = ", ".join(f"{name}: {batch.num_rows}" for name, batch in self if batch.num_rows)
        return f"<Effects {rows or 'nothing'}>"
