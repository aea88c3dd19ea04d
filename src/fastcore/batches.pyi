"""Columns of a batch for the loops: addresses of Arrow buffers, words as numbers, nulls as bytes."""

from typing_extensions import disjoint_base

from fastcore.inputs import Ids
from fastcore.schemas import KINDS as KINDS
from fastcore.schemas import KLASSES as KLASSES
from fastcore.schemas import OUTCOMES as OUTCOMES
from fastcore.schemas import PAYMENT_KINDS as PAYMENT_KINDS
from fastcore.schemas import READINGS as READINGS
from fastcore.schemas import ROLES as ROLES
from fastcore.schemas import UPDATE_OPS as UPDATE_OPS

@disjoint_base
class Batch:
    @property
    def rows(self) -> int: ...
    @property
    def ids(self) -> Ids | None: ...
