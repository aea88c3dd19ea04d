"""What dirty input costs: five of a hundred reads late, twice, spiking or missing, against clean ones.

All outputs, uint64 ids, grouped order, paired rounds; each rate is over the reads that were sent. The clean
reads are held to the county's answers row by row; of the dirty ones it is counted what was refused and why,
every register is compared, the energy that was charged is what the registers advanced, and the books are
audited.
"""

from __future__ import annotations

from benchmarks.answers import expect, expect_columns, fingerprint, integers
from benchmarks.command import main
from benchmarks.contest import WARM_SWEEPS, Contestant, contest
from benchmarks.core import Core
from benchmarks.county import WH_PER_COUNT, County
from benchmarks.dirt import DirtyFeed
from benchmarks.figures import Figure, Question, Size
from benchmarks.machine import need_memory

QUESTION = Question("dirty", "5 % of the reads late, duplicate, spiking or missing", "≥ 0.6 × clean")
SIZES: dict[Size, tuple[int, ...]] = {"smoke": (3_000,), "full": (1_000_000, 10_000_000)}
METER_BYTES = 1_200


class DirtyCore(Core):
    """An engine that gets what `feed` makes of its county's reads."""

    def __init__(self, feed: DirtyFeed) -> None:
        super().__init__(feed.county, "core, dirty")
        self.feed = feed
        self.start_value = feed.county.value.copy()
        feed.sent = feed.county.meters  # the baseline, which is clean

    def check_counts(self) -> str:
        """Hold what became of the reads to what was done to them; the hash of the registers and the balances."""
        self.engine.audit()
        feed, stats = self.feed, self.engine.stats()
        expect(f"{self.name}: reads", stats["rows"]["reads"], feed.sent)
        refused = {reason: rows for reason, rows in stats["reasons"].items() if rows}
        expect(f"{self.name}: refused", refused, {"duplicate": feed.twice, "spike": feed.spiking})
        values = integers(self.engine.meters()["last_value"])
        expect_columns(self.name, {"last_value": values}, {"last_value": feed.newest}, ", state")
        accounts = self.engine.accounts()
        household = self.county.tariff[self.county.consumer] == 0
        used = integers(accounts["tier_energy"])[household]
        advanced = ((feed.newest - self.start_value) * WH_PER_COUNT)[self.county.consumer][household]
        expect_columns(self.name, {"tier_energy": used}, {"tier_energy": advanced}, ", state")
        return fingerprint({"last_value": values, "balance": integers(accounts["balance"])})


def run(size: Size) -> list[Figure]:
    """Measure it; a figure for each number of meters."""
    return [_one(meters) for meters in SIZES[size]]


def _one(meters: int) -> Figure:
    need_memory(f"{meters:,} meters, twice", meters * METER_BYTES)
    clean = Core(County(meters), "core, clean")
    feed = DirtyFeed(County(meters))
    dirty = DirtyCore(feed)
    for number in range(1, WARM_SWEEPS + 1):
        clean.check(clean.county.sweep(number))
        dirty.take(feed.sweep(number))
    dirty.check_counts()

    timed = Contestant("dirty", feed.sweep, dirty.take), Contestant("clean", clean.county.sweep, clean.take)
    contest(timed, WARM_SWEEPS + 1)
    clean.check_state()
    answer = dirty.check_counts()
    dirt = feed.late + feed.twice + feed.spiking + feed.missing
    share = dirt / (feed.sent - feed.twice - meters + feed.missing)
    expect("dirty: share of the reads, in whole percent", round(100 * share), 5)
    note = f"{share:.1%}: {feed.late:,} late, {feed.twice:,} twice, {feed.spiking:,} spiking, {feed.missing:,} missing"
    what = f"dirty, grouped, {meters:,} meters"
    return Figure(
        what, "M reads/s", timed[0].rates_m, "clean", timed[1].rates_m, 0.6, answer=answer, note=note
    )


if __name__ == "__main__":
    main([QUESTION.name])
