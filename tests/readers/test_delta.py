"""What the logs of Delta tables say of each file's rows, against what DuckDB finds in the file: number of rows and of nulls,
and bounds that hold all values; and `deltalake`, which reads no more files than it must by that, and finds the same rows."""

from __future__ import annotations

import datetime
import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import inputs
import pyarrow.dataset
import pyarrow.parquet
import pytest
from deltalake import DeltaTable
from program import Apsides
from test_schedule import NIGHTS, PIPELINE, simulated
from test_typed import FITS

TABLES = "profiles,attributes,tags,events,unmapped,wide,events_*"
#: Of so many columns of a file, as Parquet counts them, something is said.
COLUMNS_MAX = 32
#: Longer texts are cut.
TEXT_BYTES_MAX = 128
#: The property of a table that names the columns of which every file has bounds, if it has any.
PROPERTY = "delta.dataSkippingStatsColumns"
BY_KEY, BY_TIME = "export_key", "export_key,source_event_time,created_at"
UTC = datetime.UTC

#: Keys of profiles: cut in the middle of a character, without one that comes after them, with all that JSON escapes.
KEYS = [
    [""], ["", "a"], ["a" * 128], ["a" * 129], ["a" * 127 + "éé"], ["a" * 126 + "éé", "b"], ["é" * 200, "é" * 64],
    ["日本" * 60], ["😀" * 40, "a"], ["\U0010ffff" * 40], ["a", "\U0010ffff" * 33], ["a" * 127 + "\U0010ffff" * 2],
    ["\ud7ff" * 50], ["\x00\x1f\"\\\x7f", "z"], ["\x7f" * 200],
]  # fmt: skip

#: Objects and arrays have columns of their own if there are as many.
TIMES = 20

#: Members of events: of each kind none, one, and some that are at the edge of something.
DATA = [
    {"n": None, "d": None, "t": None, "b": None, "day": None, "at": None},
    {"n": -7, "d": -0.5, "t": "", "b": False, "day": "1969-12-31", "at": "1969-12-31T23:59:59.999999Z"},
    {"n": -(2**63), "d": -1.7976931348623157e308, "t": "x" * 300, "b": True, "day": "0001-01-01", "at": "1700-01-01T00:00:00Z"},
    {"n": 2**63 - 1, "d": 5e-324, "t": "é" * 100, "day": "9999-12-31", "at": "2262-04-11T00:00:00.123456Z"},
    {"n": 0, "d": 0.0, "day": "2024-02-29", "at": "2024-02-29T12:00:00.000001Z", "in": {"n": -1, "deep": {"d": 2.5}}},
    {"d": -0.0, "in": {"t": "x", "deep": {}}, "list": [1, 2], "objects": [{"sku": 1}]},
]  # fmt: skip


def hostile() -> bytes:
    """A profile for every key, with events of one type each, so that each has a table of its own."""
    profiles = []
    for at, data in enumerate([[each] for each in DATA] + [DATA]):
        texts = [json.dumps(each) for each in data]
        events = ",".join(
            f'{{"typeId":"{at}","createdAt":{1_700_000_000_000 + at},"sourceEventTime":{-at * 10**12},"data":{text}}}'
            for text in texts
            for _ in range(TIMES)
        )
        values = ",".join(f'"{kind}":{{"value":{value}}}' for kind, value in enumerate(["1", "-1.5", '"x"', "true", "{}"]))
        profiles.append(f'"{at}":{{"sections":{{"1":{{"attributes":{{{values}}},"events":[{events}]}}}}}}')
    return f"{{{','.join(profiles)}}}".encode()


def keyed(keys: list[str]) -> bytes:
    """Profiles with these keys."""
    section = {"attributes": {"2": {"value": 1}, "3": {"value": None}}, "events": [{"typeId": "5", "createdAt": 1}]}
    return json.dumps({key: {"sections": {"1": section}} for key in keys}).encode()


def fitting() -> tuple[bytes, list[str]]:
    """Values of all kinds, each in a column of its own."""
    values = ",".join(f'"{at}":{{"value":{value}}}' for at, (_, value, _) in enumerate(FITS))
    data = ",".join(f'"m{at}":{value}' for at, (_, value, _) in enumerate(FITS))
    chosen = [f"--type={at}={kind}" for at, (kind, _, _) in enumerate(FITS)]
    chosen += [f"--type=e/m{at}={kind}" for at, (kind, _, _) in enumerate(FITS)]
    section = f'{{"attributes":{{{values}}},"events":[{{"typeId":"e","data":{{{data}}}}}]}}'
    return f'{{"p":{{"sections":{{"1":{section}}}}}}}'.encode(), chosen


# What a log says.


@dataclass(frozen=True)
class Added:
    """A file as a log tells it."""

    table: str
    path: Path
    stats: dict

    def leaves(self, of: str) -> dict[tuple[str, ...], object]:
        return dict(leaves(self.stats.get(of, {})))


def leaves(of: dict, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, value in of.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value


def actions(table: Path) -> Iterator[dict]:
    for version in sorted((table / "_delta_log").glob("*.json")):
        for line in version.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def added(table: Path) -> list[Added]:
    """The files that are there."""
    files: dict[str, dict] = {}
    for action in actions(table):
        if "remove" in action:
            del files[action["remove"]["path"]]
        elif "add" in action:
            files[action["add"]["path"]] = json.loads(action["add"]["stats"])
    return [Added(table.name, table / path, stats) for path, stats in files.items()]


def logged(out: Path) -> list[Path]:
    return sorted(log.parent for log in out.glob("*/_delta_log"))


# What a file has.


def scalars(path: Path) -> list[tuple[tuple[str, ...], str, bool]]:
    """Of each of its columns, as Parquet counts them, where it is, its type, and whether it is in a list."""
    found: list[tuple[tuple[str, ...], str, bool]] = []

    def descend(field: pyarrow.Field, at: tuple[str, ...], is_in_list: bool) -> None:
        if pyarrow.types.is_struct(field.type):
            for member in field.type:
                descend(member, (*at, member.name), is_in_list)
        elif pyarrow.types.is_list(field.type):
            descend(field.type.value_field, (*at, "element"), True)
        else:
            found.append((at, str(field.type), is_in_list))

    for field in pyarrow.parquet.read_schema(path):
        descend(field, (field.name,), False)
    return found


def expression(path: tuple[str, ...]) -> str:
    quoted = ['"' + name.replace('"', '""') + '"' for name in path]
    return f"({quoted[0]})" + "".join(f".{name}" for name in quoted[1:])


def always(table: str) -> list[str]:
    """The columns of which each file of a table has bounds, or none of any."""
    is_ordered = table in ("profiles", "attributes", "tags", "wide")
    return (BY_KEY if is_ordered else BY_TIME if table.startswith("events") else "").split(",")


def check(connection: duckdb.DuckDBPyConnection, file: Added) -> set[str]:
    """Holds what is said of a file against what is in it. Gives the types that had bounds."""
    columns, bounded = scalars(file.path)[:COLUMNS_MAX], set()
    [minima, maxima, nulls] = [file.leaves(of) for of in ("minValues", "maxValues", "nullCount")]
    source = connection.read_parquet(str(file.path))
    rows, ordered = file.stats["numRecords"], always(file.table)
    assert [(rows,)] == source.aggregate("count(*)").fetchall()
    if ordered == [""] or rows == 0:
        assert file.stats == {"numRecords": rows}
        return set()
    said = [(at, type) for at, type, is_in_list in columns if not is_in_list]
    assert nulls.keys() == {at for at, _ in said}, file.path
    assert minima.keys() | maxima.keys() <= nulls.keys(), file.path
    has_bounds = bool(minima) or bool(maxima)
    # Without them, one of those columns has values, and one that cannot be told.
    untold = []
    for at, type in said:
        cells, what = expression(at), f"{file.path}, {'.'.join(at)}"
        # A time of any year, which not all can be in Python.
        exact = f"epoch_us({cells})" if type.startswith("timestamp") else cells
        [(count, least, greatest)] = source.aggregate(f"count(*) - count({cells}), min({exact}), max({exact})").fetchall()
        assert nulls[at] == count, what
        low, high = minima.get(at), maxima.get(at)
        is_key = at == ("export_key",)
        if least is None or type == "bool" or (type == "string" and not is_key):
            # Of texts, only those that come in order have bounds.
            assert low is high is None, what
            continue
        tellable = {
            "string": lambda value, is_least: is_least or len(value) <= 32 or set(value[:32]) != {"\U0010ffff"},
            "timestamp[us, tz=UTC]": lambda value, _: 1 <= 1970 + value / 1e6 / 86400 / 365.2425 < 9999.99,
        }.get(type, lambda *_: True)
        is_told = [tellable(least, True), tellable(greatest, False)]
        if at[0] in ordered and not all(is_told):
            untold.append(at)
        if not has_bounds:
            continue
        assert [low is not None, high is not None] == is_told, what
        bounded.add(type)
        match type:
            case "string":
                check_text(low, high, least, greatest, what)
            case "timestamp[us, tz=UTC]":
                # Not more than a millisecond beyond, which the text has no place for.
                assert low is None or 0 <= least - micros(low) < 1000, what
                assert high is None or 0 <= micros(high) - greatest < 1000, what
            case "date32[day]":
                assert (low, high) == (str(least), str(greatest)), what
            case "double":
                assert math.isfinite(least) and math.isfinite(greatest), what
                assert (low, high) == (least, greatest), what
            case _:
                assert (low, high) == (least, greatest), what
                assert isinstance(low, int) and isinstance(high, int), what
    is_nothing_there = all(nulls[(name,)] == rows for name in ordered)
    assert has_bounds == (not untold) or is_nothing_there, file.path
    return bounded


def micros(text: object) -> int:
    assert isinstance(text, str) and text.endswith("Z") and text[-5] == "."
    since = datetime.datetime.fromisoformat(text) - datetime.datetime(1970, 1, 1, tzinfo=UTC)
    return since // datetime.timedelta(microseconds=1)


def check_text(low: object, high: object, least: str, greatest: str, what: str) -> None:
    low_bytes, (least_bytes, greatest_bytes) = str(low).encode(), (least.encode(), greatest.encode())
    assert isinstance(low, str) and low_bytes <= least_bytes and len(low_bytes) <= TEXT_BYTES_MAX, what
    assert least.startswith(low) and len(low_bytes) >= min(len(least_bytes), TEXT_BYTES_MAX - 3), what
    assert isinstance(high, str) and high.encode() >= greatest_bytes and len(high.encode()) <= TEXT_BYTES_MAX + 3, what
    assert high == greatest or len(greatest_bytes) > TEXT_BYTES_MAX, what


def check_all(connection: duckdb.DuckDBPyConnection, out: Path) -> set[str]:
    files = [file for table in logged(out) for file in added(table)]
    assert files
    for table in logged(out):
        [metadata] = [action["metaData"] for action in actions(table) if "metaData" in action]
        assert metadata["configuration"].get(PROPERTY, "") == ",".join(always(table.name)), table.name
    return {type for file in files for type in check(connection, file)}


def convert(apsides: Apsides, out: Path, export: Path | bytes, *options: str | Path) -> Path:
    source, stdin = ("-", export) if isinstance(export, bytes) else (export, b"")
    apsides.succeed("convert", source, "--out", out, "--commit", "delta", "--tables", TABLES, *options, stdin=stdin)
    return out


#: A few rows to a row group, a few row groups to a file.
CUT = ("--row-group-rows", "1000", "--file-size", "40K")


@pytest.fixture(scope="module", params=[(1, False), (2, True)], ids=str)
def written(request: pytest.FixtureRequest, apsides: Apsides, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of what the simulator writes, of several files each."""
    seed, oddities = request.param
    folder = tmp_path_factory.mktemp("delta")
    export, definitions = folder / "e.json", folder / "d.json"
    odd = ["--oddities"] if oddities else []
    apsides.succeed("simulate", "--write", export, "--definitions", definitions, "--profiles=400", f"--seed={seed}", *odd)
    return convert(apsides, folder / "out", export, "--definitions", definitions, *CUT)


def test_what_the_simulator_writes(written: Path, connection: duckdb.DuckDBPyConnection) -> None:
    bounded = check_all(connection, written)
    assert bounded == {"string", "int32", "int64", "double", "date32[day]", "timestamp[us, tz=UTC]"}
    assert len(added(written / "attributes")) > 3


def test_values_at_the_edge_of_something(apsides: Apsides, connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    types = [f"--type={at}/{name}={kind}" for at in range(len(DATA) + 1) for name, kind in (
        ("n", "integer"), ("d", "double"), ("t", "text"), ("b", "boolean"), ("day", "date"), ("at", "timestamp_ms"),
    )]  # fmt: skip
    out = convert(apsides, tmp_path / "hostile", hostile(), *types)
    assert check_all(connection, out) >= {"string", "int64", "double", "date32[day]", "timestamp[us, tz=UTC]"}
    # All values are null, and so are those in structs, of which no value is there.
    [nothing] = added(out / "events_0")
    for name in ("n", "d", "day", "at"):
        assert nothing.leaves("nullCount")[(name,)] == TIMES and (name,) not in nothing.leaves("minValues"), name
    [all_of_them] = added(out / f"events_{len(DATA)}")
    low, high = all_of_them.leaves("minValues"), all_of_them.leaves("maxValues")
    assert (low[("n",)], high[("n",)]) == (-(2**63), 2**63 - 1)
    assert (low[("at",)], high[("at",)]) == ("1700-01-01T00:00:00.000Z", "2262-04-11T00:00:00.124Z")
    assert low[("in", "n")] == high[("in", "n")] == -1 and low[("in", "deep", "d")] == 2.5
    # To some readers the one zero is less than the other.
    [zero] = added(out / "events_4")
    assert [math.copysign(1, bound) for bound in (zero.stats["minValues"]["d"], zero.stats["maxValues"]["d"])] == [-1, 1]
    export, chosen = fitting()
    assert check_all(connection, convert(apsides, tmp_path / "fits", export, *chosen))


@pytest.mark.parametrize("keys", KEYS, ids=range(len(KEYS)))
def test_keys_of_all_sorts(keys: list[str], apsides: Apsides, connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    out = convert(apsides, tmp_path / "out", keyed(keys))
    has_no_bound = len(max(keys)) > 32 and set(max(keys)[:32]) == {"\U0010ffff"}
    assert ("string" in check_all(connection, out)) == (not has_no_bound)
    assert {row["export_key"] for row in DeltaTable(out / "profiles").to_pyarrow_table().to_pylist()} == set(keys)


@pytest.mark.parametrize("what", ["everywhere", "deep", "handwritten", "adversarial"])
def test_documents_that_are_hard(
    what: str, apsides: Apsides, connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    documents = {
        "everywhere": lambda: [inputs.everything_everywhere()],
        "deep": lambda: [inputs.deep_and_long()],
        "handwritten": lambda: list(inputs.handwritten().values()),
        "adversarial": lambda: [inputs.adversarial(seed) for seed in range(8)],
    }[what]()
    for at, document in enumerate(documents):
        check_all(connection, convert(apsides, tmp_path / str(at), document))


# What readers make of it.


def test_deltalake_reads_it(written: Path) -> None:
    for table in logged(written):
        files = {file.path.name: file for file in added(table)}
        told = DeltaTable(table).get_add_actions(flatten=True)
        columns = {name: told.column(name).to_pylist() for name in told.schema.names}
        assert len(columns["path"]) == len(files)
        for at, path in enumerate(columns["path"]):
            file = files[Path(path).name]
            assert columns["num_records"][at] == file.stats["numRecords"]
            for prefix, of in (("min", "minValues"), ("max", "maxValues"), ("null_count", "nullCount")):
                # Of the others, the table's property lets it know nothing.
                for name, value in file.leaves(of).items():
                    if name[0] not in always(file.table):
                        assert ".".join((prefix, *name)) not in columns
                        continue
                    found = columns[".".join((prefix, *name))][at]
                    if isinstance(found, datetime.datetime):
                        assert isinstance(value, str)
                        assert found == datetime.datetime.fromisoformat(value)
                    else:
                        assert (str(found) if isinstance(found, datetime.date) else found) == value, (path, prefix, name)


def without_bounds(out: Path, at: Path) -> Path:
    """The same tables with logs that say of a file how many rows it has, and no more."""
    shutil.copytree(out, at)
    forget(at)
    return at


def forget(at: Path) -> None:
    """Leaves manifest and logs as an earlier version would have written them."""
    said = manifest(at)
    for table in said["tables"]:
        table.pop("bounded", None)
        for file in table["files"]:
            file.pop("statistics", None)
    (at / ".apsides/manifest.json").write_text(json.dumps(said), encoding="utf-8")
    for version in at.glob("*/_delta_log/*.json"):
        lines = [json.loads(line) for line in version.read_text(encoding="utf-8").splitlines()]
        for action in lines:
            if "add" in action:
                rows = json.loads(action["add"]["stats"])["numRecords"]
                action["add"]["stats"] = json.dumps({"numRecords": rows}, separators=(",", ":"))
            if "metaData" in action:
                action["metaData"]["configuration"] = {}
        version.write_text("".join(json.dumps(action) + "\n" for action in lines), encoding="utf-8")


Filter = pyarrow.dataset.Expression


def opened(*tables: Path) -> list[pyarrow.dataset.Dataset]:
    return [DeltaTable(table).to_pyarrow_dataset() for table in tables]


def found(dataset: pyarrow.dataset.Dataset, wanted: Filter) -> tuple[pyarrow.Table, int]:
    """The rows that a filter wants, in the order of the files, and the files that are read for them."""
    return dataset.to_table(filter=wanted), len(list(dataset.get_fragments(filter=wanted)))


def nights(apsides: Apsides, folder: Path) -> Iterator[Path]:
    """What a schedule has published after each night."""
    pipeline, lake = folder / "pipeline.toml", folder / "lake"
    with simulated(apsides) as base_url:
        for now, types in NIGHTS.items():
            said = PIPELINE.format(base_url=base_url, path=lake, types=types)
            pipeline.write_text(said.replace("[destination]", '[destination]\ncommit = "delta"'))
            apsides.succeed("run", pipeline, "--now", now)
            yield lake


def test_a_query_by_time_reads_few_files(apsides: Apsides, tmp_path: Path) -> None:
    """A schedule's windows, asked for by the time of events, not by the folder."""
    *_, lake = nights(apsides, tmp_path)
    plain, time = without_bounds(lake, tmp_path / "plain"), pyarrow.dataset.field("created_at")
    files = len(added(lake / "events"))
    assert files >= 4
    events, all_events = opened(lake / "events", plain / "events")
    for day in range(1, 5):
        start = datetime.datetime(2026, 1, day, tzinfo=UTC)
        for window in (datetime.timedelta(days=1), datetime.timedelta(hours=1), datetime.timedelta(minutes=1)):
            wanted = (time >= start) & (time < start + window)
            rows, read = found(events, wanted)
            expected, all_read = found(all_events, wanted)
            assert rows.equals(expected) and (rows.num_rows or window.days == 0)
            assert read <= 1 < files == all_read, f"{read} of {files} files"
    # To the microsecond, at the edges of each file.
    for file in added(lake / "events"):
        cells = pyarrow.parquet.read_table(file.path, columns=["created_at"]).column("created_at").to_pylist()
        for moment in (min(cells), max(cells)):
            for wanted in (time == moment, time >= moment, time <= moment):
                rows, expected = found(events, wanted)[0], found(all_events, wanted)[0]
                assert rows.equals(expected) and rows.num_rows


def test_tables_of_an_earlier_version(apsides: Apsides, tmp_path: Path) -> None:
    """Files with and without bounds in one table, which gets the property with the first of the former."""
    for night, lake in enumerate(nights(apsides, tmp_path)):
        if night == 0:
            forget(lake)
    plain = without_bounds(lake, tmp_path / "plain")
    for name in ("events", "events_order_placed"):
        files = added(lake / name)
        assert {len(file.stats) for file in files} == {1, 4}, "some have bounds, and some have not"
        metadata = [action["metaData"] for action in actions(lake / name) if "metaData" in action]
        assert [each["configuration"] for each in metadata] == [{}, {PROPERTY: BY_TIME}]
        dataset, whole = opened(lake / name, plain / name)
        for field in whole.schema:
            if pyarrow.types.is_nested(field.type):
                continue
            column = pyarrow.dataset.field(field.name)
            cells = [cell for cell in whole.to_table(columns=[field.name]).column(0).to_pylist() if cell is not None]
            filters = [column.is_null(), column.is_valid()]
            filters += [column <= min(cells), column >= max(cells), column == cells[0]] if cells else []
            for wanted in filters:
                assert found(dataset, wanted)[0].equals(found(whole, wanted)[0]), f"{name}: {wanted}"


def test_queries_find_the_same(written: Path, tmp_path: Path) -> None:
    """By the least and the greatest of every column of every file, and by what is next to them."""
    plain = without_bounds(written, tmp_path / "plain")
    skipped = 0
    for name in ("profiles", "attributes", "tags", "events", "wide", "events_order_placed"):
        table = written / name
        files = [file for file in added(table) if file.stats["numRecords"]]
        dataset, whole = opened(table, plain / name)
        for file in files[:1] + files[1:][-1:]:
            data = pyarrow.parquet.read_table(file.path)
            for field in data.column_names[:10]:
                if pyarrow.types.is_nested(data.schema.field(field).type):
                    continue
                column = pyarrow.dataset.field(field)
                cells = [cell for cell in data.column(field).to_pylist() if cell is not None]
                filters = [column.is_null(), column.is_valid()]
                filters += [column == cells[0], column < max(cells), column > min(cells)] if cells else []
                for wanted in filters:
                    rows, read = found(dataset, wanted)
                    expected, all_read = found(whole, wanted)
                    assert rows.equals(expected), f"{name}: {wanted}"
                    skipped += all_read - read
    assert skipped > 20


def test_checkpoints_say_the_same(apsides: Apsides, tmp_path: Path) -> None:
    export, out = hostile(), tmp_path / "out"
    for number in range(11):
        convert(apsides, out, export, *(["--overwrite"] if number else []))
    for table in logged(out):
        [checkpoint] = (table / "_delta_log").glob("*.checkpoint.parquet")
        rows = pyarrow.parquet.read_table(checkpoint).column("add").to_pylist()
        told = {row["path"]: row["stats"] for row in rows if row is not None}
        last = [json.loads(line) for line in (table / f"_delta_log/{10:020}.json").read_text().splitlines()]
        adds = {action["add"]["path"]: action["add"]["stats"] for action in last if "add" in action}
        assert told == adds and told, table.name


# Where it is, and where not.


def manifest(out: Path) -> dict:
    return json.loads((out / ".apsides/manifest.json").read_text(encoding="utf-8"))


def test_values_are_told_nowhere_else(apsides: Apsides, tmp_path: Path) -> None:
    key, out = "kept-to-the-files-and-the-log", tmp_path / "out"
    arguments = ["convert", "-", "--out", out, "--commit", "delta", "--json", "-vv", "--log-format", "json"]
    ended = apsides.run(*arguments, stdin=keyed([key]))
    assert ended.returncode == 0, ended.stderr
    for of in (["status", "--json", out], ["status", out], ["vacuum", "--json", out]):
        again = apsides.run(*of)
        assert again.returncode == 0, again.stderr
        ended.stdout += again.stdout + again.stderr
    for said in (ended.stdout, ended.stderr):
        assert key.encode() not in said and b"minValues" not in said and b'"statistics"' not in said
    [profiles] = [table for table in manifest(out)["tables"] if table["name"] == "profiles"]
    assert key in profiles["files"][0]["statistics"]
    assert profiles["files"][0]["statistics"] == json.dumps(added(out / "profiles")[0].stats, separators=(",", ":"))


def test_plain_manifests_have_none(apsides: Apsides, tmp_path: Path) -> None:
    apsides.succeed("convert", "-", "--out", tmp_path / "out", stdin=hostile())
    assert not any("statistics" in file for table in manifest(tmp_path / "out")["tables"] for file in table["files"])


def test_manifests_of_earlier_versions(apsides: Apsides, tmp_path: Path) -> None:
    """What they do not say is not told either: a log that a dead run has not written is as it would have been."""
    out = convert(apsides, tmp_path / "out", keyed(["a"]))
    log = out / "profiles/_delta_log/00000000000000000000.json"
    forget(out)
    before = [json.loads(line) for line in log.read_text().splitlines()]
    log.unlink()
    convert(apsides, out, keyed(["b"]), "--overwrite")
    assert [json.loads(line) for line in log.read_text().splitlines()] == before
    [second] = added(out / "profiles")
    assert second.leaves("minValues")[("export_key",)] == "b"
