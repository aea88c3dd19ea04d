"""The Flight server: what there is to ask for, and who may.

A door is where it listens: a socket of this machine, whose folder is its owner's alone, or TCP with TLS, where every
call needs a token. Paths of descriptors are ``KIND/NAME``, as `pipeline.outputs.flight.tickets` has the kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from threading import BoundedSemaphore, Event, Thread
from typing import Any, Final, NamedTuple

import msgspec
import pyarrow as pa
from pyarrow import flight

from fastcore.errors import FeikongError
from pipeline.clock import Clock, RealClock
from pipeline.closing import Closing
from pipeline.keys.tokens import Tokens
from pipeline.outputs.flight.streams import Limits, Streams
from pipeline.outputs.flight.tickets import KINDS, Ask, refusal, ticket_of
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.tables import Tables

__all__ = ["Door", "Server"]

STREAMS_MAX: Final = 32
TABLES_MAX: Final = 8
CLOSE_S: Final = 2.0
_TOKEN: Final = "token"


class Door(NamedTuple):
    """Where a server listens.

    Attributes:
        location: ``grpc+unix:///path`` or ``grpc+tls://host:port``.
        tokens: who may ask; None: whoever reaches it.
        certificate: PEM, of TLS.
        key: PEM, of the certificate.
    """

    location: str
    tokens: Tokens | None = None
    certificate: bytes | None = None
    key: bytes | None = None


class Server(Closing):
    """Serves tables through one door, in threads of its own, from when it is made until it is closed.

    `dropped` are the outputs whose days do not stay for ever. Raises `OSError` where it cannot listen.

    Attributes:
        port: of TCP.
    """

    def __init__(
        self,
        tables: Tables,
        places: OutputPlaces,
        door: Door,
        *,
        dropped: Collection[str] = (),
        clock: Clock | None = None,
    ) -> None:
        self._ending = Event()
        streams = Streams(tables, places, dropped, clock or RealClock(), self._ending.is_set)
        try:
            self._server = _Flight(tables, streams, door)
        except pa.ArrowException as error:
            raise OSError(f"{door.location}: cannot be served: {error}") from None
        self.port: int = self._server.port

    def close(self) -> None:
        """End: streams are told, and a client that takes nothing is not waited for."""
        self._ending.set()
        ending = Thread(target=self._server.shutdown, daemon=True)
        ending.start()
        ending.join(CLOSE_S)


class _Flight(flight.FlightServerBase):  # type: ignore[misc]
    def __init__(self, tables: Tables, streams: Streams, door: Door) -> None:
        self._tables = tables
        self._streams = streams
        self._tokens = door.tokens
        self._limits = Limits(BoundedSemaphore(STREAMS_MAX), BoundedSemaphore(TABLES_MAX))
        tls = [flight.CertKeyPair(door.certificate, door.key)] if door.certificate else None
        middleware = {_TOKEN: _Guard(door.tokens)} if door.tokens is not None else None
        super().__init__(door.location, tls_certificates=tls, middleware=middleware)

    def list_flights(self, context: Any, criteria: bytes) -> Iterator[flight.FlightInfo]:
        """Every table in each way in which it can be asked for; `criteria` is what their paths begin with."""
        for kind in KINDS:
            for name in self._tables.states if kind == "state" else self._tables.names:
                if f"{kind}/{name}".encode().startswith(criteria):
                    yield self._info(Ask(kind, name), flight.FlightDescriptor.for_path(kind, name))

    def get_flight_info(self, context: Any, descriptor: flight.FlightDescriptor) -> flight.FlightInfo:
        """The schema and the tickets of a path, or of a command, which is the JSON of a ticket."""
        ask, command = _asked(descriptor)
        return self._info(ask, descriptor, command)

    def get_schema(self, context: Any, descriptor: flight.FlightDescriptor) -> flight.SchemaResult:
        """The schema of a path or a command."""
        return flight.SchemaResult(self._streams.wanted(_asked(descriptor)[0]).schema)

    def do_get(self, context: Any, ticket: flight.Ticket) -> flight.GeneratorStream:
        """The rows that a ticket asks for."""
        ask = Ask.read(ticket.ticket)
        wanted = self._streams.wanted(ask)
        guard = context.get_middleware(_TOKEN) if self._tokens is not None else None
        allowed = guard.allowed if guard is not None else _anybody
        return flight.GeneratorStream(
            wanted.schema, _told(self._streams.run(ask, wanted, self._limits, allowed), context.is_cancelled)
        )

    def list_actions(self, context: Any) -> list[flight.ActionType]:
        """None: nothing can be changed here."""
        return []

    def do_action(self, context: Any, action: flight.Action) -> Iterator[flight.Result]:
        """Refused."""
        raise refusal(f"there is no action {action.type!r}: outputs can be read, and nothing else")

    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        """Refused."""
        raise refusal("nothing can be put here: outputs can be read, and nothing else")

    def do_exchange(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        """Refused."""
        raise refusal("there is no exchange here: outputs can be read, and nothing else")

    def _info(
        self, ask: Ask, descriptor: flight.FlightDescriptor, command: bytes | None = None
    ) -> flight.FlightInfo:
        schema = self._streams.wanted(ask).schema
        if command is not None:
            tickets = [flight.Ticket(command)]
        elif ask.kind == "follow":
            tickets = [ticket_of(ask.kind, ask.name, shard) for shard in range(self._tables.layout.shards)]
        else:
            tickets = [ticket_of(ask.kind, ask.name)]
        endpoints = [flight.FlightEndpoint(ticket, []) for ticket in tickets]
        return flight.FlightInfo(schema, descriptor, endpoints, -1, -1)


class _Guard(flight.ServerMiddlewareFactory):  # type: ignore[misc]
    """Turns away whoever has no token that is valid now."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def start_call(self, info: flight.CallInfo, headers: Mapping[str, list[str]]) -> _Bearer:
        given = [
            value for key, values in headers.items() if key.lower() == "authorization" for value in values
        ]
        kind, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if kind.lower() != "bearer" or not self._tokens.valid(token):
            raise flight.FlightUnauthenticatedError(
                "expected the header authorization: Bearer TOKEN, with a token of this node's feikong keys token"
            )
        return _Bearer(self._tokens, token)


class _Bearer(flight.ServerMiddleware):  # type: ignore[misc]
    def __init__(self, tokens: Tokens, token: str) -> None:
        self._tokens = tokens
        self._token = token

    def allowed(self) -> bool:
        """Whether the token of this call is still valid."""
        return self._tokens.valid(self._token)


def _asked(descriptor: flight.FlightDescriptor) -> tuple[Ask, bytes | None]:
    if descriptor.descriptor_type == flight.DescriptorType.CMD:
        return Ask.read(descriptor.command), descriptor.command
    path = [part.decode(errors="replace") for part in descriptor.path or ()]
    if len(path) != 2 or path[0] not in KINDS:
        raise refusal(f"the path {'/'.join(path)!r}; expected such as output/ledger or state/accounts")
    return Ask.read(msgspec.json.encode({path[0]: path[1]})), None


def _anybody() -> bool:
    return True


def _told(rows: Any, cancelled: Callable[[], bool]) -> Iterator[Any]:
    """Rows until the client has gone; what goes wrong in words, without what pyarrow would add of this program."""
    try:
        for each in rows:
            if cancelled():
                return
            yield each
    except flight.FlightError:
        raise
    except (OSError, pa.ArrowException, FeikongError) as error:
        raise refusal(f"the outputs cannot be read: {error}", b"outputs") from None
