"""What a schedule publishes window by window, as DuckDB and Spark read it: folders as Hive names them, and views of
typed tables whose columns have changed in between; against the exports themselves."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import oracle
import pytest
from program import Apsides
from pyspark.sql import SparkSession
from test_views import statements

#: A simulated account that answers at once.
SOURCE = """
[source]
base_url = "{base_url}"
client_id = "simulated-client"
client_secret = "simulated-secret"
event_exports_per_minute = 100000
first_poll = "10ms"
"""

PIPELINE = (
    SOURCE
    + """
[export]
attributes = ["40103", "40105"]
events = ["*"]

[schedule]
start = "2026-01-01"

[destination]
path = "{path}"
tables = ["profiles", "attributes", "events", "unmapped", "events_*"]

[schema.types]
{types}
"""
)

#: What an order's total is taken for in a night's windows: whole numbers, and later what it is, decimal ones.
NIGHTS = {"2026-01-03T02:00:00Z": '"90233/total" = "integer"', "2026-01-05T02:00:00Z": ""}
EARLY, LATE = {date(2026, 1, 1), date(2026, 1, 2)}, {date(2026, 1, 3), date(2026, 1, 4)}

EVENTS = (
    "export_key",
    "section_id",
    "ordinal",
    "correlation_id",
    "type_id",
    "source_event_time",
    "created_at",
    "data",
    "is_duplicate",
)
TIMES = ("source_event_time", "created_at")


@dataclass(frozen=True)
class Lake:
    """What a schedule has published, and the events of the exports that it had."""

    path: Path
    events: list[oracle.Row]

    def orders(self) -> list[oracle.Row]:
        """An event's day, its order, and its total in the column of early windows and in that of late ones."""
        placed = [row for row in self.events if row[EVENTS.index("type_id")] == "90233"]
        assert placed
        found = []
        for row in placed:
            data = row[EVENTS.index("data")]
            members = json.loads(data, parse_float=str) if data else {}
            total, day = members.get("total"), day_of(row)
            assert total is None or isinstance(total, str), "a decimal number"
            number = None if total is None else float(total)
            whole = int(number) if number is not None and number.is_integer() else None
            found.append((day, members.get("orderId"), *((whole, None) if day in EARLY else (None, number))))
        return found


def day_of(row: oracle.Row) -> date:
    return datetime.fromtimestamp(row[EVENTS.index("created_at")] / 1e6, UTC).date()


@contextmanager
def simulated(apsides: Apsides) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [apsides.path, "simulate", "--bind", address, "--profiles", "400", "--polls", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout and b"simulated API" in process.stdout.readline()
        yield f"http://{address}"
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def lake(apsides: Apsides, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("schedule")
    pipeline, path, raw = folder / "pipeline.toml", folder / "lake", folder / "raw"
    with simulated(apsides) as base_url:
        for now, types in NIGHTS.items():
            pipeline.write_text(PIPELINE.format(base_url=base_url, path=path, types=types))
            apsides.succeed("run", pipeline, "--now", now, "--keep-raw", raw)
    parts = [part.read_bytes() for part in sorted(raw.glob("*/part-*"))]
    assert len(parts) == 6, "two nights of profiles and two windows each"
    exports = [gzip.decompress(part) if part.startswith(b"\x1f\x8b") else part for part in parts]
    events = [row for export in exports for row in oracle.tables(export)["events"]]
    assert {day_of(row) for row in events} == EARLY | LATE
    return Lake(path, events)


def in_order(rows: list[oracle.Row]) -> list[oracle.Row]:
    return sorted(rows, key=repr)


def duckdb_cells() -> str:
    return ", ".join(f"epoch_us({name})" if name in TIMES else name for name in EVENTS)


def spark_cells() -> str:
    return ", ".join(f"unix_micros({name})" if name in TIMES else name for name in EVENTS)


def test_duckdb_reads_the_folders_of_windows(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    files = f"read_parquet('{lake.path}/events/*/*.parquet', hive_partitioning = true)"
    [kind] = connection.execute(f"SELECT DISTINCT typeof(window_start) FROM {files}").fetchall()
    assert kind == ("DATE",)
    rows = connection.execute(f"SELECT window_start, {duckdb_cells()} FROM {files}").fetchall()
    assert in_order(rows) == in_order([(day_of(row), *row) for row in lake.events])
    one = f"SELECT {duckdb_cells()} FROM {files} WHERE window_start = DATE '2026-01-02'"
    wanted = [row for row in lake.events if day_of(row) == date(2026, 1, 2)]
    assert connection.execute(one).fetchall() == wanted, "in the order of the export"


def test_spark_reads_the_folders_of_windows(lake: Lake, spark: SparkSession) -> None:
    spark.read.parquet(str(lake.path / "events")).createOrReplaceTempView("of_folders")
    assert dict(spark.table("of_folders").dtypes)["window_start"] == "date"
    rows = spark.sql(f"SELECT window_start, {spark_cells()} FROM of_folders").collect()
    assert in_order([tuple(row) for row in rows]) == in_order([(day_of(row), *row) for row in lake.events])


def test_duckdb_reads_the_views(lake: Lake) -> None:
    connection = duckdb.connect()
    connection.execute((lake.path / "views" / "duckdb.sql").read_text())
    rows = connection.execute(f"SELECT {duckdb_cells()} FROM events").fetchall()
    assert in_order(rows) == in_order(lake.events)
    day = "make_date(CAST(floor(epoch(created_at) / 86400) AS INTEGER))"
    orders = connection.execute(f"SELECT {day}, order_id, total, total_double FROM events_order_placed").fetchall()
    assert in_order(orders) == in_order(lake.orders())


def test_spark_reads_the_views(lake: Lake, spark: SparkSession) -> None:
    for statement in statements(lake.path / "views" / "spark.sql"):
        spark.sql(statement)
    rows = [tuple(row) for row in spark.sql(f"SELECT {spark_cells()} FROM events").collect()]
    assert in_order(rows) == in_order(lake.events)
    orders = spark.sql("SELECT to_date(created_at), order_id, total, total_double FROM events_order_placed").collect()
    assert in_order([tuple(row) for row in orders]) == in_order(lake.orders())
