"""The folder of the keys that a node lets in.

``keys/allowed`` in a node's data directory holds their ``.pub`` files: to allow is to put a file there, to revoke is to
take it away, and a node that runs notices either within a second.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Final, NamedTuple

from pipeline.journal.disk import sync_directory
from pipeline.keys.files import NODE, KeyFileError, PublicKey, check_name
from pipeline.wire.kinds import Role

__all__ = ["ALLOWED", "Keyring", "allow", "revoke"]

ALLOWED: Final = Path("keys", "allowed")
"""Where the allowed keys are, in a node's data directory."""


def allow(data: str | Path, key: PublicKey) -> Path:
    """Let a key connect to the node of a data directory.

    Raises `KeyFileError` for a node's own key, and where its name or the key itself is allowed already: a key has one
    role.
    """
    if key.role == NODE:
        raise KeyFileError(f"{key.name}: is a node's own key; expected one of the roles {', '.join(Role)}")
    folder = Path(data) / ALLOWED
    for path in sorted(folder.glob("*.pub")):
        if PublicKey.load(path).curve == key.curve:
            raise KeyFileError(f"{path}: this key is allowed already, under this name; revoke it first")
    return key.save(folder)


def revoke(data: str | Path, name: str) -> None:
    """Take a name from those that may connect; a node that runs ends its sessions within a second."""
    check_name(name, name)
    path = Path(data) / ALLOWED / f"{name}.pub"
    if not path.exists():
        raise KeyFileError(
            f"{path}: is not there, so {name} is not allowed; `feikong keys list` shows who is"
        )
    os.remove(path)
    sync_directory(path.parent)


class Keyring:
    """The keys that may connect, as the folder ``keys/allowed`` says; safe to use from several threads.

    A file that is damaged lets nobody in, and neither do two files with one key.

    Attributes:
        problems: what is wrong with files that are not used, by name.
    """

    def __init__(self, data: str | Path) -> None:
        self.problems: dict[str, str] = {}
        self._folder = Path(data) / ALLOWED
        self._seen = -1
        self._again = False
        self._current: Mapping[bytes, PublicKey] = MappingProxyType({})
        self._files: dict[str, _File] = {}
        self._lock = Lock()
        self.refresh()

    @property
    def current(self) -> Mapping[bytes, PublicKey]:
        """The keys by their 32 bytes, as of the last `refresh`; a mapping that never changes."""
        return self._current

    def of_role(self, role: Role) -> dict[str, bytes]:
        """The keys of a role, 32 bytes, by name, as of the last `refresh`."""
        return {key.name: curve for curve, key in self._current.items() if key.role == role}

    def refresh(self) -> Mapping[bytes, PublicKey]:
        """Look whether the folder has changed, and read it if so; one system call if not.

        A folder's time may be as coarse as some milliseconds, so what changes right after a reading could
        go unseen: after each change the next call reads once more.
        """
        with self._lock:
            changed_ns = self._changed_ns()
            if changed_ns != self._seen or self._again:
                self._again = changed_ns != self._seen
                self._seen = changed_ns
                self._current = MappingProxyType(self._read())
        return self._current

    def _changed_ns(self) -> int:
        try:
            return self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _read(self) -> dict[bytes, PublicKey]:
        found: dict[bytes, PublicKey] = {}
        twice: set[bytes] = set()
        self.problems = {}
        self._files = self._look()
        for name, file in sorted(self._files.items()):
            key = file.key
            if isinstance(key, str):
                self.problems[name] = key
                continue
            if key.curve in found:
                twice.add(key.curve)
                self.problems[name] = (
                    f"{self._folder / name}: has the key of {found[key.curve].name} too; neither is used"
                )
            found[key.curve] = key
        return {curve: key for curve, key in found.items() if curve not in twice}

    def _look(self) -> dict[str, _File]:
        """The files of now; those that are as they were are not read again."""
        files: dict[str, _File] = {}
        try:
            entries = [entry for entry in os.scandir(self._folder) if entry.name.endswith(".pub")]
        except FileNotFoundError:
            return files
        for entry in entries:
            with suppress(FileNotFoundError):  # revoked meanwhile
                state = entry.stat()
                sign = (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
                known = self._files.get(entry.name)
                if known is None or known.sign != sign or isinstance(known.key, str):
                    known = _File(sign, _load(self._folder / entry.name))
                files[entry.name] = known
        return files


class _File(NamedTuple):
    """What a file was when it was read: what tells whether it has changed, and its key, or what is wrong with it."""

    sign: tuple[int, ...]
    key: PublicKey | str


def _load(path: Path) -> PublicKey | str:
    try:
        key = PublicKey.load(path)
    except FileNotFoundError:
        raise
    except (KeyFileError, OSError) as error:
        return str(error)
    return f"{path}: is a node's own key; expected a producer's" if key.role == NODE else key
