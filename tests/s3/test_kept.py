"""Downloads that a pipeline keeps in the bucket, and what becomes of them."""

from __future__ import annotations

import gzip
import json
import re
import time
from pathlib import Path

import pytest
from program import Apsides, Folder, Prefix, end, tables
from proxy import Proxy, Request, first
from server import Server

PIPELINE = Path(__file__).parents[2] / "pipelines" / "demo.toml"
#: Several parts of 5 MiB as it comes, compressed.
LARGE = ("--bytes", "140M")


def pipeline(folder: Path, host: str, export: str = "", events: bool = True) -> Path:
    """A pipeline into a folder."""
    text = PIPELINE.read_text().replace("127.0.0.1:8089", host)
    text = re.sub(r'path = ".*"', f'path = "{folder / "out"}"', text)
    text = text.replace("[export]\n", f"[export]\n{export}\n")
    if not events:
        # The API makes one export of events a minute.
        text = re.sub(r"events = .*|\[export.window\]\n(.+\n)*", "", text)
    path = folder / "pipeline.toml"
    path.write_text(text)
    return path


def kept(prefix: Prefix) -> tuple[str, set[str]]:
    """The one run that is kept, and the names of its objects."""
    [run] = {path.split("/")[0] for path in prefix.paths()}
    return run, {path.removeprefix(f"{run}/") for path in prefix.paths()}


@pytest.mark.parametrize("spool", ["false", "true"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("--profiles", "300"),
        ("--profiles", "300", "--fault", "export=too-large*2"),
        ("--profiles", "3000", "--ranges", "--fault", "download=cut:90000", "--fault", "download=cut:50000"),
        ("--profiles", "3000", "--fault", "download=cut:90000", "--fault", "download=cut:50000"),
        LARGE,
        (*LARGE, "--fault", "download=cut:12000000"),
    ],
    ids=["small", "parts", "resumed", "started over", "large", "large, started over"],
)
def test_what_is_kept_makes_the_same_tables(
    apsides: Apsides, prefix: Prefix, tmp_path: Path, arguments: tuple[str, ...], spool: str
) -> None:
    with apsides.simulated(*arguments) as host:
        file = pipeline(tmp_path, host, f"spool = {spool}", events="export=too-large*2" not in arguments)
        apsides.run("run", file, "--keep-raw", prefix.name).succeeded()
    expected = tables(Folder(tmp_path / "out"))
    run, objects = kept(prefix)
    index = json.loads(prefix.read(f"{run}/replay.json") or b"")
    assert objects == {"replay.json", *(part["file"] for part in index["parts"])}
    assert prefix.uploads() == []
    for part in index["parts"]:
        json.loads(gzip.decompress(prefix.read(f"{run}/{part['file']}") or b""))
    again = Folder(tmp_path / "again")
    replay = ("replay", f"{prefix.name}/{run}", "--out", again.name)
    assert apsides.run(*replay, "--json").succeeded()
    assert tables(again) == expected
    # A run that has lost one is not replayed in part.
    prefix.client.delete_object(Bucket="etl-test", Key=f"{prefix.prefix}/{run}/{index['parts'][-1]['file']}")
    assert "broke off" in apsides.run(*replay, "--overwrite").failed(3).stderr
    assert tables(again) == expected


def is_whole(prefix: Prefix) -> bool:
    return any("part-" in path for path in prefix.paths()) or bool(prefix.uploads())


def test_a_run_that_fails_leaves_no_half_object(apsides: Apsides, prefix: Prefix, tmp_path: Path) -> None:
    with apsides.simulated(*LARGE, "--fault", "download=cut:12000000*99") as host:
        file = pipeline(tmp_path, host, f'keep_raw = "{prefix.name}"')
        apsides.run("run", file).failed(8)
    assert not is_whole(prefix)
    run, objects = kept(prefix)
    assert objects == {"replay.json"}
    replay = apsides.run("replay", f"{prefix.name}/{run}", "--out", tmp_path / "again")
    assert "broke off" in replay.failed(3).stderr


def test_a_run_that_is_stopped_leaves_no_half_object(apsides: Apsides, prefix: Prefix, tmp_path: Path) -> None:
    # It falls silent when something has been sent.
    with apsides.simulated(*LARGE, "--fault", "download=stall:12000000") as host:
        run = apsides.start("run", pipeline(tmp_path, host), "--keep-raw", prefix.name)
        deadline = time.monotonic() + 60
        while not prefix.uploads() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert prefix.uploads(), "it has begun"
        run.terminate()
        assert end(run).code == 130
    assert not is_whole(prefix)


@pytest.mark.parametrize("fault", ["drop", "500"])
@pytest.mark.parametrize("request_", ["uploads", "uploadId=", "partNumber"])
def test_a_store_that_fails_once_is_no_matter(
    apsides: Apsides, server: Server, prefix: Prefix, tmp_path: Path, request_: str, fault: str
) -> None:
    method = "PUT" if request_ == "partNumber" else "POST"

    def matches(request: Request) -> bool:
        return request.method == method and request_ in request.path

    with Proxy(server.port, choose=first(fault, matches)) as proxy, apsides.simulated(*LARGE) as host:
        through = apsides.where(**server.environment(proxy.endpoint), AWS_TIMEOUT="2s")
        through.run("run", pipeline(tmp_path, host), "--keep-raw", prefix.name).succeeded()
    assert proxy.faults == [fault]
    run, _ = kept(prefix)
    again = Folder(tmp_path / "again")
    apsides.run("replay", f"{prefix.name}/{run}", "--out", again.name).succeeded()
    assert tables(again) == tables(Folder(tmp_path / "out"))


def test_what_cannot_be_kept_costs_no_export(apsides: Apsides, prefix: Prefix, tmp_path: Path) -> None:
    wrong = apsides.where(AWS_SECRET_ACCESS_KEY="wrong")
    with apsides.simulated("--profiles", "10") as host:
        file = pipeline(tmp_path, host, f'keep_raw = "{prefix.name}"')
        ended = wrong.run("run", file, "-v").failed(9)
        assert "export requested" not in ended.stderr
        for program, code, status in [(wrong, 9, "failed"), (apsides, 0, "ok")]:
            lines = json.loads(program.run("check", file, "--json").stdout)
            [line] = [line for line in lines if line["check"] == "keep_raw"]
            assert line["status"] == status, line
            assert program.run("check", file).code == code
    assert prefix.paths() == set()
