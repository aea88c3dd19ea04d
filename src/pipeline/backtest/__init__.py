"""Backtest: a history under another configuration, beside what it was; nothing is sent to anybody.

Two engines are given the same batches, one with the configuration that was in force, one with another. What differs
is who was warned, tripped and restored, and the money.

- **The other configuration holds from the first batch to the last.** Where the history has a change of configuration,
  the other run has a tick of the same time.
- **Acks answer commands of the run that was**, and the other one sends others. `answers` says which ack goes where.
- **People do as they did**: payments come when they came, though the warning came earlier or not at all; what
  operators approved, suspended and resumed, they do at the same moments.

::

    history    batch logs and journals, as batches
    side       one run: an engine, and what becomes of its accounts
    answers    whose ack is whose
    compare    what differs between two runs
    run        the two, side by side
"""

from pipeline.backtest.compare import Account, Comparison, Sum
from pipeline.backtest.history import Batch, History, JournalHistory, LogHistory, open_histories
from pipeline.backtest.run import BacktestError, backtest
from pipeline.backtest.side import Event

__all__ = [
    "Account",
    "BacktestError",
    "Batch",
    "Comparison",
    "Event",
    "History",
    "JournalHistory",
    "LogHistory",
    "Sum",
    "backtest",
    "open_histories",
]
