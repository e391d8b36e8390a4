"""A pipeline from the simulated API into the bucket."""

from __future__ import annotations

import json
import re
from pathlib import Path

from program import Apsides, Prefix, manifest, tables, viewed, named
from server import Server, free_ports

PIPELINE = Path(__file__).parents[2] / "pipelines" / "demo-s3.toml"


def test_a_pipeline_publishes_to_the_bucket(apsides: Apsides, server: Server, prefix: Prefix, tmp_path: Path) -> None:
    [port] = free_ports(1)
    text = PIPELINE.read_text().replace("127.0.0.1:8089", f"127.0.0.1:{port}")
    text = re.sub(r'path = "s3://.*"', f'path = "{prefix.name}"', text)
    text += f'\n[destination.s3]\nendpoint = "{server.endpoint}"\nregion = "us-east-1"\nlease = "30s"\n'
    pipeline = tmp_path / "pipeline.toml"
    pipeline.write_text(text)
    # The endpoint is the pipeline's, not the environment's.
    elsewhere = apsides.where(AWS_ENDPOINT_URL="http://nowhere.example")
    simulator = apsides.start("simulate", "--bind", f"127.0.0.1:{port}", "--profiles", "300", "--polls", "0")
    try:
        assert simulator.stdout and b"simulated API" in simulator.stdout.readline()
        for _ in range(2):
            ended = elsewhere.run("run", pipeline, "--json").succeeded()
            assert json.loads(ended.stdout)["destination"] == prefix.name
    finally:
        simulator.kill()
        simulator.communicate()
    found = tables(prefix)
    assert found and sum(rows for rows, _ in found["profiles"]) == 300
    assert viewed(prefix) == named(manifest(prefix))
