"""Whatever comes in a ticket is refused in words, and nothing of it stays; nothing can be changed; nobody gets in."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from pyarrow import flight

from pipeline.keys.tokens import LOOK_S, Tokens, new_token, revoke_token
from pipeline.outputs.flight import Door, Server, tickets
from pipeline.outputs.flight import server as serving
from pipeline.outputs.flight.wanted import TIMES
from pipeline.outputs.follower import ALL
from pipeline.outputs.shown import Shown
from tidy.tree import ROOT
from unit.outputs.flight_world import ask, begun, get, wanted
from unit.outputs.world import LAYOUT

REFUSED = [
    (b"", "the ticket: Input data was truncated"),
    (b"\xff\xfe", "the ticket: "),
    (b"null", "the ticket: Expected `object`, got `null`"),
    (b"[" * 5000, "the ticket: "),
    (b'{"output": "ledger"', "the ticket: Input data was truncated"),
    (b'{"output": "ledger"} ', None),
    (b'{"output": "ledger"} {}', "the ticket: JSON is malformed"),
    (b"{}", "the ticket has none of output, state, tail, follow; expected exactly one"),
    (b'{"output": "ledger", "state": "accounts"}', "the ticket has output and state of"),
    (
        b'{"output": "../../etc/passwd"}',
        "'../../etc/passwd' is no output of this node; expected one of intervals, l",
    ),
    (b'{"output": "balances"}', "'balances' is no output of this node"),
    (b'{"state": "ledger"}', "'ledger' is no state table of this node; expected one of accounts, "),
    (b'{"output": "ledger", "where": "1=1"}', "the ticket: Object contains unknown field `where`"),
    (b'{"output": 7}', "the ticket: Expected `str | null`, got `int`"),
    (b'{"output": "ledger", "from": "yesterday"}', "the ticket: Invalid RFC3339"),
    (b'{"output": "ledger", "from": "2026-01-01T00:00:00"}', "the ticket: from has no zone; expected one"),
    (b'{"state": "accounts", "from": "2026-01-01T00:00:00Z"}', "the ticket: a state is of now"),
    (b'{"output": "ledger", "accounts": []}', "the ticket: 0 accounts; expected 1 to 10000"),
    (b'{"output": "ledger", "accounts": ["A1"]}', "ids of this node are uint64; expected whole numbers"),
    (b'{"output": "ledger", "accounts": [-1]}', "ids of this node are uint64; expected whole numbers"),
    (b'{"output": "ledger", "accounts": [99999999999999999999999]}', "ids of this node are uint64"),
    (b'{"output": "ledger", "accounts": [1.5]}', "the ticket: Expected `int | str`, got `float`"),
    (
        b'{"output": "ledger", "districts": [1]}',
        "ledger has no column district_id; it can be filtered by account_id",
    ),
    (b'{"output": "ledger", "columns": []}', "the ticket: columns are none, or one is there twice"),
    (b'{"output": "ledger", "columns": ["at", "at"]}', "the ticket: columns are none, or one is there twice"),
    (
        b'{"output": "ledger", "columns": ["password"]}',
        "ledger has no column 'password'; expected some of seq, ",
    ),
    (b'{"output": "ledger", "shard": 0}', "shard, seq and start are for follow; expected none with output"),
    (b'{"follow": "ledger", "shard": 1}', "there is no shard 1; expected 0 to 0"),
    (b'{"follow": "ledger", "shard": -1}', "the ticket: shard is -1; expected 0 to 255"),
    (b'{"follow": "ledger", "seq": -1}', "the ticket: seq is -1; expected 0 to "),
    (
        b'{"follow": "ledger", "seq": 5, "start": "oldest"}',
        "the ticket: both seq and start; expected one of them",
    ),
    (b'{"follow": "ledger", "start": "middle"}', "the ticket: Invalid enum value 'middle'"),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    found = begun(tmp_path_factory.mktemp("n"), days=2)
    with found.serve():
        yield found


def words(error: Exception) -> str:
    """What a refusal says; nothing of the server's own may be in it."""
    text = str(error)
    assert "Traceback" not in text
    assert "pipeline" not in text
    return text


@pytest.mark.parametrize(("ticket", "text"), REFUSED)
def test_a_ticket_is_refused_in_words(served, ticket, text):
    with served.client() as client:
        if text is None:
            assert client.do_get(flight.Ticket(ticket)).read_all().num_rows
            return
        with pytest.raises(flight.FlightServerError) as refused:
            client.do_get(flight.Ticket(ticket)).read_all()
        assert words(refused.value).startswith(text) or text in words(refused.value)
        assert refused.value.extra_info == b"ticket"
        with pytest.raises(flight.FlightServerError):
            client.get_flight_info(flight.FlightDescriptor.for_command(ticket))
        assert get(client, output="ledger").num_rows


def test_a_ticket_of_any_bytes_is_refused_or_answered(served):
    random = Random(3)
    good = b'{"output": "ledger", "from": "2026-01-01T00:00:00Z", "accounts": [1000001], "columns": ["seq"]}'
    found = []
    with served.client() as client:
        for _ in range(400):
            ticket = bytearray(good)
            for _ in range(random.randint(1, 4)):
                ticket[random.randrange(len(ticket))] = random.randrange(256)
            del ticket[random.choice([len(ticket), random.randrange(len(ticket))]) :]
            try:
                client.do_get(flight.Ticket(bytes(ticket)), flight.FlightCallOptions(timeout=30)).read_all()
            except flight.FlightServerError as error:
                found.append((words(error), error.extra_info))
        assert get(client, output="ledger").num_rows
    assert len(found) > 300
    assert {reason for _, reason in found} == {b"ticket"}


def test_a_ticket_that_is_too_long_is_refused(served):
    ids = list(range(tickets.IDS_MAX + 1))
    with served.client() as client:
        with pytest.raises(flight.FlightServerError, match="10001 accounts; expected 1 to 10000"):
            get(client, output="ledger", accounts=ids)
        assert get(client, output="ledger", accounts=ids[1:]).num_rows == 0
        with pytest.raises(flight.FlightServerError, match="a ticket of 2000013 bytes; expected at most"):
            client.do_get(flight.Ticket(b'{"output": "' + b"x" * 2_000_000 + b'"'))


@pytest.mark.parametrize("path", [(), ("output",), ("output", "ledger", "x"), ("outputs", "ledger")])
def test_a_path_that_is_none_is_refused(served, path):
    with served.client() as client, pytest.raises(flight.FlightServerError) as refused:
        client.get_flight_info(flight.FlightDescriptor.for_path(*path))
    assert "expected such as output/ledger or state/accounts" in words(refused.value)


def test_a_cursor_beyond_what_there_is_is_refused_and_said_to_be_one(served):
    last = served.outputs.follower.seq
    with served.client() as client:
        with pytest.raises(
            flight.FlightServerError, match=f"up to batch {last}; asked for from batch {last + 2}"
        ) as gone:
            client.do_get(ask(follow="ledger", shard=0, seq=last + 2)).read_chunk()
        assert gone.value.extra_info == b"cursor"
        words(gone.value)
        reader = client.do_get(ask(follow="ledger", shard=0, seq=last + 1))
        assert json.loads(reader.read_chunk().app_metadata.to_pybytes()) == {"seq": last + 1}
        reader.cancel()


def put(client: flight.FlightClient, descriptor: flight.FlightDescriptor) -> None:
    schema = pa.schema([("a", pa.int64())])
    writer, _ = client.do_put(descriptor, schema)
    writer.write_batch(pa.record_batch([pa.array([1])], schema))
    writer.close()


def exchange(client: flight.FlightClient, descriptor: flight.FlightDescriptor) -> None:
    writer, reader = client.do_exchange(descriptor)
    writer.begin(pa.schema([("a", pa.int64())]))
    writer.done_writing()
    reader.read_chunk()


def test_nothing_can_be_changed(served):
    descriptor = flight.FlightDescriptor.for_path("output", "ledger")
    with served.client() as client:
        before = get(client, output="ledger")
        for call in (put, exchange):
            with pytest.raises(
                flight.FlightServerError, match=f"{call.__name__}.* here: outputs can be read, and noth"
            ):
                call(client, descriptor)
        with pytest.raises(flight.FlightServerError, match="there is no action 'drop'"):
            list(client.do_action(flight.Action("drop", b"ledger")))
        assert get(client, output="ledger") == before


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time_s = 0.0

    def now_s(self) -> int:
        return 0

    def monotonic_s(self) -> float:
        return self.time_s


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, crt = folder / "flight.key", folder / "flight.crt"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(crt)]
    subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
    return crt, key


@pytest.fixture
def remote(served, certificate, tmp_path):
    crt, key = certificate
    hands = Hands()
    tokens = Tokens(tmp_path, hands)
    door = Door("grpc+tls://127.0.0.1:0", tokens, crt.read_bytes(), key.read_bytes())
    with Server(Shown(LAYOUT, ALL, served.followers), served.places, door) as server:
        yield server, tmp_path, hands


def bearer(token: str, kind: str = "Bearer") -> flight.FlightCallOptions:
    return flight.FlightCallOptions(timeout=30, headers=[(b"authorization", f"{kind} {token}".encode())])


def reach(server: Server, certificate: tuple[Path, Path]) -> flight.FlightClient:
    return flight.connect(f"grpc+tls://localhost:{server.port}", tls_root_certs=certificate[0].read_bytes())


def test_who_has_a_token_reads_over_tls_until_it_is_revoked(remote, certificate):
    server, data, hands = remote
    token = new_token(data, "books")
    with reach(server, certificate) as client:
        assert (
            client.do_get(ask(output="ledger"), bearer(token)).read_all().num_rows
            == wanted("ledger", 2).num_rows
        )
        assert client.get_flight_info(
            flight.FlightDescriptor.for_path("output", "ledger"), bearer(token)
        ).endpoints
        stream = client.do_get(ask(follow="ledger", shard=0), bearer(token))
        stream.read_chunk()
        revoke_token(data, "books")
        hands.time_s += LOOK_S
        with pytest.raises(flight.FlightUnauthenticatedError, match="the token was revoked"):
            stream.read_all()
        with pytest.raises(flight.FlightUnauthenticatedError):
            client.do_get(ask(output="ledger"), bearer(token)).read_all()


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "Basic", "", "Bearer Bearer"])
@pytest.mark.parametrize(
    "which", ["right", "cut", "longer", "of another case", "none", "digest", "huge", "name"]
)
def test_only_a_whole_token_opens(remote, certificate, kind, which):
    server, data, _ = remote
    token = new_token(data, "books")
    digest = (data / "keys" / "tokens" / "books.token").read_text().strip()
    given = {
        "right": token,
        "cut": token[:-1],
        "longer": token + "A",
        "of another case": token.swapcase(),
        "none": "",
        "digest": digest,
        "huge": "x" * 5000,
        "name": "books",
    }[which]
    opens = which == "right" and kind.lower() == "bearer"
    with reach(server, certificate) as client:
        if opens:
            assert client.do_get(ask(tail="ledger"), bearer(given, kind)).read_all() is not None
            return
        for call in (
            lambda options: client.do_get(ask(output="ledger"), options).read_all(),
            lambda options: list(client.list_flights(options=options)),
            lambda options: client.get_flight_info(
                flight.FlightDescriptor.for_path("output", "ledger"), options
            ),
            lambda options: list(client.do_action(flight.Action("x", b""), options)),
        ):
            with pytest.raises(
                flight.FlightUnauthenticatedError, match="expected the header authorization: Bearer"
            ) as e:
                call(bearer(given, kind))
            words(e.value)
            assert len(given) < 10 or given not in str(e.value)


def test_no_header_and_two_headers_open_nothing(remote, certificate):
    server, data, _ = remote
    token = new_token(data, "books").encode()
    two = [(b"authorization", b"Bearer " + token), (b"authorization", b"Bearer " + token)]
    with reach(server, certificate) as client:
        for options in (
            flight.FlightCallOptions(timeout=30),
            flight.FlightCallOptions(timeout=30, headers=two),
        ):
            with pytest.raises(flight.FlightUnauthenticatedError):
                client.do_get(ask(output="ledger"), options).read_all()


def test_the_network_is_served_over_tls_alone(remote, certificate):
    server, data, _ = remote
    token = new_token(data, "books")
    short = flight.FlightCallOptions(timeout=5, headers=[(b"authorization", f"Bearer {token}".encode())])
    with (
        flight.connect(f"grpc://127.0.0.1:{server.port}") as client,
        pytest.raises(flight.FlightUnavailableError),
    ):
        client.do_get(ask(output="ledger"), short).read_all()
    # Who does not know the certificate does not send its token.
    with (
        flight.connect(f"grpc+tls://localhost:{server.port}") as client,
        pytest.raises(flight.FlightUnavailableError),
    ):
        client.do_get(ask(output="ledger"), short).read_all()


def test_garbage_at_the_port_disturbs_nobody(remote, certificate):
    server, data, _ = remote
    token = new_token(data, "books")
    random = Random(1)
    for size in (0, 1, 17, 5000):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            raw.sendall(random.randbytes(size))
    with reach(server, certificate) as client:
        assert client.do_get(ask(output="ledger"), bearer(token)).read_all().num_rows


def test_the_guide_says_the_limits_and_the_columns_as_they_are():
    page = " ".join((ROOT / "docs/flight.md").read_text().split())
    assert f"{serving.STREAMS_MAX} streams run already, {serving.TABLES_MAX} of which hold a table" in page
    assert f"ids, 1 to {tickets.IDS_MAX:,}:" in page
    said = {"intervals": "end", "commands": "issued_at", "districts": "start", "collection": "start"}
    assert {name: said.get(name, "at") for name in ALL} == TIMES
    assert (
        "`end` of intervals, `issued_at` of commands, `start` of districts and collection, `at` of the others"
        in page
    )
