"""What `apsides convert` writes, read back by DuckDB, Spark and pyarrow, against the oracle.

    APSIDES_BIN=target/release/apsides "$(tests/readers/install)" -m pytest tests/readers

Each input is converted once and then read by each reader: the columns must be those of `schemas/`, and the rows those of
`oracle.py`, cell by cell and in the same order.
"""

from __future__ import annotations

import functools
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import inputs
import oracle
import pytest
import readers
import zstandard
from program import Apsides
from pyspark.sql import SparkSession
from readers import TABLES, Read

#: Makes an export, given the program and a path it may write to.
Source = Callable[[Apsides, Path], bytes]


@dataclass(frozen=True)
class Input:
    """An export, and how it is handed to the program."""

    source: Source
    #: From the export's bytes to those that are handed over.
    encoded: Callable[[bytes], bytes] = lambda data: data
    file_name: str = "export.json"
    on_standard_input: bool = False


@dataclass(frozen=True)
class Converted:
    """What an input became, and what it had to become."""

    out: Path
    wanted: oracle.Tables


def given(data: bytes) -> Source:
    """An export that is at hand."""
    return lambda _apsides, _path: data


def simulated(*options: str, seed: int) -> Source:
    """An export that the simulator writes."""

    def write(apsides: Apsides, path: Path) -> bytes:
        apsides.succeed("simulate", "--write", path, "--profiles", "300", "--seed", str(seed), *options)
        return path.read_bytes()

    return write


def two_gzip_members(data: bytes) -> bytes:
    """The data cut in two, each compressed on its own: one gzip file, by its specification."""
    half = len(data) // 2
    return gzip.compress(data[:half]) + gzip.compress(data[half:])


def two_zstd_frames(data: bytes) -> bytes:
    """The same for zstd, whose frames may be put one behind the other."""
    half = len(data) // 2
    return zstandard.compress(data[:half]) + zstandard.compress(data[half:])


MIXED = inputs.adversarial(seed=1)

#: Exports of every content, each as a plain file.
EXPORTS: dict[str, Input] = {
    **{name: Input(given(data)) for name, data in inputs.handwritten().items()},
    "everything everywhere": Input(given(inputs.everything_everywhere())),
    "deep and long": Input(given(inputs.deep_and_long())),
    **{f"adversarial {seed}": Input(given(inputs.adversarial(seed))) for seed in range(2, 5)},
    "simulated": Input(simulated(seed=1)),
    "simulated, pretty": Input(simulated("--pretty", seed=1)),
    "simulated, wrapped": Input(simulated("--wrapped", seed=2)),
    "simulated, pretty and wrapped": Input(simulated("--pretty", "--wrapped", seed=3)),
}

#: One export in every form it may come in. The oracle's answer, and with it every table, is the same for all.
FORMS: dict[str, Input] = {
    "plain": Input(given(MIXED)),
    "gzip": Input(given(MIXED), gzip.compress, "export.json.gz"),
    "gzip, two members": Input(given(MIXED), two_gzip_members, "export.json.gz"),
    "gzip, by content": Input(given(MIXED), gzip.compress, "export.json"),
    "zstd": Input(given(MIXED), zstandard.compress, "export.json.zst"),
    "zstd, two frames": Input(given(MIXED), two_zstd_frames, "export.json.zst"),
    "zstd, by content": Input(given(MIXED), zstandard.compress, "export.json.gz"),
    "plain, by content": Input(given(MIXED), file_name="export.json.gz"),
    "standard input": Input(given(MIXED), on_standard_input=True),
    "gzip on standard input": Input(given(MIXED), gzip.compress, on_standard_input=True),
    "zstd on standard input": Input(given(MIXED), zstandard.compress, on_standard_input=True),
}

#: The oracle's answer for some bytes; several inputs share theirs.
wanted_tables = functools.cache(oracle.tables)


@pytest.fixture(scope="session", params=EXPORTS)
def converted(request: pytest.FixtureRequest, apsides: Apsides, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """One export, converted once for all readers."""
    return convert(EXPORTS[request.param], apsides, tmp_path_factory.mktemp("converted"))


def test_the_files_are_as_published(converted: Converted) -> None:
    for table in TABLES:
        readers.check_parquet_schema(converted.out, table)


def test_duckdb(converted: Converted, connection: duckdb.DuckDBPyConnection) -> None:
    check(converted, "duckdb", lambda table: readers.read_duckdb(connection, converted.out, table))


def test_spark(converted: Converted, spark: SparkSession) -> None:
    check(converted, "spark", lambda table: readers.read_spark(spark, converted.out, table))


def test_spark_by_rows(converted: Converted, spark: SparkSession) -> None:
    with readers.by_rows(spark):
        check(converted, "spark", lambda table: readers.read_spark(spark, converted.out, table))


def test_pyarrow(converted: Converted) -> None:
    check(converted, "arrow", lambda table: readers.read_pyarrow(converted.out, table))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_rows(
    form: str, apsides: Apsides, tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    converted = convert(FORMS[form], apsides, tmp_path)
    check(converted, "duckdb", lambda table: readers.read_duckdb(connection, converted.out, table))


def test_both_layouts_give_the_same_rows(
    apsides: Apsides, tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    flat = simulated(seed=4)(apsides, tmp_path / "source.json")
    read: dict[str, dict[str, Read]] = {}
    for layout, data in {"flat": flat, "wrapped": inputs.wrapped(flat)}.items():
        out = tmp_path / layout
        apsides.succeed("convert", "-", "--out", out, stdin=data)
        read[layout] = {table: readers.read_duckdb(connection, out, table) for table in TABLES}
    for table in ("profiles", "attributes", "tags", "events"):
        assert read["flat"][table].rows, f"{table}: an empty table proves nothing"
        readers.check_rows(read["wrapped"][table], table, read["flat"][table].rows)
    metadata = (None, None, "/metadata", "unknown_member", '{"wrapped":true}')
    readers.check_rows(read["wrapped"]["unmapped"], "unmapped", [metadata, *read["flat"]["unmapped"].rows])


REFUSED: dict[str, bytes] = {
    **inputs.refused(),
    "gzip, cut": gzip.compress(MIXED)[:-20],
    "gzip, without its end": gzip.compress(MIXED)[:-8],
    "gzip, with a wrong sum": gzip.compress(MIXED)[:-8] + bytes(8),
    "zstd, cut": zstandard.compress(MIXED)[:-20],
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_export_fails_and_publishes_nothing(name: str, apsides: Apsides, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = apsides.run("convert", "-", "--out", out, stdin=REFUSED[name])
    assert ended.returncode > 0, f"ended with {ended.returncode}"
    assert b"panicked" not in ended.stderr
    assert ended.stderr, "a failure says why"
    assert list(out.rglob("*.parquet")) == []


@pytest.mark.parametrize(
    ("events", "offset"),
    [(b'[{}, {"data": nul}]', 14), (b'[{}, {"data": "\xff"}]', 15), (b'[{}, {"data": "a\nb"}]', 16)],
)
def test_a_failure_names_its_byte_and_its_path(events: bytes, offset: int, apsides: Apsides, tmp_path: Path) -> None:
    before = b'{"key": {"sections": {"1203": {"events": '
    ended = apsides.run("convert", "-", "--out", tmp_path / "out", stdin=before + events + b"}}}}")
    message = ended.stderr.decode()
    assert '$."key".sections."1203".events[1]' in message
    # A wrong literal may be told at its first byte or at the byte where it went wrong.
    assert any(str(len(before) + offset + within) in message for within in range(4)), message


def convert(given: Input, apsides: Apsides, folder: Path) -> Converted:
    """Hands an input to the program, which writes to a folder that does not exist yet."""
    export = given.source(apsides, folder / "source.json")
    encoded = given.encoded(export)
    out = folder / "out"
    if given.on_standard_input:
        apsides.succeed("convert", "-", "--out", out, stdin=encoded)
    else:
        path = folder / given.file_name
        path.write_bytes(encoded)
        apsides.succeed("convert", path, "--out", out)
    return Converted(out, wanted_tables(export))


def check(converted: Converted, reader: str, read: Callable[[str], Read]) -> None:
    """Every table is, to this reader, what the oracle says."""
    for table in TABLES:
        found = read(table)
        readers.check_columns(found, table, reader)
        readers.check_rows(found, table, converted.wanted[table])
