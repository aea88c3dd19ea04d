"""The whole state, out: as sections of bytes that do not depend on how memory happens to lie."""

from collections.abc import Collection
from typing import Any

import numpy as np

UNKEPT: tuple[str, ...]

def packed(rows: np.ndarray[Any, Any], without: Collection[str] = ...) -> np.ndarray[Any, Any]: ...
