"""Two runs over one county's history, counted by hand: no engine, no outputs, one account after the other.

Written from the reference (section 7) and the guide to files; it knows nothing of `pipeline.backtest`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from unit.backtest.county import County

Happened = tuple[int, str]


@dataclass
class Rules:
    """A configuration, as far as it matters here, in nano-units."""

    price_nano: int = 50_000_000  # of a count
    levels: tuple[int, ...] = (3_000_000_000, 1_000_000_000)
    trip_below: int = 0
    restore_above: int = 0


@dataclass
class Run:
    """One account in one run."""

    rules: Rules
    balance: int = 0
    state: str = "on"
    said: set[int] = field(default_factory=set)
    sent: int = 0
    acked: bool = False
    happened: list[Happened] = field(default_factory=list)

    def asks(self) -> str | None:
        return {"tripping": "trip", "restoring": "restore"}.get(self.state)

    def send(self, now_s: int, kind: str) -> None:
        self.happened.append((now_s, kind))
        self.sent += 1
        self.acked = False
        self.state = {"trip": "tripping", "restore": "restoring"}[kind]

    def control(self, now_s: int) -> None:
        self.said = {level for level in self.said if self.balance <= level}
        while self._move(now_s):
            pass
        if self.state == "due":
            self.send(now_s, "trip")
        self.acked = False

    def _move(self, now_s: int) -> bool:
        before, rules, balance = self.state, self.rules, self.balance
        if self.state == "on" and balance <= rules.levels[0]:
            self.state = "warned"
        elif self.state == "warned":
            for level in rules.levels:
                if balance <= level and level not in self.said:
                    self.said.add(level)
                    self.happened.append((now_s, "warned"))
            if balance > rules.levels[0]:
                self.state = "on"
            elif balance <= rules.trip_below:
                self.happened.append((now_s, "due"))
                self.state = "due"
        elif self.state == "due" and balance > rules.trip_below:
            self.state = "warned"
        elif self.state == "tripping" and balance > rules.trip_below:
            self.send(now_s, "restore")
        elif self.state == "tripping" and self.acked:
            self.happened.append((now_s, "off"))
            self.state, self.acked = "off", False
        elif self.state == "off" and balance > rules.restore_above:
            self.send(now_s, "restore")
        elif self.state == "restoring" and self.acked:
            self.happened.append((now_s, "on"))
            self.state, self.acked = "on", False
        return self.state != before


@dataclass
class Pair:
    """One account in both runs; `twins` has the how-manieth commands that were the same question."""

    was: Run
    otherwise: Run
    twins: dict[int, int] = field(default_factory=dict)

    def settle(self, now_s: int) -> None:
        """After a batch: what is asked in both is one question, what only the other run asks is done at once."""
        while (asked := self.otherwise.asks()) is not None:
            if self.was.asks() == asked:
                self.twins[self.was.sent] = self.otherwise.sent
                return
            self.otherwise.acked = True
            self.otherwise.control(now_s)


def count(county: County, was: Rules, otherwise: Rules) -> dict[str, Pair]:
    """What happens to each account."""
    pairs: dict[str, Pair] = {}
    for now_s, kind, rows in county.lines:
        for row in rows:
            name, figure = row
            if kind == "accounts":
                pairs[name] = Pair(Run(was, figure), Run(otherwise, figure))
                continue
            pair = pairs[name]
            for run in (pair.was, pair.otherwise):
                if kind == "reads":
                    run.balance -= figure * run.rules.price_nano
                elif kind == "payments":
                    run.balance += figure
            if kind == "acks":
                pair.was.acked |= pair.was.asks() is not None and pair.was.sent == figure
                twin = pair.twins.get(figure)
                pair.otherwise.acked |= pair.otherwise.asks() is not None and pair.otherwise.sent == twin
        if kind == "accounts":
            continue  # an account without a meter does not move
        for pair in pairs.values():
            pair.was.control(now_s)
            pair.otherwise.control(now_s)
            pair.settle(now_s)
    return pairs
