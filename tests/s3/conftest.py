"""What the tests share: one server, the program under test, and two exports with the tables that they become."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from program import Apsides, Folder, Place, Prefix, Tables, tables
from server import Server, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def apsides(server: Server) -> Apsides:
    """The program that APSIDES_BIN points to. Without one its tests fail."""
    path = os.environ.get("APSIDES_BIN")
    if not path:
        pytest.fail("set APSIDES_BIN to the apsides executable, e.g. target/release/apsides", pytrace=False)
    return Apsides(Path(path).resolve(strict=True), server.environment())


@dataclass(frozen=True)
class Export:
    """An export, and the tables that an undisturbed run makes of it, in a folder."""

    path: Path
    tables: Tables


@pytest.fixture(scope="session")
def exports(apsides: Apsides, tmp_path_factory: pytest.TempPathFactory) -> tuple[Export, Export]:
    folder = tmp_path_factory.mktemp("exports")

    def export(seed: int) -> Export:
        path, out = folder / f"{seed}.json", Folder(folder / f"tables-{seed}")
        apsides.run("simulate", "--write", path, "--profiles", "400", "--seed", str(seed)).succeeded()
        apsides.run("convert", path, "--out", out.name, *CUT).succeeded()
        found = tables(out)
        assert found is not None
        return Export(path, found)

    return export(1), export(2)


#: Several files to a table.
CUT = ("--row-group-rows", "1000", "--file-size", "40K")


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Place:
    """An empty destination of either kind."""
    return Folder(tmp_path / "out") if request.param == "folder" else Prefix(server, f"{tmp_path.name}/out")


@pytest.fixture
def prefix(server: Server, tmp_path: Path) -> Prefix:
    """An empty destination in the bucket."""
    return Prefix(server, f"{tmp_path.name}/lake")


@pytest.fixture
def convert(apsides: Apsides) -> Callable[..., tuple[str | Path, ...]]:
    """Arguments for a conversion."""

    def arguments(export: Export | str, place: Place, *more: str) -> tuple[str | Path, ...]:
        path = export.path if isinstance(export, Export) else export
        return ("convert", path, "--out", place.name, *CUT, *more)

    return arguments
