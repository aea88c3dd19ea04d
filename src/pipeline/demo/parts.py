"""The node of the demo, on loopback: a worker and an engine in processes of their own, and who talks to them.

All is as `feikong run` has it: CURVE on a real socket, checks, a journal on a real disk, the gateway. But the engine
tells the county what it does, over a pipe, and its clock stands still: time is what the operator's TICKs say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from fastcore import Config
from fastcore.schemas import OUTPUTS
from pipeline.client import HeadEnd, Ignored, Producer
from pipeline.closing import Closing
from pipeline.demo import settings
from pipeline.demo.background import Background
from pipeline.demo.driver import CountyClock, DemoError, Station
from pipeline.demo.reports import Ended, Listening, Reporting
from pipeline.gateway import Settings, no_trip
from pipeline.keys import NODE, KeyPair, Keyring, allow, new_pair
from pipeline.node.config import NodeConfig
from pipeline.node.engine_process import Ends
from pipeline.node.engine_process import Settings as EngineSettings
from pipeline.node.engine_process import serve as serve_engine
from pipeline.node.layout import Places, open_layout
from pipeline.wire import Role
from pipeline.wire.commands import Signer
from pipeline.worker.process import serve as serve_worker

__all__ = ["Node"]

START_S: Final = 60.0
"""So long may a part take until it is there, or until it has come to its end."""
LOOK_S: Final = 0.1
"""Between two looks whether it still can."""
PRODUCERS: Final = (Role.REGISTRY, Role.READS, Role.PAYMENTS, Role.OPERATOR)


class Node(Closing):
    """A node in a data directory, and everybody who talks to it; a context manager.

    Attributes:
        station: who talks to it.
        reports: where the engine tells what it does.
    """

    def __init__(self, data: Path, outboxes: Path, out: Path | None, clock: CountyClock) -> None:
        pair = new_pair(NODE, NODE)
        pair.save(data / "keys")
        open_layout(data, 1)
        Places(data, 0).link.parent.mkdir(mode=0o700)
        pairs = {role: new_pair(role.value, role) for role in (*PRODUCERS, Role.HEADEND)}
        for each in pairs.values():
            allow(data, each.public)
        self._parts = [_Part(run_engine, data, pair, out), _Part(run_worker, data, pair)]
        self._ends: list[Producer | HeadEnd] = []
        try:
            engine, worker = self._parts
            self.reports = engine.pipe
            self.station = self._connect(
                worker.hears(Listening, [engine]).endpoint, pair, pairs, outboxes, clock
            )
        except BaseException:
            self.close()
            raise

    def end(self) -> Ended:
        """Have the node come to its end; how it ended."""
        engine, worker = self._parts
        worker.end()
        engine.end()
        ended: Ended = engine.hears(Ended)
        return ended

    def close(self) -> None:
        """End everything, whatever happened."""
        for end in self._ends:
            end.close()
        for part in self._parts:
            part.close()

    def _connect(
        self,
        endpoint: str,
        node: KeyPair,
        pairs: dict[Role, KeyPair],
        outboxes: Path,
        clock: CountyClock,
    ) -> Station:
        producers = {}
        for role in PRODUCERS:
            producers[role.value] = Producer(
                endpoint, pairs[role], node.public, outboxes / role.value, ids="uint64", clock=clock
            )
            self._ends.append(producers[role.value])
        ignored: list[Ignored] = []
        headend = HeadEnd(
            endpoint,
            pairs[Role.HEADEND],
            node.public,
            outboxes / "headend",
            on_ignored=ignored.append,
            clock=clock,
        )
        self._ends.append(headend)
        return Station(producers, headend, ignored)


class _Part:
    """A part of the node in a process of its own, which ends when it is told to, or when this process does."""

    def __init__(self, run: Callable[..., None], *arguments: Any) -> None:
        context = get_context("spawn")
        self.pipe, other = context.Pipe()
        self._process = context.Process(target=run, args=(other, *arguments), daemon=True)
        self._process.start()
        other.close()

    @property
    def ended(self) -> bool:
        """Whether its process has ended."""
        return self._process.exitcode is not None

    def hears(self, kind: type[Any], needs: Sequence[_Part] = ()) -> Any:
        """The next thing of a kind that it tells.

        Raises `DemoError` if it ends before, or one of those that it needs, or says nothing for too long.
        """
        for _ in range(int(START_S / LOOK_S)):
            try:
                if self.pipe.poll(LOOK_S) and isinstance(told := self.pipe.recv(), kind):
                    return told
            except (EOFError, ConnectionError):
                break
            if any(part.ended for part in needs):
                break
        raise DemoError(
            f"a part of the node has ended, or said nothing for {START_S:g} s; standard error tells why"
        )

    def end(self) -> None:
        """Tell it to end."""
        self.pipe.send(None)

    def close(self) -> None:
        """See that it ends."""
        self.pipe.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def run_worker(pipe: Connection, data: Path, pair: KeyPair) -> None:
    """The process of the worker."""
    config = NodeConfig(listen="tcp://127.0.0.1:*")
    serve_worker(
        config, data, pair, 0, ending=pipe.poll, on_ready=lambda endpoint: pipe.send(Listening(endpoint))
    )


def run_engine(pipe: Connection, data: Path, pair: KeyPair, out: Path | None) -> None:
    """The process of the engine: at the end it tells how it ended."""
    ring = Keyring(data)
    assert pair.commands_secret is not None
    made_with = Settings(
        {}, partial(ring.of_role, Role.HEADEND), Signer(pair.commands_secret), partial(no_trip, data)
    )
    with Background() as background:
        gateway = Reporting(made_with, pipe, background, out)
        try:
            serve_engine(
                Config.from_toml(settings.TOML),
                data,
                0,
                Ends(gateway, outputs=OUTPUTS),
                EngineSettings(snapshot_every_s=0),
                ending=pipe.poll,
                say=lambda text: None,
                ring=ring,
                clock=CountyClock(settings.EVENING_S),
            )
        except BaseException:
            gateway.abort()
            raise
    pipe.send(gateway.end())
