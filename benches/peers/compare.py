"""`apsides convert` beside what people use today, on the same export: `benches/peers/compare --help`.

Every contender is a process of its own that reads the file and leaves `attributes` and `events`; apsides writes its
other three tables too. Before anything is timed, all tables must agree: in the number of rows, and in checksums of
their cells that do not depend on the order. Then the contenders take turns.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


@dataclass(frozen=True)
class Contender:
    name: str
    command: Callable[[Path, Path], list[str]]
    #: The files of a table in its folder.
    files: Callable[[Path, str], str]


@dataclass(frozen=True)
class Run:
    wall: float
    cpu: float
    peak_mib: float


def one_file(folder: Path, table: str) -> str:
    return str(folder / f"{table}.parquet")


def contenders(target: Path) -> list[Contender]:
    def program(name: str) -> Callable[[Path, Path], list[str]]:
        return lambda export, folder: [sys.executable, str(HERE / name), str(export), str(folder)]

    return [
        Contender(
            "apsides",
            lambda export, folder: [str(target / "apsides"), "convert", str(export), "--out", str(folder / "out"), "--quiet"],
            lambda folder, table: str(folder / "out" / table / "*.parquet"),
        ),
        Contender(
            "struson + arrow + parquet, a program of a day",
            lambda export, folder: [str(target / "peer"), str(export), str(folder)],
            one_file,
        ),
        Contender(f"DuckDB {version('duckdb')}, `read_json` as MAP", program("duckdb_program.py"), one_file),
        Contender("Python, ijson + pyarrow", program("ijson_program.py"), one_file),
    ]


def run(contender: Contender, export: Path, folder: Path) -> Run:
    """Runs a contender into an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began = time.perf_counter()
    process = subprocess.Popen(contender.command(export, folder), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{contender.name} failed with {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


#: The tables that all write.
TABLES = ("attributes", "events")


def checksums(contender: Contender, folder: Path) -> str:
    """In a process of its own: a child's peak memory counts what its parent had when it was started."""
    files = [contender.files(folder, table) for table in TABLES]
    return subprocess.run([sys.executable, HERE / "check.py", *files], check=True, capture_output=True, text=True).stdout


def size_of(contender: Contender, folder: Path) -> int:
    """Bytes of the two tables that all write."""
    files = [Path(contender.files(folder, table)) for table in TABLES]
    return sum(part.stat().st_size for file in files for part in file.parent.glob(file.name))


def main() -> None:
    parser = argparse.ArgumentParser(prog="benches/peers/compare", description=__doc__)
    parser.add_argument("--bytes", default="256M", help="size of the export that is generated (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="runs of each contender (default: %(default)s)")
    parser.add_argument("--only", help="contenders whose name has this")
    parser.add_argument("--record", action="store_true", help="keep the result in benches/record/")
    parser.add_argument("--target", type=Path, default=ROOT / "target" / "release", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    chosen = [c for c in contenders(arguments.target) if not arguments.only or arguments.only in c.name]
    with tempfile.TemporaryDirectory(prefix="apsides-peers-") as temporary:
        folder, export = Path(temporary) / "tables", Path(temporary) / "export.json"
        apsides = [str(arguments.target / "apsides"), "simulate", "--write", str(export), "--bytes", arguments.bytes]
        subprocess.run(apsides, check=True, stderr=subprocess.DEVNULL)
        megabytes = export.stat().st_size / 1e6
        wanted, sizes = None, {}
        for contender in chosen:
            run(contender, export, folder)
            found = checksums(contender, folder)
            sizes[contender.name] = size_of(contender, folder) / 1e6
            wanted = wanted or found
            if found != wanted:
                sys.exit(f"{contender.name} has other tables than {chosen[0].name}:\n  {found}\n  {wanted}")
            print(f"{contender.name}: the same rows", file=sys.stderr)
        runs: dict[str, list[Run]] = {contender.name: [] for contender in chosen}
        for number in range(arguments.runs):
            for contender in chosen:
                runs[contender.name].append(run(contender, export, folder))
            print(f"run {number + 1} of {arguments.runs}", file=sys.stderr)
    text = report(runs, sizes, megabytes, arguments.runs)
    print(text)
    if arguments.record:
        path = ROOT / "benches" / "record" / f"{datetime.date.today()}-peers.md"
        path.write_text(text + "\n")


def report(runs: dict[str, list[Run]], sizes: dict[str, float], megabytes: float, count: int) -> str:
    first = statistics.median(run.wall for run in next(iter(runs.values())))
    lines = [
        f"# Conversions beside their peers, {datetime.date.today()}",
        "",
        f"An export of {megabytes:.1f} MB from the page cache to Parquet, zstd(1); {os.cpu_count()} processors, "
        f"{platform.machine()}; median (least–most) of {count} runs in turns. All have the same rows in `attributes` and "
        "`events`, by count and checksums; apsides writes its other three tables too.",
        "",
        "| | MB/s | apsides is faster by | CPU seconds per GB | peak MiB | MB written, both tables |",
        "|---|---|---|---|---|---|",
    ]
    for name, of_name in runs.items():
        walls = sorted(run.wall for run in of_name)
        wall = statistics.median(walls)
        cpu = statistics.median(run.cpu for run in of_name) / megabytes * 1000
        peak = max(run.peak_mib for run in of_name)
        rate = f"{megabytes / wall:.0f} ({megabytes / walls[-1]:.0f}–{megabytes / walls[0]:.0f})"
        factor = "" if wall == first else f"{wall / first:.1f} ×"
        lines.append(f"| {name} | {rate} | {factor} | {cpu:.2f} | {peak:.0f} | {sizes[name]:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
