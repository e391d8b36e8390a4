"""The typed tables (docs/typed-tables.md), read back by DuckDB, Spark and pyarrow, against `typed_oracle.py`."""

from __future__ import annotations

import datetime
import gzip
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.parquet
import pytest
import readers
from program import Apsides
from pyspark.sql import Row, SparkSession
from readers import Read
from typed_oracle import EPOCH, EVENTS_FIXED, WIDE_FIXED, TypedTables

ALL = "profiles,attributes,tags,events,wide,events_*"

#: What each reader calls the column of a kind.
TYPES = {
    **dict.fromkeys(("text", "json"), ("VARCHAR", "string", pyarrow.string())),
    "integer": ("BIGINT", "bigint", pyarrow.int64()),
    "double": ("DOUBLE", "double", pyarrow.float64()),
    **dict.fromkeys(("boolean", "tag"), ("BOOLEAN", "boolean", pyarrow.bool_())),
    "date": ("DATE", "date", pyarrow.date32()),
    **dict.fromkeys(
        ("timestamp_s", "timestamp_ms"), ("TIMESTAMP WITH TIME ZONE", "timestamp", pyarrow.timestamp("us", tz="UTC"))
    ),
}
FIXED_KINDS = {"ordinal": "integer", "source_event_time": "timestamp_ms", "created_at": "timestamp_ms"} | {
    "is_duplicate": "boolean"
}


TYPES_OF = ["duckdb", "spark", "pyarrow"]
READERS = [*TYPES_OF, "spark by rows"]


def duckdb_struct(members: list[tuple[str, str]]) -> str:
    quoted = [f'"{name}" {type}' for name, type in members]
    return str(duckdb.sqltype(f"STRUCT({', '.join(quoted)})"))


def spark_struct(members: list[tuple[str, str]]) -> str:
    return f"struct<{','.join(f'{name}:{type}' for name, type in members)}>"


LISTS = [lambda element: f"{element}[]", lambda element: f"array<{element}>", pyarrow.list_]
STRUCTS = [duckdb_struct, spark_struct, pyarrow.struct]


def type_of(column: dict, reader: str) -> object:
    """What a reader calls the type of a column."""
    at = TYPES_OF.index(reader.removesuffix(" by rows"))
    members = [(member["name"], type_of(member, reader)) for member in column.get("members", [])]
    match column["kind"]:
        case "list":
            return LISTS[at](members[0][1])
        case "struct":
            return STRUCTS[at](members)
        case kind:
            return TYPES[kind][at]


# What the readers give.


def plain(cell: object) -> object:
    """A cell with structs as dictionaries; in them, dates as days and instants as microseconds since the epoch."""
    match cell:
        case Row():
            return {name: plain(member) for name, member in cell.asDict().items()}
        case dict():
            return {name: plain(member) for name, member in cell.items()}
        case list():
            return [plain(element) for element in cell]
        case datetime.datetime():
            return (cell.astimezone(datetime.UTC) - EPOCH) // datetime.timedelta(microseconds=1)
        case datetime.date():
            return (cell - EPOCH.date()).days
    return cell


def duckdb_read(connection: duckdb.DuckDBPyConnection, files: object, **options: bool) -> Read:
    """With dates as days and instants as microseconds since the epoch."""
    source = connection.read_parquet(files, **options)
    columns = list(zip(source.columns, map(str, source.types), strict=True))
    cells = {"DATE": "date_diff('day', DATE '1970-01-01', \"{}\")", "TIMESTAMP WITH TIME ZONE": 'epoch_us("{}")'}
    selected = ", ".join(cells.get(type, '"{}"').format(name) for name, type in columns)
    return Read(columns, [tuple(map(plain, row)) for row in source.project(selected).fetchall()])


def spark_read(spark: SparkSession, *files: str, merge: bool = False) -> Read:
    frame = spark.read.option("mergeSchema", merge).parquet(*files)
    cells = {"date": "unix_date(`{}`)", "timestamp": "unix_micros(`{}`)"}
    selected = frame.selectExpr(*(cells.get(type, "`{}`").format(name) for name, type in frame.dtypes))
    return Read(frame.dtypes, [tuple(map(plain, row)) for row in selected.collect()])


def pyarrow_read(file: Path) -> Read:
    data = pyarrow.parquet.read_table(file)
    columns = []
    for column in data.columns:
        if pyarrow.types.is_date(column.type):
            column = column.cast(pyarrow.int32())
        elif pyarrow.types.is_timestamp(column.type):
            column = column.cast(pyarrow.int64())
        columns.append(list(map(plain, column.to_pylist())))
    return Read([(field.name, field.type) for field in data.schema], list(zip(*columns, strict=True)))


def read_by(reader: str, file: Path, connection: duckdb.DuckDBPyConnection, spark: SparkSession) -> Read:
    match reader:
        case "duckdb":
            return duckdb_read(connection, str(file))
        case "spark":
            return spark_read(spark, str(file))
        case "spark by rows":
            with readers.by_rows(spark):
                return spark_read(spark, str(file))
    return pyarrow_read(file)


def schema_of(out: Path) -> dict:
    return json.loads((out / ".apsides/manifest.json").read_text(encoding="utf-8"))["typed"]


def attribute_ids(definitions: dict) -> frozenset[str]:
    return frozenset(version["id"] for each in definitions.get("attributes", []) for version in each["versions"])


def check_rows(found: list[tuple], wanted: list[tuple], columns: list[str], what: str) -> None:
    for at, pair in enumerate(zip(found, wanted, strict=False)):
        for name, found_cell, wanted_cell in zip(columns, *pair, strict=True):
            assert readers.exact(found_cell) == readers.exact(wanted_cell), (
                f"{what}, row {at} ({pair[0][:2]}), {name}: "
                f"{readers.shown(found_cell)} where {readers.shown(wanted_cell)} was expected"
            )
    assert len(found) == len(wanted), f"{what}: {len(found)} rows where {len(wanted)} were expected"


def check_unmapped(out: Path, wanted: TypedTables) -> None:
    found = Counter(unmapped_rows(out))
    assert found == wanted.unmapped, f"only found {found - wanted.unmapped}, only wanted {wanted.unmapped - found}"


# What the simulator writes.


@pytest.fixture(scope="module", params=[(1, False), (2, True), (3, True)], ids=str)
def simulated(
    request: pytest.FixtureRequest, apsides: Apsides, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, TypedTables]:
    seed, oddities = request.param
    folder = tmp_path_factory.mktemp("simulated")
    export, definitions, out = folder / "e.json", folder / "d.json", folder / "out"
    options = ["--oddities"] if oddities else []
    apsides.succeed(
        "simulate", "--write", export, "--definitions", definitions, "--profiles=150", f"--seed={seed}", *options
    )
    apsides.succeed("convert", export, "--out", out, "--definitions", definitions, "--tables", ALL)
    known = attribute_ids(json.loads(definitions.read_text(encoding="utf-8")))
    return out, TypedTables(export.read_bytes(), schema_of(out), known)


@pytest.mark.parametrize("reader", READERS)
def test_simulated_exports(
    reader: str,
    simulated: tuple[Path, TypedTables],
    connection: duckdb.DuckDBPyConnection,
    spark: SparkSession,
) -> None:
    out, wanted = simulated
    assert len(wanted.rows) > 5, "too few tables to prove anything"
    for table in schema_of(out)["tables"]:
        name = table["name"]
        file = readers.only_file(out, name)
        read = read_by(reader, file, connection, spark)
        fixed = WIDE_FIXED if name == "wide" else EVENTS_FIXED
        columns = [{"name": column, "kind": FIXED_KINDS.get(column, "text")} for column in fixed] + table["columns"]
        assert read.columns == [(column["name"], type_of(column, reader)) for column in columns], name
        check_rows(read.rows, wanted.rows[name], [column["name"] for column in columns], name)
        assert wanted.rows[name] or name != "wide", "an empty table proves nothing"
    check_unmapped(out, wanted)


def test_metadata_of_fields(simulated: tuple[Path, TypedTables]) -> None:
    out, _ = simulated
    for table in schema_of(out)["tables"]:
        check_metadata(readers.only_file(out, table["name"]), table)


def check_metadata(file: Path, table: dict) -> None:
    schema = pyarrow.parquet.read_schema(file)
    for column in table["columns"]:
        metadata = {key.decode(): value.decode() for key, value in (schema.field(column["name"]).metadata or {}).items()}
        assert metadata["apsides.kind"] == column["kind"]
        assert metadata["apsides.ids"] == " ".join(column["ids"])
        for key, member in (("apsides.discriminator", "discriminator"), ("apsides.name", "title")):
            assert metadata.get(key, "") == column.get(member, "")


# Fed on purpose.


def attribute(name: str, type: str | None, *ids: str, old: tuple[str, ...] = (), discriminator: str = "") -> dict:
    """An attribute with these live versions, and these that are no longer."""
    versions = [{"id": id, "deprecated_at": "2024-01-01T00:00:00Z"} for id in old]
    versions += [{"id": id, "deprecated_at": None} for id in ids]
    said = {} if type is None else {"type": type}
    discriminator = discriminator or f"com.apsis1.attributes.{name}"
    return {"discriminator": discriminator, "name": name, "section_id": "1", "versions": versions, **said}


def event(name: str, id: str, **fields: str) -> dict:
    declared = [{"name": field, "type": type} for field, type in fields.items()]
    versions = [{"id": id, "deprecated_at": None, "fields": declared}]
    return {"discriminator": f"com.apsis1.events.{name}", "name": name, "section_id": "1", "versions": versions}


def section(attributes: str = "{}", events: str = "[]") -> str:
    return f'{{"p":{{"sections":{{"1":{{"attributes":{attributes},"events":{events}}}}}}}}}'


def convert(
    apsides: Apsides, out: Path, export: str | bytes, *options: str, tables: str = ALL, **definitions: list
) -> None:
    data = export if isinstance(export, bytes) else export.encode()
    arguments: list[str | Path] = ["convert", "-", "--out", out, "--tables", tables, *options]
    if definitions:
        path = out.parent / "definitions.json"
        path.write_text(json.dumps({"attributes": [], "tags": [], "events": [], "sections": []} | definitions))
        arguments += ["--definitions", path]
    apsides.succeed(*arguments, stdin=data)


def cells(out: Path, table: str = "wide") -> list[dict]:
    """The rows, without the columns that all typed tables have."""
    read = pyarrow_read(readers.only_file(out, table))
    fixed = len(WIDE_FIXED if table == "wide" else EVENTS_FIXED)
    names = [name for name, _ in read.columns[fixed:]]
    return [dict(zip(names, row[fixed:], strict=True)) for row in read.rows]


def unmapped_rows(out: Path) -> list[tuple]:
    """The rows of all its files: what the threads find that encode has a file of its own."""
    return [row for file in sorted((out / "unmapped").glob("*.parquet")) for row in pyarrow_read(file).rows]


def unmapped(out: Path) -> list[tuple[str, str]]:
    """Pointer and value of what did not fit."""
    return [(row[2], row[4]) for row in unmapped_rows(out)]


#: A kind, a value as it stands in the file, and the cell; without a cell, it does not fit.
FITS = [
    ("text", '"a"', "a"), ("text", "1", None), ("text", "true", None), ("text", "{}", None), ("text", '""', ""),
    ("text", '"\\ud800x"', "\ufffdx"),
    ("integer", "12", 12), ("integer", "1.2e1", 12), ("integer", "12.0", 12), ("integer", '"12"', 12),
    ("integer", '"1.2e1"', 12), ("integer", "1.5", None), ("integer", '"x"', None), ("integer", "true", None),
    ("integer", "9223372036854775807", 2**63 - 1), ("integer", "9223372036854775808", None),
    ("integer", "-9223372036854775808", -(2**63)), ("integer", "1e400", None), ("integer", "0e400", 0),
    ("integer", '" 12"', None),
    ("double", "1", 1.0), ("double", "1e400", None), ("double", '"0.5"', 0.5), ("double", '"NaN"', None),
    ("double", '"1e400"', None), ("double", "123456789012345678901234567890", 123456789012345678901234567890.0),
    ("double", "-0.0", -0.0),
    ("boolean", "true", True), ("boolean", '"false"', False), ("boolean", "0", None), ("boolean", '"TRUE"', None),
    ("date", '"1970-01-02"', 1), ("date", '"2023-02-29"', None), ("date", '"1970-1-2"', None), ("date", "1", None),
    ("date", '"1970-01-02T00:00:00Z"', None), ("date", '"1969-12-31"', -1), ("date", '" 1970-01-02"', None),
    ("timestamp_s", "1", 1_000_000), ("timestamp_s", '"1"', 1_000_000), ("timestamp_s", "1.5", None),
    ("timestamp_s", '"1970-01-01T01:00:01+01:00"', 1_000_000), ("timestamp_s", '"1970-01-01T00:00:00.5Z"', 500_000),
    ("timestamp_s", '"1970-01-01T00:00:00"', None), ("timestamp_s", '"1970-01-01"', None),
    ("timestamp_s", "9223372036854775807", None), ("timestamp_s", '"1970-02-30T00:00:00Z"', None),
    ("timestamp_ms", "1", 1000), ("timestamp_ms", "1e3", 1_000_000), ("timestamp_ms", "[]", None),
    ("json", '"a"', '"a"'), ("json", "1.50", "1.50"), ("json", '{ "a": [1]}', '{ "a": [1]}'), ("json", "true", "true"),
]  # fmt: skip


def test_which_values_fit(apsides: Apsides, tmp_path: Path) -> None:
    """Each in an attribute and in a member of its own, all in one export."""
    values = ",".join(f'"{at}":{{"value":{value}}}' for at, (_, value, _) in enumerate(FITS))
    data = ",".join(f'"m{at}":{value}' for at, (_, value, _) in enumerate(FITS))
    chosen = [f"--type={at}={kind}" for at, (kind, _, _) in enumerate(FITS)]
    chosen += [f"--type=e/m{at}={kind}" for at, (kind, _, _) in enumerate(FITS)]
    export = section("{" + values + "}", '[{"typeId":"e","data":{' + data + "}}]")
    convert(apsides, tmp_path / "out", export, *chosen)
    [wide], [event] = cells(tmp_path / "out"), cells(tmp_path / "out", "events_e")
    misfits = set(unmapped(tmp_path / "out"))
    for at, (kind, value, cell) in enumerate(FITS):
        for where, found, pointer in (
            ("attribute", wide[f"attribute_{at}"], f"/sections/1/attributes/{at}/value"),
            ("member", event[f"m{at}"], f"/sections/1/events/0/data/m{at}"),
        ):
            assert readers.exact(found) == readers.exact(cell), f"{kind} {where} {value}: {found!r}, not {cell!r}"
            assert ((pointer, value) in misfits) == (cell is None), f"{kind} {where} {value}: in unmapped or not"


#: The values of the two versions of an attribute, in the order of the file ("o" is the old one), the cell, the misfits.
VERSIONS = [
    ('"o":"x","n":"y"', "y", 0), ('"n":"y","o":"x"', "y", 0), ('"o":"x"', "x", 0), ('"n":null,"o":"x"', "x", 0),
    ('"o":"x","n":null', "x", 0), ('"n":"y","o":null', "y", 0), ('"o":null,"n":null', None, 0),
    ('"n":1,"o":"x"', None, 1), ('"o":"x","n":1', None, 1), ('"o":1,"n":"y"', "y", 1), ('"n":"y","o":1', "y", 1),
    ('"n":"y","n":null', None, 0), ('"n":1,"n":"y"', "y", 1), ('"n":"x","n":"y"', "y", 0),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "cell", "misfits"), VERSIONS)
def test_versions_share_a_column(entries: str, cell: object, misfits: int, apsides: Apsides, tmp_path: Path) -> None:
    wrapped = ",".join(f'{name}:{{"value":{value}}}' for name, value in (e.split(":") for e in entries.split(",")))
    convert(
        apsides, tmp_path / "out", section("{" + wrapped + "}"), attributes=[attribute("a", "text", "n", old=("o",))]
    )
    assert cells(tmp_path / "out") == [{"a": cell}]
    assert len(unmapped(tmp_path / "out")) == misfits


def test_the_columns_literally(apsides: Apsides, tmp_path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    long = "usercreated.attributes.Größe.der.最近.Bestellung.in.Euro.und.Cent.gesamt.x-abcdefghij"
    assert len(long.split("attributes.")[1]) >= 60
    convert(
        apsides,
        tmp_path / "out",
        section(
            '{"9":{"value":1},"3":{"value":"y"},"11":{"value":true},"7":{"value":null}}',
            '[{"typeId":"5","data":{"b":1,"a":{"x":1},"more":"m"}}]',
        ),
        attributes=[
            attribute("vip", "text", "3", discriminator="usercreated.attributes.vip-0y3nrd8jva"),
            attribute("vip", "integer", "2", discriminator="usercreated.attributes.vip-nsipzz5fk2"),
            attribute("t", "timestamp", "4"),
            attribute("long", "date", "6", discriminator=long),
        ],
        events=[event("order.placed", "5", a="json", b="double")],
        sections=[{"id": "1", "discriminator": "s", "name": "First"}],
    )
    wide = connection.read_parquet(str(tmp_path / "out/wide/*.parquet"))
    placed = connection.read_parquet(str(tmp_path / "out/events_order_placed/*.parquet"))
    assert list(zip(wide.columns, map(str, wide.types), strict=True)) == [
        ("export_key", "VARCHAR"), ("section_id", "VARCHAR"), ("section_name", "VARCHAR"),
        ("vip_0y3nrd8jva", "VARCHAR"), ("vip", "BIGINT"), ("t", "TIMESTAMP WITH TIME ZONE"),
        ("grosse_der_zui_jin_bestellung_in_euro_und_cent_gesamt_x", "DATE"),
        ("attribute_11", "BOOLEAN"), ("attribute_9", "BIGINT"), ("tag_7", "BOOLEAN"),
    ]  # fmt: skip
    assert wide.fetchall() == [("p", "1", "First", "y", None, None, None, True, 1, True)]
    assert [(name, str(type)) for name, type in zip(placed.columns[8:], placed.types[8:], strict=True)] == [
        ("a", "VARCHAR"), ("b", "DOUBLE"), ("more", "VARCHAR"),
    ]  # fmt: skip
    assert placed.fetchall() == [("p", "1", 0, None, "5", None, None, False, '{"x":1}', 1.0, "m")]


#: The `data` of an event of a type with the text member `a`, its cell, and how many rows of `unmapped`.
DATA = [
    ('{"a":"x"}', "x", 0), ("null", None, 0), ("[1]", None, 1), ('"s"', None, 1), ("1", None, 1), ("true", None, 1),
    ("{}", None, 0), ('{"a":null}', None, 0), ('{"a":1}', None, 1), ('{"a":"x","a":"y"}', "y", 0),
    ('{"a":"x","a":null}', None, 0), ('{"a":"x","a":1}', None, 1), ('{"a":1,"a":"x"}', "x", 1),
    ('{"A":"x"}', None, 0), ('{"\\u0061":"x"}', "x", 0), ('{"a":{"b":1}}', None, 1),
]  # fmt: skip


def test_data_of_all_sorts(apsides: Apsides, tmp_path: Path) -> None:
    events = ",".join(f'{{"typeId":"5","data":{data}}}' for data, _, _ in DATA)
    convert(apsides, tmp_path / "out", section("{}", f'[{{"typeId":5}},{events}]'), events=[event("e", "5", a="text")])
    found = [row["a"] for row in cells(tmp_path / "out", "events_e")]
    assert found == [None, *(cell for _, cell, _ in DATA)]
    misfits = Counter(pointer.split("/")[4] for pointer, _ in unmapped(tmp_path / "out"))
    assert [misfits[str(at)] for at in range(1, len(DATA) + 1)] == [count for _, _, count in DATA]


#: Sections of a profile, and the cells of the attribute `a` in the rows of `wide`.
SECTIONS = [
    ('"1":{"attributes":{"2":{"value":"x"}}}', ["x"]),
    ('"1":{"attributes":{"2":{"value":"x"}}},"1":{"attributes":{}}', [None]),
    ('"1":{"attributes":{"2":{"value":"x"}},"attributes":{"2":{"value":"y"}}}', ["y"]),
    ('"1":{"attributes":{"2":{"value":"x"}},"attributes":{}}', [None]),
    ('"1":{"attributes":{"2":{"value":"x","value":"y"}}}', ["y"]),
    ('"1":{"attributes":{"2":{"value":"x"},"2":{"value":"y"}}}', ["y"]),
    ('"1":{"attributes":{"2":{"value":"x"}}},"3":{},"1":{"attributes":{"2":{"value":"y"}}}', [None, "y"]),
    ('"1":7', [None]), ('"1":null', [None]), ('"1":{"attributes":null}', [None]), ("", []),
]  # fmt: skip


@pytest.mark.parametrize(("sections", "wanted"), SECTIONS)
@pytest.mark.parametrize("group", ["1000000", "1"])
def test_the_last_one_stands(sections: str, wanted: list, group: str, apsides: Apsides, tmp_path: Path) -> None:
    export = f'{{"p":{{"sections":{{{sections}}}}}}}'
    a = attribute("a", "text", "2")
    convert(apsides, tmp_path / "out", export, f"--row-group-rows={group}", attributes=[a])
    assert [row["a"] for row in cells(tmp_path / "out")] == wanted


def test_an_id_that_only_comes_after_the_sample(apsides: Apsides, tmp_path: Path) -> None:
    filler = ",".join(f'"{at}":{{"sections":{{"1":{{"attributes":{{"7":{{"value":"{"x" * 900}"}}}}}}}}}}' for at in range(5000))
    late = '"late":{"sections":{"1":{"attributes":{"7":{"value":8},"8":{"value":1}}}}}'
    convert(apsides, tmp_path / "out", f"{{{filler},{late}}}")
    rows = cells(tmp_path / "out")
    assert rows[0] == {"attribute_7": "x" * 900}
    assert rows[-1] == {"attribute_7": None}
    assert unmapped(tmp_path / "out") == [("/sections/1/attributes/7/value", "8")]
    manifest = json.loads((tmp_path / "out/.apsides/manifest.json").read_text())
    assert manifest["findings"]["without_column"] == 1


@pytest.mark.parametrize(
    ("export", "rows"),
    [("{}", 0), ('{"profiles":{}}', 0), ('{"metadata":{"a":1},"p":{"sections":{"1":{}}}}', 1), ('{"p":{}}', 0)],
)
@pytest.mark.parametrize("defined", [True, False])
def test_little_exports(export: str, rows: int, defined: bool, apsides: Apsides, tmp_path: Path) -> None:
    definitions = {"attributes": [attribute("a", None, "2")]} if defined else {}
    convert(apsides, tmp_path / "out", export, tables="wide", **definitions)
    found = pyarrow.parquet.read_table(tmp_path / "out/wide")
    assert found.num_rows == rows
    assert found.column_names == WIDE_FIXED, "an attribute of which nobody knows the type has no column yet"
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.name in ("attributes", "events")) == []


def test_definitions_without_types(apsides: Apsides, tmp_path: Path) -> None:
    export = section('{"1":{"value":1},"2":{"value":0.5},"3":{"value":{}},"4":{"value":"x"},"5":{"value":null}}')
    mixed = f'{export[:-1]},"q":{{"sections":{{"1":{{"attributes":{{"1":{{"value":2.5}},"4":{{"value":1}}}}}}}}}}}}'
    convert(apsides, tmp_path / "out", mixed, attributes=[attribute(f"a{id}", None, id) for id in "12345"])
    assert cells(tmp_path / "out") == [
        {"a1": 1.0, "a2": 0.5, "a3": "{}", "a4": '"x"'}, {"a1": 2.5, "a2": None, "a3": None, "a4": "1"},
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["1e400", '"\\ud800"', "[" * 500 + "]" * 500])
def test_a_hard_value_in_the_sample_hides_no_member(value: str, apsides: Apsides, tmp_path: Path) -> None:
    convert(apsides, tmp_path / "out", section("{}", f'[{{"typeId":"5","data":{{"a":1,"v":{value},"z":2}}}}]'))
    [row] = cells(tmp_path / "out", "events_5")
    assert list(row) == ["a", "v", "z"]
    assert (row["a"], row["z"]) == (1, 2)


# Objects and arrays.

#: Of 20 events or more, what the member `m` is, and how often; and its type in DuckDB.
SHAPES = [
    ([('{"a":1}', 20)], "STRUCT(a BIGINT)"), ([('{"a":1}', 19)], "VARCHAR"),
    ([('{"a":1}', 20), ("7", 1)], "VARCHAR"), ([('{"a":1}', 20), ("[]", 1)], "VARCHAR"),
    ([('{"a":1}', 20), ("null", 99)], "STRUCT(a BIGINT)"), ([('{"a":1}', 20), ('{"b":[1]}', 1)], "STRUCT(a BIGINT, b VARCHAR)"),
    ([('{"Är Öl":1,"a.b":"x"}', 20)], "STRUCT(ar_ol BIGINT, a_b VARCHAR)"), ([("{}", 50)], "VARCHAR"),
    ([("[1]", 20)], "BIGINT[]"), ([("[1]", 10), ("[0.5]", 10)], "DOUBLE[]"), ([('[1,"x"]', 20)], "VARCHAR"),
    ([("[]", 50)], "VARCHAR"), ([("[[1]]", 20)], "VARCHAR"), ([('["x",null]', 20)], "VARCHAR[]"),
    ([('[{"a":[true]}]', 20)], "STRUCT(a BOOLEAN[])[]"),
    ([(f'{{"{key}":1}}', 1) for key in range(50)], "VARCHAR"),
]  # fmt: skip


def events_with(values: list[tuple[str, int]]) -> str:
    events = [f'{{"typeId":"5","data":{{"m":{value}}}}}' for value, times in values for _ in range(times)]
    return section("{}", f"[{','.join(events)}]")


@pytest.mark.parametrize(("values", "type"), SHAPES, ids=lambda case: case if isinstance(case, str) else case[0][0])
def test_which_shapes_are_stable(
    values: list, type: str, apsides: Apsides, tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    convert(apsides, tmp_path / "out", events_with(values))
    read = duckdb_read(connection, str(readers.only_file(tmp_path / "out", "events_5")))
    assert read.columns[-1] == ("m", type)
    wanted = TypedTables(events_with(values).encode(), schema_of(tmp_path / "out"), frozenset())
    assert read.rows == wanted.rows["events_5"]
    check_unmapped(tmp_path / "out", wanted)
    convert(apsides, tmp_path / "json", events_with(values), "--nested=json")
    texts = [row["m"] for row in cells(tmp_path / "json", "events_5")]
    assert texts == [None if value == "null" else value for value, times in values for _ in range(times)]


def test_shapes_that_are_declared(apsides: Apsides, tmp_path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """By definitions and by options, so that one event is enough."""
    fields = [
        {"name": "o", "type": "object", "fields": [{"name": "when", "type": "date"}, {"name": "n", "type": "decimal"}]},
        {"name": "l", "type": "array", "items": {"type": "object", "fields": [{"name": "x", "type": "text"}]}},
        {"name": "t", "type": "array", "items": "text"},
        {"name": "j", "type": "json"},
    ]
    versions = [{"id": "5", "deprecated_at": None, "fields": fields}]
    declared = {"discriminator": "com.apsis1.events.e", "name": "e", "section_id": "1", "versions": versions}
    data = (
        '{"o":{"when":"1970-01-02","n":1,"more":true},"l":[{"x":"y"},null,{"x":1}],"t":["a",2,null],"j":{"a":[1]},'
        '"s":{"seen":1,"deep":{"d":"1970-01-03"}},"n":["1",2]}'
    )
    chosen = ["--type=5/s/seen=timestamp_s", "--type=5/s/deep/d=date", "--type=com.apsis1.events.e/n[]=integer"]
    convert(apsides, tmp_path / "out", section("{}", f'[{{"typeId":"5","data":{data}}}]'), *chosen, events=[declared])
    read = duckdb_read(connection, str(readers.only_file(tmp_path / "out", "events_e")))
    assert read.columns[len(EVENTS_FIXED) :] == [
        ("o", 'STRUCT("when" DATE, n DOUBLE, more BOOLEAN)'), ("l", "STRUCT(x VARCHAR)[]"), ("t", "VARCHAR[]"),
        ("j", "VARCHAR"), ("s", "STRUCT(seen TIMESTAMP WITH TIME ZONE, deep STRUCT(d DATE))"), ("n", "BIGINT[]"),
    ]  # fmt: skip
    assert read.rows[0][len(EVENTS_FIXED) :] == (
        {"when": 1, "n": 1.0, "more": True}, [{"x": "y"}, None, {"x": None}], ["a", None, None], '{"a":[1]}',
        {"seen": 1_000_000, "deep": {"d": 2}}, [1, 2],
    )  # fmt: skip
    assert sorted(unmapped(tmp_path / "out")) == [
        ("/sections/1/events/0/data/l/2/x", "1"), ("/sections/1/events/0/data/t/1", "2"),
    ]  # fmt: skip


def nested_data(chance: random.Random) -> str:
    """The `data` of an event: mostly of one shape, with white space, names that come twice, and values that don't fit."""

    def odd(usual: str) -> str:
        return chance.choice(["null", "7", '"x"', "{}", "[]", '{"z":[{}]}', "[[1]]", "true"]) if chance.random() < 0.1 else usual

    def some(make: Callable[[], str], most: int) -> str:
        return "[" + ", ".join(odd(make()) for _ in range(chance.randrange(most))) + "]"

    def joined(*members: tuple[str, str]) -> str:
        kept = [f'"{name}":{odd(value)}' for name, value in members if chance.random() < 0.8]
        twice = chance.choices(kept, k=1) if kept and chance.random() < 0.1 else []
        return "{" + ",".join(kept + twice) + " }"

    def number() -> str:
        return str(chance.randrange(-5, 10**12))

    def item() -> str:
        price = ("price", f"{chance.random():.3f}")
        return joined(("sku", number()), price, ("näme", '"\\u00e9\\ud800"'), ("tags", some(lambda: f'"{number()}"', 3)))

    at = joined(("lat", "1.5"), ("town", joined(("name", '"Åmål"'), ("zip", number()))))
    return joined(("items", some(item, 4)), ("at", at), ("flags", some(lambda: "false", 12)), ("n", number()))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("group", ["1000000", "150"])
def test_objects_and_arrays_of_all_sorts(
    reader: str, group: str, apsides: Apsides, tmp_path: Path, connection: duckdb.DuckDBPyConnection, spark: SparkSession
) -> None:
    """What is published first is regular. What comes then is held to it, whatever it is."""
    chance, out = random.Random(5), tmp_path / "out"
    item = '{"sku":1,"price":0.5,"näme":"n","tags":["t"]}'
    regular = f'{{"items":[{item}],"at":{{"lat":1.5,"town":{{"name":"n","zip":1}}}},"flags":[true],"n":1}}'
    convert(apsides, out, section("{}", "[" + ",".join([f'{{"typeId":"5","data":{regular}}}'] * 20) + "]"))
    events = ",".join(f'{{"typeId":"5","data":{nested_data(chance)}}}' for _ in range(600))
    export = section("{}", f"[{events}]")
    options = ["--overwrite", "--schema-mode=discard", f"--row-group-rows={group}"]
    convert(apsides, out, export, *options)
    [table] = [table for table in schema_of(out)["tables"] if table["name"] == "events_5"]
    assert [column["kind"] for column in table["columns"]] == ["list", "struct", "list", "integer"]
    wanted = TypedTables(export.encode(), schema_of(out), frozenset())
    file = readers.only_file(out, "events_5")
    assert pyarrow.parquet.ParquetFile(file).num_row_groups == (4 if group == "150" else 1)
    read = read_by(reader, file, connection, spark)
    names = [*EVENTS_FIXED, *(column["name"] for column in table["columns"])]
    assert [type for _, type in read.columns[8:]] == [type_of(column, reader) for column in table["columns"]]
    check_rows(read.rows, wanted.rows["events_5"], names, "events_5")
    check_unmapped(out, wanted)
    assert sum(wanted.unmapped.values()) > 300, "too little is wrong to prove anything"


def test_structs_of_two_runs_are_read_together(
    apsides: Apsides, tmp_path: Path, connection: duckdb.DuckDBPyConnection, spark: SparkSession
) -> None:
    one, two = events_with([('{"o":{"a":1},"l":[{"x":1}]}', 20)]), events_with([('{"o":{"a":2,"b":"c"},"l":[{"x":2,"y":true}]}', 20)])
    first, second = tmp_path / "first", tmp_path / "second"
    convert(apsides, first, one)
    two_runs(apsides, second, {"export": one}, {"export": two})
    files = [str(readers.only_file(out, "events_5")) for out in (first, second)]
    wanted = [
        {"o": {"a": 1, "b": None}, "l": [{"x": 1, "y": None}]}, {"o": {"a": 2, "b": "c"}, "l": [{"x": 2, "y": True}]},
    ]  # fmt: skip
    for read in (duckdb_read(connection, files, union_by_name=True), spark_read(spark, *files, merge=True)):
        found = [row[-1] for row in read.rows]
        assert len(found) == 40 and all(found.count(cell) == 20 for cell in wanted)


# Two runs.


def two_runs(apsides: Apsides, out: Path, first: dict, second: dict, *options: str) -> None:
    """Each with an export and definitions; the second over the first."""
    convert(apsides, out, **first)
    convert(apsides, out, second.pop("export"), "--overwrite", *options, **second)


def test_runs_over_each_other(apsides: Apsides, tmp_path: Path) -> None:
    d = "usercreated.attributes.a-abcdefghij"
    one = section('{"2":{"value":1},"6":{"value":"g"}}', '[{"typeId":"5","data":{"m":1}}]')
    two = section('{"2":{"value":2},"4":{"value":"z"},"9":{"value":3}}', '[{"typeId":"5","data":{"m":"t"}}]')
    first = {
        "export": one,
        "attributes": [attribute("a", "integer", "2", discriminator=d), attribute("gone", "text", "6")],
    }
    other_type = attribute("renamed", "integer", "2", discriminator=d)
    fourth = attribute("new", "text", "4")
    for mode, wide, members in (
        ("evolve", {"a": 2, "gone": None, "new": "z", "attribute_9": 3}, {"m": None, "m_text": "t"}),
        ("discard", {"a": 2, "gone": None}, {"m": None}),
    ):
        out = tmp_path / mode
        two_runs(
            apsides, out, dict(first), {"export": two, "attributes": [other_type, fourth]}, f"--schema-mode={mode}"
        )
        assert cells(out) == [wide]
        assert cells(out, "events_5") == [members]
    convert(apsides, tmp_path / "freeze", **first)
    before = {path: path.read_bytes() for path in (tmp_path / "freeze").rglob("*") if path.is_file()}
    ended = apsides.run(
        "convert", "-", "--out", tmp_path / "freeze", "--overwrite", "--schema-mode=freeze", "--tables", ALL, stdin=two.encode()
    )
    assert ended.returncode != 0
    assert before == {path: path.read_bytes() for path in (tmp_path / "freeze").rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("then", "wanted"),
    [
        (attribute("a", "integer", "3", old=("2",)), {"a": 1}),
        (attribute("a", "text", "2"), {"a": None, "a_text": None}),
        # What comes under the id of the version that was, still is what it was.
        (attribute("a", "text", "3"), {"a": 1, "a_text": None}),
        (None, {"a": 1}),
    ],
    ids=["new version", "other type", "new version of another type", "dropped"],
)
def test_a_definition_changes(then: dict | None, wanted: dict, apsides: Apsides, tmp_path: Path) -> None:
    export = section('{"2":{"value":1}}')
    out = tmp_path / "out"
    two_runs(
        apsides, out,
        {"export": export, "attributes": [attribute("a", "integer", "2")]},
        {"export": export, "attributes": [then] if then else []},
    )  # fmt: skip
    assert cells(out) == [wanted]


def test_files_of_two_runs_are_read_together(
    apsides: Apsides, tmp_path: Path, connection: duckdb.DuckDBPyConnection, spark: SparkSession
) -> None:
    one, two = section('{"2":{"value":1}}'), section('{"2":{"value":"x"},"4":{"value":true}}')
    first, second = tmp_path / "first", tmp_path / "second"
    convert(apsides, first, one, attributes=[attribute("a", "integer", "2")])
    convert(apsides, second, one, attributes=[attribute("a", "integer", "2")])
    changed = [attribute("a", "text", "2"), attribute("b", "boolean", "4")]
    convert(apsides, second, two, "--overwrite", attributes=changed)
    files = [str(readers.only_file(out, "wide")) for out in (first, second)]
    wanted = [("p", "1", None, 1, None, None), ("p", "1", None, None, "x", True)]
    names = [*WIDE_FIXED, "a", "a_text", "b"]
    for read in (duckdb_read(connection, files, union_by_name=True), spark_read(spark, *files, merge=True)):
        assert [name for name, _ in read.columns] == names
        assert sorted(read.rows, key=str) == sorted(wanted, key=str)


# However it is run.


def test_the_same_however_it_is_run(apsides: Apsides, tmp_path: Path) -> None:
    export, definitions = tmp_path / "e.json", tmp_path / "d.json"
    apsides.succeed("simulate", "--write", export, "--definitions", definitions, "--profiles=2000", "--oddities")
    data = export.read_bytes()
    ways = {
        "one": (["--threads=1"], None),
        "four": (["--threads=4"], None),
        "stdin": ([], data),
        "gzip": ([], gzip.compress(data)),
        "groups": (["--row-group-rows=1000", "--threads=4"], None),
        "groups again": (["--row-group-rows=1000", "--threads=1"], None),
    }
    files: dict[str, dict] = {}
    for way, (options, stdin) in ways.items():
        source = export if stdin is None else "-"
        out = tmp_path / way
        apsides.succeed(
            "convert", source, "--out", out, "--definitions", definitions, "--tables", ALL, *options, stdin=stdin or b""
        )
        files[way] = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.parquet")}
    for way, same in (("four", "one"), ("stdin", "one"), ("gzip", "one"), ("groups again", "groups")):
        differ = [name for name in files[same] if files[way].get(name) != files[same][name]]
        assert differ == [], way
    # So many row groups may need several files.
    for name in files["one"]:
        one, groups = (
            pyarrow.concat_tables(
                pyarrow.parquet.read_table(file)
                for file in sorted((tmp_path / way).glob(name.replace("00000.parquet", "*.parquet")))
            )
            for way in ("one", "groups")
        )
        assert one.equals(groups), name
    assert pyarrow.parquet.ParquetFile(tmp_path / "groups/wide/part-00000.parquet").num_row_groups > 1


# The pages.


@pytest.mark.parametrize("option", ["--row-group-rows=1700", "--memory-limit=64M"])
def test_pages_of_all_fillings(
    option: str, apsides: Apsides, tmp_path: Path, connection: duckdb.DuckDBPyConnection, spark: SparkSession
) -> None:
    """All null, all valid, alternating, one in a hundred, and long runs; over several batches, and over several row groups
    or pages. Texts that are few in some pages of a row group, and are not in others."""
    count = 5000
    values = {
        "date": lambda at: (f'"2024-01-{at % 28 + 1:02}"', 19723 + at % 28),
        "boolean": lambda at: (("true", True) if at % 3 else ("false", False)),
        "integer": lambda at: (str(at), at),
        "timestamp_s": lambda at: (str(at), at * 1_000_000),
        "double": lambda at: (f"{at}.5", at + 0.5),
        "text": lambda at: (f'"{at % 7}"', str(at % 7)),
        "text ": lambda at: (f'"{few_or_not(at)}"', few_or_not(at)),
    }

    def few_or_not(at: int) -> str:
        return f"the remark {at}" if 1500 < at < 3500 else "not one is like another"[: at % 9 + 10]

    fillings = [lambda at: False, lambda at: True, lambda at: at % 2 == 0, lambda at: at % 100 == 99, lambda at: at // 700 % 2]
    columns = [(kind, is_set) for kind in values for is_set in fillings]
    entries, wanted = [], []
    for row in range(count):
        pairs = [values[kind](row) if is_set(row) else None for kind, is_set in columns]
        wanted.append(tuple(pair and pair[1] for pair in pairs) + (row % 2 == 0, row % 5 == 0))
        inside = [f'"{at}":{{"value":{pair[0]}}}' for at, pair in enumerate(pairs) if pair]
        inside += [f'"t{by}":{{"value":null}}' for by in (2, 5) if row % by == 0]
        entries.append(f'"{row}":{{"sections":{{"1":{{"attributes":{{{",".join(inside)}}}}}}}}}')
    kinds = [f"--type={at}={kind.strip()}" for at, (kind, _) in enumerate(columns)]
    attributes = [attribute(f"a{at}", None, str(at)) for at in range(len(columns))]
    out = tmp_path / "out"
    convert(
        apsides, out, "{" + ",".join(entries) + "}", *kinds, option, tables="wide", attributes=attributes
    )
    file = readers.only_file(out, "wide")
    names = [f"a{at}" for at in range(len(columns))] + ["tag_t2", "tag_t5"]
    group = pyarrow.parquet.ParquetFile(file).metadata.row_group(0)
    encodings = {column.path_in_schema: set(column.encodings) for column in map(group.column, range(group.num_columns))}
    all_few, some_few = (names[columns.index((kind, fillings[1]))] for kind in ("text", "text "))
    assert "RLE_DICTIONARY" in encodings[all_few]
    if option == "--memory-limit=64M":
        assert encodings[some_few] == {"RLE", "PLAIN", "RLE_DICTIONARY", "DELTA_LENGTH_BYTE_ARRAY"}
    for read in (pyarrow_read(file), duckdb_read(connection, str(file)), spark_read(spark, str(file))):
        assert [name for name, _ in read.columns[3:]] == names
        check_rows([row[3:] for row in read.rows], wanted, names, "wide")
