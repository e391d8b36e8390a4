"""Runs that are killed at random moments, each followed by another run, while a reader follows the manifest."""

from __future__ import annotations

import random
import threading
import time

from conftest import Export
from program import Apsides, Prefix, data_paths, end, manifest, named, tables, viewed
from server import Server

#: Runs that must have been killed at work; of those that were quicker, so many more may be begun.
KILLS = 50
RUNS_MAX = 200
SEED = 20261124
#: A slow reader looks at the files of a manifest so long after it has read it, while runs go on.
SLOW_SECONDS = 1.0


class Reader:
    """Follows the manifest and the views all the while."""

    def __init__(self, server: Server, prefix: str, exports: tuple[Export, Export]) -> None:
        self.place = Prefix(server, prefix)
        self.exports = exports
        self.wrong: list[str] = []
        self.snapshots = 0
        self.seen: set[int] = set()
        self.chance = random.Random(SEED)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.follow)

    def __enter__(self) -> Reader:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()

    def follow(self) -> None:
        while not self.stop.is_set():
            try:
                self.look()
            except AssertionError as error:
                self.wrong.append(str(error))
            except Exception as error:  # noqa: BLE001: a reader that fails is a failure of the test
                self.wrong.append(repr(error))

    def look(self) -> None:
        found = tables(self.place, pause=self.chance.uniform(0, SLOW_SECONDS))
        if found is None:
            return
        whole = [number for number, export in enumerate(self.exports) if export.tables == found]
        assert whole, "a snapshot is that of no run"
        self.snapshots += 1
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
    with Reader(server, prefix.prefix, exports) as reader:
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
            longest = rerun(apsides, prefix, arguments, unlocks=number % 5 > 0)
            assert tables(prefix) == export.tables, number
            assert viewed(prefix) == named(manifest(prefix)), number
    assert not reader.wrong, reader.wrong[:5]
    # Otherwise this has shown nothing.
    assert decided and reader.snapshots > KILLS // 2 and reader.seen == {0, 1}
    print(f"{killed} of {number} killed, {decided} had published by then; {reader.snapshots} snapshots read")
    # Files as old as the vacuum itself would stay, and the store tells the time in seconds.
    time.sleep(2)
    apsides.run("vacuum", prefix.name, "--grace", "0s").succeeded()
    assert data_paths(prefix) == named(manifest(prefix)), "what dead runs left is removed"


def rerun(apsides: Apsides, prefix: Prefix, arguments, *, unlocks: bool) -> float:
    """The next run, once the dead one's lock is taken away, or has run out. Gives the seconds that the run took."""
    if unlocks:
        apsides.run("unlock", prefix.name).succeeded()
    deadline = time.monotonic() + 30
    while True:
        started = time.monotonic()
        ended = apsides.run(*arguments)
        if ended.code != 5 or unlocks:
            ended.succeeded()
            return time.monotonic() - started
        assert started < deadline, ended
        time.sleep(0.3)
