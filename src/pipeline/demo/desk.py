"""The control desk: what people do during the day, and which trips they see held back by the gates."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.demo.arrow import Update
from pipeline.demo.county import County, Ints
from pipeline.demo.fates import RESET_QUARTERS, Plan
from pipeline.demo.settings import MIDNIGHT_S, QUARTER_S

_LINE_WORKS_FROM_S: Final = MIDNIGHT_S + 8 * 3600 + 1_800
_LINE_WORKS_TO_S: Final = MIDNIGHT_S + 13 * 3600
_APPROVALS_S: Final = (MIDNIGHT_S + 10 * 3600, MIDNIGHT_S + 14 * 3600)
_CERTIFICATE_S: Final = MIDNIGHT_S + 11 * 3600
_GOODWILL_S: Final = MIDNIGHT_S + 15 * 3600 + 1_800
_APPROVED_SHARE: Final = 0.4


class Held:
    """Trips that the gates hold back, looked at once a quarter-hour.

    Attributes:
        accounts: for each gate, the accounts that it has held back.
        looks: for each gate, how many times an account was seen held back by it.
        now: for each gate, how many it holds back at the newest look.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, set[int]] = {}
        self.looks: Counter[str] = Counter()
        self.now: Counter[str] = Counter()

    def look(self, due: list[tuple[int, str]]) -> None:
        """Note who is due, and which gate is the first that is closed."""
        self.now = Counter(gate for _, gate in due)
        self.looks.update(self.now)
        for account_id, gate in due:
            self.accounts.setdefault(gate, set()).add(account_id)


class Look(NamedTuple):
    """What the desk sees of the accounts, by arrival: whose trip which gate holds back, and who is off."""

    due: list[tuple[int, str]]
    off: list[int]


def look_at(accounts: pa.Table) -> Look:
    """Look at the engine's accounts."""
    due = accounts.filter(pc.is_valid(accounts["blocked_by"]))
    off = accounts.filter(pc.equal(accounts["state"].cast(pa.string()), "off"))
    held = zip(due["account_id"].to_pylist(), due["blocked_by"].to_pylist(), strict=True)
    return Look(list(held), off["account_id"].to_pylist())


class Desk:
    """Operators on duty: line works, approvals, a doctor's certificate, goodwill, and new baselines."""

    def __init__(self, county: County, plan: Plan, rng: np.random.Generator) -> None:
        self._county = county
        self._rng = rng
        self._rebase = {
            MIDNIGHT_S + (quarter + RESET_QUARTERS) * QUARTER_S: meter
            for meter, quarter in plan.reset.items()
        }
        many = max(1, county.districts // 100)
        self._works = sorted(rng.choice(county.districts, many, replace=False).tolist())
        self.held = Held()

    def look(self, seen: Look, now_s: int) -> list[Update]:
        """Look at who is due, in the quarter-hour that began at ``now_s``, and decide what to do."""
        due = seen.due
        self.held.look(due)
        if now_s in _APPROVALS_S:
            asked = [account_id for account_id, gate in due if gate == "approval"]
            return [
                Update("approve_trip", account_id)
                for account_id in asked
                if self._rng.random() < _APPROVED_SHARE
            ]
        if now_s == _CERTIFICATE_S:
            waiting = [account_id for account_id, gate in due if gate == "notice"][
                : max(1, self._county.accounts // 30_000)
            ]
            return [Update("set_protected", account_id, value=1) for account_id in waiting]
        if now_s == _GOODWILL_S:
            return [
                Update("restore_account", account_id)
                for account_id in seen.off[: max(1, self._county.accounts // 30_000)]
            ]
        return []

    def works(self, now_s: int) -> list[Update]:
        """Suspend trips where crews work on the line, and resume them when they have gone."""
        ops = {_LINE_WORKS_FROM_S: "suspend_trips", _LINE_WORKS_TO_S: "resume_trips"}
        if now_s not in ops:
            return []
        return [Update(ops[now_s], text=str(self._county.district_id[district])) for district in self._works]

    def rebases(self, now_s: int, shown: Ints) -> list[Update]:
        """New baselines for registers that fell to zero; ``shown``: the meters at ``now_s``, shape (M,)."""
        return [
            Update(
                "rebase_meter",
                meter_id=int(self._county.meter_id[meter]),
                value=int(shown[meter]),
                at_s=now_s,
            )
            for at_s, meter in self._rebase.items()
            if at_s == now_s
        ]
