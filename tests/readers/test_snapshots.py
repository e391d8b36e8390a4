"""Snapshots of profiles of which a schedule keeps several, as DuckDB and Spark read them: folders as Hive names them, the views
of how profiles are, and those of how they were; against the exports themselves."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import oracle
import pytest
from program import Apsides
from pyspark.sql import SparkSession
from test_schedule import SOURCE, in_order, simulated
from test_views import statements

PIPELINE = (
    SOURCE
    + """
[export]
attributes = {attributes}
tags = ["*"]
events = ["*"]

[schedule]
start = "2026-01-01"
keep_snapshots = 2

[destination]
path = "{path}"
tables = ["profiles", "attributes", "tags", "events", "wide"]
{more}
"""
)

#: What is asked for of profiles in each night. So tables have other rows, and `wide` other columns.
NIGHTS = {
    "2026-01-02T02:00:00Z": ["40103"],
    "2026-01-03T02:00:00Z": ["40103", "40105"],
    "2026-01-04T02:00:00Z": ["40103", "40105", "40112"],
}
ATTRIBUTES = "export_key, section_id, attribute_id, value_type, value_text, value_integer, value_double, value_boolean"

Query = Callable[[str], list[tuple[object, ...]]]


@dataclass(frozen=True)
class Lake:
    """What a schedule has published, and the attributes of the exports of its last two nights."""

    path: Path
    former: list[oracle.Row]
    newest: list[oracle.Row]


@pytest.fixture(scope="module")
def lake(apsides: Apsides, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("snapshots")
    pipeline, path, raw = folder / "pipeline.toml", folder / "lake", folder / "raw"
    with simulated(apsides) as base_url:
        for now, attributes in NIGHTS.items():
            pipeline.write_text(PIPELINE.format(base_url=base_url, path=path, attributes=attributes, more=""))
            apsides.succeed("run", pipeline, "--now", now, "--keep-raw", raw)
    # Each night has profiles first, then a window.
    parts = [part.read_bytes() for part in sorted(raw.glob("*/part-*"))][::2]
    assert len(parts) == len(NIGHTS)
    exports = [gzip.decompress(part) if part.startswith(b"\x1f\x8b") else part for part in parts]
    _, former, newest = (oracle.tables(export)["attributes"] for export in exports)
    assert 0 < len(former) < len(newest)
    return Lake(path, former, newest)


def of_duckdb(lake: Lake) -> Query:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute((lake.path / "views" / "duckdb.sql").read_text())
    return lambda sql: connection.execute(sql).fetchall()


@pytest.fixture(params=["duckdb", "spark"])
def query(request: pytest.FixtureRequest, lake: Lake) -> Iterator[Query]:
    """What reads the views."""
    if request.param == "duckdb":
        yield of_duckdb(lake)
        return
    spark: SparkSession = request.getfixturevalue("spark")
    for statement in statements(lake.path / "views" / "spark.sql"):
        spark.sql(statement)
    yield lambda sql: [tuple(row) for row in spark.sql(sql).collect()]


def test_views_tell_how_profiles_are(lake: Lake, query: Query) -> None:
    assert in_order(query(f"SELECT {ATTRIBUTES} FROM attributes")) == in_order(lake.newest)
    assert query("SELECT count(*) FROM attributes_named") == [(len(lake.newest),)]


def test_views_tell_how_profiles_were(lake: Lake, query: Query) -> None:
    times = [datetime.fromisoformat(night).replace(tzinfo=None) for night in list(NIGHTS)[1:]]
    wanted = [(time, *row) for time, rows in zip(times, [lake.former, lake.newest], strict=True) for row in rows]
    found = query(f"SELECT snapshot_at, {ATTRIBUTES} FROM attributes_snapshots")
    # The simulated nights' times are some seconds old when an export is asked for.
    rounded = [(in_utc(row[0]).replace(minute=0, second=0), *row[1:]) for row in found]
    assert in_order(rounded) == in_order(wanted)


def in_utc(time: object) -> datetime:
    assert isinstance(time, datetime)
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


def test_columns_of_wide_that_came_later_are_null_before(lake: Lake, query: Query) -> None:
    found = query("SELECT snapshot_at, count(*), count(lastname) FROM wide_snapshots GROUP BY 1 ORDER BY 1")
    [(_, former, former_has), (_, newest, newest_has)] = found
    assert former == newest
    assert (former_has, newest_has > 0) == (0, True)
    assert query("SELECT count(*), count(lastname) FROM wide") == [(newest, newest_has)]


def test_folders_are_named_as_hive_does_it(lake: Lake, spark: SparkSession) -> None:
    folders = sorted(path.name for path in (lake.path / "attributes").iterdir())
    assert folders == ["snapshot=2026-01-03", "snapshot=2026-01-04"]
    files = f"read_parquet('{lake.path}/attributes/*/*.parquet', hive_partitioning = true)"
    newest = f"SELECT {ATTRIBUTES} FROM {files} WHERE snapshot = DATE '2026-01-04'"
    assert duckdb.execute(newest).fetchall() == lake.newest, "in the order of the export"
    spark.read.parquet(str(lake.path / "attributes")).createOrReplaceTempView("of_folders")
    assert dict(spark.table("of_folders").dtypes)["snapshot"] == "date"
    counts = spark.sql("SELECT count(*) FROM of_folders GROUP BY snapshot ORDER BY snapshot").collect()
    assert [row[0] for row in counts] == [len(lake.former), len(lake.newest)]


def test_status_tells_of_snapshots(apsides: Apsides, lake: Lake) -> None:
    status = apsides.run("status", lake.path).stdout.decode()
    assert "\nsnapshots    2: 2026-01-03 to 2026-01-04; rows" in status, status


def test_delta_tables_have_versions_instead(apsides: Apsides, tmp_path: Path) -> None:
    pipeline = tmp_path / "pipeline.toml"
    settings = {"base_url": "http://127.0.0.1:1", "path": tmp_path / "lake", "attributes": ["1"]}
    pipeline.write_text(PIPELINE.format(**settings, more='commit = "delta"'))
    refused = apsides.run("run", pipeline)
    assert refused.returncode == 2
    assert b"Delta tables have versions for that: leave it out" in refused.stderr, refused.stderr
