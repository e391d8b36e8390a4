"""Destinations of Delta tables, in a folder and in S3: what `deltalake`, and DuckDB through it, reads there is what a plain
destination has, row by row; after a run, after another that replaces it, night by night, and after runs that are killed."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Export
from deltalake import DeltaTable, QueryBuilder
from lookers import rerun
from nights import Api, run_of, simulated, write_pipeline
from program import Apsides, Folder, Place, Prefix, data_paths, end, manifest, named
from server import BUCKET, KEY, SECRET, Server

#: Runs that must have been killed at work, per destination.
KILLS = int(os.environ.get("APSIDES_KILLS", "4"))
NIGHTS = KILLS + 8
#: Nights of the undisturbed test: windows are replaced from the second one on.
FEW = 3
SEED = 20261128

#: Of each table the rows, as a multiset, without the column that is made of the folders of windows.
Rows = dict[str, Counter[Any]]


def delta(place: Place, server: Server, table: str) -> DeltaTable:
    options = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    return DeltaTable(f"{place.name}/{table}", storage_options=options if isinstance(place, Prefix) else None)


def rows(query: duckdb.DuckDBPyRelation) -> Counter[Any]:
    columns = sorted(column for column in query.columns if column != "window_start")
    return Counter(query.project(", ".join(f'"{column}"' for column in columns)).fetchall())


def delta_rows(place: Place, server: Server) -> Rows:
    """What DuckDB finds in the Delta tables."""
    found: Rows = {}
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for log in manifest(place)["delta"]["tables"]:
        table = delta(place, server, log["name"])
        read = QueryBuilder().register("t", table).execute("SELECT * FROM t").read_all()  # noqa: F841: DuckDB finds it
        found[log["name"]] = rows(connection.sql("SELECT * FROM read"))
        files = [path.rsplit("/", 1)[-1] for path in table.file_uris()]
        assert len(files) == len(set(files)), "no file is there twice"
    return {table: those for table, those in found.items() if those}


def plain_rows(place: Folder) -> Rows:
    """What DuckDB finds in a plain destination, through the views."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute((place.read("views/duckdb.sql") or b"").decode())
    found = {table["name"]: rows(connection.sql(f'SELECT * FROM "{table["name"]}"')) for table in manifest(place)["tables"]}
    return {table: those for table, those in found.items() if those}


def same(found: Rows, expected: Rows) -> None:
    assert found.keys() == expected.keys()
    for table, those in expected.items():
        assert found[table] == those, table


def history(place: Place, server: Server, table: str) -> list[tuple[str, str]]:
    """Of each version the run that wrote it, and what it replaced."""
    commits = delta(place, server, table).history()
    assert all(commit["operation"] == "WRITE" for commit in commits)
    return [(commit["run"], commit["operationParameters"]["extent"]) for commit in reversed(commits)]


def test_a_run_and_one_that_replaces_it(
    apsides: Apsides, server: Server, place: Place, exports: tuple[Export, Export], convert, tmp_path: Path
) -> None:
    for number, export in enumerate(exports):
        plain = Folder(tmp_path / f"plain-{number}")
        apsides.run(*convert(export, plain)).succeeded()
        more = ("--overwrite",) if number else ()
        apsides.run(*convert(export, place, "--commit", "delta", *more)).succeeded()
        same(delta_rows(place, server), plain_rows(plain))
        for table in ("profiles", "attributes", "tags", "events", "unmapped"):
            extents = [extent for _, extent in history(place, server, table)]
            assert extents == ["all"] * (number + 1), table
    # What the first version names stays for the grace time.
    before = delta(place, server, "tags")
    before.load_as_version(0)
    names = {path.rsplit("/", 1)[-1] for path in before.file_uris()}
    kept = data_paths(place) - named(manifest(place))
    assert names <= {path.rsplit("/", 1)[-1] for path in kept}
    assert "commit       delta" in apsides.run("status", place.name).succeeded().stdout
    # The store tells the time in seconds, and nothing as old as the vacuum itself is removed.
    time.sleep(2)
    apsides.run("vacuum", place.name, "--grace", "1s").succeeded()
    assert data_paths(place) == named(manifest(place))
    same(delta_rows(place, server), plain_rows(plain))


def typed(data: str, event: str) -> bytes:
    """An export with an attribute, and twenty times an event with these."""
    events = ",".join([f'{{"typeId":"5","createdAt":1700000000000,"data":{event}}}'] * 20)
    return f'{{"p":{{"sections":{{"1":{{"attributes":{data},"events":[{events}]}}}}}}}}'.encode()


def test_typed_columns_of_two_runs(apsides: Apsides, server: Server, place: Place, convert) -> None:
    """Columns that are added, within structs too, in the version that has the first files with them."""
    one = typed('{"2":{"value":1}}', '{"n":1,"items":[{"sku":1}],"at":{"lat":1.5}}')
    two = typed('{"2":{"value":2},"3":{"value":"x"}}', '{"n":2,"items":[{"sku":2,"name":"b"}],"at":{"lat":2.5,"tags":["t"]},"m":true}')
    tables = ("--tables", "profiles,attributes,wide,events_*", "--commit", "delta")
    for export, more in ((one, ()), (two, ("--overwrite",))):
        assert end(apsides.start(*convert("-", place, *tables, *more)), export).code == 0
    for version, wide, event in (
        (0, {"attribute_2": 1}, {"n": 1, "items": [{"sku": 1}], "at": {"lat": 1.5}}),
        (1, {"attribute_2": 2, "attribute_3": "x"},
         {"n": 2, "items": [{"sku": 2, "name": "b"}], "at": {"lat": 2.5, "tags": ["t"]}, "m": True}),
    ):  # fmt: skip
        for name, fixed, cells, times in (("wide", 3, wide, 1), ("events_5", 8, event, 20)):
            table = delta(place, server, name)
            table.load_as_version(version)
            read = QueryBuilder().register("t", table).execute("SELECT * FROM t").read_all()  # noqa: F841: DuckDB finds it
            found = duckdb.sql("SELECT * FROM read")
            assert [dict(zip(found.columns[fixed:], row[fixed:], strict=True)) for row in found.fetchall()] == [cells] * times


def test_a_destination_is_plain_or_delta(
    apsides: Apsides, server: Server, place: Place, exports: tuple[Export, Export], convert
) -> None:
    modes = ("manifest", "delta")
    for first, other in (modes, modes[::-1]):
        there = Folder(place.path / first) if isinstance(place, Folder) else Prefix(server, f"{place.prefix}/{first}")
        apsides.run(*convert(exports[0], there, "--commit", first)).succeeded()
        before = there.paths(), manifest(there)
        ended = apsides.run(*convert(exports[1], there, "--overwrite", "--commit", other)).failed(4)
        assert f"first published with commit `{first}`, not `{other}`" in ended.stderr
        assert (there.paths() - {".apsides/lock"}, manifest(there)) == (before[0] - {".apsides/lock"}, before[1])


def test_checkpoints_are_enough(
    apsides: Apsides, server: Server, place: Place, exports: tuple[Export, Export], convert, tmp_path: Path
) -> None:
    """Whoever has the checkpoint needs no version before it, nor does the next run."""
    for number in range(11):
        apsides.run(*convert(exports[number % 2], place, "--overwrite", "--commit", "delta")).succeeded()
    plain, expected = Folder(tmp_path / "plain"), delta_rows(place, server)
    apsides.run(*convert(exports[0], plain)).succeeded()
    same(expected, plain_rows(plain))
    for table in ("profiles", "attributes", "tags", "events", "unmapped"):
        logs = {path for path in place.paths() if path.startswith(f"{table}/_delta_log/")}
        assert {path.rsplit("/", 1)[1] for path in logs if not path.endswith(".json")} == {
            "_last_checkpoint",
            "00000000000000000010.checkpoint.parquet",
        }
        for path in sorted(logs)[:10]:
            assert path.endswith(".json")
            remove(place, path)
        read = delta(place, server, table)
        assert read.version() == 10 and len(read.history()) == 1
        assert read.transaction_version("apsides") == manifest(place)["delta"]["transaction"]
        assert (read.metadata().name, read.protocol().min_reader_version) == (table, 1)
    same(delta_rows(place, server), expected)
    apsides.run(*convert(exports[1], place, "--overwrite", "--commit", "delta")).succeeded()
    apsides.run(*convert(exports[1], plain, "--overwrite")).succeeded()
    same(delta_rows(place, server), plain_rows(plain))


def remove(place: Place, path: str) -> None:
    if isinstance(place, Folder):
        (place.path / path).unlink()
    else:
        place.client.delete_object(Bucket=BUCKET, Key=f"{place.prefix}/{path}")


def test_logs_follow_although_the_run_died_before_they_could(
    apsides: Apsides, server: Server, place: Place, exports: tuple[Export, Export], convert
) -> None:
    first, second = exports
    apsides.run(*convert(first, place, "--commit", "delta")).succeeded()
    apsides.run(*convert(second, place, "--overwrite", "--commit", "delta")).succeeded()
    expected, last = delta_rows(place, server), "_delta_log/00000000000000000001.json"
    # What it has written of the logs stays, and the rest is written as it would have been.
    told = {table: place.read(f"{table}/{last}") for table in ("tags", "events")}
    for table in told:
        remove(place, f"{table}/{last}")
    # Even a run that fails does so first.
    run = apsides.start(*convert("-", place, "--overwrite", "--commit", "delta"))
    assert end(run, b"[]").code == 3
    assert {table: place.read(f"{table}/{last}") for table in told} == told
    same(delta_rows(place, server), expected)
    # A version on top of one that is missing would be no table.
    for version in (0, 1):
        remove(place, f"tags/_delta_log/{version:020}.json")
    ended = apsides.run(*convert(first, place, "--overwrite", "--commit", "delta")).failed(4)
    assert "version 0 of the Delta table" in ended.stderr and "/tags is missing" in ended.stderr


def test_what_others_write_in_a_log_is_told(
    apsides: Apsides, place: Place, exports: tuple[Export, Export], convert
) -> None:
    first, second = exports
    name = "00000000000000000001.json"
    apsides.run(*convert(first, place, "--commit", "delta")).succeeded()
    # What leaves the files as they are is stepped over.
    place.write(f"tags/_delta_log/{name}", b'{"commitInfo":{"operation":"VACUUM END"}}\n')
    place.write(f"events/_delta_log/{name}", b'{"remove":{"path":"x","dataChange":true}}\n')
    ended = apsides.run(*convert(second, place, "--overwrite", "--commit", "delta")).failed(4)
    assert "version 1 of the Delta table" in ended.stderr and "/events was not written by apsides" in ended.stderr


def test_logs_without_a_manifest_are_told(
    apsides: Apsides, place: Place, exports: tuple[Export, Export], convert
) -> None:
    """What they name would be there twice, or not at all, if another first version were told on top."""
    apsides.run(*convert(exports[0], place, "--commit", "delta")).succeeded()
    remove(place, ".apsides/manifest.json")
    before = place.paths()
    ended = apsides.run(*convert(exports[1], place, "--overwrite", "--commit", "delta")).failed(4)
    assert "has the log of a Delta table, `attributes`, that is not in its manifest" in ended.stderr
    assert place.paths() - {".apsides/lock"} == before - {".apsides/lock"}


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as api:
        yield api


@pytest.fixture(scope="module")
def plain(apsides: Apsides, tmp_path_factory: pytest.TempPathFactory) -> list[Rows]:
    """The rows of a plain destination after each night."""
    folder = tmp_path_factory.mktemp("plain")
    place, found = Folder(folder / "lake"), []
    with Api() as api:
        for night in range(1, NIGHTS + 1):
            with simulated(apsides, api.simulator, night):
                apsides.run(*run_of(write_pipeline(folder, api, place, night)[0], night)).succeeded()
            found.append(plain_rows(place))
    assert found[1]["events"] != found[0]["events"]
    return found


def once(place: Place, server: Server) -> None:
    """Each version is of another publication, and what it replaced is that of the table."""
    for log in manifest(place)["delta"]["tables"]:
        commits = history(place, server, log["name"])
        assert len(commits) == log["version"] + 1, log
        assert max(Counter(commits).values()) == 1, f"{log['name']}: a publication is told twice: {commits}"


def test_nights(apsides: Apsides, server: Server, place: Place, plain: list[Rows], api: Api, tmp_path: Path) -> None:
    for night in range(1, FEW + 1):
        pipeline, _ = write_pipeline(tmp_path, api, place, night, commit="delta")
        assert "commit: delta" in planned(apsides, api, pipeline, night)
        with simulated(apsides, api.simulator, night):
            apsides.run(*run_of(pipeline, night)).succeeded()
        same(delta_rows(place, server), plain[night - 1])
        once(place, server)
    events = delta(place, server, "events")
    assert events.metadata().partition_columns == ["window_start"]
    [(kind,)] = {(field.type.type,) for field in events.schema().fields if field.name == "window_start"}
    assert kind == "timestamp"
    extents = Counter(extent for _, extent in history(place, server, "events"))
    # The first window is asked for each night, the last one once.
    assert extents == {f"window_start=2026-01-0{day}": FEW + 1 - day for day in range(1, FEW + 1)}
    assert {extent for _, extent in history(place, server, "attributes")} == {"snapshot"}


def planned(apsides: Apsides, api: Api, pipeline: Path, night: int) -> str:
    with simulated(apsides, api.simulator, night):
        _, *arguments = run_of(pipeline, night)
        return apsides.run("plan", *arguments).succeeded().stdout


def test_kills(apsides: Apsides, server: Server, place: Place, plain: list[Rows], api: Api, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    longest, killed = 1.0, 0
    for night in range(1, NIGHTS + 1):
        pipeline, _ = write_pipeline(tmp_path, api, place, night, grace="60s", commit="delta")
        with simulated(apsides, api.simulator, night):
            run = apsides.start(*run_of(pipeline, night))
            time.sleep(chance.uniform(0, longest))
            run.kill()
            killed += end(run).code == -9
            ended, seconds = rerun(apsides, place, run_of(pipeline, night), unlocks=True)
            longest = seconds if "nothing is due" not in ended.stdout else longest
        same(delta_rows(place, server), plain[night - 1])
        once(place, server)
        if killed == KILLS:
            break
    assert killed == KILLS, "otherwise this has shown nothing"
    time.sleep(2)
    apsides.run("vacuum", place.name, "--grace", "1s").succeeded()
    assert data_paths(place) == named(manifest(place)), "what dead runs left is removed"
    assert not [path for path in place.paths() if "#" in path]
    same(delta_rows(place, server), plain[night - 1])
