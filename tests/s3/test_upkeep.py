"""What is replaced goes after the grace time; locks of dead runs run out, or are taken away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

from conftest import Export
from program import Apsides, Folder, Place, Prefix, data_paths, end, manifest, named, tables
from test_publication import wait_for


def test_replaced_files_stay_for_the_grace_time(
    apsides: Apsides, prefix: Prefix, exports: tuple[Export, Export], convert
) -> None:
    first, second = exports
    apsides.run(*convert(first, prefix)).succeeded()
    old = named(manifest(prefix))
    apsides.run(*convert(second, prefix, "--overwrite")).succeeded()
    assert old <= data_paths(prefix), "a reader of the old manifest still finds its files"
    kept = json.loads(apsides.run("vacuum", prefix.name, "--json").succeeded().stdout)
    assert (kept["files"], kept["kept"]) == (0, len(old))
    assert old <= data_paths(prefix)
    # A file that was replaced a moment ago is young, whenever it was written.
    time.sleep(2)
    removed = json.loads(apsides.run("vacuum", prefix.name, "--json", "--grace", "1s").succeeded().stdout)
    assert (removed["files"], removed["kept"]) == (len(old), 0)
    assert data_paths(prefix) == named(manifest(prefix)) and tables(prefix) == second.tables
    # And a run does the same by itself: what was replaced two runs ago goes, what it replaces stays.
    apsides.run(*convert(first, prefix, "--overwrite", "--grace", "1s")).succeeded()
    replaced = named(manifest(prefix))
    time.sleep(2)
    apsides.run(*convert(second, prefix, "--overwrite", "--grace", "1s")).succeeded()
    assert data_paths(prefix) == named(manifest(prefix)) | replaced
    assert tables(prefix) == second.tables


def test_a_vacuum_of_nothing(apsides: Apsides, place: Place) -> None:
    assert "removed 0 files" in apsides.run("vacuum", place.name).succeeded().stdout
    assert "nobody holds" in apsides.run("unlock", place.name).succeeded().stdout


def test_a_vacuum_leaves_no_lock_where_others_have_their_files(apsides: Apsides, prefix: Prefix) -> None:
    prefix.write("readme.txt", b"mine")
    assert "did not write" in apsides.run("vacuum", prefix.name).failed(4).stderr
    assert prefix.paths() == {"readme.txt"}


def begun(apsides: Apsides, arguments, export: bytes = b'{"a":') -> subprocess.Popen[bytes]:
    """A run that waits for more of an export."""
    run = apsides.start(*arguments)
    assert run.stdin
    run.stdin.write(export)
    run.stdin.flush()
    return run


def killed(apsides: Apsides, place: Place, arguments) -> None:
    """A run that dies with the lock in its hand."""
    run = begun(apsides, arguments)
    wait_for(lambda: ".apsides/lock" in place.paths())
    time.sleep(0.3)
    run.kill()
    run.wait()


def test_the_lock_of_a_dead_run_is_taken_away(
    apsides: Apsides, prefix: Prefix, exports: tuple[Export, Export], convert
) -> None:
    killed(apsides, prefix, convert("-", prefix))
    ended = apsides.run(*convert(exports[0], prefix)).failed(5)
    assert "apsides unlock" in ended.stderr
    assert "taken away from run" in apsides.run("unlock", prefix.name).succeeded().stdout
    assert "nobody holds" in apsides.run("unlock", prefix.name).succeeded().stdout
    apsides.run(*convert(exports[0], prefix)).succeeded()


def test_the_lock_of_a_dead_run_runs_out(
    apsides: Apsides, prefix: Prefix, exports: tuple[Export, Export], convert
) -> None:
    killed(apsides, prefix, convert("-", prefix, "--lease", "3s"))
    # It is the dead run's lease that counts.
    apsides.run(*convert(exports[0], prefix)).failed(5)
    time.sleep(6)
    apsides.run(*convert(exports[0], prefix)).succeeded()
    assert tables(prefix) == exports[0].tables


def test_the_lock_of_a_folder_is_its_process(
    apsides: Apsides, tmp_path, exports: tuple[Export, Export], convert
) -> None:
    folder = Folder(tmp_path / "out")
    run = begun(apsides, convert("-", folder))
    wait_for(lambda: ".apsides/lock" in folder.paths())
    wait_for(lambda: apsides.run("unlock", folder.name).code == 5)
    end(run).failed(3)
    assert "nobody holds" in apsides.run("unlock", folder.name).succeeded().stdout


def test_a_run_that_slept_too_long_publishes_nothing(
    apsides: Apsides, prefix: Prefix, exports: tuple[Export, Export], convert
) -> None:
    export = exports[0].path.read_bytes()
    sleeper = begun(apsides, convert("-", prefix, "--lease", "3s", "--overwrite"), export[:10_000])
    wait_for(lambda: ".apsides/lock" in prefix.paths())
    os.kill(sleeper.pid, signal.SIGSTOP)
    time.sleep(6)
    apsides.run(*convert(exports[1], prefix)).succeeded()
    published = manifest(prefix)
    os.kill(sleeper.pid, signal.SIGCONT)
    ended = end(sleeper, export[10_000:]).failed(5)
    assert "taken over" in ended.stderr
    assert manifest(prefix) == published and data_paths(prefix) == named(published)
    assert tables(prefix) == exports[1].tables


def test_a_live_run_renews_its_lock(
    apsides: Apsides, prefix: Prefix, exports: tuple[Export, Export], convert
) -> None:
    export = exports[0].path.read_bytes()
    run = begun(apsides, convert("-", prefix, "--lease", "3s"), export[:10_000])
    wait_for(lambda: ".apsides/lock" in prefix.paths())
    time.sleep(6)
    apsides.run(*convert(exports[1], prefix)).failed(5)
    end(run, export[10_000:]).succeeded()
    assert tables(prefix) == exports[0].tables
