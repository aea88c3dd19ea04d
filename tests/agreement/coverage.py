"""What a run of logs has met: reasons, gates, findings, qualities, ledger kinds, commands, states."""

from __future__ import annotations

from collections import Counter
from typing import Any

from model import Twin

QUALITIES = ("first", "rollover", "gap", "late", "estimated", "suspect", "outage")


def met(twin: Twin, effects: dict[str, list[dict[str, Any]]]) -> Counter[str]:
    """What the effects of one batch, and the state after it, show."""
    found: Counter[str] = Counter()
    for row in effects["intervals"]:
        found.update(
            [f"quality {name}" for i, name in enumerate(QUALITIES) if row["quality"] >> i & 1] or ["good"]
        )
    for row in effects["ledger"]:
        found[f"ledger {row['kind']}"] += 1
    for row in effects["exceptions"]:
        found[f"{row['kind']} {row['reason']}"] += 1
    for row in effects["notices"]:
        found[f"notice {row['kind']}"] += 1
    for row in effects["commands"]:
        found[f"{row['kind']} {row['reason']}{' again' if row['attempt'] > 1 else ''}"] += 1
    for name in ("findings", "orders"):
        for row in effects[name]:
            found[f"{row['kind']} {row['state']}"] += 1
    for row in effects["districts"]:
        found["window revised" if row["revision"] else "window closed"] += 1
    for account in twin.world.accounts.values():
        found[f"state {account.state}"] += 1
        if account.blocked_by:
            found[f"gate {account.blocked_by}"] += 1
        if account.unsure:
            found[f"unsure {account.state}"] += 1
            found["taken over with its meter"] += account.trip is None
        found["closed, relay in doubt"] += account.relay_may_be_open
    found["meter exchanged"] += sum(meter.exchanged for meter in twin.world.meters.values())
    found["initial read kept"] += sum(m.t1 is not None and not m.has_read for m in twin.world.meters.values())
    return found
