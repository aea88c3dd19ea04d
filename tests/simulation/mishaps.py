"""What goes wrong besides kills at named points, and what people do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pipeline.journal import JournalDamaged
from pipeline.journal.format import BLOCK, FrameHeader
from pipeline.node.recovery import recover
from pipeline.node.snapshots import Snapshots
from simulation import county
from simulation.disk import SimDisk
from simulation.judge import require
from simulation.points import Points
from simulation.process import ID, SEGMENT

if TYPE_CHECKING:
    from simulation.world import World


class Mishaps:
    """Those of one world, as its plan has them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = world.random
        self.damaged = ""

    def happen(self) -> None:
        """A round's worth."""
        world, plan, random = self.world, self.world.plan, self.random
        disks = (
            world.disk,
            world.shelf,
            *(disk for client in world.clients.values() for disk in client.disks),
        )
        happens: list[tuple[float, str, Callable[[], object]]] = [
            (
                plan.worker_dies,
                "worker killed",
                lambda: world.worker_dies(random.choice(list(world.workers))),
            ),
            (
                plan.client_dies,
                "client killed",
                lambda: world.client_dies(random.choice(list(world.clients))),
            ),
            (plan.eio, "", lambda: self._fail(world.points)),
            (plan.eio, "", lambda: self._fail(world.client_points)),
            (
                plan.full,
                "",
                lambda: self._fill(random.choice((world.disk, world.shelf, random.choice(disks)))),
            ),
            (plan.full, "", self.empty),
            (plan.no_trip, "NO-TRIP", self._brake),
            (plan.leap, "clock ahead", lambda: self._leap(random.randrange(6, 30) * 3600)),
            (plan.leap, "clock behind", lambda: self._leap(-random.randrange(1, 20) * 1800)),
            (plan.away, "client away", self._go_away),
            (plan.damage, "snapshot damaged", self._damage_snapshot),
            (plan.stall, "node stalled", lambda: self._stall("node", 120)),
            (plan.stall, "worker stalled", lambda: self._stall(random.choice(list(world.workers)), 80)),
            (plan.revoke, "key revoked", self._revoke),
        ]
        for chance, what, act in happens:
            if chance and random.random() < chance and act() is not False and what:
                world.injected[what] += 1

    def empty(self) -> None:
        """All disks have room again."""
        world = self.world
        for disk in (
            world.disk,
            world.shelf,
            *(disk for client in world.clients.values() for disk in client.disks),
        ):
            disk.capacity = None

    def damage_journal(self) -> None:
        """A bit of a frame that was acknowledged has turned over: recovery must halt, and touch nothing."""
        world = self.world
        place = self._a_frame()
        if place is None:
            return
        name, bit = place
        disk, points = world.disk, world.points
        due = (points.kills, points.fail_at)
        points.kills, points.fail_at = [], set()
        disk.flip(name, bit)
        before = _contents(disk)
        try:
            recover(disk, Snapshots(world.shelf), new_id=ID, segment_bytes=SEGMENT)
        except JournalDamaged:
            world.injected["journal damaged"] += 1
        else:
            require(False, f"bit {bit} of {name} is wrong, and recovery goes on")
        require(_contents(disk) == before, "recovery halts, and has changed something")
        disk.kill()
        disk.flip(name, bit)
        points.kills, points.fail_at = due

    def _a_frame(self) -> tuple[str, int] | None:
        """A segment and a bit in a frame that a start would read, and that another one follows."""
        world = self.world
        (first, *_) = [*Snapshots(world.shelf).verified(), 0]
        found: dict[int, tuple[str, int, int]] = {}
        for name in world.disk.names():
            data = bytes(world.disk.read(name)) if name.endswith(".journal") else b""
            for at in range(BLOCK, len(data), BLOCK):
                header = FrameHeader.unpack(data[at : at + BLOCK])
                if header is not None:
                    found[header.number] = (name, at, header.size_bytes)
        between = [number for number in found if first < number < max(found)]
        if not between or self.damaged:
            return None
        name, at, size = found[self.random.choice(between)]
        return name, 8 * at + self.random.randrange(8 * size)

    def _fail(self, points: Points) -> None:
        """One of the next operations fails."""
        points.fail_at = {points.operations + self.random.randrange(1, 30)}

    def _fill(self, disk: SimDisk) -> None:
        disk.capacity = disk.used() + self.random.choice((0, 4096, 20_000, 60_000))

    def damage_candidate(self, number: int) -> None:
        """A bit of a snapshot that is about to be checked turns over."""
        world, random = self.world, self.random
        if world.calm or not world.plan.damage or random.random() >= world.plan.damage:
            return
        name = random.choice((f"candidate-{number:012d}.lines", f"snapshot-{number:012d}.engine"))
        world.shelf.flip(name, random.randrange(8 * world.shelf.size(name)))
        world.injected["candidate damaged"] += 1
        world.model.spoiled(number)

    def _stall(self, name: str, turns: int) -> None:
        """A process stands still, as one does that is stopped, or whose machine is too busy."""
        self.world.stalled[name] = self.random.randrange(10, turns)
        self.world.clock.pass_by(self.random.choice((0.0, 0.0, 6.0, 20.0)))

    def _revoke(self) -> bool:
        """A key may not connect for some time."""
        name = self.random.choice([name for name in self.world.clients if name != "registry"])
        self.world.revoke(name, self.random.randrange(5, 30))
        return True

    def _go_away(self) -> None:
        """A client is silent for some time."""
        self.world.away[self.random.choice(list(self.world.clients))] = self.random.randrange(5, 40)

    def _brake(self) -> None:
        self.world.no_trip = not self.world.no_trip

    def _leap(self, seconds: int) -> bool:
        """The clock is set; no further than the county's calendar goes."""
        to_s = self.world.clock.shown_s + seconds
        if not county.BEGIN_S < to_s < county.END_S:
            return False
        self.world.clock.shown_s = to_s
        return True

    def _damage_snapshot(self) -> bool:
        """A bit of the newest snapshot turns over; the one before it is still whole."""
        shelf = self.world.shelf
        names = [name for name in shelf.names() if name.startswith("snapshot") and name.endswith("lines")]
        if len(names) < 2 or self.damaged:
            return False
        self.damaged = self.random.choice((names[-1], names[-1].replace("lines", "engine")))
        shelf.flip(self.damaged, self.random.randrange(8 * shelf.size(self.damaged)))
        return True


def _contents(disk: SimDisk) -> dict[str, bytes]:
    return {name: bytes(disk.read(name)) for name in disk.names()}
