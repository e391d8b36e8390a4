"""Bloom filters of export keys: DuckDB skips the row groups that a profile is not in."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from program import Apsides

TABLES = ("attributes", "tags", "events")


@pytest.fixture(scope="module")
def warehouse(apsides: Apsides, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bloom")
    export = folder / "export.json"
    apsides.succeed("simulate", "--write", export, "--profiles", "2000")
    for out, option in (("with", ["--bloom-filters"]), ("without", [])):
        apsides.succeed("convert", export, "--out", folder / out, "--row-group-rows", "1000", *option)
    return folder


@pytest.mark.parametrize("table", TABLES)
def test_duckdb_skips(warehouse: Path, table: str) -> None:
    files = {name: str(warehouse / name / table / "*.parquet") for name in ("with", "without")}
    with duckdb.connect() as connection:
        keys = f"SELECT DISTINCT export_key FROM '{files['with']}' ORDER BY hash(export_key) LIMIT 20"
        excluded = groups = 0
        for (key,) in connection.execute(keys).fetchall():
            rows = {}
            for name, path in files.items():
                found = connection.execute(f"SELECT count(*) FROM '{path}' WHERE export_key = ?", [key]).fetchone()
                rows[name] = found
            assert rows["with"] == rows["without"] != (0,), key
            probe = f"SELECT bloom_filter_excludes FROM parquet_bloom_probe('{files['with']}', 'export_key', '{key}')"
            answers = [excludes for (excludes,) in connection.execute(probe).fetchall()]
            assert not all(answers), "the profile's own group is not skipped"
            excluded, groups = excluded + sum(answers), groups + len(answers)
        # A profile is in one row group or two.
        assert groups > 40 and excluded >= 0.7 * groups, f"{excluded} of {groups}"
