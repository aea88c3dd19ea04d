"""Who makes the outputs is ended at any step, again and again: each file is what it would have been, byte for byte."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

from pipeline.outputs.follower import ALL
from unit.outputs.world import Outputs, Shard, files, history, made, node, rows_of

KILLS = 1000
STEPS = {
    "folder",
    "create",
    "write",
    "sync",
    "rename",
    "sync names",
    "made",
    "remove",
    "sync removal",
    "clear",
    "move",
    "sync move",
    "exchange",
    "sync exchange",
}


class Killed(BaseException):
    """The process ends here."""


class Killer:
    """Ends the process before one of the next steps, whichever the dice say."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.kills: Counter[str] = Counter()
        self.left: int | None = None

    def arm(self) -> None:
        self.left = self.random.choice((self.random.randint(1, 12), self.random.randint(1, 60)))

    def at(self, step: str) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                self.left = None
                self.kills[step] += 1
                raise Killed


def undisturbed(data: Path) -> dict[str, bytes]:
    shard = Shard(node(data), history())
    shard.write()
    outputs = Outputs(data)
    outputs.follow(shard.last)
    outputs.keep()
    return files(data)


def killed(data: Path, killer: Killer) -> None:
    """A journal that grows, and a process that follows it and is killed, until the journal is at its end."""
    random = killer.random
    shard = Shard(node(data), history(), seed=random.random())
    while True:
        shard.write(random.randint(0, 2))
        killer.arm()
        try:
            outputs = Outputs(data, killer.at)
            while True:
                outputs.follow(shard.last, checkpoint_every=random.randint(1, 9))
                outputs.keep()
                if not shard.left:
                    break
                shard.write(random.randint(1, 3))
        except Killed:
            continue
        killer.left = None
        return


def test_files_are_the_same_however_often_their_maker_was_killed(tmp_path):
    expected = undisturbed(tmp_path / "undisturbed")
    assert len(expected) > 30
    killer, run = Killer(Random(5)), 0
    while killer.kills.total() < KILLS:
        run += 1
        data = tmp_path / f"run-{run}"
        killed(data, killer)
        found = files(data)
        assert sorted(found) == sorted(expected), f"run {run}"
        assert [name for name in found if found[name] != expected[name]] == [], f"run {run}"
    print(f"{killer.kills.total()} kills in {run} runs: {dict(killer.kills)}")
    assert set(killer.kills) == STEPS
    sealed = Outputs(data).follower.sealed
    for name in ALL:
        rows = sorted(rows_of(data, name).to_pylist(), key=repr)
        wanted = [row for row in made(history())[name].to_pylist() if row["seq"] <= sealed]
        assert rows == sorted(wanted, key=repr), name
