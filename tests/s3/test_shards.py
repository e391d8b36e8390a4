"""Several machines that share a backfill: what they make and `commit` publishes is what one run would have."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from nights import START, Api, parts, run_of, simulated, write_pipeline
from program import Apsides, Ended, Folder, Place, Prefix, data_paths, end, manifest, named, viewed
from proxy import Proxy
from server import Server
from test_delta import delta, delta_rows, plain_rows, same

NIGHT = 11
SHARDS = 3
SEED = 20261124
#: Runs and commits that must have been killed, per destination; of one command; and how often all is begun for that.
KILLS, KILLS_OF_ONE, ROUNDS_MAX = 20, 10, 10
#: Commits that are made, half a second apart, until no lease of a killed one is left.
LEASES_MAX = 60


def shard(number: int) -> tuple[str, str]:
    return ("--shard", f"{number}/{SHARDS}")


def commit_of(pipeline: Path) -> tuple[str | Path, ...]:
    return ("commit", pipeline, "--json")


def waiting(place: Place) -> set[str]:
    """What shards have made that is not published; of a removed one, its lock may be left."""
    return {path for path in place.paths() if path.startswith(".apsides/shards/") and not path.endswith("/lock")}


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as api:
        yield api


@pytest.fixture(scope="module")
def plain(apsides: Apsides, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Where one run has made all that is due."""
    folder = tmp_path_factory.mktemp("plain")
    place = Folder(folder / "lake")
    with Api() as api, simulated(apsides, api.simulator, NIGHT):
        pipeline, _ = write_pipeline(folder, api, place, NIGHT, windows_per_run=31)
        apsides.run(*run_of(pipeline, NIGHT)).succeeded()
        assert len(api.asked) == 1 + NIGHT
    assert len(events(place)) == NIGHT
    return place


def events(place: Place) -> set[tuple[str, str]]:
    found, as_named = parts(place)
    assert as_named
    return {part for part in found if part[0] == "events"}


def pipelines(folder: Path, api: Api, place: Place, **settings: Any) -> list[Path]:
    """A pipeline for each machine, since each has its own state."""
    folders = [folder / f"machine-{number}" for number in range(SHARDS)]
    return [write_pipeline(each, api, place, NIGHT, windows_per_run=31, **settings)[0] for each in folders]


def steps(ended: Ended) -> list[Any]:
    return json.loads(ended.stdout)["steps"]


def is_published(place: Place, plain: Folder) -> None:
    assert parts(place) == parts(plain)
    assert viewed(place) == named(manifest(place))
    assert not waiting(place)


def test_shards_make_what_one_run_does(
    apsides: Apsides, place: Place, plain: Folder, api: Api, tmp_path: Path
) -> None:
    each = pipelines(tmp_path, api, place)
    with simulated(apsides, api.simulator, NIGHT):
        runs = [apsides.start(*run_of(pipeline, NIGHT, *shard(number))) for number, pipeline in enumerate(each)]
        for ended in map(end, runs):
            assert "`apsides commit` publishes" in ended.succeeded().stdout
        assert manifest(place) is None and len(api.asked) == 1 + NIGHT
        # One that is run again goes on from what it has made, and has nothing to do.
        again = apsides.run(*run_of(each[1], NIGHT, *shard(1))).succeeded()
        assert "nothing is due of shard 1/3" in again.stdout and len(api.asked) == 1 + NIGHT
        told = json.loads(apsides.run("status", each[0], "--json").succeeded().stdout)
        assert [(made["shard"], len(made["windows"]), made["snapshot"]) for made in told["shards"]] == [
            ("0/3", 4, True),
            ("1/3", 4, False),
            ("2/3", 3, False),
        ]
        committed = apsides.run(*commit_of(each[0])).succeeded()
        assert [step.get("start") for step in steps(committed)][:3] == [
            None,
            "2026-01-01T00:00:00Z",
            "2026-01-02T00:00:00Z",
        ]
        assert json.loads(committed.stdout)["watermark"] == "2026-01-12T00:00:00Z"
        is_published(place, plain)
        assert steps(apsides.run(*commit_of(each[0])).succeeded()) == []
        assert "nothing is due" in apsides.run(*run_of(each[0], NIGHT)).succeeded().stdout
    is_published(place, plain)


def test_kills(apsides: Apsides, place: Place, plain: Folder, api: Api, tmp_path: Path) -> None:
    """Each run and each commit is killed, or asked to stop, again and again until it has come to its end."""
    chance = random.Random(SEED)
    killed = number = 0
    with simulated(apsides, api.simulator, NIGHT):
        while killed < KILLS:
            number += 1
            assert number <= ROUNDS_MAX, f"only {killed} runs were killed"
            there, asked = place.below(f"round-{number}"), len(api.asked)
            killed_of = kill_to_the_end(apsides, pipelines(tmp_path / f"round-{number}", api, there), there, chance)
            is_published(there, plain)
            assert len(api.asked) - asked <= 1 + NIGHT + killed_of
            if isinstance(there, Folder):
                assert data_paths(there) == named(manifest(there))
            killed += killed_of


def test_what_a_removal_has_left_goes_with_the_next_commit(apsides: Apsides, api: Api, tmp_path: Path) -> None:
    """A shard in a folder goes by another name, and then file by file; a kill may come in between."""
    place = Folder(tmp_path / "lake")
    pipeline = pipelines(tmp_path, api, place)[0]
    with simulated(apsides, api.simulator, 1):
        apsides.run(*run_of(pipeline, 1)).succeeded()
    place.write(".apsides/shards/0-of-3.0123abcd-removed/events/part-00000.parquet", b"x")
    assert "no shard has anything" in apsides.run(*commit_of(pipeline)[:2]).succeeded().stdout
    assert not waiting(place) and not (place.path / ".apsides/shards").exists()


def kill_to_the_end(apsides: Apsides, each: list[Path], place: Place, chance: random.Random) -> int:
    """Gives how often it has killed something."""
    commands = [run_of(pipeline, NIGHT, *shard(number)) for number, pipeline in enumerate(each)]
    killed, longest = 0, 0.15 if isinstance(place, Folder) else 0.5
    for command in [*commands, commit_of(each[0])]:
        killed_of = 0
        while True:
            process = apsides.start(*command)
            if killed_of < KILLS_OF_ONE:
                time.sleep(chance.uniform(0.02, longest))
                process.send_signal(signal.SIGTERM if chance.random() < 0.3 else signal.SIGKILL)
            ended = end(process)
            if ended.code == 0:
                break
            # The lease of one that was killed in S3 runs out first.
            assert ended.code in (-signal.SIGKILL, -signal.SIGTERM, 130, 5), ended
            killed_of += ended.code != 5
            if ended.code == 5:
                time.sleep(0.5)
        killed += killed_of
        published = {f"window_start={window['start'][:10]}" for window in (manifest(place) or {}).get("windows", [])}
        assert {part for _, part in parts(place)[0] if part.startswith("window_start=2")} <= published
    # One that was killed while it removed a shard in S3 holds its lease for a while. The next one tells that, and leaves the
    # shard to another. A lock in a folder dies with who has it.
    for _ in range(LEASES_MAX):
        if not json.loads(ended.stdout)["at_work"]:
            break
        assert not isinstance(place, Folder)
        time.sleep(0.5)
        ended = apsides.run(*commit_of(each[0])).succeeded()
    return killed


def test_what_is_newer_stays(apsides: Apsides, place: Place, api: Api, tmp_path: Path) -> None:
    """Between shards and their commit, another run publishes some of their windows."""
    each = pipelines(tmp_path, api, place)
    with simulated(apsides, api.simulator, NIGHT):
        for number, pipeline in enumerate(each):
            apsides.run(*run_of(pipeline, NIGHT - 1, *shard(number))).succeeded()
    with simulated(apsides, api.simulator, NIGHT + 1):
        apsides.run(*run_of(each[0], NIGHT)).succeeded()
        before = parts(place)
        assert steps(apsides.run(*commit_of(each[0])).succeeded()) == []
        assert parts(place) == before and not waiting(place)


def test_backfills_are_shared(apsides: Apsides, place: Place, plain: Folder, api: Api, tmp_path: Path) -> None:
    each = pipelines(tmp_path, api, place)
    with simulated(apsides, api.simulator, NIGHT):
        apsides.run(*run_of(each[0], NIGHT)).succeeded()
        asked = len(api.asked)
        # An hour before that run.
        now = ("--now", (START + timedelta(days=NIGHT, hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"))
        for number, pipeline in enumerate(each):
            backfill = ("backfill", pipeline, *now, "--from", "2026-01-02", "--to", "2026-01-09", *shard(number))
            apsides.run(*backfill).succeeded()
            apsides.run(*backfill).succeeded()
        assert len(api.asked) == asked + 7, "each window once"
        assert steps(apsides.run(*commit_of(each[0])).succeeded()) == [], "those there were asked for later"
        is_published(place, plain)


def test_a_column_of_another_type_is_told(
    apsides: Apsides, place: Place, plain: Folder, api: Api, tmp_path: Path
) -> None:
    each = pipelines(tmp_path, api, place)
    with simulated(apsides, api.simulator, NIGHT):
        apsides.run(*run_of(each[2], 2)).succeeded()
        [table] = [table for table in manifest(place)["typed"]["tables"] if len(table["columns"]) > 1][:1]
        column, of = table["columns"][0], table["of"]["events"]
        other = "text" if column["kind"] != "text" else "json"
        said = each[1].read_text() + f'\n[schema.types]\n"{of["type_ids"][0]}/{column["ids"][0]}" = "{other}"\n'
        # A destination of its own knows no columns yet, so that the shard's are what its pipeline says.
        each[1].write_text(said.replace(place.name, f"{place.name}-other"))
        apsides.run(*run_of(each[1], NIGHT, *shard(1))).succeeded()
        move(place, f"{place.name}-other")
        apsides.run(*run_of(each[2], NIGHT, *shard(2))).succeeded()
        ended = apsides.run(*commit_of(each[2])).failed(4)
        assert f"column {column['name']} of {table['name']} is {other} in the shard" in ended.stderr, ended
        assert {step["shard"] for step in steps(ended)} == {"2/3"} and not waiting(place)
        # What could not be published is due again.
        apsides.run(*run_of(each[2], NIGHT)).succeeded()
    assert events(place) == events(plain)


def move(place: Place, other: str) -> None:
    """Lets shards of another destination be this one's."""
    if isinstance(place, Folder):
        (place.path / ".apsides/shards").mkdir()
        (Path(other) / ".apsides/shards/1-of-3").rename(place.path / ".apsides/shards/1-of-3")
        return
    there = Prefix(place.server, other.split("/", 3)[3])
    for path in there.paths():
        place.write(path, there.read(path) or b"")


def test_delta_tables(
    apsides: Apsides, server: Server, place: Place, plain: Folder, api: Api, tmp_path: Path
) -> None:
    each = pipelines(tmp_path, api, place, commit="delta")
    with simulated(apsides, api.simulator, NIGHT):
        plan = apsides.run("plan", each[1], *shard(1)).succeeded().stdout
        assert "shard: 1/3\n" in plan and "commit: delta" in plan, plan
        for number, pipeline in enumerate(each):
            apsides.run(*run_of(pipeline, NIGHT, *shard(number))).succeeded()
        apsides.run(*commit_of(each[0])).succeeded()
    assert not waiting(place)
    same(delta_rows(place, server), plain_rows(plain))
    # What is known of a file's rows comes with the file.
    for name in ("profiles", "attributes", "events"):
        told = delta(place, server, name).get_add_actions(flatten=True)
        columns = {column: told.column(column).to_pylist() for column in told.schema.names}
        keys = [columns[f"{of}.export_key"] for of in ("min", "max", "null_count")]
        for rows, least, greatest, nulls in zip(columns["num_records"], *keys, strict=True):
            assert nulls == 0 and (rows == 0 or least <= greatest), name


def test_commits_while_shards_are_at_work(
    apsides: Apsides, place: Place, plain: Folder, api: Api, tmp_path: Path
) -> None:
    """What is made is published as it comes; what is made later, by the next commit."""
    each, commits = pipelines(tmp_path, api, place), []
    with simulated(apsides, api.simulator, NIGHT):
        runs = [apsides.start(*run_of(pipeline, NIGHT, *shard(number))) for number, pipeline in enumerate(each)]
        while any(run.poll() is None for run in runs):
            commits.append(apsides.run(*commit_of(each[1])).succeeded())
        assert all(end(run).succeeded() for run in runs) and len(api.asked) == 1 + NIGHT
        commits.append(apsides.run(*commit_of(each[1])).succeeded())
    assert sum(bool(steps(commit)) for commit in commits) > 1, "otherwise this has shown nothing"
    assert sum(len(steps(commit)) for commit in commits) == 1 + NIGHT, "nothing is published twice"
    is_published(place, plain)


def test_files_with_a_storage_class_are_written_again(
    apsides: Apsides, server: Server, prefix: Prefix, plain: Folder, api: Api, tmp_path: Path
) -> None:
    """A copy within the store would not have it."""
    each = pipelines(tmp_path, api, prefix)
    for pipeline in each:
        text = pipeline.read_text().replace("[destination.s3]", '[destination.s3]\nstorage_class = "STANDARD_IA"')
        pipeline.write_text(text)
    with simulated(apsides, api.simulator, NIGHT), Proxy(server.port, choose=lambda _: None) as proxy:
        through = apsides.where(**server.environment(proxy.endpoint))
        for number, pipeline in enumerate(each):
            through.run(*run_of(pipeline, NIGHT, *shard(number))).succeeded()
        through.run(*commit_of(each[0])).succeeded()
    is_published(prefix, plain)
    puts = [request for request in proxy.seen if request.method in ("PUT", "POST") and ".parquet" in request.path]
    assert all(request.headers.get("x-amz-storage-class") == "STANDARD_IA" for request in puts if "uploadId" not in request.path)
    assert not any("x-amz-copy-source" in request.headers for request in puts)
    assert len(puts) >= 2 * len(named(manifest(prefix))), "once for the shard, once for the destination"


def test_a_damaged_file_is_not_published(
    apsides: Apsides, place: Place, plain: Folder, api: Api, tmp_path: Path
) -> None:
    each = pipelines(tmp_path, api, place)
    with simulated(apsides, api.simulator, NIGHT):
        for number, pipeline in enumerate(each):
            apsides.run(*run_of(pipeline, NIGHT, *shard(number))).succeeded()
        [path] = [path for path in place.paths() if "1-of-3/events/window_start=2026-01-05/" in path]
        whole = place.read(path)
        assert whole
        place.write(path, whole[:-1])
        ended = apsides.run(*commit_of(each[0])).failed(4)
        assert "window 2026-01-05 of shard 1/3" in ended.stderr and "is not what its manifest says" in ended.stderr, ended
        assert manifest(place)["windows"][-1]["start"] == "2026-01-04T00:00:00Z"
        place.write(path, whole)
        apsides.run(*commit_of(each[0])).succeeded()
    is_published(place, plain)
