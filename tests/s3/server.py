"""A real S3 server on loopback: SeaweedFS, which checks credentials and keeps to conditions."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

KEY, SECRET, BUCKET = "testkey", "testsecret123", "etl-test"
SECONDS_MAX = 60


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, endpoint: str | None = None, **more: str) -> dict[str, str]:
        """What a program needs to know to reach it, on the way over another endpoint if there is one."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "APSIDES_LOG"))}
        reached = {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": endpoint or self.endpoint,
        }
        return ours | reached | more

    def client(self) -> Any:
        """A client of its own, since they are not for several threads."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 5}),
        )


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A server with its files below a folder. One that does not start is a failure: a skipped test is easily taken for
    a passed one."""
    identity = {
        "name": "t",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    data = folder / "data"
    data.mkdir()
    s3, master, volume, filer = free_ports(4)
    weed = Path(sys.prefix) / "bin" / "weed"
    command = [weed, "mini", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={data}", f"-bucket={BUCKET}"]
    command += [f"-s3.port={s3}", f"-s3.config={config}", f"-master.port={master}", f"-volume.port={volume}"]
    command += [f"-filer.port={filer}", "-admin.ui=false", "-webdav=false"]
    with (folder / "log").open("wb") as log:
        environment = os.environ | {"GOMEMLIMIT": "400MiB", "GOGC": "50"}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
        try:
            server = Server(s3)
            wait(server, process, folder / "log")
            yield server
        finally:
            # A gentle end takes it seconds.
            process.kill()
            process.wait()


def wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it is well and has the bucket."""
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.endpoint}/healthz", timeout=2):
                server.client().head_bucket(Bucket=BUCKET)
                return
        except Exception:  # noqa: BLE001: whatever it is, it is not well yet
            time.sleep(0.1)
    raise RuntimeError(f"the S3 server did not start:\n{log.read_text(errors='replace')[-4000:]}")


def free_ports(count: int) -> list[int]:
    """Ports that are free, and so is the one 10,000 above each, which the server takes for itself."""
    ports: list[int] = []
    while len(ports) < count:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            if port > 50_000:
                continue
            try:
                second.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            ports.append(port)
    return ports
