"""The gateway: trips and restores on their way to head-ends, and whatever can still hold a trip back.

It lives in the engine's process, and is told of a command once the batch that decided it is on the disk and applied.
Restores go first and at once. Trips are looked at again at the moment of sending (`sending`), and on any doubt stay.
No socket, no clock and no thread is in here. Each module imports only those before it::

    brake  evidence  routes  queues  sending  bodies  sessions  gateway
"""

from pipeline.gateway.brake import no_trip
from pipeline.gateway.gateway import Gateway, Settings
from pipeline.gateway.sending import Why

__all__ = ["Gateway", "Settings", "Why", "no_trip"]
