"""A configuration as the loops read it: limits, running price sums, levels, trip windows."""

from collections.abc import Collection, Sequence
from typing import Self, final

from fastcore.config import Config

def rows_for(names: Collection[str], before: Sequence[str | None]) -> tuple[str | None, ...]: ...

@final
class Configured:
    @property
    def config(self) -> Config: ...
    @property
    def tariff_names(self) -> tuple[str | None, ...]: ...
    @property
    def policy_names(self) -> tuple[str | None, ...]: ...
    def __new__(cls, config: Config, before: Self | None = None) -> Self: ...
