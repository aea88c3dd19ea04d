"""Who may come in: the answers to ZAP requests (ZeroMQ RFC 27), without a socket.

A request is version, request id, domain, address, identity, mechanism, then what the mechanism brings: of CURVE the
client's public key, 32 bytes. The answer is version, request id, status, text, user id, metadata. The user id is
the key in hexadecimal: a name can be given to another key later, a key is only ever itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from pipeline.keys import KeyPair

__all__ = ["Admit", "Door"]

Admit = Callable[[bytes], bool]
"""Whether the holder of this public key, 32 bytes, may come in."""

_VERSION: Final = b"1.0"


class Door:
    """Lets keys in, by domain; whatever goes wrong, the answer is no."""

    def __init__(self, domains: Mapping[str, Admit]) -> None:
        self._domains = {domain.encode(): admit for domain, admit in domains.items()}
        self._guests: set[bytes] = set()

    @contextmanager
    def guest(self, pair: KeyPair) -> Iterator[KeyPair]:
        """Let a key in, everywhere, for as long as a self-test takes; it has no role, and can say nothing."""
        self._guests.add(pair.public.curve)
        try:
            yield pair
        finally:
            self._guests.discard(pair.public.curve)

    def answer(self, request: Sequence[bytes]) -> list[bytes]:
        """The answer to a request; never raises."""
        request_id = request[1] if len(request) > 1 else b""
        try:
            user = self._user(request)
        except Exception:  # what fails must keep out, and must not end the authenticator
            return [_VERSION, request_id, b"500", b"the authenticator failed", b"", b""]
        if user is None:
            return [_VERSION, request_id, b"400", b"not allowed", b"", b""]
        return [_VERSION, request_id, b"200", b"OK", user, b""]

    def _user(self, request: Sequence[bytes]) -> bytes | None:
        version, _, domain, _, _, mechanism, *credentials = request
        if version != _VERSION or mechanism != b"CURVE" or len(credentials) != 1 or len(credentials[0]) != 32:
            return None
        (key,) = credentials
        admit = self._domains.get(domain)
        if admit is None or not (key in self._guests or admit(key)):
            return None
        return key.hex().encode()
