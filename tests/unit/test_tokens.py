"""Tokens: shown once, kept as digests, gone when their file is."""

from __future__ import annotations

import pytest

from pipeline.keys import KeyFileError
from pipeline.keys.tokens import LOOK_S, TOKENS, Tokens, new_token, revoke_token


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time_s = 0.0

    def now_s(self) -> int:
        return 0

    def monotonic_s(self) -> float:
        return self.time_s


def test_a_token_counts_from_when_it_is_made_until_it_is_revoked(tmp_path):
    clock = Hands()
    tokens = Tokens(tmp_path, clock)
    assert not tokens.valid("")
    token = new_token(tmp_path, "books")
    clock.time_s += LOOK_S
    assert tokens.valid(token)
    assert list(tokens.current().values()) == ["books"]
    other = new_token(tmp_path, "bank")
    assert other != token
    revoke_token(tmp_path, "books")
    assert tokens.valid(token), "it is not looked at each time"
    clock.time_s += LOOK_S
    assert not tokens.valid(token)
    assert tokens.valid(other)


def test_no_file_holds_the_token(tmp_path):
    token = new_token(tmp_path, "books", random=bytes)
    assert token == "feikong_" + 43 * "A"
    path = tmp_path / TOKENS / "books.token"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "AAAA" not in path.read_text()
    assert path.read_text() == "aa14ad4d4606d9e70e0e91c586b941ce697f4d4798d7522d5e9f1f2d864b5227\n"
    assert [each.name for each in path.parent.iterdir()] == ["books.token"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 65, "ä"])
def test_a_name_that_is_none_is_refused(tmp_path, name):
    with pytest.raises(KeyFileError, match="is no name of a key"):
        new_token(tmp_path, name)
    with pytest.raises(KeyFileError, match="is no name of a key"):
        revoke_token(tmp_path, name)
    assert not list(tmp_path.rglob("*.token"))


def test_a_name_is_given_once_and_revoked_once(tmp_path):
    new_token(tmp_path, "books")
    with pytest.raises(KeyFileError, match="is there already"):
        new_token(tmp_path, "books")
    revoke_token(tmp_path, "books")
    with pytest.raises(KeyFileError, match="is not there; `feikong keys token list` shows the tokens"):
        revoke_token(tmp_path, "books")


@pytest.mark.parametrize("text", [b"", b"\n", b"0" * 63, b"0" * 64 + b"x", b"g" * 64, b"\xff" * 64])
def test_a_file_that_is_damaged_lets_nobody_in_and_is_told(tmp_path, text):
    token = new_token(tmp_path, "books")
    (tmp_path / TOKENS / "bank.token").write_bytes(text)
    tokens = Tokens(tmp_path)
    assert tokens.valid(token)
    assert list(tokens.problems) == ["bank"]
    assert "is no token's digest; expected 64 hexadecimal digits" in tokens.problems["bank"]
    for given in ("", "\n", text.decode("latin1")):
        assert not tokens.valid(given)
