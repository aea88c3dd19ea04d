"""The figures of a node as Prometheus reads them, from the status files of its processes: none of them is asked.

Labels have few values: shards, and words of the engine's own vocabularies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.clock import Clock
from pipeline.metrics.parts import PartFamilies
from pipeline.metrics.standing import fresh, look
from pipeline.node.status import Status
from pipeline.node.timing import BOUNDS_S, Durations
from pipeline.outputs.figures import read_figures

__all__ = ["NodeCollector"]

COUNTED: Final = {
    "batches": ("kind", "Batches that the engine has taken"),
    "rows": ("kind", "Rows of the batches that the engine has taken"),
    "reasons": ("reason", "Rows that were refused"),
    "qualities": ("quality", "Accepted reads by quality"),
    "gates": ("gate", "Turns in which a gate held a trip back"),
    "ledger": ("kind", "Ledger rows"),
    "commands_sent": ("kind", "Commands that were decided, first attempts"),
    "commands_repeated": ("kind", "Commands that were decided, further attempts"),
    "acks": ("outcome", "Acks of commands"),
}
"""Of the engine's counters: their label, and what they count."""


class NodeCollector(Collector):
    """Reads what the processes of a data directory last said, each time that it is asked."""

    def __init__(self, data: Path, clock: Clock) -> None:
        self._data = data
        self._clock = clock
        self._parts = PartFamilies()

    def collect(self) -> Iterator[Metric]:
        """All figures."""
        standing = look(self._data, self._clock.now_s())
        running = GaugeMetricFamily("feikong_engine_running", "Whether an engine runs", labels=["shard"])
        for shard, status in standing.shards.items():
            running.add_metric([str(shard)], float(fresh(status, standing.at_s)))
        yield running
        yield GaugeMetricFamily(
            "feikong_no_trip", "Whether the file NO-TRIP is there", value=float(standing.no_trip)
        )
        known = {str(shard): status for shard, status in standing.shards.items() if status is not None}
        yield from _gauges(known)
        yield from _counters(known)
        yield from _histograms(known)
        yield from self._parts.families(standing, read_figures(self._data))


def _gauges(known: dict[str, Status]) -> Iterator[Metric]:
    plain: dict[str, tuple[str, Callable[[Status], float]]] = {
        "status_time_seconds": ("When the engine said all this", lambda s: s.at_s),
        "engine_time_seconds": ("The engine's time", lambda s: s.engine_s or 0),
        "journal_frame": ("The last frame of the journal that is applied", lambda s: s.frame),
        "journal_room_bytes": ("What frames can take without a new file", lambda s: s.journal_room_bytes),
        "snapshot_frame": ("The frame of the newest verified snapshot, 0 without", lambda s: s.snapshot or 0),
        "snapshot_pause_seconds": ("The longest pause for a snapshot", lambda s: s.snapshot_pause_s),
        "producers": ("Producers that ever said HELLO", lambda s: s.producers),
        "producers_frozen": ("Producers that are frozen", lambda s: len(s.frozen)),
        "trips_held": ("Whether trips wait since the start", lambda s: s.trips_held),
        "trips_suspended": ("Whether trips are suspended", lambda s: s.trips_suspended),
    }
    for name, (about, value) in plain.items():
        family = GaugeMetricFamily(f"feikong_{name}", about, labels=["shard"])
        for shard, status in known.items():
            family.add_metric([shard], float(value(status)))
        yield family
    alarm = GaugeMetricFamily("feikong_alarm", "An alarm that is up", labels=["shard", "about"])
    kept = GaugeMetricFamily("feikong_kept", "What the engine keeps", labels=["shard", "what"])
    waiting = GaugeMetricFamily("feikong_commands_waiting", "Commands that wait", labels=["shard", "kind"])
    for shard, status in known.items():
        for about in status.alarms:
            alarm.add_metric([shard, about], 1.0)
        for about in status.commands.get("alarms", []):
            alarm.add_metric([shard, about], 1.0)
        for what, many in status.figures.get("kept", {}).items():
            kept.add_metric([shard, what], many)
        for kind, many in status.commands.get("waiting", {}).items():
            waiting.add_metric([shard, kind], many)
    yield from (alarm, kept, waiting)


def _counters(known: dict[str, Status]) -> Iterator[Metric]:
    for name, (label, about) in COUNTED.items():
        family = CounterMetricFamily(f"feikong_{name}", about, labels=["shard", label])
        for shard, status in known.items():
            for word, many in status.figures.get(name, {}).items():
                family.add_metric([shard, word], many)
        yield family
    for name, label in (("sent", "kind"), ("not_sent", "why")):
        family = CounterMetricFamily(
            f"feikong_gateway_{name}", "Commands at the gateway", labels=["shard", label]
        )
        for shard, status in known.items():
            for word, many in status.commands.get(name, {}).items():
                family.add_metric([shard, word], many)
        yield family
    refused = CounterMetricFamily("feikong_batches_refused", "Batches refused whole", labels=["shard"])
    for shard, status in known.items():
        refused.add_metric([shard], status.refused_batches)
    yield refused


def _histograms(known: dict[str, Status]) -> Iterator[Metric]:
    for name in sorted({name for status in known.values() for name in status.durations}):
        family = HistogramMetricFamily(f"feikong_{name}_seconds", f"Durations of {name}", labels=["shard"])
        for shard, status in known.items():
            durations = status.durations.get(name, Durations())
            family.add_metric([shard], _buckets(durations), durations.sum_s)
        yield family


def _buckets(durations: Durations) -> list[tuple[str, float]]:
    bounds, seen = [*map(str, BOUNDS_S), "+Inf"], 0
    buckets = []
    for bound, count in zip(bounds, durations.counts, strict=True):
        seen += count
        buckets.append((bound, float(seen)))
    return buckets
