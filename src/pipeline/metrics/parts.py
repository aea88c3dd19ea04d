"""The figures of what stands around the engines: workers, the outputs' process, subscribers, disks, accounts.

Labels are numbers of workers and shards, and words of vocabularies of the node's own; names of keys only where that is
said, of at most `NAMED_MAX`, all others being one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from pipeline.metrics.standing import OUTPUTS, Standing, fresh
from pipeline.outputs.figures import Figures
from pipeline.worker.status import NAMED_MAX, OTHER, Producing, WorkerStatus, summed, to_name

__all__ = ["PartFamilies"]

NANO: Final = 1e-9
Rows = Sequence[tuple[Sequence[str], float]]


class PartFamilies:
    """Makes the families; it remembers whom it named, so that names stay."""

    def __init__(self) -> None:
        self._producers: Collection[str] = ()
        self._subscribers: Collection[str] = ()

    def families(self, standing: Standing, figures: Figures | None) -> Iterator[Metric]:
        """All of them."""
        yield from self._workers(standing)
        yield from self._followers(standing)
        yield from _outputs(standing)
        yield from _disks(standing)
        if figures is not None:
            yield from _figures(figures)

    def _workers(self, standing: Standing) -> Iterator[Metric]:
        running = [([str(n)], float(fresh(each, standing.at_s))) for n, each in standing.workers.items()]
        yield _gauge("worker_running", "Whether a worker runs", ["worker"], running)
        restarts = [([name], float(many)) for name, many in standing.restarts.items()]
        yield _counter(
            "restarts", "How often a part was started again since the node's start", ["part"], restarts
        )
        known = {
            str(n): each
            for n, each in standing.workers.items()
            if each is not None and fresh(each, standing.at_s)
        }
        counted: dict[str, tuple[str, str, Callable[[WorkerStatus], dict[str, int]]]] = {
            "worker_batches": ("kind", "Batches that a worker passed on", lambda s: s.batches),
            "worker_rows": ("kind", "Rows that a worker passed on", lambda s: s.rows),
            "worker_refused": ("reason", "Messages that a worker refused, by the wire's reason", lambda s: s.refused),
            "worker_turned": ("reason", "Batches that an engine turned back", lambda s: s.turned),
            "worker_sessions_ended": ("why", "Sessions that a worker ended", lambda s: s.ended),
            "worker_answers_lost": ("why", "Answers that could not be sent", lambda s: s.answers),
            "dead_letters": (
                "fate", "Refused messages: kept, or passed over",
                lambda s: {"kept": s.letters_kept, "passed_over": s.letters_passed_over},
            ),
        }  # fmt: skip
        for name, (label, about, value) in counted.items():
            yield _counter(name, about, ["worker", label], _by_word(known, value))
        gauges: dict[str, tuple[str, str, Callable[[WorkerStatus], dict[str, int]]]] = {
            "connected": ("role", "Sessions that are open", lambda s: s.connected),
            "credit_bytes": ("lane", "Bytes that all may have under way", lambda s: s.credit_bytes),
            "flying_bytes": ("lane", "Bytes that are under way", lambda s: s.flying_bytes),
        }
        for name, (label, about, value) in gauges.items():
            yield _gauge(name, about, ["worker", label], _by_word(known, value))
        yield from self._producing(known)

    def _producing(self, known: dict[str, WorkerStatus]) -> Iterator[Metric]:
        found = [each for status in known.values() for each in status.producers.items()]
        self._producers = to_name(self._producers, {name for name, _ in found if name != OTHER})
        shown = summed(found, self._producers)
        values: dict[str, tuple[str, Callable[[Producing], int]]] = {
            "producer_lag_batches": ("Batches of a producer that are not acknowledged", lambda p: p.batches),
            "producer_lag_bytes": ("Bytes of a producer that are not acknowledged", lambda p: p.bytes),
            "producer_credit_bytes": ("Bytes that a producer may have under way", lambda p: p.credit_bytes),
        }
        for name, (about, value) in values.items():
            rows = [([producer], float(value(each))) for producer, each in shown.items()]
            yield _gauge(name, f"{about}; the first {NAMED_MAX} by name", ["producer"], rows)

    def _followers(self, standing: Standing) -> Iterator[Metric]:
        found = [
            (str(shard), each)
            for shard, status in standing.shards.items()
            if status is not None and fresh(status, standing.at_s)
            for each in status.subscribers
        ]
        self._subscribers = to_name(self._subscribers, {each.name for _, each in found})
        behind: dict[tuple[str, str, str], int] = {}
        flying: dict[tuple[str, str, str], int] = {}
        for shard, each in found:
            at = (shard, each.name if each.name in self._subscribers else OTHER, each.output)
            behind[at] = behind.get(at, 0) + each.behind
            flying[at] = flying.get(at, 0) + each.flying_bytes
        labels = ["shard", "subscriber", "output"]
        about = "Batches that a subscriber was not sent yet"
        yield _gauge("subscriber_lag_batches", about, labels, [(at, float(n)) for at, n in behind.items()])
        about = "Bytes that are under way to a subscriber"
        yield _gauge("subscriber_flying_bytes", about, labels, [(at, float(n)) for at, n in flying.items()])


def _outputs(standing: Standing) -> Iterator[Metric]:
    outputs = standing.outputs
    wanted = OUTPUTS in standing.restarts or fresh(outputs, standing.at_s)
    runs: Rows = [([], float(fresh(outputs, standing.at_s)))] if wanted else []
    yield _gauge("outputs_running", "Whether the process of the outputs runs", [], runs)
    if outputs is None or not wanted:
        return
    shards = [([str(shard)], each) for shard, each in enumerate(outputs.shards)]
    values: dict[str, tuple[str, Callable[[Any], float]]] = {
        "outputs_followed": ("Whether a shard's outputs are made", lambda s: s.running),
        "outputs_lag_frames": ("Frames of which the outputs are not made yet", lambda s: s.lag_frames),
        "outputs_lag_seconds": ("For so long there has been one", lambda s: s.lag_s),
        "outputs_gaps": ("Stretches of batches whose rows are in no file", lambda s: len(s.gaps)),
        "outputs_missing_batches": (
            "Batches whose rows are in no file", lambda s: sum(gap.last - gap.first + 1 for gap in s.gaps)
        ),
    }  # fmt: skip
    for name, (about, value) in values.items():
        yield _gauge(name, about, ["shard"], [(at, float(value(each))) for at, each in shards])
    yield _gauge(
        "outputs_alarms", "Alarms of the process of the outputs", [], [([], float(len(outputs.alarms)))]
    )


def _disks(standing: Standing) -> Iterator[Metric]:
    held = [([str(shard)], each) for shard, each in standing.holdings.items()]
    about = "Bytes of the journal's files"
    yield _gauge("journal_bytes", about, ["shard"], [(at, float(each.journal_bytes)) for at, each in held])
    about = "Files of the journal"
    yield _gauge("journal_segments", about, ["shard"], [(at, float(each.segments)) for at, each in held])
    ages = [
        (at, float(max(standing.at_s - each.snapshot_at_s, 0)))
        for at, each in held
        if each.snapshot_at_s is not None
    ]
    yield _gauge("snapshot_age_seconds", "Since the newest verified snapshot was written", ["shard"], ages)


def _figures(figures: Figures) -> Iterator[Metric]:
    yield _gauge("figures_time_seconds", "When accounts were counted", [], [([], float(figures.at_s))])
    held = [([str(each.shard), at.state, at.gate], at) for each in figures.shards for at in each.held]
    labels = ["shard", "state", "gate"]
    about = "Accounts by their state and the gate that holds a trip, empty without one"
    yield _gauge("accounts", about, labels, [(at, float(each.accounts)) for at, each in held])
    about = "The sum of their balances, in the currency's unit"
    yield _gauge("balance", about, labels, [(at, each.balance_nano * NANO) for at, each in held])
    for name in ("findings", "orders"):
        rows = [
            ([str(each.shard), kind], float(many))
            for each in figures.shards
            for kind, many in getattr(each, name).items()
        ]
        yield _gauge(f"{name}_open", f"Open {name}", ["shard", "kind"], rows)
    windows = [(str(each.shard), each.window) for each in figures.shards if each.window is not None]
    starts = [([shard], float(window.start_s)) for shard, window in windows]
    yield _gauge("window_start_seconds", "When the newest closed window began", ["shard"], starts)
    for at, name in enumerate(("received", "expected")):
        about = f"Reads {name} in the newest closed window"
        rows = [
            ([shard, klass], float(n[at])) for shard, window in windows for klass, n in window.classes.items()
        ]
        yield _gauge(f"window_{name}", about, ["shard", "klass"], rows)


def _by_word(known: dict[str, WorkerStatus], value: Callable[[WorkerStatus], dict[str, int]]) -> Rows:
    return [([worker, word], float(many)) for worker, s in known.items() for word, many in value(s).items()]


def _gauge(name: str, about: str, labels: Sequence[str], rows: Rows) -> Metric:
    return _filled(GaugeMetricFamily(f"feikong_{name}", about, labels=labels), rows)


def _counter(name: str, about: str, labels: Sequence[str], rows: Rows) -> Metric:
    return _filled(CounterMetricFamily(f"feikong_{name}", about, labels=labels), rows)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, rows: Rows) -> Metric:
    for labels, value in rows:
        family.add_metric(labels, value)
    return family
