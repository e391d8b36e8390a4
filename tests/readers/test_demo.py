"""The first things a new user does: the demo, the query it prints, and the queries of the README."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import duckdb
import pytest
from program import Apsides
from pyspark.sql import SparkSession

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def demo(apsides: Apsides, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which the demo ran, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    command = [apsides.path, "demo", "--profiles", "500"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return folder, ended.stdout


@pytest.fixture
def in_demo_folder(demo: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The queries name the tables as they are seen from there."""
    monkeypatch.chdir(demo[0])


def readme_query(engine: str) -> str:
    """The README's example for this engine."""
    match = re.search(rf"^-- {engine}[^\n]*\n(.+?;)$", README.read_text(), re.MULTILINE | re.DOTALL)
    assert match, f"the README has no query for {engine}"
    return match[1]


@pytest.mark.usefixtures("in_demo_folder")
def test_the_printed_query_answers(demo: tuple[Path, str], connection: duckdb.DuckDBPyConnection) -> None:
    command = re.search(r'duckdb -c "(.+)"', demo[1])
    assert command, demo[1]
    rows = connection.sql(command[1]).fetchall()
    assert len(rows) == 8, "the simulated account has eight types of events"
    assert all(events >= profiles > 0 and latest is not None for _, events, profiles, latest in rows)
    assert "Email sent" in {name for name, *_ in rows}


@pytest.mark.usefixtures("in_demo_folder")
def test_the_readme_s_query_for_duckdb_answers(connection: duckdb.DuckDBPyConnection) -> None:
    assert len(connection.sql(readme_query("DuckDB")).fetchall()) == 8


@pytest.mark.usefixtures("in_demo_folder")
def test_the_readme_s_queries_by_name_answer(connection: duckdb.DuckDBPyConnection) -> None:
    by_name = dict(connection.sql(readme_query("Names for ids")).fetchall())
    assert by_name["Email"] > 0 and None not in by_name
    tiers = connection.sql(readme_query("Names and types")).fetchall()
    assert len(tiers) > 2 and all(orders > 0 and average > 0 for _, orders, average in tiers)


def test_the_readme_s_query_for_spark_answers(demo: tuple[Path, str], spark: SparkSession) -> None:
    query = readme_query("Spark").removesuffix(";").replace("`warehouse/", f"`{demo[0]}/warehouse/")
    rows = spark.sql(query).collect()
    addresses = [row.value_text for row in rows if "@" in row.value_text]
    assert len(addresses) > len(rows) / 2 > 0, "attribute 40103 is the e-mail address"
