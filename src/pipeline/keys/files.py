"""Key pairs, in files that people copy.

A pair is a file ``NAME.key``, readable by its owner alone, and ``NAME.pub``, which is what others need. Both are a few
lines of TOML, keys written in hexadecimal::

    name = "feeder-1"
    role = "reads"
    public = "…"              CURVE, that is X25519: 32 bytes
    commands = "…"            of a node: Ed25519, with which its commands to meters are verified
    secret = "…"              in NAME.key alone
    commands_secret = "…"     likewise, of a node
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from fastcore.errors import FeikongError
from pipeline.journal.disk import sync_directory
from pipeline.wire.kinds import Role

__all__ = ["NODE", "KeyFileError", "KeyPair", "PublicKey", "check_name", "create_file", "new_pair"]

NODE: Final = "node"
"""The role of a node's own pair; all others are those of the wire."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ROLES: Final = (*Role, NODE)


class KeyFileError(FeikongError):
    """A key file that cannot be used: which, what is wrong with it, what would be right."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What others need of a pair: 32 bytes of CURVE, and of a node 32 bytes of Ed25519 too."""

    name: str
    role: str
    curve: bytes
    commands: bytes | None = None

    @classmethod
    def load(cls, path: str | Path) -> PublicKey:
        """The key in a ``.pub`` file; raises `KeyFileError`, and `OSError` where there is none."""
        return _public(Path(path), _fields(Path(path), _PublicFile))

    def save(self, folder: str | Path) -> Path:
        """Write ``NAME.pub`` to a folder, which is made if it is not there; raises `KeyFileError` if it exists."""
        return create_file(Path(folder) / f"{self.name}.pub", f"# feikong: public key\n{self._text()}", 0o644)

    def _text(self) -> str:
        lines = [f'name = "{self.name}"', f'role = "{self.role}"', f'public = "{self.curve.hex()}"']
        if self.commands:
            lines.append(f'commands = "{self.commands.hex()}"')
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A pair; the secrets, 32 bytes each, are never shown."""

    public: PublicKey
    secret: bytes = field(repr=False)
    commands_secret: bytes | None = field(default=None, repr=False)

    @classmethod
    def load(cls, path: str | Path) -> KeyPair:
        """The pair in a ``.key`` file.

        Raises `KeyFileError` for one that others than its owner can read or write, for one that is damaged, and
        where the public key is not that of the secret; `OSError` where there is none.
        """
        path = Path(path)
        state = path.stat()
        if state.st_mode & 0o077:
            raise KeyFileError(
                f"{path}: has the mode {state.st_mode & 0o777:o}, so others than its owner can use it; expected 600. "
                "If anybody may have read it, make a new key and revoke this one"
            )
        file = _fields(path, _PairFile)
        public = _public(path, file)
        pair = cls(
            public,
            _bytes(path, "secret", file.secret),
            _bytes(path, "commands_secret", file.commands_secret) if file.commands_secret else None,
        )
        if (pair.commands_secret is None) != (public.role != NODE):
            raise KeyFileError(
                f"{path}: commands_secret is there or missing; expected it for the role {NODE} alone"
            )
        if _curve_public(pair.secret) != public.curve or (
            pair.commands_secret and _commands_public(pair.commands_secret) != public.commands
        ):
            raise KeyFileError(
                f"{path}: a public key in it is not that of its secret; expected a file as it was made"
            )
        return pair

    def save(self, folder: str | Path) -> Path:
        """Write ``NAME.key`` and ``NAME.pub``; returns the former's path. Raises `KeyFileError` if one exists."""
        text = (
            f"# feikong: secret key, for its owner alone\n{self.public._text()}"
            + f'secret = "{self.secret.hex()}"\n'
        )
        if self.commands_secret:
            text += f'commands_secret = "{self.commands_secret.hex()}"\n'
        path = create_file(Path(folder) / f"{self.public.name}.key", text, 0o600)
        self.public.save(folder)
        return path


def new_pair(name: str, role: str, random: Callable[[int], bytes] = os.urandom) -> KeyPair:
    """Make a pair; `random` gives so many unpredictable bytes. Raises `KeyFileError` for a bad name or role."""
    check_name(name, name)
    if role not in _ROLES:
        raise KeyFileError(f"{name}: there is no role {role!r}; expected one of {', '.join(_ROLES)}")
    secret = random(32)
    commands_secret = random(32) if role == NODE else None
    commands = _commands_public(commands_secret) if commands_secret else None
    return KeyPair(PublicKey(name, role, _curve_public(secret), commands), secret, commands_secret)


class _PublicFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: str
    role: str
    public: str
    commands: str | None = None


class _PairFile(_PublicFile, forbid_unknown_fields=True, kw_only=True):
    secret: str
    commands_secret: str | None = None

    def __repr__(self) -> str:
        return f"<pair {self.name}>"


def _fields(path: Path, kind: type[Any]) -> Any:
    """The file's fields; an error quotes nothing of it."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=kind)
    except UnicodeDecodeError:
        raise KeyFileError(f"{path}: is no UTF-8; expected a key file as it was made") from None
    except msgspec.ValidationError as error:
        raise KeyFileError(f"{path}: {error}; expected a key file as it was made") from None
    except msgspec.DecodeError:
        raise KeyFileError(f"{path}: is no TOML; expected a key file as it was made") from None


def _public(path: Path, file: _PublicFile) -> PublicKey:
    check_name(str(path), file.name)
    if file.name != path.stem:
        raise KeyFileError(
            f"{path}: holds the name {file.name!r}; expected {path.stem!r}, as the file is called"
        )
    if file.role not in _ROLES:
        raise KeyFileError(f"{path}: there is no role {file.role!r}; expected one of {', '.join(_ROLES)}")
    if (file.commands is None) != (file.role != NODE):
        raise KeyFileError(f"{path}: commands is there or missing; expected it for the role {NODE} alone")
    commands = _bytes(path, "commands", file.commands) if file.commands else None
    return PublicKey(file.name, file.role, _bytes(path, "public", file.public), commands)


def _bytes(path: Path, what: str, text: str) -> bytes:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise KeyFileError(f"{path}: {what} is no key; expected 64 hexadecimal digits")
    return bytes.fromhex(text)


def check_name(where: str, name: str) -> None:
    """Raise `KeyFileError` for what is no name of a key."""
    if not _NAME.fullmatch(name):
        raise KeyFileError(
            f"{where}: {name!r} is no name of a key; expected at most 64 letters, digits, dots, dashes and underscores"
        )


def _curve_public(secret: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def _commands_public(secret: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def create_file(path: Path, text: str, mode: int) -> Path:
    """Make a file that exists whole or not at all, and never under wider a mode; raises if there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, aside = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(text.encode())
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
    except FileExistsError:
        raise KeyFileError(f"{path}: is there already; keys are never overwritten") from None
    finally:
        os.remove(aside)
    sync_directory(path.parent)
    return path
