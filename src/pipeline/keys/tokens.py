"""Tokens for those who read outputs over Flight: who may, and how it is known without keeping a secret.

A token is 32 random bytes, written as ``feikong_`` and 43 letters; it is shown once, when it is made. What the node
keeps is a file in ``keys/tokens`` of its data directory, NAME.token, with the SHA-256 of the token in hexadecimal: that
leads nobody to 32 random bytes. To revoke a token is to take its file away; a node that runs notices within a second.
"""

from __future__ import annotations

import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Final

from pipeline.clock import Clock, RealClock
from pipeline.journal.disk import sync_directory
from pipeline.keys.files import KeyFileError, check_name, create_file

__all__ = ["TOKENS", "Tokens", "new_token", "revoke_token"]

TOKENS: Final = Path("keys", "tokens")
"""Where the digests of tokens are, in a node's data directory."""
PREFIX: Final = "feikong_"
LOOK_S: Final = 0.5
LENGTH_MAX: Final = 128
_DIGEST: Final = re.compile(r"[0-9a-f]{64}\n?")


def new_token(data: str | Path, name: str, random: Callable[[int], bytes] = os.urandom) -> str:
    """Make a token of that name; it is in no file. Raises `KeyFileError` for a bad name, or one that is there."""
    check_name(name, name)
    token = PREFIX + urlsafe_b64encode(random(32)).decode().rstrip("=")
    create_file(Path(data) / TOKENS / f"{name}.token", _digest(token) + "\n", 0o600)
    return token


def revoke_token(data: str | Path, name: str) -> None:
    """Let nobody in any more with the token of that name; raises `KeyFileError` where there is none."""
    check_name(name, name)
    path = Path(data) / TOKENS / f"{name}.token"
    try:
        os.remove(path)
    except FileNotFoundError:
        raise KeyFileError(f"{path}: is not there; `feikong keys token list` shows the tokens") from None
    sync_directory(path.parent)


class Tokens:
    """The tokens that count, as the folder says; safe to use from several threads.

    Attributes:
        problems: what is wrong with files that are not used, by name.
    """

    def __init__(self, data: str | Path, clock: Clock | None = None) -> None:
        self.problems: dict[str, str] = {}
        self._folder = Path(data) / TOKENS
        self._clock = clock or RealClock()
        self._lock = Lock()
        self._names: Mapping[str, str] = {}
        self._looked_s = float("-inf")

    def valid(self, token: str) -> bool:
        """Whether a token is one of those."""
        return len(token) <= LENGTH_MAX and _digest(token) in self.current()

    def current(self) -> Mapping[str, str]:
        """The name of each token by its digest; at most `LOOK_S` old."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            if now_s >= self._looked_s + LOOK_S:
                self._looked_s = now_s
                self._names = self._read()
            return self._names

    def _read(self) -> dict[str, str]:
        found: dict[str, str] = {}
        self.problems = {}
        paths = sorted(self._folder.glob("*.token")) if self._folder.is_dir() else []
        for path in paths:
            try:
                text = path.read_text("ascii")
            except (OSError, UnicodeDecodeError):
                text = ""
            if _DIGEST.fullmatch(text):
                found[text.strip()] = path.stem
            else:
                self.problems[path.stem] = f"{path}: is no token's digest; expected 64 hexadecimal digits"
        return found


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
