"""Arrow Flight over the outputs: what files hold and what they do not hold yet, the state, and rows as they come."""

from pipeline.outputs.flight.server import Door, Server

__all__ = ["Door", "Server"]
