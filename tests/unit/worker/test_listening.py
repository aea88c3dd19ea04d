"""One address for several processes, and nobody else at it."""

from __future__ import annotations

import os
import socket
import time

import pytest

from pipeline.keys import NODE, new_pair
from pipeline.listening import endpoint_of, listen
from pipeline.transport import Sockets, TransportError


def test_several_sockets_share_one_address_and_the_connections():
    made = listen("tcp://127.0.0.1:*", 2)
    node, key = new_pair("node", NODE), new_pair("feeder", "reads")
    endpoint = endpoint_of(made[0])
    assert endpoint_of(made[1]) == endpoint
    allow = {"producers": lambda curve: curve == key.public.curve}
    with Sockets(allow) as first, Sockets(allow) as second, Sockets() as clients:
        servers = [
            sockets.serve(endpoint, node, "producers", listening=os.dup(each.fileno()))
            for sockets, each in zip((first, second), made, strict=True)
        ]
        assert [server.endpoint for server in servers] == [endpoint] * 2
        links = [clients.connect(endpoint, key, node.public.curve) for _ in range(32)]
        waiting = list(links)
        until_s = time.monotonic() + 30
        while waiting and time.monotonic() < until_s:
            waiting = [link for link in waiting if not link.send([b"header", b"body"])]
        assert not waiting
        counts = [0, 0]
        while sum(counts) < len(links) and time.monotonic() < until_s:
            for i, server in enumerate(servers):
                counts[i] += server.receive() is not None
        assert sum(counts) == len(links)
        assert min(counts) > 0
    for each in made:
        each.close()


@pytest.mark.parametrize("count", [1, 2])
def test_an_address_that_is_taken_is_not_shared_with_strangers(count):
    first = listen("tcp://127.0.0.1:*", count)
    with pytest.raises(TransportError, match=r"cannot be bound: .*; expected a free address"):
        listen(endpoint_of(first[0]), count)
    for each in first:
        each.close()


@pytest.mark.parametrize(
    "endpoint", ["tcp://127.0.0.1:99999", "tcp://no.such.host.invalid:1", "tcp://1.2.3.4:0x"]
)
def test_what_is_no_address_of_this_machine(endpoint):
    with pytest.raises(TransportError, match="expected a free address of this machine"):
        listen(endpoint, 1)


def test_a_port_can_be_listened_at_again_at_once():
    (made,) = listen("tcp://127.0.0.1:*", 1)
    endpoint = endpoint_of(made)
    host, port = endpoint.removeprefix("tcp://").split(":")
    with socket.create_connection((host, int(port))):
        made.close()
    (again,) = listen(endpoint, 1)
    assert endpoint_of(again) == endpoint
    again.close()
