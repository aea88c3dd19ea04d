"""The two runs of a backtest, side by side: both cores of a machine work, since an engine lets the other go on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from fastcore import Config, ConfigError
from fastcore.errors import FeikongError
from pipeline.backtest.answers import Answers
from pipeline.backtest.compare import Comparison, compare
from pipeline.backtest.history import Batch, History
from pipeline.backtest.side import OUTPUTS, Id, Side
from pipeline.batchlog import Broken

__all__ = ["BacktestError", "backtest"]


class BacktestError(FeikongError):
    """A history that cannot be run, or a configuration that it cannot be run with: what is wrong, where."""


def backtest(
    history: History,
    config: Config,
    *,
    on_batch: Callable[[int | None], None] = lambda now_s: None,
    on_broken: Callable[[Broken], None] = lambda broken: None,
) -> Comparison:
    """What would have been otherwise, had a configuration been in force from the history's first batch to its last.

    `on_batch` is told the engine's time after each batch, `on_broken` of each that cannot be read, or that the engine
    of the run that was refuses whole. Raises `BacktestError`, `ConfigError` where an engine that goes on from a
    snapshot may not take the configuration, `InvariantError`, and what reading the history raises.
    """
    with ThreadPoolExecutor(1, "otherwise") as other_core:
        runs = _Runs(history, config, other_core, on_broken)
        for batch in history:
            runs.take(batch)
            on_batch(runs.now_s)
        return runs.finish()


class _Runs:
    """The two runs of one history, from the first configuration on."""

    def __init__(
        self,
        history: History,
        config: Config,
        other_core: ThreadPoolExecutor,
        on_broken: Callable[[Broken], None],
    ) -> None:
        self._history = history
        self._config = config
        self._other_core = other_core
        self._on_broken = on_broken
        self._batches = self._malformed = self._configurations = 0
        self._from_s: int | None = None
        self._sides: tuple[Side, Side] | None = None
        self._answers: Answers | None = None
        engine = history.start(OUTPUTS)
        if engine is not None:
            again = history.start(OUTPUTS)
            assert again is not None
            self._begin(Side.going_on(engine, engine.config), Side.going_on(again, config))

    @property
    def now_s(self) -> int | None:
        """The time of the run that was."""
        return self._sides[0].now_s if self._sides else None

    def take(self, batch: Batch | Broken) -> None:
        """Give both runs a batch."""
        if isinstance(batch, Broken):
            self._malformed += 1
            self._on_broken(batch)
            return
        self._batches += 1
        if self._sides is None:
            self._first(batch)
            return
        was, otherwise = self._sides
        sent_was, sent_otherwise = self._both(was, otherwise, batch)
        if self._from_s is None:
            self._from_s = was.now_s
        assert self._answers is not None
        while (acks := self._answers.after(sent_was, sent_otherwise)) is not None:
            sent_was, (sent_otherwise, refusal) = [], otherwise.take(acks)
            assert refusal is None, refusal

    def finish(self) -> Comparison:
        """What differs; the books of both runs are audited."""
        if self._sides is None or self._answers is None:
            raise BacktestError(
                f"{self._history.name}: no configuration made an engine; expected one as the first batch"
            )
        for side in self._sides:
            side.engine.audit()
        found = compare(*self._sides)
        found.given, found.left_out = self._answers.given, self._answers.left_out
        found.batches, found.configurations = self._batches, self._configurations
        found.malformed = self._malformed + self._sides[0].refused
        found.malformed_otherwise += self._malformed
        found.from_s = self._from_s if found.from_s is None else found.from_s
        return found

    def _both(self, was: Side, otherwise: Side, batch: Batch) -> tuple[list[Id], list[Id]]:
        assert self._answers is not None
        if batch.kind == "config":
            sent_was, refusal = was.take(batch)
            if refusal is not None:
                self._tell(batch, refusal)
                return [], []
            self._configurations += 1
            return sent_was, otherwise.take(Batch("tick", batch.now_s, None))[0]
        given = self._answers.translated(batch) if batch.kind == "acks" else batch
        coming = self._other_core.submit(otherwise.take, given)
        try:
            sent_was, refusal = was.take(batch)
        finally:
            wait([coming])
        if refusal is not None:
            self._tell(batch, refusal)
        return sent_was, coming.result()[0]

    def _first(self, batch: Batch) -> None:
        try:
            if batch.kind != "config":
                raise BacktestError("no configuration yet; expected a config as the first batch")
            config = Config.from_toml(str(batch.content))
        except (BacktestError, ConfigError) as error:
            self._malformed += 1
            self._tell(batch, str(error))
            return
        if config.engine.currency != self._config.engine.currency:
            raise BacktestError(
                f"{self._history.name}: counts in {config.engine.currency}, the other configuration in "
                f"{self._config.engine.currency}; expected the same currency, or no amounts can be compared"
            )
        self._begin(Side.new(config), Side.new(self._config))

    def _tell(self, batch: Batch, reason: str) -> None:
        self._on_broken(Broken(batch.line, batch.kind, reason))

    def _begin(self, was: Side, otherwise: Side) -> None:
        self._sides = was, otherwise
        self._answers = Answers(was, otherwise)
