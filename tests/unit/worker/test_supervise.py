"""Who is started again, who takes the node with it, and in which order all end."""

from __future__ import annotations

from pipeline.node.supervise import Part, Supervisor

ENGINE, WORKER, OTHER = Part("engine-0", True), Part("worker-0", False), Part("worker-1", False)


class FakeChild:
    def __init__(self, part: Part, log: list[str]) -> None:
        self.part, self.log = part, log
        self.how: str | None = None
        self.obeys = True

    def ended(self) -> str | None:
        return self.how

    def terminate(self) -> None:
        self.log.append(f"end {self.part.name}")
        if self.obeys:
            self.how = "exit status 0"

    def kill(self) -> None:
        self.log.append(f"kill {self.part.name}")
        self.how = "signal SIGKILL"


class Node:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.said: list[str] = []
        self.children: dict[str, FakeChild] = {}
        self.supervisor = Supervisor([ENGINE, WORKER, OTHER], self.start, self.said.append)
        self.supervisor.look(0.0)

    def start(self, part: Part) -> FakeChild:
        self.log.append(f"start {part.name}")
        self.children[part.name] = FakeChild(part, self.log)
        return self.children[part.name]

    def look(self, *times_s: float) -> list[str]:
        """What is done at these times."""
        before = len(self.log)
        for now_s in times_s:
            self.supervisor.look(now_s)
        return self.log[before:]


def test_engines_are_started_first():
    assert Node().log == ["start engine-0", "start worker-0", "start worker-1"]


def test_a_worker_that_ends_is_started_again_later_each_time():
    node = Node()
    assert node.look(1.0) == []
    waits = []
    now_s = 1.0
    for _ in range(9):
        node.children["worker-0"].how = "exit status 1"
        node.supervisor.look(now_s)
        began_s = now_s
        while node.look(now_s) == []:
            now_s += 0.25
        waits.append(now_s - began_s)
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert node.log.count("start worker-1") == 1
    assert node.said[0] == "worker-0 has ended: exit status 1; it is started again in 0.5 s"
    assert not node.supervisor.done


def test_a_worker_that_lived_long_is_started_again_at_once():
    node = Node()
    for now_s in (1.0, 10.0, 20.0, 30.0):
        node.children["worker-0"].how = "signal SIGKILL"
        assert node.look(now_s, now_s + 8) == ["start worker-0"]
    node.children["worker-0"].how = "signal SIGKILL"
    assert node.look(98.0, 98.5) == ["start worker-0"]


def test_an_engine_that_ends_ends_the_node():
    node = Node()
    node.children["engine-0"].how = "exit status 1"
    assert node.look(5.0, 5.1) == ["end worker-0", "end worker-1"]
    assert node.supervisor.done
    assert node.supervisor.failure == "engine-0 has ended: exit status 1; so the node does"


def test_workers_end_before_engines():
    node = Node()
    node.supervisor.stop()
    assert node.look(5.0) == ["end worker-0", "end worker-1"]
    assert not node.supervisor.done
    assert node.look(5.1) == ["end engine-0"]
    assert node.look(5.2) == []
    assert node.supervisor.done
    assert node.supervisor.failure is None


def test_who_does_not_end_is_killed():
    node = Node()
    node.children["worker-1"].obeys = node.children["engine-0"].obeys = False
    node.supervisor.stop()
    node.look(5.0)
    assert node.look(9.9) == []
    assert node.look(10.0) == ["kill worker-1"]
    assert node.look(10.1) == ["end engine-0"]
    assert node.look(70.0) == []
    assert node.look(70.1, 70.2) == ["kill engine-0"]
    assert node.supervisor.done
    assert node.said == ["worker-1 does not end; it is killed", "engine-0 does not end; it is killed"]


def test_restarts_are_counted():
    node = Node()
    assert node.supervisor.restarts == {"worker-0": 0, "worker-1": 0}
    for now_s in (1.0, 10.0):
        node.children["worker-0"].how = "exit status 1"
        node.look(now_s, now_s + 8)
    assert node.supervisor.restarts == {"worker-0": 2, "worker-1": 0}
