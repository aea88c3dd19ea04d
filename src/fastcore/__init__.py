"""The engine of feikong: prepaid electricity, exact to the last digit (docs/embedding.md, docs/reference).

No I/O, no sockets, no clock, no threads of its own. Its modules, each of which imports only those before it:

errors arrays schemas config_limits config_model config_values config_reader config_engine config_tariffs
config_policies localtime calendar tariffs config fromvalues canonical inputs native types structs rows
memory maps index core exceptions findings rating gaps validation census windows plan lookup ordinary reads
belonging gates waiting commands control registry fitting payments acks updates columns sheets configured needs
reconfigure batches views report audit dump load snapshot effects entries outputs frames states reader engine
"""

from fastcore.config import Config
from fastcore.effects import Effects
from fastcore.engine import Engine
from fastcore.errors import ConfigError, FeikongError, InvariantError, SchemaError, SnapshotError

__all__ = [
    "Config",
    "ConfigError",
    "Effects",
    "Engine",
    "FeikongError",
    "InvariantError",
    "SchemaError",
    "SnapshotError",
]
