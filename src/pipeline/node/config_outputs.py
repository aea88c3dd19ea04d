"""The table ``[node.outputs]`` of the configuration: which outputs are written to files, how, and how long they stay.

::

    [node.outputs]                      # all may be left out; these are the defaults
    write = ["intervals", "ledger", …]  # all of them; []: no process makes any
    cut = "1m"                          # of engine time: so often there is a new file of each
    journal_mib = 4096                  # so much of a shard's journal is kept for the outputs' sake
    checkpoint_every = "15m"            # how much there is to replay after a stop

    [node.outputs.keep]                 # how long days stay; default: for ever
    intervals = "400d"                  # any output, and balances
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from fastcore import config_values as values
from fastcore.config_reader import Reader
from fastcore.config_values import Misfit
from fastcore.schemas import OUTPUTS

__all__ = ["OutputsConfig", "outputs_config"]

DAY_S: Final = 86_400
MIB_MOST: Final = 1 << 20
MIB_LEAST: Final = 128
BALANCES: Final = "balances"


class OutputsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The table ``[node.outputs]``; `keep_days` has outputs whose days do not stay for ever."""

    write: tuple[str, ...] = tuple(OUTPUTS)
    cut_s: int = 60
    journal_mib: int = 4096
    checkpoint_every_s: int = 900
    keep_days: dict[str, int] = {}


def outputs_config(table: Reader | None, outputs: Callable[[object], tuple[str, ...]]) -> OutputsConfig:
    """What the table says; `outputs` reads a list of outputs."""
    default = OutputsConfig()
    if table is None:
        return default
    fields: dict[str, Any] = {
        "write": table.take("write", outputs, default.write),
        "cut_s": table.take("cut", _cut_s, default.cut_s),
        "journal_mib": table.take(
            "journal_mib", lambda value: values.count(value, MIB_LEAST, MIB_MOST), default.journal_mib
        ),
        "checkpoint_every_s": table.take(
            "checkpoint_every", lambda value: values.duration_s(value, 1), default.checkpoint_every_s
        ),
    }
    keep = table.table("keep", required=False)
    if keep is not None:
        names = [*OUTPUTS, BALANCES]
        found = {name: keep.take(name, _days, None) for name in names}
        fields["keep_days"] = {name: days for name, days in found.items() if days is not None}
        keep.done()
    table.done()
    return OutputsConfig(**fields)


def _cut_s(value: object) -> int:
    seconds = values.duration_s(value, 1)
    if seconds > DAY_S:
        raise Misfit("a duration of at most 1d, since files are cut at each day's end", value)
    return seconds


def _days(value: object) -> int:
    seconds = values.duration_s(value, DAY_S)
    if seconds % DAY_S:
        raise Misfit('whole days, such as "400d"', value)
    return seconds // DAY_S
