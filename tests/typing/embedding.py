"""What a type checker sees of an embedding program. It is checked, never run.

A line that ends in ``# error: CODE`` must be an error of that code, and no other line may be one.
"""

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import assert_type

import numpy as np
import pyarrow as pa

from fastcore import (
    Config,
    ConfigError,
    Effects,
    Engine,
    FeikongError,
    InvariantError,
    SchemaError,
    SnapshotError,
)

config = Config.from_toml("")
assert_type(config, Config)
Config.from_toml(b"")  # error: arg-type

engine = Engine(config)
assert_type(engine, Engine)
Engine(config, outputs=("commands", "notices"))
Engine()  # error: call-arg
Engine("[engine]")  # error: arg-type

table = pa.table({})
assert_type(engine.apply("reads", table, now=0), Effects)
assert_type(engine.apply("reads", {"at": np.array([0])}, now=datetime.now(UTC)), Effects)
assert_type(engine.apply("tick", None, now=0), Effects)
assert_type(engine.apply("config", "[engine]", now=0), Effects)
engine.apply("reads", table)  # error: call-arg
engine.apply("reads", table, now="today")  # error: arg-type
engine.apply("reads", 17, now=0)  # error: arg-type

assert_type(engine.balance("A1"), Decimal)
assert_type(engine.balance(1), Decimal)
engine.balance(1.5)  # error: arg-type
assert_type(engine.digest(), str)
assert_type(engine.audit(), None)
assert_type(engine.save(io.BytesIO()), None)
assert_type(Engine.load(io.BytesIO()), Engine)
engine.no_such_method()  # error: attr-defined


def mistakes(error: FeikongError) -> Mapping[str, int]:
    """Errors narrow to the one at hand."""
    if isinstance(error, ConfigError):
        return {mistake: len(mistake) for mistake in assert_type(error.mistakes, tuple[str, ...])}
    return {str(kind): 1 for kind in (SchemaError, SnapshotError, InvariantError) if isinstance(error, kind)}
