"""DuckDB reads the views from S3; an export is read from there."""

from __future__ import annotations

import gzip
from pathlib import Path

import duckdb
import duckdb_extension_httpfs
from conftest import Export
from program import Apsides, Folder, Prefix, manifest, tables
from server import BUCKET, KEY, SECRET, Server


def test_duckdb_reads_the_published_files(
    apsides: Apsides, prefix: Prefix, server: Server, exports: tuple[Export, Export], convert
) -> None:
    apsides.run(*convert(exports[1], prefix)).succeeded()
    apsides.run(*convert(exports[0], prefix, "--overwrite")).succeeded()
    connection = duckdb.connect()
    extensions = Path(duckdb_extension_httpfs.__file__).parent / "extensions"
    [extension] = extensions.rglob("httpfs.duckdb_extension")
    connection.execute(f"LOAD '{extension}'")
    connection.execute(
        f"CREATE SECRET (TYPE s3, KEY_ID '{KEY}', SECRET '{SECRET}', ENDPOINT '127.0.0.1:{server.port}', "
        "URL_STYLE 'path', USE_SSL false)"
    )
    sql = prefix.read("views/duckdb.sql")
    assert sql
    connection.execute(sql.decode())
    counts = {table["name"]: table["rows"] for table in manifest(prefix)["tables"]}
    assert counts["events"] > 0
    for table, rows in counts.items():
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,), table


def test_an_export_is_read_from_the_bucket(
    apsides: Apsides, prefix: Prefix, exports: tuple[Export, Export], tmp_path: Path, convert
) -> None:
    prefix.write("in/export.json.gz", gzip.compress(exports[0].path.read_bytes()))
    out = Folder(tmp_path / "out")
    apsides.run(*convert(f"s3://{BUCKET}/{prefix.prefix}/in/export.json.gz", out)).succeeded()
    assert tables(out) == exports[0].tables
    ended = apsides.run(*convert(f"s3://{BUCKET}/{prefix.prefix}/in/none.json", out, "--overwrite"))
    assert ended.failed(3).stderr.startswith("error: ") and "none.json" in ended.stderr
