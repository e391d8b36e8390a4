"""Runs of a schedule that are killed at random moments, each followed by a run to the end, while readers look on. And
two runs at once, and a store with faults."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import duckdb_extension_httpfs
import pytest
from lookers import Missing, Reader, rerun
from nights import (
    WINDOWS_PER_RUN,
    Api,
    Parts,
    parts,
    pending,
    reached,
    run_of,
    simulated,
    undisturbed,
    write_pipeline,
)
from program import Apsides, Folder, Place, Prefix, data_paths, end, manifest, named, viewed
from proxy import Proxy, Request, first, seeded
from server import Server
from test_delta import delta
from test_faults import is_put_of

#: Runs that must have been killed at work, per destination. APSIDES_KILLS=100 is the whole of it.
KILLS = int(os.environ.get("APSIDES_KILLS", "12"))
#: Some runs are quicker than their killers; each kill has a night of its own.
NIGHTS = KILLS + KILLS // 5 + 8
SEED = 20261124
#: No reader takes that long.
GRACE = "60s"

#: The folders in those of tables that hold what is said of profiles.
OF_PROFILES = ("", "window_start=__HIVE_DEFAULT_PARTITION__")
#: Counts and sums of hashes, by table and day.
Sums = dict[tuple[str, Any], tuple[int, int]]


@dataclass
class Known:
    """All that an undisturbed schedule has published, night by night."""

    nights: list[Parts] = field(default_factory=list)
    sums: list[Sums] = field(default_factory=list)

    def wrong_with(self, found: Parts, *, at_rest: bool) -> str | None:
        """What a reader has found that was never published so. All that belongs together is of one night, unless a
        folder's tables are just being moved: then each of them is."""
        partitions = {partition for _, partition in found if partition not in OF_PROFILES}
        for groups in ({*OF_PROFILES}, *({partition} for partition in partitions)):
            mine = of(found, groups)
            versions = [of(night, groups) for night in self.nights]
            if at_rest and mine and mine not in versions:
                return f"{groups} is that of no night: {mine}"
            for part, files in mine.items():
                # A folder is left while it is read: then a file of it is missing.
                if not any(set(files) <= set(version.get(part, ())) for version in versions):
                    return f"{part} is that of no night: {files}"
        return None

    def wrong_sums(self, found: Sums) -> str | None:
        for key, sums in found.items():
            if not any(night.get(key) == sums for night in self.sums):
                return f"{key} has {sums}, as in no night"
        days = {day for table, day in found if table == "events"}
        all_days = {day for night in self.sums for table, day in night if table == "events"}
        gaps = [day for day in all_days - days if days and day < max(days)]
        return f"no events of {gaps}" if gaps else None


def of(night: Parts, partitions: set[str]) -> Parts:
    return {part: files for part, files in night.items() if part[1] in partitions}


def connected(server: Server | None) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    if server:
        [extension] = (Path(duckdb_extension_httpfs.__file__).parent / "extensions").rglob("httpfs.duckdb_extension")
        connection.execute(f"LOAD '{extension}'")
        connection.execute(reached(server))
    return connection


def sums(connection: duckdb.DuckDBPyConnection, views: bytes) -> Sums:
    """What there is to be seen through the views."""
    connection.execute(views.decode())
    found: Sums = {}
    day = "CAST(floor(epoch(created_at) / 86400) AS INTEGER)"
    for table, group in [("events", day), ("profiles", "0"), ("attributes", "0"), ("tags", "0")]:
        sql = f"SELECT {group}, count(*), sum(hash(cells)) FROM {table} AS cells GROUP BY 1"
        for key, count, hashes in connection.execute(sql).fetchall():
            found[table, key] = (count, int(hashes))
    return found


@pytest.fixture(scope="module")
def known(apsides: Apsides, tmp_path_factory: pytest.TempPathFactory) -> Known:
    folder = tmp_path_factory.mktemp("nights")
    place, known = Folder(folder / "lake"), Known()
    for _, found in undisturbed(apsides, folder, place, NIGHTS):
        known.nights.append(found)
        known.sums.append(sums(connected(None), place.read("views/duckdb.sql") or b""))
    third = ("events", "window_start=2026-01-03")
    versions = {files for night in known.nights for part, files in night.items() if part == third}
    assert len(versions) == 4, "a window is asked for four times, and each time there is more"
    return known


def by_manifest(place: Place, known: Known) -> Callable[[], str | None]:
    def look() -> str | None:
        found, as_named = parts(place)
        if isinstance(place, Prefix) and not as_named:
            return "a file is not as the manifest says"
        return known.wrong_with(found, at_rest=as_named)

    return look


def by_views(place: Place, server: Server, known: Known) -> Callable[[], str | None]:
    def look() -> str | None:
        views = place.read("views/duckdb.sql")
        if views is None or b"VIEW events AS" not in views:
            # The first run has not got that far.
            return None
        try:
            found = sums(connected(server if isinstance(place, Prefix) else None), views)
        except duckdb.Error as error:
            # In a folder, a file may be replaced between two looks at it: then the query fails, and is made again.
            if isinstance(place, Folder):
                raise Missing(str(error)) from error
            raise
        return known.wrong_sums(found)

    return look


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as api:
        yield api


def test_kills(apsides: Apsides, server: Server, place: Place, known: Known, api: Api, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    longest, killed, halfway, again = 1.0, 0, 0, 0
    readers = [
        Reader(by_manifest(of_its_own(place, server), known)),
        Reader(by_views(of_its_own(place, server), server, known)),
    ]
    with readers[0], readers[1]:
        for night in range(1, NIGHTS + 1):
            pipeline, state = write_pipeline(tmp_path, api, place, night, grace=GRACE)
            with simulated(apsides, api.simulator, night):
                api.asked.clear()
                before = published(place)
                run = apsides.start(*run_of(pipeline, night))
                time.sleep(chance.uniform(0, longest))
                run.kill()
                was_killed = end(run).code == -9
                killed += was_killed
                halfway += was_killed and 0 < len(published(place) - before) < 1 + WINDOWS_PER_RUN
                alive = {body for body, url in api.asked if url in pending(state)}
                so_far = len(api.asked)
                ended, seconds = rerun(apsides, place, run_of(pipeline, night), unlocks=night % 8 > 0)
                longest = seconds if "nothing is due" not in ended.stdout else longest
                twice = [body for body, _ in api.asked[so_far:] if body in alive]
                assert not twice, f"night {night}: asked for again, though there is one: {twice}"
                again += len(api.asked) - len({body for body, _ in api.asked})
            found, as_named = parts(place)
            assert as_named and found == known.nights[night - 1], f"night {night}"
            assert viewed(place) == named(manifest(place)), f"night {night}"
            if killed == KILLS:
                break
    print(f"{killed} of {night} runs killed, {halfway} when a part was published; {again} exports asked for once more")
    for reader, what in zip(readers, ["manifest", "views"], strict=True):
        missed = Counter(error.split(":", 1)[0] for error in reader.missed)
        print(f"{what}: read {reader.looks} times; a file was just being replaced: {dict(missed)}")
        assert not reader.wrong, reader.wrong[:3]
        assert reader.looks > killed and len(reader.missed) < reader.looks // 5 + 5, "it is only a moment"
    assert killed == KILLS and halfway > KILLS // 10, "otherwise this has shown nothing"
    if isinstance(place, Folder):
        assert not list((place.path / ".apsides" / "staging").iterdir())
        assert data_paths(place) == named(manifest(place))
        return
    # Files as old as the vacuum itself would stay, and the store tells the time in seconds.
    time.sleep(2)
    apsides.run("vacuum", place.name, "--grace", "1s").succeeded()
    assert data_paths(place) == named(manifest(place)), "what dead runs left is removed"


def of_its_own(place: Place, server: Server) -> Place:
    """The same place for another thread."""
    return Prefix(server, place.prefix) if isinstance(place, Prefix) else place


def published(place: Place) -> set[str]:
    """Each step that is, by the moment of its request."""
    found = manifest(place)
    if found is None:
        return set()
    windows = {f"{window['start']} {window['asked_at']}" for window in found.get("windows", [])}
    return windows | {f"profiles {found.get('snapshot')}"}


#: Nights of the shorter tests: windows are replaced from the second one on.
FEW = 3


@pytest.mark.parametrize("commit", ["manifest", "delta"])
def test_two_runs_at_once(
    apsides: Apsides, server: Server, place: Place, known: Known, api: Api, tmp_path: Path, commit: str
) -> None:
    chance = random.Random(SEED)
    codes: Counter[int] = Counter()
    # They are quick, and do not meet every night.
    for night in range(1, NIGHTS + 1):
        pipeline, _ = write_pipeline(tmp_path, api, place, night, commit=commit)
        with simulated(apsides, api.simulator, night):
            runs = []
            for _ in range(2):
                runs.append(apsides.start(*run_of(pipeline, night)))
                time.sleep(chance.uniform(0, 0.3))
            ended = [end(run) for run in runs]
            assert all(run.code == 0 or (run.code == 5 and "another run" in run.stderr) for run in ended), ended
            assert any(run.code == 0 for run in ended), ended
            codes.update(run.code for run in ended)
            assert "nothing is due" in apsides.run(*run_of(pipeline, night)).succeeded().stdout
        assert parts(place) == (known.nights[night - 1], True), f"night {night}"
        if codes[5] and night >= FEW:
            break
    assert codes[5], "otherwise this has shown nothing"
    if commit == "delta":
        is_told(place, server)


def is_told(place: Place, server: Server) -> None:
    """The Delta tables have the files that the manifest names, and no others."""
    of = {table["name"]: table for table in manifest(place)["tables"]}
    logs = manifest(place)["delta"]["tables"]
    assert {log["name"] for log in logs} >= {name for name, table in of.items() if table["files"]}
    for log in logs:
        table = delta(place, server, log["name"])
        files = {f"{log['name']}/{file['name']}" for file in of[log["name"]]["files"]}
        assert {uri.split(f"{place.name}/")[1] for uri in table.file_uris()} == files, log["name"]


def nights_through(
    apsides: Apsides,
    server: Server,
    prefix: Prefix,
    known: Known,
    api: Api,
    folder: Path,
    choose: Callable[[], Callable[[Request], str | None]],
    commit: str = "manifest",
) -> list[str]:
    """Nights with a faulty way to the store; gives the faults."""
    faults = []
    for night in range(1, FEW + 1):
        pipeline, _ = write_pipeline(folder, api, prefix, night, commit=commit)
        with simulated(apsides, api.simulator, night), Proxy(server.port, choose=choose()) as proxy:
            impatient = apsides.where(**server.environment(proxy.endpoint), AWS_TIMEOUT="2s")
            impatient.run(*run_of(pipeline, night)).succeeded()
        faults += proxy.faults
        assert parts(prefix) == (known.nights[night - 1], True), f"night {night}"
        assert viewed(prefix) == named(manifest(prefix))
    # One export for profiles, and one for each window.
    assert len(api.asked) == sum(1 + night for night in range(1, FEW + 1))
    return faults


@pytest.mark.parametrize(("seed", "commit"), [(0, "manifest"), (1, "manifest"), (2, "manifest"), (3, "delta"), (4, "delta")])
def test_faults_are_survived(
    apsides: Apsides, server: Server, prefix: Prefix, known: Known, api: Api, tmp_path: Path, seed: int, commit: str
) -> None:
    chance = seeded(seed, 0.1)

    def choose(request: Request) -> str | None:
        """The lock's lease is so short here that a fault may well cost it."""
        return None if ".apsides/lock" in request.path else chance(request)

    faults = nights_through(apsides, server, prefix, known, api, tmp_path, lambda: choose, commit)
    assert faults, "otherwise this has shown nothing"
    if commit == "delta":
        is_told(prefix, server)


@pytest.mark.parametrize("fault", ["drop", "reset", "503"])
def test_a_fault_at_the_decision(
    apsides: Apsides, server: Server, prefix: Prefix, known: Known, api: Api, tmp_path: Path, fault: str
) -> None:
    faults = nights_through(
        apsides, server, prefix, known, api, tmp_path, lambda: first(fault, is_put_of("manifest.json"))
    )
    assert faults == [fault] * FEW


def test_views_follow_although_nothing_is_due(
    apsides: Apsides, prefix: Prefix, api: Api, tmp_path: Path
) -> None:
    """The run that published last may have died before it could write them."""
    views = ("views/duckdb.sql", "views/spark.sql")
    for night in (1, 2):
        pipeline, _ = write_pipeline(tmp_path, api, prefix, night)
        with simulated(apsides, api.simulator, night):
            before = [prefix.read(view) for view in views]
            apsides.run(*run_of(pipeline, night)).succeeded()
            if night == 2:
                for view, sql in zip(views, before, strict=True):
                    assert sql is not None and sql != prefix.read(view)
                    prefix.write(view, sql)
                assert "nothing is due" in apsides.run(*run_of(pipeline, night)).succeeded().stdout
    assert all(viewed(prefix, view) == named(manifest(prefix)) for view in views)
