"""The table ``[node.flight]`` of the configuration: whether outputs can be asked for over the network.

::

    [node.flight]                       # without it, only programs of this machine can ask
    listen = "tcp://0.0.0.0:7071"
    certificate = "/etc/feikong/flight.crt"   # PEM, with the chain; a relative path is one beside the configuration
    key = "/etc/feikong/flight.key"     # PEM; nobody but its owner and group may read it
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from fastcore import config_values as values
from fastcore.config_reader import Reader

__all__ = ["FlightConfig", "flight_config"]


class FlightConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The table ``[node.flight]``."""

    listen: str
    certificate: str
    key: str


def flight_config(table: Reader | None, listen: Callable[[object], str]) -> FlightConfig | None:
    """What the table says, None where it says nothing; `listen` reads an endpoint of this machine."""
    if table is None or not len(table):
        return None
    found = {
        "listen": table.take("listen", listen),
        "certificate": table.take("certificate", values.text),
        "key": table.take("key", values.text),
    }
    table.done()
    if any(value is None for value in found.values()):
        return None  # the mistakes are noted
    return FlightConfig(**{key: str(value) for key, value in found.items()})
