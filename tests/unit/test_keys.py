"""Keys: made, kept from others, allowed, revoked."""

from __future__ import annotations

import json
import os
import threading

import pytest
import zmq
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from zmq.utils import z85

from pipeline.cli.keys import keys
from pipeline.keys import ALLOWED, NODE, KeyFileError, KeyPair, Keyring, PublicKey, allow, new_pair, revoke
from pipeline.wire import Role


@pytest.fixture
def pair() -> KeyPair:
    return new_pair("feeder-1", Role.READS)


def test_a_pair_is_one_of_curve(pair):
    assert zmq.curve_public(z85.encode(pair.secret)) == z85.encode(pair.public.curve)


@pytest.mark.parametrize("role", [*Role, NODE])
def test_a_pair_survives_its_files(tmp_path, role):
    made = new_pair("a", role)
    path = made.save(tmp_path)
    assert KeyPair.load(path) == made
    assert PublicKey.load(tmp_path / "a.pub") == made.public
    assert (made.commands_secret is not None) == (made.public.commands is not None) == (role == NODE)


def test_a_node_signs_with_the_key_that_is_told(tmp_path):
    made = new_pair("node", NODE)
    key = Ed25519PrivateKey.from_private_bytes(made.commands_secret)
    assert key.public_key().public_bytes_raw() == made.public.commands
    assert made.commands_secret != made.secret


def test_secrets_are_never_shown(tmp_path):
    made = new_pair("node", NODE)
    path = made.save(tmp_path)
    path.write_text(path.read_text().replace("role", "rolle"))
    with pytest.raises(KeyFileError) as caught:
        KeyPair.load(path)
    path.write_text("secret = " + made.secret.hex())
    with pytest.raises(KeyFileError) as torn:
        KeyPair.load(path)
    shown = f"{made!r} {made} {caught.value} {torn.value} {torn.value.__cause__}"
    for secret in (made.secret, made.commands_secret):
        assert secret.hex()[:8] not in shown
        assert repr(secret)[2:20] not in shown


def test_files_are_made_for_their_owner_alone(tmp_path, pair):
    before = os.umask(0)
    try:
        path = pair.save(tmp_path / "made")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.with_suffix(".pub").stat().st_mode & 0o777 == 0o644
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["feeder-1.key", "feeder-1.pub"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o666])
def test_a_secret_that_others_can_read_is_not_used(tmp_path, pair, mode):
    path = pair.save(tmp_path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"{mode:o}.*expected 600"):
        KeyPair.load(path)


def test_keys_are_never_overwritten(tmp_path, pair):
    path = pair.save(tmp_path)
    for again in (pair, new_pair("feeder-1", Role.PAYMENTS)):
        with pytest.raises(KeyFileError, match="there already"):
            again.save(tmp_path)
    assert KeyPair.load(path) == pair


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a" * 65, "a b", 'a"', "-x", "é"])
def test_names_are_plain(name):
    with pytest.raises(KeyFileError, match="is no name of a key"):
        new_pair(name, Role.READS)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('role = "reads"', 'role = "king"', "no role 'king'"),
        ('name = "feeder-1"', 'name = "feeder-2"', "expected 'feeder-1', as the file is called"),
        ('public = "', 'public = "0', "public is no key; expected 64 hexadecimal digits"),
        ('secret = "', 'secret = "g', "secret is no key"),
        ('role = "reads"', 'role = "node"', "expected it for the role node alone"),
        ("public", "pubic", "unknown field `pubic`|missing required field `public`"),
        ('"', "", "is no TOML"),
    ],
)
def test_a_damaged_file_is_told(tmp_path, pair, old, new, told):
    path = pair.save(tmp_path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(KeyFileError, match=told):
        KeyPair.load(path)


def test_a_public_key_belongs_to_its_secret(tmp_path, pair):
    path = pair.save(tmp_path)
    other = new_pair("x", Role.READS)
    path.write_text(path.read_text().replace(pair.public.curve.hex(), other.public.curve.hex()))
    with pytest.raises(KeyFileError, match="not that of its secret"):
        KeyPair.load(path)


def test_allowed_until_revoked(tmp_path, pair):
    ring = Keyring(tmp_path)
    assert ring.current == {}
    allow(tmp_path, pair.public)
    assert ring.refresh() == {pair.public.curve: pair.public}
    before = ring.current
    revoke(tmp_path, "feeder-1")
    assert ring.refresh() == {}
    assert before == {pair.public.curve: pair.public}, "what was handed out does not change"
    allow(tmp_path, pair.public)
    assert list(ring.refresh()) == [pair.public.curve]


def test_what_changes_right_after_a_reading_is_seen(tmp_path, pair):
    """A folder's time may stand still while two things happen."""
    allow(tmp_path, pair.public)
    folder = tmp_path / ALLOWED
    ring = Keyring(tmp_path)
    stamp = folder.stat().st_mtime_ns
    (folder / "feeder-1.pub").unlink()
    os.utime(folder, ns=(stamp, stamp))
    assert ring.refresh() == {}


def test_an_unchanged_folder_is_not_read_again(tmp_path, pair, monkeypatch):
    allow(tmp_path, pair.public)
    ring = Keyring(tmp_path)
    ring.refresh()
    monkeypatch.setattr(Keyring, "_read", lambda self: pytest.fail("read"))
    assert ring.refresh() is ring.refresh()


def test_a_key_has_one_name_and_one_role(tmp_path, pair):
    allow(tmp_path, pair.public)
    other = PublicKey("feeder-2", Role.PAYMENTS, pair.public.curve)
    with pytest.raises(KeyFileError, match="allowed already, under this name"):
        allow(tmp_path, other)
    with pytest.raises(KeyFileError, match="there already"):
        allow(tmp_path, new_pair("feeder-1", Role.PAYMENTS).public)
    other.save(tmp_path / ALLOWED)
    ring = Keyring(tmp_path)
    assert ring.current == {}, "two files with one key let nobody in"
    assert "has the key of feeder-1 too" in ring.problems["feeder-2.pub"]


def test_damaged_files_let_nobody_in_and_nobody_out(tmp_path, pair):
    allow(tmp_path, pair.public)
    folder = tmp_path / ALLOWED
    (folder / "torn.pub").write_text('name = "torn"\nrole = "re')
    (folder / "nothing.pub").write_bytes(b"\xff\xfe")
    (folder / "notes.txt").write_text("not a key")
    new_pair("node", NODE).public.save(folder)
    ring = Keyring(tmp_path)
    assert list(ring.current) == [pair.public.curve]
    assert set(ring.problems) == {"torn.pub", "nothing.pub", "node.pub"}


def test_nodes_are_not_allowed_and_strangers_not_revoked(tmp_path):
    with pytest.raises(KeyFileError, match="is a node's own key"):
        allow(tmp_path, new_pair("node", NODE).public)
    with pytest.raises(KeyFileError, match="nobody is not allowed"):
        revoke(tmp_path, "nobody")
    with pytest.raises(KeyFileError, match="no name of a key"):
        revoke(tmp_path, "../../node")


def test_a_keyring_may_be_asked_from_several_threads(tmp_path):
    pairs = [new_pair(f"p{i}", Role.READS) for i in range(20)]
    ring = Keyring(tmp_path)
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(200):
                assert all(key.role == Role.READS for key in ring.refresh().values())
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for each in pairs:
        allow(tmp_path, each.public)
    for thread in threads:
        thread.join()
    assert not errors
    assert len(ring.refresh()) == 20


def test_on_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    made = run(keys, ["new", "feeder-1", "--role", "reads"])
    assert (made.exit_code, "feikong keys allow feeder-1.pub" in made.output) == (0, True)
    node = run(keys, ["new", "node", "--role", "node", "--out", "data/keys"])
    assert (node.exit_code, "what producers and head-ends need" in node.output) == (0, True)
    assert "as reads" in run(keys, ["allow", "feeder-1.pub", "--data", "data"]).output
    public = PublicKey.load("feeder-1.pub").curve.hex()
    listed = run(keys, ["list", "--data", "data", "--json"])
    assert json.loads(listed.output) == {
        "keys": [{"name": "feeder-1", "role": "reads", "public": public}],
        "problems": [],
    }
    assert public in run(keys, ["list", "--data", "data"]).output
    assert run(keys, ["revoke", "feeder-1", "--data", "data"]).exit_code == 0
    assert json.loads(run(keys, ["list", "--data", "data", "--json"]).output)["keys"] == []
    secret = KeyPair.load("feeder-1.key").secret.hex()
    assert secret not in made.output + listed.output


def test_problems_are_told_on_the_command_line(tmp_path):
    folder = tmp_path / ALLOWED
    folder.mkdir(parents=True)
    (folder / "torn.pub").write_text("name =")
    listed = CliRunner().invoke(keys, ["list", "--data", str(tmp_path)])
    assert (listed.exit_code, "torn.pub: is no TOML" in listed.stderr) == (1, True)
    wrong = CliRunner().invoke(keys, ["new", "x", "--role", "king"])
    assert wrong.exit_code == 2


def test_a_folder_of_many_keys_is_not_read_again_for_one(tmp_path, monkeypatch):
    pairs = [new_pair(f"feeder-{i}", Role.READS) for i in range(20)]
    for pair in pairs:
        allow(tmp_path, pair.public)
    ring = Keyring(tmp_path)
    loaded: list[str] = []
    load = PublicKey.load.__func__
    monkeypatch.setattr(
        PublicKey, "load", classmethod(lambda cls, path: (loaded.append(path.name), load(cls, path))[1])
    )
    late = new_pair("late", Role.READS)
    allow(tmp_path, late.public)
    loaded.clear()
    assert late.public.curve in ring.refresh()
    ring.refresh()
    assert loaded == ["late.pub"]
    path = tmp_path / ALLOWED / "feeder-3.pub"
    text = path.read_text()
    path.write_text(text.replace("reads", "operator"))
    os.utime(path.parent)
    assert ring.refresh()[pairs[3].public.curve].role == "operator"
    path.unlink()
    assert pairs[3].public.curve not in ring.refresh()
    assert len(ring.current) == 20
