"""The views that are published beside the tables: they list the published files, and name ids without changing rows."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from program import Apsides
from pyspark.sql import SparkSession

#: The view that names what a table has by id, and the column that is the name.
NAMED = {"attributes": "attribute_name", "tags": "tag_name", "events": "event_name"}


@pytest.fixture(scope="module")
def warehouse(apsides: Apsides, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of several files each, in a folder whose name wants quoting."""
    folder = tmp_path_factory.mktemp("views")
    export, definitions, out = folder / "export.json", folder / "definitions.json", folder / "it's here"
    apsides.succeed("simulate", "--write", export, "--definitions", definitions, "--profiles", "300")
    tables = ["--tables", "profiles,attributes,tags,events,wide,events_*"]
    cut = ["--row-group-rows", "1000", "--file-size", "1K"]
    apsides.succeed("convert", export, "--out", out, "--definitions", definitions, *tables, *cut)
    return out


def statements(path: Path) -> list[str]:
    return [statement for statement in path.read_text().split(";\n") if statement.strip()]


def counts(warehouse: Path) -> dict[str, int]:
    manifest = json.loads((warehouse / ".apsides" / "manifest.json").read_text())
    assert any(len(table["files"]) > 1 for table in manifest["tables"])
    return {table["name"]: table["rows"] for table in manifest["tables"]}


def test_duckdb(warehouse: Path) -> None:
    connection = duckdb.connect()
    connection.execute((warehouse / "views" / "duckdb.sql").read_text())
    wanted = counts(warehouse)
    for table, rows in wanted.items():
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,), table
    for table, name in NAMED.items():
        sql = f"SELECT count(*), count({name}), count(section_name) FROM {table}_named"
        assert connection.execute(sql).fetchone() == (wanted[table],) * 3, f"all ids of {table} are defined"


def test_spark(warehouse: Path, spark: SparkSession) -> None:
    for statement in statements(warehouse / "views" / "spark.sql"):
        spark.sql(statement)
    wanted = counts(warehouse)
    for table, rows in wanted.items():
        assert spark.sql(f"SELECT * FROM {table}").count() == rows, table
    for table, name in NAMED.items():
        [row] = spark.sql(f"SELECT count(*) AS n, count({name}) AS named FROM {table}_named").collect()
        assert (row.n, row.named) == (wanted[table], wanted[table])
