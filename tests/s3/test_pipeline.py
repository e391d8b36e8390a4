"""A pipeline from the simulated API into the bucket."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from conftest import Export
from program import Apsides, Ended, Prefix, end, manifest, named, tables, viewed
from proxy import Proxy
from server import BUCKET, Server
from test_publication import wait_for
from test_upkeep import begun

PIPELINE = Path(__file__).parents[2] / "pipelines" / "demo-s3.toml"


def test_a_pipeline_publishes_to_the_bucket(apsides: Apsides, server: Server, prefix: Prefix, tmp_path: Path) -> None:
    # The endpoint is the pipeline's, not the environment's.
    elsewhere = apsides.where(AWS_ENDPOINT_URL="http://nowhere.example")
    with apsides.simulated("--profiles", "300") as host:
        text = PIPELINE.read_text().replace("127.0.0.1:8089", host)
        text = re.sub(r'path = "s3://.*"', f'path = "{prefix.name}"', text)
        text += f'\n[destination.s3]\nendpoint = "{server.endpoint}"\nregion = "us-east-1"\nlease = "30s"\n'
        pipeline = tmp_path / "pipeline.toml"
        pipeline.write_text(text)
        for _ in range(2):
            ended = elsewhere.run("run", pipeline, "--json").succeeded()
            assert json.loads(ended.stdout)["destination"] == prefix.name
    found = tables(prefix)
    assert found and sum(rows for rows, _ in found["profiles"]) == 300
    assert viewed(prefix) == named(manifest(prefix))


def pipeline(folder: Path, destination: str, more: str = "") -> Path:
    """One whose API is at an address where there is none: whoever asked it would try again for minutes."""
    path = folder / "nowhere.toml"
    path.write_text(
        f"""
[source]
base_url = "http://127.0.0.1:9"
client_id = "nobody"
client_secret = "none"

[export]
attributes = ["40103"]

[destination]
path = "{destination}"
{more}
"""
    )
    return path


def destination_line(checked: Ended) -> dict[str, str]:
    [line] = [line for line in json.loads(checked.stdout) if line["check"] == "destination"]
    return line


def test_what_keeps_tables_out_is_told_before_an_export_is_asked_for(
    apsides: Apsides, prefix: Prefix, tmp_path: Path, exports: tuple[Export, Export], convert
) -> None:
    def told(code: int, message: str, place: Apsides = apsides, destination: str = prefix.name) -> None:
        path = pipeline(tmp_path, destination)
        before = {path: prefix.read(path) for path in prefix.paths()}
        assert message in place.run("run", path).failed(code).stderr
        line = destination_line(place.run("check", path, "--json").failed(8))
        assert line["status"] == "failed" and message in line["message"]
        assert {path: prefix.read(path) for path in prefix.paths()} == before, "something was written"

    told(4, "NoSuchBucket", destination="s3://no-such-bucket/lake")
    told(9, "SignatureDoesNotMatch", apsides.where(AWS_SECRET_ACCESS_KEY="wrong-secret-0123456789"))
    prefix.write("readme.txt", b"mine")
    told(4, "did not write")
    prefix.client.delete_object(Bucket=BUCKET, Key=f"{prefix.prefix}/readme.txt")

    # It does not renew its lock before this is over.
    other = begun(apsides, convert("-", prefix, "--lease", "600s"))
    wait_for(lambda: ".apsides/lock" in prefix.paths())
    told(5, "another run is writing")
    end(other).failed(3)

    apsides.run(*convert(exports[0], prefix)).succeeded()
    told(4, "already holds tables")
    prefix.write(".apsides/manifest.json", b'{"version": 2}')
    told(4, "has version 2")


@pytest.mark.parametrize("overwrites", [False, True])
def test_a_check_tries_whether_the_bucket_can_be_written(
    apsides: Apsides,
    server: Server,
    prefix: Prefix,
    tmp_path: Path,
    exports: tuple[Export, Export],
    convert,
    overwrites: bool,
) -> None:
    if overwrites:
        apsides.run(*convert(exports[0], prefix)).succeeded()
    path = pipeline(tmp_path, prefix.name, "overwrite = true" if overwrites else "")
    before = {path: prefix.read(path) for path in prefix.paths()}
    with Proxy(server.port, choose=lambda _: None) as proxy:
        checked = apsides.where(**server.environment(proxy.endpoint)).run("check", path, "--json").failed(8)
    line = destination_line(checked)
    assert line["status"] == "ok" and ("its tables are replaced" in line["message"]) == overwrites, line
    # It has written, but only what is its own, and that is gone.
    puts = [request.path for request in proxy.seen if request.method == "PUT"]
    assert puts and all("/.apsides/trial-" in path for path in puts), puts
    assert {path: prefix.read(path) for path in prefix.paths()} == before
