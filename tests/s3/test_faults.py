"""A store that is slow, fails, breaks off, or whose answers get lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Export
from program import Apsides, Prefix, data_paths, end, manifest, named, tables, viewed
from proxy import Proxy, Request, first, seeded
from server import Server

#: Answers are not waited for as long as by default, so that a stall does not take the tests half a minute.
IMPATIENT = {"AWS_TIMEOUT": "2s"}


def through(apsides: Apsides, server: Server, proxy: Proxy) -> Apsides:
    return apsides.where(**server.environment(proxy.endpoint), **IMPATIENT)


@pytest.mark.parametrize("seed", range(12))
def test_faults_are_survived(
    apsides: Apsides, server: Server, prefix: Prefix, exports: tuple[Export, Export], convert, seed: int
) -> None:
    choose = seeded(seed, 0.2)
    faults = 0
    for export in exports:
        with Proxy(server.port, choose=choose) as proxy:
            through(apsides, server, proxy).run(*convert(export, prefix, "--overwrite")).succeeded()
        faults += len(proxy.faults)
        assert tables(prefix) == export.tables
        assert viewed(prefix) == named(manifest(prefix))
    assert faults, "otherwise this has shown nothing"


def is_put_of(name: str):
    return lambda request: request.method == "PUT" and name in request.path


#: Requests whose answer matters, each of which is done but not answered, refused, or not delivered.
DECISIVE = {
    "manifest": is_put_of("manifest.json"),
    "lock": is_put_of(".apsides/lock"),
    "view": is_put_of("views/duckdb.sql"),
    "file": is_put_of(".parquet"),
    "listing": lambda request: request.method == "GET" and "list-type" in request.path,
}


@pytest.mark.parametrize("fault", ["drop", "reset", "500", "503", "stall"])
@pytest.mark.parametrize("what", DECISIVE)
def test_a_fault_at_a_decisive_request(
    apsides: Apsides,
    server: Server,
    prefix: Prefix,
    exports: tuple[Export, Export],
    convert,
    what: str,
    fault: str,
) -> None:
    for export in exports:
        with Proxy(server.port, choose=first(fault, DECISIVE[what])) as proxy:
            through(apsides, server, proxy).run(*convert(export, prefix, "--overwrite")).succeeded()
        assert proxy.faults == [fault]
        assert tables(prefix) == export.tables


@pytest.mark.parametrize("fault", ["drop", "500"])
@pytest.mark.parametrize("request_", ["uploads", "uploadId=", "partNumber"])
def test_a_fault_in_a_file_of_several_parts(
    apsides: Apsides, server: Server, prefix: Prefix, tmp_path: Path, request_: str, fault: str
) -> None:
    big = tmp_path / "big.json"
    apsides.run("simulate", "--write", big, "--bytes", "24M").succeeded()
    method = "PUT" if request_ == "partNumber" else "POST"

    def matches(request: Request) -> bool:
        return request.method == method and request_ in request.path and ".parquet" in request.path

    with Proxy(server.port, choose=first(fault, matches)) as proxy:
        arguments = ("convert", big, "--out", prefix.name, "--codec", "none", "--json")
        through(apsides, server, proxy).run(*arguments).succeeded()
    assert proxy.faults == [fault]
    found = tables(prefix)
    assert found and data_paths(prefix) == named(manifest(prefix))


def test_a_store_that_is_gone_for_good(
    apsides: Apsides, server: Server, prefix: Prefix, exports: tuple[Export, Export], convert
) -> None:
    apsides.run(*convert(exports[0], prefix)).succeeded()
    before = manifest(prefix)

    def refuses_files(request: Request) -> str | None:
        return "500" if request.method == "PUT" and ".parquet" in request.path else None

    with Proxy(server.port, choose=refuses_files) as proxy:
        # Sixty seconds of trying are enough for a test: it is interrupted before the program gives up.
        run = through(apsides, server, proxy).start(*convert(exports[1], prefix, "--overwrite"))
        try:
            run.wait(3)
        except Exception:  # noqa: BLE001: it is still trying
            pass
        run.terminate()
        assert end(run).code in (8, 130)
    assert manifest(prefix) == before and tables(prefix) == exports[0].tables


@pytest.mark.parametrize("fault", ["reset", "503"])
def test_a_store_that_is_down(
    apsides: Apsides, server: Server, prefix: Prefix, exports: tuple[Export, Export], convert, fault: str
) -> None:
    with Proxy(server.port, choose=lambda _: fault) as proxy:
        ended = through(apsides, server, proxy).run(*convert(exports[0], prefix)).failed(8)
    assert "does not answer as it should" in ended.stderr and "check the endpoint and the network" in ended.stderr
    assert len(proxy.faults) > 1 and prefix.paths() == set()


def test_what_the_manifest_s_put_became_is_not_known(
    apsides: Apsides, server: Server, prefix: Prefix, exports: tuple[Export, Export], convert
) -> None:
    decided: list[Request] = []

    def choose(request: Request) -> str | None:
        """From the decision on, nothing arrives any more."""
        if is_put_of("manifest.json")(request):
            decided.append(request)
        return "reset" if decided else None

    with Proxy(server.port, choose=choose) as proxy:
        ended = through(apsides, server, proxy).run(*convert(exports[0], prefix)).failed(8)
    assert "it is not known whether" in ended.stderr and "it finds what was published" in ended.stderr
    apsides.run("unlock", prefix.name).succeeded()
    apsides.run(*convert(exports[1], prefix)).succeeded()
    assert tables(prefix) == exports[1].tables
