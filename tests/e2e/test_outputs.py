"""The outputs of a node of real processes, read by everybody's tools, whoever was killed meanwhile."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pandas
import polars
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from e2e.node import COMMAND, CONFIG, LONG_S, Node, quarter_hours, reads, wait_for
from pipeline.batchlog import BatchLog, BatchLogWriter
from pipeline.journal import RealDisk
from pipeline.node.export import export
from pipeline.node.layout import Places
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.status import read_outputs_status
from pipeline.replay import OUTPUT_NAMES, replay

METERS = 60
SHARDS = 2
KILLS = 30
QUARTERS = 96
IDS = np.arange(METERS, dtype=np.uint64)
SETTINGS = '[node.outputs]\ncut = "1s"\ncheckpoint_every = "1s"\n'


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node with some thousand reads, while the process of its outputs was killed again and again; it has ended."""
    made = Node(shards=SHARDS)
    made.node_settings += "[node.outputs]\nwrite = []\n"
    outputs = Outputs(made)
    try:
        made.start().register(METERS)
        with made.producer("feeder", "reads") as feeder, made.producer("till", "payments") as till:
            ends = list(enumerate(quarter_hours(QUARTERS)))
            for kill in range(KILLS):
                outputs.start()
                for number, end in ends[kill * QUARTERS // KILLS : (kill + 1) * QUARTERS // KILLS]:
                    feeder.send("reads", reads(IDS, np.array([end])))
                    till.send("payments", payment(number, int(end)))
                outputs.kill()
            assert feeder.flush(LONG_S)
            assert till.flush(LONG_S)
        newest = [made.status(shard)["sequence"] for shard in range(SHARDS)]
        outputs.start()
        wait_for(lambda: sealed(made.data, newest), "all rows are in files")
        assert made.stop() == 0
        assert outputs.stop() == 0, outputs.said
        print(f"killed {KILLS} times; {outputs.begun} began at a checkpoint")
        assert outputs.begun > KILLS // 2
        yield made
    finally:
        outputs.kill()
        made.remove()


class Outputs:
    """`feikong outputs` beside a node, killed some time after it has begun to follow."""

    def __init__(self, node: Node) -> None:
        self.begun = 0
        self._node = node
        self._dice = random.Random(11)
        self._log = node.folder / "outputs.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def said(self) -> str:
        return self._log.read_text()

    def start(self) -> None:
        config = self._node.folder / "outputs.toml"
        config.write_text(f"{CONFIG}[node]\nshards = {SHARDS}\n{SETTINGS}")
        self._log.write_bytes(b"")
        with self._log.open("ab") as log:
            command = [*COMMAND, "outputs", str(config), "--data", str(self._node.data)]
            self._process = subprocess.Popen(command, stderr=log, stdout=log, env=self._node.environment)
        wait_for(lambda: "begins at" in self.said or not self.runs, "it begins")
        assert self.runs, self.said
        self.begun += "begins at checkpoint" in self.said

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        if self._process is not None:
            time.sleep(self._dice.random() * 1.5)
            self._process.kill()
            self._process.wait()

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(LONG_S)


def payment(number: int, at_s: int) -> dict[str, object]:
    return {
        "payment_id": [number.to_bytes(16, "big")],
        "account_id": np.array([number % METERS], np.uint64),
        "kind": ["top_up"],
        "amount": [f"{number}.000000001"],
        "at": [at_s],
    }


def sealed(data: Path, seqs: list[int]) -> bool:
    status = read_outputs_status(data)
    return status is not None and all(
        shard.sealed >= seq for shard, seq in zip(status.shards, seqs, strict=True)
    )


def engines(node: Node) -> dict[str, Decimal | int]:
    """What the engines themselves say, all shards together."""
    found = [node.recovered(shard) for shard in range(SHARDS)]
    balances = [row for engine in found for row in engine.accounts()["balance"].to_pylist()]
    return {"balance": sum(balances, Decimal(0)), "accounts": len(balances)}


def glob(node: Node, name: str) -> str:
    return str(OutputPlaces(node.data).output(name) / "day=*" / "*.parquet")


def duckdb_sums(node: Node) -> tuple[Decimal, Decimal, Decimal]:
    (amount,) = duckdb.sql(f"select sum(amount) from read_parquet('{glob(node, 'ledger')}')").fetchall()[0]
    charge, energy = duckdb.sql(
        f"select sum(charge), sum(energy) from read_parquet('{glob(node, 'intervals')}', hive_partitioning = true) "
        "where day >= date '2000-01-01'"
    ).fetchall()[0]
    return amount, charge, energy


def polars_sums(node: Node) -> tuple[Decimal, Decimal, Decimal]:
    ledger = polars.read_parquet(glob(node, "ledger"), hive_partitioning=True)
    intervals = polars.read_parquet(glob(node, "intervals"), hive_partitioning=True)
    assert ledger.schema["day"] == polars.Date
    return ledger["amount"].sum(), intervals["charge"].sum(), intervals["energy"].sum()


def pandas_sums(node: Node) -> tuple[Decimal, Decimal, Decimal]:
    ledger = pandas.read_parquet(OutputPlaces(node.data).output("ledger"))
    intervals = pandas.read_parquet(OutputPlaces(node.data).output("intervals"))
    assert {str(day)[:2] for day in ledger["day"].unique()} == {"20"}
    charges = intervals["charge"].dropna()
    return sum(ledger["amount"]), sum(charges), sum(intervals["energy"])


def spark_sums(node: Node) -> tuple[Decimal, Decimal, Decimal]:
    if shutil.which("java") is None:
        pytest.skip("PySpark needs a Java runtime: apt-get install openjdk-17-jre-headless")
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    try:
        root = OutputPlaces(node.data)
        ledger = spark.read.parquet(str(root.output("ledger"))).selectExpr("sum(amount)").first()
        intervals = spark.read.parquet(str(root.output("intervals")))
        sums = intervals.where("day >= '2000-01-01'").selectExpr("sum(charge)", "sum(energy)").first()
        return ledger[0], sums[0], sums[1]
    finally:
        spark.stop()


@pytest.mark.parametrize("sums", [duckdb_sums, polars_sums, pandas_sums, spark_sums])
def test_sums_are_the_engines_to_the_last_digit(
    node: Node, sums: Callable[[Node], tuple[Decimal, Decimal, Decimal]]
) -> None:
    amount, charge, energy = sums(node)
    said = engines(node)
    assert said["accounts"] == METERS
    assert amount - charge == said["balance"]
    assert energy == Decimal("0.1") * METERS * QUARTERS
    assert amount == 100 * METERS + sum(range(QUARTERS)) + QUARTERS * Decimal("0.000000001")


def test_every_row_is_there_once_as_a_replay_of_the_exported_journal_has_it(node: Node) -> None:
    status = read_outputs_status(node.data)
    assert status is not None
    places, rows = OutputPlaces(node.data), 0
    for shard in range(SHARDS):
        log, out = node.folder / f"all-{shard}", node.folder / f"made-{shard}"
        with BatchLogWriter(log, "arrow") as writer:
            export(RealDisk(Places(node.data, shard).journal), writer)
        replay(BatchLog.open(log), out, outputs=OUTPUT_NAMES)
        for name in OUTPUT_NAMES:
            wanted = pq.read_table(out / "outputs" / f"{name}.parquet").to_pylist()
            wanted = [row for row in wanted if row["seq"] <= status.shards[shard].sealed]
            found = [
                {column: value for column, value in row.items() if column != "shard"}
                for path in places.files(name)
                for row in pq.ParquetFile(path).read().to_pylist()
                if row["shard"] == shard
            ]
            for row in wanted if name == "commands" else []:
                row["command_id"] += shard << 40
            for row in wanted if name in ("findings", "orders") else []:
                row["id"] += shard << 40
            assert found == wanted, (shard, name)
            rows += len(found)
    assert rows > METERS * QUARTERS
