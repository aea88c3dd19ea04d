"""Arrays that are handed out and must not change."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["frozen"]

T = TypeVar("T", bound=np.generic)


def frozen(array: NDArray[T]) -> NDArray[T]:
    """Return the array, C-contiguous and read-only from now on."""
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array
