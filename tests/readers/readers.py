"""The readers that people have - DuckDB, Spark, pyarrow - each giving the columns and the rows of a table we wrote.

Every reader gives its rows in the one form of the oracle: tuples in the order of the columns, timestamps as whole
microseconds since the epoch. The microseconds are taken inside the reader, by its own function, so that what it took the
file's instants for is what we see, and no time zone of Python's comes between.

Order is compared, never sorted away. A table of these tests is one small file. DuckDB keeps the order of insertion by
default; Spark reads such a file as one partition, which is asserted.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.parquet
from pyspark.sql import SparkSession

SCHEMAS = Path(__file__).parents[2] / "schemas"
TABLES = ("profiles", "attributes", "tags", "events", "unmapped")

Row = tuple


@dataclass(frozen=True)
class Column:
    """A column as `schemas/` publishes it."""

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True)
class PublishedType:
    """What each reader and the file itself call a type of `schemas/`."""

    parquet: tuple[str, dict | None]
    duckdb: str
    spark: str
    arrow: pyarrow.DataType


#: The logical type of a Parquet timestamp, as pyarrow words it. Nanoseconds or local time would read as other instants.
TIMESTAMP = {
    "Type": "Timestamp",
    "isAdjustedToUTC": True,
    "timeUnit": "microseconds",
    "is_from_converted_type": False,
    "force_set_converted_type": False,
}

TYPES = {
    "string": PublishedType(("BYTE_ARRAY", {"Type": "String"}), "VARCHAR", "string", pyarrow.string()),
    "int32": PublishedType(("INT32", None), "INTEGER", "int", pyarrow.int32()),
    "int64": PublishedType(("INT64", None), "BIGINT", "bigint", pyarrow.int64()),
    "double": PublishedType(("DOUBLE", None), "DOUBLE", "double", pyarrow.float64()),
    "boolean": PublishedType(("BOOLEAN", None), "BOOLEAN", "boolean", pyarrow.bool_()),
    "timestamp_micros_utc": PublishedType(
        ("INT64", TIMESTAMP), "TIMESTAMP WITH TIME ZONE", "timestamp", pyarrow.timestamp("us", tz="UTC")
    ),
}


@dataclass(frozen=True)
class Read:
    """A table as a reader gives it: its columns, each by name and the reader's name of its type, and its rows."""

    columns: Sequence[tuple[str, object]]
    rows: list[Row]


def published(table: str) -> list[Column]:
    """The columns of a table as `schemas/` has them."""
    schema = json.loads((SCHEMAS / f"{table}.json").read_text(encoding="utf-8"))
    assert schema["table"] == table
    return [Column(column["name"], column["type"], column["nullable"]) for column in schema["columns"]]


def only_file(out: Path, table: str) -> Path:
    """The file of a small table."""
    files = list((out / table).glob("*.parquet"))
    assert len(files) == 1, f"{table}: one file was expected, not {[file.name for file in files]}"
    return files[0]


def read_duckdb(connection: duckdb.DuckDBPyConnection, out: Path, table: str) -> Read:
    """Reads a table with DuckDB, in the session's connection."""
    source = connection.read_parquet(str(out / table / "*.parquet"))
    columns = list(zip(source.columns, map(str, source.types), strict=True))
    cells = [f'epoch_us("{name}")' if type.startswith("TIMESTAMP") else f'"{name}"' for name, type in columns]
    return Read(columns, source.project(", ".join(cells)).fetchall())


def read_spark(spark: SparkSession, out: Path, table: str) -> Read:
    """Reads a table with Spark."""
    frame = spark.read.parquet(str(out / table / "*.parquet"))
    columns = frame.dtypes
    cells = [f"unix_micros(`{name}`)" if type.startswith("timestamp") else f"`{name}`" for name, type in columns]
    selected = frame.selectExpr(*cells)
    assert selected.rdd.getNumPartitions() <= 1, f"{table}: Spark split the file, and the order of its rows is lost"
    return Read(columns, [tuple(row) for row in selected.collect()])


@contextmanager
def by_rows(spark: SparkSession) -> Iterator[None]:
    """Spark's other reader, which is that of all who read with parquet-java: it takes the records one by one."""
    setting = "spark.sql.parquet.enableVectorizedReader"
    spark.conf.set(setting, "false")
    try:
        yield
    finally:
        spark.conf.unset(setting)


def read_pyarrow(out: Path, table: str) -> Read:
    """Reads a table with pyarrow."""
    data = pyarrow.parquet.read_table(only_file(out, table))
    columns = [(field.name, field.type) for field in data.schema]
    cells = [
        column.cast(pyarrow.int64()) if pyarrow.types.is_timestamp(column.type) else column for column in data.columns
    ]
    return Read(columns, list(zip(*(column.to_pylist() for column in cells), strict=True)))


def check_parquet_schema(out: Path, table: str) -> None:
    """The file's own schema is the published one: names, order, physical and logical types, required or optional."""
    schema = pyarrow.parquet.ParquetFile(only_file(out, table)).schema
    found = []
    for at in range(len(schema)):
        column = schema.column(at)
        logical = json.loads(column.logical_type.to_json())
        logical = None if logical["Type"] == "None" else logical
        found.append((column.path, (column.physical_type, logical), column.max_definition_level == 1))
    wanted = [(column.name, TYPES[column.type].parquet, column.nullable) for column in published(table)]
    assert found == wanted, f"{table}: the file's schema is not the published one"


def check_columns(read: Read, table: str, reader: str) -> None:
    """The columns are the published ones, as `reader` (a field of `PublishedType`) calls them."""
    wanted = [(column.name, getattr(TYPES[column.type], reader)) for column in published(table)]
    assert read.columns == wanted, f"{table}: {reader} sees other columns than the published ones"


def check_rows(read: Read, table: str, wanted: list[Row]) -> None:
    """The rows are those of the oracle, cell by cell, in the same order."""
    names = [column.name for column in published(table)]
    for at, (found_row, wanted_row) in enumerate(zip(read.rows, wanted, strict=False)):
        for name, found_cell, wanted_cell in zip(names, found_row, wanted_row, strict=True):
            assert exact(found_cell) == exact(wanted_cell), (
                f"{table}, row {at}, {name}: {shown(found_cell)} where {shown(wanted_cell)} was expected; "
                f"the whole row is {shown(found_row)}, expected {shown(wanted_row)}"
            )
    # Last, because the first row that differs tells more than a number.
    assert len(read.rows) == len(wanted), f"{table}: {len(read.rows)} rows where {len(wanted)} were expected"


def exact(cell: str | int | float | bool | dict | list | None) -> tuple[type, object]:
    """A cell in a form under which only the same is equal: not 1 and True, not 0.0 and -0.0."""
    if isinstance(cell, dict):
        return dict, [(name, exact(member)) for name, member in cell.items()]
    if isinstance(cell, list):
        return list, [exact(element) for element in cell]
    return type(cell), struct.pack("<d", cell) if isinstance(cell, float) else cell


def shown(value: object) -> str:
    """A value for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}... ({len(text)} characters)"
