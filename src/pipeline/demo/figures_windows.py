"""Collection success and line loss, from the windows that the engine closed, each at its last revision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.demo.arrow import raw_int64
from pipeline.demo.county import LOW_VOLTAGE, PUBLIC, SPECIAL, County

CLASSES: Final = {SPECIAL: "special", PUBLIC: "public", LOW_VOLTAGE: "low_voltage"}
_SHOWN: Final = 10
_NEGATIVE_SHOWN: Final = 4


@dataclass(frozen=True, slots=True)
class Collected:
    """Reads of one class: expected in the windows of the day, received in time or late."""

    klass: str
    meters: int
    expected: int
    received: int

    @property
    def success(self) -> float:
        """Received by expected, 0 to 1; 1 where nothing was expected."""
        return self.received / self.expected if self.expected else 1.0


@dataclass(frozen=True, slots=True)
class Loss:
    """Energy of a district, or of the county, over the day."""

    name: str
    grid: str
    supply_wh: int
    consumption_wh: int
    finding: str

    @property
    def ratio(self) -> float:
        """Loss by supply; 0 where nothing was supplied."""
        return (self.supply_wh - self.consumption_wh) / self.supply_wh if self.supply_wh else 0.0


@dataclass(frozen=True, slots=True)
class LineLoss:
    """The county's line loss, the districts that lose most, and those that seem to gain."""

    county: Loss
    median_ratio: float
    worst: list[Loss]
    negative: list[Loss]
    windows: int
    revised: int


def collected(county: County, collection: pa.Table | None) -> list[Collected]:
    """Collection success by class, in the order of the classes."""
    expected = dict.fromkeys(CLASSES.values(), 0)
    received = dict.fromkeys(CLASSES.values(), 0)
    if collection is not None:
        klass = collection["klass"].cast(pa.string()).to_numpy()
        last = _last_revisions(collection, klass)
        for name in CLASSES.values():
            rows = last[klass[last] == name]
            expected[name] = int(collection["expected"].to_numpy()[rows].sum())
            received[name] = int(collection["received"].to_numpy()[rows].sum())
    return [
        Collected(name, int(np.count_nonzero(county.meter_class == klass)), expected[name], received[name])
        for klass, name in CLASSES.items()
    ]


def line_loss(
    county: County, districts: pa.Table | None, findings: Sequence[tuple[str, str, str]]
) -> LineLoss:
    """Line loss of the day; ``findings`` as ``(kind, state, subject)``, in their order."""
    supply = np.zeros(county.districts, np.int64)
    consumption = np.zeros(county.districts, np.int64)
    windows = revised = 0
    if districts is not None:
        last = _last_revisions(districts, np.zeros(districts.num_rows))
        number = (districts["district_id"].to_numpy()[last] - county.district_id[0]).astype(np.int64)
        np.add.at(supply, number, raw_int64(districts["supply"])[last])
        np.add.at(consumption, number, raw_int64(districts["consumption"])[last])
        windows, revised = len(last), districts.num_rows - len(last)
    opened = {
        subject: kind for kind, state, subject in findings if state == "opened" and kind.endswith("_loss")
    }
    losses = [
        Loss(name, grid, int(supply[i]), int(consumption[i]), opened.get(str(county.district_id[i]), ""))
        for i, (name, grid) in enumerate(zip(county.district_name, county.grid, strict=True))
    ]
    by_ratio = sorted(losses, key=lambda loss: loss.ratio, reverse=True)
    return LineLoss(
        county=Loss("county", "", int(supply.sum()), int(consumption.sum()), ""),
        median_ratio=by_ratio[len(by_ratio) // 2].ratio,
        worst=by_ratio[:_SHOWN],
        negative=[loss for loss in reversed(by_ratio) if loss.ratio < 0][:_NEGATIVE_SHOWN],
        windows=windows,
        revised=revised,
    )


def _last_revisions(table: pa.Table, klass: NDArray[Any]) -> NDArray[np.int64]:
    """The rows that are the last revision of their window (of their class)."""
    district = table["district_id"].to_numpy()
    start = raw_int64(table["start"])
    _, code = np.unique(klass, return_inverse=True)
    order = np.lexsort((table["revision"].to_numpy(), start, code, district))
    same = (
        (district[order[1:]] == district[order[:-1]])
        & (code[order[1:]] == code[order[:-1]])
        & (start[order[1:]] == start[order[:-1]])
    )
    last: NDArray[np.int64] = order[np.append(~same, True)]
    return last
