"""Runs that are killed at random moments, each followed by another run, while a reader follows the manifest."""

from __future__ import annotations

import random
import time

from conftest import Export
from lookers import Reader, rerun
from program import Apsides, Prefix, data_paths, end, manifest, named, tables, viewed
from server import Server

#: Runs that must have been killed at work; of those that were quicker, so many more may be begun.
KILLS = 50
RUNS_MAX = 200
SEED = 20261124
#: A slow reader looks at the files of a manifest so long after it has read it, while runs go on.
SLOW_SECONDS = 1.0


class Snapshots:
    """What a reader finds who follows the manifest and the views."""

    def __init__(self, server: Server, prefix: str, exports: tuple[Export, Export]) -> None:
        self.place = Prefix(server, prefix)
        self.exports = exports
        self.number = 0
        self.seen: set[int] = set()
        self.chance = random.Random(SEED)

    def look(self) -> None:
        found = tables(self.place, pause=self.chance.uniform(0, SLOW_SECONDS))
        if found is None:
            return
        whole = [number for number, export in enumerate(self.exports) if export.tables == found]
        assert whole, "a snapshot is that of no run"
        self.number += 1
        self.seen.update(whole)
        if self.place.read("views/duckdb.sql") is None:
            return
        for view in ("views/duckdb.sql", "views/spark.sql"):
            files = viewed(self.place, view)
            runs = {file.split("/")[1][:24] for file in files}
            assert len(runs) == 1, f"{view} names files of {runs}"
            missing = files - data_paths(self.place)
            assert not missing, f"{view} names {missing}, which are not there"


def test_fifty_kills(
    apsides: Apsides, server: Server, prefix: Prefix, exports: tuple[Export, Export], convert
) -> None:
    chance = random.Random(SEED)
    apsides.run(*convert(exports[0], prefix)).succeeded()
    longest = 1.0
    killed = decided = number = 0
    snapshots = Snapshots(server, prefix.prefix, exports)
    with Reader(snapshots.look, pause=0) as reader:
        while killed < KILLS:
            number += 1
            assert number <= RUNS_MAX, f"only {killed} of {number} runs were killed at work"
            export, other = exports[number % 2], exports[1 - number % 2]
            before = manifest(prefix)
            run = apsides.start(*convert(other, prefix, "--overwrite", "--lease", "3s"))
            time.sleep(chance.uniform(0, longest))
            run.kill()
            killed += end(run).code == -9
            decided += manifest(prefix) != before
            arguments = convert(export, prefix, "--overwrite", "--lease", "3s")
            _, longest = rerun(apsides, prefix, arguments, unlocks=number % 5 > 0)
            assert tables(prefix) == export.tables, number
            assert viewed(prefix) == named(manifest(prefix)), number
    assert not reader.wrong, reader.wrong[:5]
    # Otherwise this has shown nothing.
    assert decided and snapshots.number > KILLS // 2 and snapshots.seen == {0, 1}
    print(f"{killed} of {number} killed, {decided} had published by then; {snapshots.number} snapshots read")
    # Files as old as the vacuum itself would stay, and the store tells the time in seconds.
    time.sleep(2)
    apsides.run("vacuum", prefix.name, "--grace", "0s").succeeded()
    assert data_paths(prefix) == named(manifest(prefix)), "what dead runs left is removed"
