"""What the tests share: the program under test, one DuckDB connection and one Spark session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from program import Apsides
from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def apsides() -> Apsides:
    """The program that APSIDES_BIN points to. Without one its tests fail: a skipped check is easily taken for a passed."""
    path = os.environ.get("APSIDES_BIN")
    if not path:
        pytest.fail("set APSIDES_BIN to the apsides executable, e.g. target/release/apsides", pytrace=False)
    return Apsides(Path(path).resolve(strict=True))


@pytest.fixture(scope="session")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB in memory."""
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A Spark in this machine, small and quiet, that talks to nobody outside."""
    os.environ["TZ"] = "UTC"
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    scratch = tmp_path_factory.mktemp("spark")
    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "1g",
        # The quick compiler alone: the session is too short for the thorough one to pay.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.local.dir": scratch,
        "spark.log.level": "ERROR",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": scratch / "warehouse",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    builder = SparkSession.builder.master("local[1]").appName("apsides-readers")
    for name, value in settings.items():
        builder = builder.config(name, str(value))
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()
