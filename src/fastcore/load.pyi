"""The whole state, in: sections of bytes become a core again."""

from collections.abc import Collection
from typing import Any

import numpy as np

from fastcore.dump import UNKEPT as UNKEPT

def unpacked(section: memoryview, struct: str, without: Collection[str] = ...) -> np.ndarray[Any, Any]: ...
