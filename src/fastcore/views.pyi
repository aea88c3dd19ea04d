"""The core's structs as NumPy arrays of their own dtype; always copies."""

from typing import Any

import numpy as np

DTYPES: dict[str, np.dtype[Any]]
