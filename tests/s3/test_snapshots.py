"""Snapshots of profiles of which a schedule keeps several: by runs that are killed and made again, and by shards. Each that is
there is that of its night, whole; no more are there than are to be kept, and nothing else."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nights import Api, Parts, parts, run_of, simulated, undisturbed, write_pipeline
from program import Apsides, Folder, Place, data_paths, end, manifest, named, viewed
from test_shards import commit_of, waiting

NIGHTS, KEPT = 6, 3
SEED = 20261130
#: Runs that must have been killed, per destination; how often a night's is begun for that.
KILLS, KILLS_OF_ONE = 8, 4


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as api:
        yield api


@pytest.fixture(scope="module")
def known(apsides: Apsides, tmp_path_factory: pytest.TempPathFactory) -> list[Parts]:
    """What is there of each night where one snapshot stays."""
    folder = tmp_path_factory.mktemp("known")
    return [found for _, found in undisturbed(apsides, folder, Folder(folder / "lake"), NIGHTS)]


def pipeline_of(folder: Path, api: Api, place: Place, night: int, keep: int = KEPT) -> Path:
    pipeline, _ = write_pipeline(folder, api, place, night, grace="1s")
    text = pipeline.read_text()
    pipeline.write_text(text.replace("[schedule]\n", f"[schedule]\nkeep_snapshots = {keep}\n"))
    return pipeline


def is_there(place: Place, known: list[Parts], nights: range) -> None:
    """The snapshots of these nights, and no others."""
    found, as_named = parts(place)
    assert as_named
    wanted = {part: files for part, files in known[nights[-1] - 1].items() if part[1]}
    for night in nights:
        of_profiles = {table: files for (table, partition), files in known[night - 1].items() if not partition}
        assert {"profiles", "attributes", "tags", "sections"} <= set(of_profiles)
        wanted |= {(table, f"snapshot=2026-01-{1 + night:02}"): files for table, files in of_profiles.items()}
    assert found == wanted
    current: Any = manifest(place)
    assert viewed(place) == named(current)
    assert [snapshot["start"][8:10] for snapshot in current["snapshots"]] == [f"{1 + night:02}" for night in nights]


def test_kills(apsides: Apsides, place: Place, known: list[Parts], api: Api, tmp_path: Path) -> None:
    chance, killed = random.Random(SEED), 0
    for night in range(1, NIGHTS + 1):
        pipeline = pipeline_of(tmp_path, api, place, night)
        with simulated(apsides, api.simulator, night):
            for number in range(KILLS_OF_ONE):
                # A night may be over in a moment; and some are to be killed late.
                longest = 0.1 if number % 2 == 0 else 0.5
                run = apsides.start(*run_of(pipeline, night))
                time.sleep(chance.uniform(0.02, longest))
                run.kill()
                killed += end(run).code == -9
                if not isinstance(place, Folder):
                    apsides.run("unlock", place.name).succeeded()
            apsides.run(*run_of(pipeline, night)).succeeded()
        is_there(place, known, range(max(1, night - KEPT + 1), night + 1))
    print(f"{killed} runs killed")
    assert killed >= KILLS, "otherwise this has shown nothing"
    if not isinstance(place, Folder):
        # Files as old as the vacuum itself would stay, and the store tells the time in seconds.
        time.sleep(2)
        apsides.run("vacuum", place.name, "--grace", "1s").succeeded()
    assert data_paths(place) == named(manifest(place)), "snapshots that are not kept are removed"


def test_shards(apsides: Apsides, place: Place, known: list[Parts], api: Api, tmp_path: Path) -> None:
    """A shard has its own alone; what `commit` publishes is kept as that of any run."""
    for night in range(1, 5):
        with simulated(apsides, api.simulator, night):
            pipeline = pipeline_of(tmp_path, api, place, night, keep=2)
            if night == 2:
                apsides.run(*run_of(pipeline, night)).succeeded()
            else:
                for number in range(2):
                    apsides.run(*run_of(pipeline, night, "--shard", f"{number}/2")).succeeded()
                apsides.run(*commit_of(pipeline)).succeeded()
                assert not waiting(place)
        is_there(place, known, range(max(1, night - 1), night + 1))
