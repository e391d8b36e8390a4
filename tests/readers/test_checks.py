"""The checks themselves: they pass on right files, and each kind of wrong file is caught.

The files are written by pyarrow from the oracle's rows, so that this runs without the program under test.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import inputs
import oracle
import pyarrow
import pyarrow.parquet
import pytest
import readers
from pyspark.sql import SparkSession
from readers import TABLES, TYPES, Row

EXPORT = inputs.everything_everywhere()


def schema(table: str) -> pyarrow.Schema:
    """The published schema, in pyarrow's terms."""
    columns = readers.published(table)
    return pyarrow.schema([pyarrow.field(each.name, TYPES[each.type].arrow, each.nullable) for each in columns])


def write(out: Path, table: str, rows: list[Row], schema: pyarrow.Schema) -> None:
    """Writes the rows as the one file of a table."""
    cells = [[row[at] for row in rows] for at in range(len(schema))]
    arrays = [pyarrow.array(column, field.type) for column, field in zip(cells, schema, strict=True)]
    (out / table).mkdir(parents=True)
    data = pyarrow.Table.from_arrays(arrays, schema=schema)
    pyarrow.parquet.write_table(data, out / table / "part.parquet", store_schema=False)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("export", [EXPORT, b"{}"], ids=["everything", "nothing"])
def test_right_files_pass(
    export: bytes, table: str, tmp_path: Path, connection: duckdb.DuckDBPyConnection, spark: SparkSession
) -> None:
    rows = oracle.tables(export)[table]
    write(tmp_path, table, rows, schema(table))
    readers.check_parquet_schema(tmp_path, table)
    reads = {
        "duckdb": readers.read_duckdb(connection, tmp_path, table),
        "spark": readers.read_spark(spark, tmp_path, table),
        "arrow": readers.read_pyarrow(tmp_path, table),
    }
    for reader, read in reads.items():
        readers.check_columns(read, table, reader)
        readers.check_rows(read, table, rows)


EVENT = ("p", "s", 0, "c", "7", 1_000_000, 2_000_000, "{}", False)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([], "0 rows where 2 were expected"),
        ([EVENT], "1 rows where 2 were expected"),
        ([EVENT, EVENT], "row 1, ordinal: 0 where 1 was expected"),
        ([(*EVENT[:2], 1, *EVENT[3:]), EVENT], "row 0, ordinal: 1 where 0 was expected"),
        ([(*EVENT[:5], 1_000_001, *EVENT[6:])], "row 0, source_event_time"),
        ([(*EVENT[:5], None, *EVENT[6:])], "row 0, source_event_time: None where"),
        ([(*EVENT[:8], True)], "row 0, is_duplicate"),
        ([(*EVENT[:8], 0)], "row 0, is_duplicate: 0 where False was expected"),
    ],
)
def test_wrong_rows_are_caught(found: list[Row], message: str) -> None:
    wanted = [EVENT, (*EVENT[:2], 1, *EVENT[3:])]
    with pytest.raises(AssertionError, match=message):
        readers.check_rows(readers.Read([], found), "events", wanted)


def test_the_sign_of_zero_counts() -> None:
    row = ("p", "s", "a", "double", "-0.0", None, -0.0, None)
    with pytest.raises(AssertionError, match=r"value_double: 0\.0 where -0\.0"):
        readers.check_rows(readers.Read([], [(*row[:6], 0.0, None)]), "attributes", [row])


RIGHT = schema("events")
TIME = RIGHT.get_field_index("created_at")


@pytest.mark.parametrize(
    "wrong",
    [
        RIGHT.set(TIME, pyarrow.field("created_at", pyarrow.timestamp("us"))),
        RIGHT.set(TIME, pyarrow.field("created_at", pyarrow.timestamp("ms", tz="UTC"))),
        RIGHT.set(TIME, pyarrow.field("created_at", pyarrow.timestamp("us", tz="UTC"), nullable=False)),
        RIGHT.set(TIME, pyarrow.field("createdAt", pyarrow.timestamp("us", tz="UTC"))),
        RIGHT.set(2, pyarrow.field("ordinal", pyarrow.int32(), nullable=False)),
        RIGHT.set(0, pyarrow.field("export_key", pyarrow.string())),
        RIGHT.set(0, pyarrow.field("export_key", pyarrow.binary(), nullable=False)),
    ],
    ids=["local time", "milliseconds", "required", "name", "narrower", "optional", "no text"],
)
def test_wrong_schemas_are_caught(wrong: pyarrow.Schema, tmp_path: Path) -> None:
    write(tmp_path, "events", [], wrong)
    with pytest.raises(AssertionError, match="not the published one"):
        readers.check_parquet_schema(tmp_path, "events")
