"""Columns that are handed to Arrow without a copy."""

from typing_extensions import disjoint_base

@disjoint_base
class Block:
    @property
    def size(self) -> int: ...
