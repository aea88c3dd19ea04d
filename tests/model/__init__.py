"""A slow, plain twin of the engine, written from the reference alone: dicts, dataclasses, unbounded integers.

It shares no line with ``fastcore``, so that where the two agree, both follow the text.
"""

from .batchlog import replay, write
from .engine import Twin
from .errors import TwinConfigError, TwinSchemaError

__all__ = ["Twin", "TwinConfigError", "TwinSchemaError", "replay", "write"]
