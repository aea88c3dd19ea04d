"""Record batches over columns of the core, by the Arrow C data interface.

`sheets.pxd` says what other modules of the core call; nothing here is for Python.
"""

from collections.abc import Iterable
from typing import Self, final

@final
class Words:
    def __new__(cls, texts: Iterable[str]) -> Self: ...

@final
class Sheet:
    @property
    def rows(self) -> int: ...
