"""What holds for every destination, in a folder and in S3 alike."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest
from conftest import Export
from program import Apsides, Folder, Place, Prefix, data_paths, end, manifest, named, tables, viewed


def test_a_run_publishes_all_tables(apsides: Apsides, place: Place, exports: tuple[Export, Export], convert) -> None:
    export, _ = exports
    ended = apsides.run(*convert(export, place, "--json")).succeeded()
    assert json.loads(ended.stdout)["destination"] == place.name
    assert tables(place) == export.tables
    assert named(manifest(place)) == data_paths(place)
    assert any(len(files) > 1 for files in export.tables.values())
    for view in ("views/duckdb.sql", "views/spark.sql"):
        assert viewed(place, view) == data_paths(place)


def test_the_manifest_has_the_columns(apsides: Apsides, place: Place, exports: tuple[Export, Export], convert) -> None:
    apsides.run(*convert(exports[0], place)).succeeded()
    [tags] = [table for table in manifest(place)["tables"] if table["name"] == "tags"]
    columns = [(column["name"], column["type"], column["nullable"]) for column in tags["columns"]]
    assert columns == [(name, "string", False) for name in ("export_key", "section_id", "tag_id")]


def test_tables_are_replaced_only_where_that_is_wanted(
    apsides: Apsides, place: Place, exports: tuple[Export, Export], convert
) -> None:
    first, second = exports
    apsides.run(*convert(first, place)).succeeded()
    before = manifest(place)
    ended = apsides.run(*convert(second, place)).failed(4)
    assert "already holds tables" in ended.stderr
    assert manifest(place) == before and tables(place) == first.tables
    apsides.run(*convert(second, place, "--overwrite")).succeeded()
    assert tables(place) == second.tables
    assert viewed(place) == named(manifest(place))


@pytest.mark.parametrize("path", ["readme.txt", "tags/mine.parquet", "views/mine.sql"])
def test_what_others_wrote_is_not_touched(
    apsides: Apsides, place: Place, exports: tuple[Export, Export], convert, path: str
) -> None:
    place.write(path, b"mine")
    # The folder or the object as a whole is named.
    ended = apsides.run(*convert(exports[0], place, "--overwrite")).failed(4)
    assert path.split("/")[0] in ended.stderr and "did not write" in ended.stderr
    assert place.read(path) == b"mine" and place.paths() == {path}


@pytest.mark.parametrize("export", [b'{"a": {"sections": {}}', b"[1]", b""])
def test_a_failed_run_leaves_things_as_they_were(
    apsides: Apsides, place: Place, exports: tuple[Export, Export], convert, export: bytes
) -> None:
    process = apsides.start(*convert("-", place))
    end(process, export).failed(3)
    assert data_paths(place) == set() and manifest(place) is None
    apsides.run(*convert(exports[0], place)).succeeded()
    before = place.paths()
    end(apsides.start(*convert("-", place, "--overwrite")), export).failed(3)
    assert place.paths() == before and tables(place) == exports[0].tables


def test_of_two_runs_at_once_one_works(
    apsides: Apsides, place: Place, exports: tuple[Export, Export], convert
) -> None:
    export = exports[0].path.read_bytes()
    first = apsides.start(*convert("-", place))
    assert first.stdin
    first.stdin.write(export[:1000])
    first.stdin.flush()
    wait_for(lambda: ".apsides/lock" in place.paths())
    ended = apsides.run(*convert(exports[1], place)).failed(5)
    assert "another run" in ended.stderr
    end(first, export[1000:]).succeeded()
    assert tables(place) == exports[0].tables
    apsides.run(*convert(exports[1], place, "--overwrite")).succeeded()
    assert tables(place) == exports[1].tables


@pytest.mark.parametrize("number", range(3))
def test_of_two_runs_started_together_one_works(
    apsides: Apsides, place: Place, exports: tuple[Export, Export], convert, number: int
) -> None:
    both = [apsides.start(*convert(export, place)) for export in exports]
    ends = [end(process) for process in both]
    codes = sorted(ended.code for ended in ends)
    # The second may also have come when all was done.
    assert codes in ([0, 5], [0, 4]), ends
    winner = exports[[ended.code for ended in ends].index(0)]
    assert tables(place) == winner.tables and data_paths(place) == named(manifest(place))


def test_a_stopped_run_leaves_nothing(apsides: Apsides, place: Place, exports: tuple[Export, Export], convert) -> None:
    export = exports[0].path.read_bytes()
    run = apsides.start(*convert("-", place))
    assert run.stdin
    run.stdin.write(export[: len(export) // 2])
    run.stdin.flush()
    wait_for(lambda: ".apsides/lock" in place.paths())
    stop(run)
    # It notices at its next read.
    ended = end(run, export[len(export) // 2 : -10]).failed(130)
    assert "nothing was published" in ended.stderr
    assert data_paths(place) == set() and manifest(place) is None
    apsides.run(*convert(exports[0], place)).succeeded()


def test_parts_of_files_are_removed_when_a_run_is_stopped(apsides: Apsides, prefix: Prefix, tmp_path) -> None:
    big = tmp_path / "big.json"
    apsides.run("simulate", "--write", big, "--bytes", "60M").succeeded()
    export = big.read_bytes()
    run = apsides.start("convert", "-", "--out", prefix.name, "--codec", "none", "--row-group-rows", "20000")
    assert run.stdin
    run.stdin.write(export[:-10])
    run.stdin.flush()
    wait_for(prefix.uploads)
    stop(run)
    end(run, export[-10:-5]).failed(130)
    assert prefix.uploads() == [] and data_paths(prefix) == set() and manifest(prefix) is None
    # And a run that is not stopped has whole files of several parts.
    apsides.run("convert", big, "--out", prefix.name, "--codec", "none", "--row-group-rows", "20000").succeeded()
    local = Folder(tmp_path / "local")
    apsides.run("convert", big, "--out", local.name, "--codec", "none", "--row-group-rows", "20000").succeeded()
    assert tables(prefix) == tables(local)
    assert max(file["bytes"] for table in manifest(prefix)["tables"] for file in table["files"]) > 10 << 20
    assert prefix.uploads() == []


def stop(run: subprocess.Popen[bytes]) -> None:
    """Sends the signal, and gives it the time to be noticed."""
    run.send_signal(signal.SIGTERM)
    time.sleep(0.5)


def wait_for(condition, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
