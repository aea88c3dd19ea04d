"""Sockets on loopback: who gets in, who does not, and that a server that lets strangers in is never served."""

from __future__ import annotations

import os
import socket as plain_socket

import pytest
import zmq

from pipeline import transport
from pipeline.keys import NODE, KeyPair, Keyring, allow, new_pair, revoke
from pipeline.links import FRAMES_MAX, Sent
from pipeline.transport import Client, Server, Sockets, TransportError, Waiter
from pipeline.wire import Role
from pipeline.zap import Door

NODE_PAIR = new_pair("node", NODE)
FRIEND = new_pair("friend", Role.READS)
STRANGER = new_pair("stranger", Role.READS)
ANYWHERE = "tcp://127.0.0.1:*"
PATIENCE_S = 20.0


@pytest.fixture
def sockets():
    with Sockets({"producers": lambda key: key == FRIEND.public.curve}) as made:
        yield made


@pytest.fixture
def server(sockets: Sockets):
    return sockets.serve(ANYWHERE, NODE_PAIR, "producers")


def deliver(client: Client, frames: list[bytes]) -> bool:
    """Send once there is a connection; False if there is none for so long that there will be none."""
    for _ in range(400):
        if client.send(frames):
            return True
        client.wait(0.01)
    return False


def take(server: Server):
    assert Waiter(server).wait(PATIENCE_S) == [server]
    return server.receive()


def turned_away(sockets: Sockets, server: Server, options: dict[int, object]) -> bool:
    """Whether libzmq itself says that a handshake was refused."""
    return not sockets._gets_in(server.endpoint, options)


def test_a_friend_is_heard_by_its_key_and_answered(sockets, server):
    client = sockets.connect(server.endpoint, FRIEND, NODE_PAIR.public.curve)
    large = os.urandom(1 << 20)
    assert deliver(client, [b"header", large])
    received = take(server)
    assert (received.user, received.frames) == (FRIEND.public.curve.hex(), [b"header", large])
    assert server.receive() is None
    assert server.send(received.route, [b"answer", large]) is Sent.SENT
    assert client.wait(PATIENCE_S)
    assert client.receive() == [b"answer", large]
    assert client.receive() is None
    assert server.send(b"nobody", [b"answer", b""]) is Sent.GONE


@pytest.mark.parametrize(
    "options",
    [
        {},
        {zmq.PLAIN_USERNAME: b"friend", zmq.PLAIN_PASSWORD: FRIEND.public.curve.hex().encode()},
        transport._credentials(STRANGER, NODE_PAIR.public.curve),
        transport._credentials(FRIEND, STRANGER.public.curve),
    ],
    ids=["no key", "a password", "a stranger's key", "another node"],
)
def test_nobody_else_gets_in(sockets, server, options):
    assert turned_away(sockets, server, options)
    assert server.receive() is None


def test_a_key_without_its_secret_is_worth_nothing(sockets, server):
    half = KeyPair(FRIEND.public, STRANGER.secret)
    assert turned_away(sockets, server, transport._credentials(half, NODE_PAIR.public.curve))


def test_a_key_is_let_in_where_it_is_allowed_only(sockets):
    with Sockets(
        {"producers": lambda key: False, "others": lambda key: key == FRIEND.public.curve}
    ) as strict:
        server = strict.serve(ANYWHERE, NODE_PAIR, "producers")
        assert turned_away(strict, server, transport._credentials(FRIEND, NODE_PAIR.public.curve))
        other = strict.serve(ANYWHERE, NODE_PAIR, "others")
        assert not turned_away(strict, other, transport._credentials(FRIEND, NODE_PAIR.public.curve))


def test_a_revoked_key_is_known_at_once_and_does_not_come_back(tmp_path):
    allow(tmp_path, FRIEND.public)
    ring = Keyring(tmp_path)
    with Sockets({"producers": lambda key: key in ring.refresh()}) as made:
        server = made.serve(ANYWHERE, NODE_PAIR, "producers")
        client = made.connect(server.endpoint, FRIEND, NODE_PAIR.public.curve)
        assert deliver(client, [b"before", b""])
        assert bytes.fromhex(take(server).user) in ring.refresh()
        revoke(tmp_path, "friend")
        # The connection is still there: it is each message that is looked at.
        assert deliver(client, [b"after", b""])
        assert bytes.fromhex(take(server).user) not in ring.refresh()
        assert turned_away(made, server, transport._credentials(FRIEND, NODE_PAIR.public.curve))


def test_who_was_turned_away_gets_in_once_its_key_is_allowed(monkeypatch):
    monkeypatch.setattr(transport, "REDIAL_S", 0.1)
    asked: list[bytes] = []
    allowed: set[bytes] = set()

    def admit(key: bytes) -> bool:
        asked.append(key)
        return key in allowed

    with Sockets({"producers": admit}) as made:
        server = made.serve(ANYWHERE, NODE_PAIR, "producers")
        client = made.connect(server.endpoint, FRIEND, NODE_PAIR.public.curve)
        while asked.count(FRIEND.public.curve) < 3:
            assert not client.send([b"too early", b""])
            client.wait(0.01)
        allowed.add(FRIEND.public.curve)
        assert deliver(client, [b"now", b""])
        assert take(server).frames == [b"now", b""]


def planted(monkeypatch, *dropped: int) -> None:
    """A server that is made without some of its guards."""
    guards = transport._guards
    monkeypatch.setattr(
        transport,
        "_guards",
        lambda pair, domain: {k: v for k, v in guards(pair, domain).items() if k not in dropped},
    )


GUARDS = {
    zmq.CURVE_SERVER: "CURVE_SERVER",
    zmq.ZAP_DOMAIN: "ZAP_DOMAIN",
    zmq.ZAP_ENFORCE_DOMAIN: "ZAP_ENFORCE_DOMAIN",
}


@pytest.mark.parametrize("dropped", GUARDS, ids=GUARDS.values())
def test_a_setting_that_is_missing_is_read_back(sockets, monkeypatch, dropped):
    planted(monkeypatch, dropped)
    with pytest.raises(TransportError, match=f"{GUARDS[dropped]} is not set"):
        sockets.serve(ANYWHERE, NODE_PAIR, "producers")


@pytest.mark.parametrize(
    ("dropped", "authenticator", "told"),
    [
        ([*GUARDS, zmq.CURVE_SECRETKEY, zmq.CURVE_PUBLICKEY], True, "got in with no key"),
        ([zmq.CURVE_SERVER], True, "turned away with a key that is allowed"),
        ([zmq.ZAP_DOMAIN], True, "got in with a random key"),
        ([zmq.ZAP_ENFORCE_DOMAIN], False, "got in with a random key"),
        ([], False, "turned away with a key that is allowed"),
    ],
)
def test_an_open_door_is_found_by_trying(sockets, monkeypatch, dropped, authenticator, told):
    """Even if what is read back were wrong: the self-test tries."""
    planted(monkeypatch, *dropped)
    monkeypatch.setattr(transport, "_missing", lambda socket: [])
    if not authenticator:
        monkeypatch.setattr(Sockets, "_authenticate", lambda self: None)
    with pytest.raises(TransportError, match=told):
        sockets.serve(ANYWHERE, NODE_PAIR, "producers")


def test_an_authenticator_that_lets_everybody_in_is_found():
    with (
        Sockets({"producers": lambda key: True}) as careless,
        pytest.raises(TransportError, match="got in with a random key"),
    ):
        careless.serve(ANYWHERE, NODE_PAIR, "producers")


def test_an_authenticator_that_fails_keeps_out_and_lives_on():
    def admit(key: bytes) -> bool:
        if key == STRANGER.public.curve:
            raise RuntimeError("the folder is gone")
        return key == FRIEND.public.curve

    with Sockets({"producers": admit}) as made:
        server = made.serve(ANYWHERE, NODE_PAIR, "producers")
        assert turned_away(made, server, transport._credentials(STRANGER, NODE_PAIR.public.curve))
        assert not turned_away(made, server, transport._credentials(FRIEND, NODE_PAIR.public.curve))
        made.check()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_authenticator_ends_the_service(sockets, server, monkeypatch):
    def die(self: Door, request: list[bytes]) -> list[bytes]:
        raise SystemExit

    monkeypatch.setattr(Door, "answer", die)
    client = sockets.connect(server.endpoint, FRIEND, NODE_PAIR.public.curve)
    assert not client.send([b"a", b"b"])
    sockets._thread.join(PATIENCE_S)
    assert not sockets._thread.is_alive()
    with pytest.raises(TransportError, match="the authenticator has ended"):
        server.receive()


def test_raw_garbage_and_half_open_handshakes_harm_nobody(sockets, server):
    port = int(server.endpoint.rpartition(":")[2])
    raw = [plain_socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
    for i, each in enumerate(raw):
        each.sendall([b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"\xff" + bytes(8) + b"\x7f", b""][i % 4])
    client = sockets.connect(server.endpoint, FRIEND, NODE_PAIR.public.curve)
    assert deliver(client, [b"still", b"here"])
    assert take(server).frames == [b"still", b"here"]
    for each in raw:
        each.close()


@pytest.mark.parametrize("count", [1, 2, 3, FRAMES_MAX, FRAMES_MAX + 1, 10_000])
def test_of_many_frames_few_are_kept(sockets, server, count):
    client = sockets.connect(server.endpoint, FRIEND, NODE_PAIR.public.curve)
    assert deliver(client, [b"x"] * count)
    assert len(take(server).frames) == min(count, FRAMES_MAX)
    assert deliver(client, [b"next"])
    assert take(server).frames == [b"next"]


def test_a_frame_that_is_too_large_ends_the_connection_not_the_server(sockets, server):
    client = sockets.connect(server.endpoint, FRIEND, NODE_PAIR.public.curve)
    assert deliver(client, [b"large", bytes((16 << 20) + 1)])
    other = sockets.connect(server.endpoint, FRIEND, NODE_PAIR.public.curve)
    assert deliver(other, [b"small", b""])
    assert take(server).frames == [b"small", b""]
    assert server.receive() is None


def test_whoever_does_not_read_is_told_of_not_waited_for(sockets, server):
    client = sockets.connect(server.endpoint, FRIEND, NODE_PAIR.public.curve, queue=1)
    assert deliver(client, [b"hello", b""])
    route = take(server).route
    body = bytes(1 << 20)
    outcomes = {server.send(route, [b"x", body]) for _ in range(200)}
    assert outcomes == {Sent.SENT, Sent.FULL}


def test_a_client_without_a_server_sends_nothing(sockets):
    client = sockets.connect("tcp://127.0.0.1:9", FRIEND, NODE_PAIR.public.curve)
    assert not client.send([b"a", b"b"])
    assert not client.wait(0)


@pytest.mark.parametrize("endpoint", ["tcp://203.0.113.1:1", "tcp://nowhere", "gopher://x"])
def test_an_address_that_is_none_is_told(sockets, endpoint):
    with pytest.raises(TransportError, match=f"{endpoint}: cannot be bound"):
        sockets.serve(endpoint, NODE_PAIR, "producers")


def test_a_bad_address_to_connect_to_is_told(sockets):
    with pytest.raises(TransportError, match=r"gopher://x: cannot be connected to.*tcp://host:port"):
        sockets.connect("gopher://x", FRIEND, NODE_PAIR.public.curve)


def test_parts_of_a_node_talk_through_a_folder_of_their_own(sockets, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    server = sockets.serve_local(folder / "engine-0")
    client = sockets.connect_local(folder / "engine-0")
    assert deliver(client, [b"a", b"b", b"c"])
    received = take(server)
    assert (received.user, received.frames) == ("", [b"a", b"b", b"c"])
    assert server.send(received.route, [b"d"]) is Sent.SENT
    assert client.wait(PATIENCE_S)
    assert client.receive() == [b"d"]


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o702])
def test_a_folder_that_others_reach_is_not_used(sockets, tmp_path, mode):
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(TransportError, match=f"mode {mode:o}.*expected 700"):
        sockets.serve_local(folder / "engine-0")
    with pytest.raises(TransportError, match="too long for a socket"):
        sockets.connect_local(tmp_path / ("x" * 120))


def test_a_door_answers_whatever_it_is_asked():
    door = Door({"producers": lambda key: True})
    good = [b"1.0", b"7", b"producers", b"10.0.0.1", b"", b"CURVE", bytes(32)]
    assert door.answer(good) == [b"1.0", b"7", b"200", b"OK", bytes(32).hex().encode(), b""]
    spoilt = [
        [b"2.0", *good[1:]],
        [*good[:2], b"others", *good[3:]],
        [*good[:2], b"", *good[3:]],
        [*good[:5], b"NULL"],
        [*good[:5], b"PLAIN", b"a", b"b"],
        [*good[:6], bytes(31)],
        [*good, b"more"],
    ]
    assert {bytes(door.answer(each)[2]) for each in spoilt} == {b"400"}
    assert {bytes(door.answer(good[:n])[2]) for n in range(6)} == {b"500"}
    assert [door.answer(each)[1] for each in spoilt] == [b"7"] * 7


def test_connections_may_be_made_anew_as_soon_as_others_are_closed():
    with Sockets() as sockets:
        for _ in range(20):
            clients = [sockets.connect("tcp://127.0.0.1:9", FRIEND, NODE_PAIR.public.curve) for _ in range(4)]
            assert not any(client.send([b"x"]) for client in clients)
            for client in clients:
                client.close()
