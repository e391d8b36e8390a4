"""The program under test, and what it publishes."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server import BUCKET, Server, free_ports

#: A program that hangs is a failure, not a wait.
SECONDS_MAX = 120

#: What a table's files hold, in order: rows and the digest of the bytes.
Tables = dict[str, list[tuple[int, str]]]


@dataclass(frozen=True)
class Ended:
    """How a run ended, and what it said."""

    code: int
    stdout: str
    stderr: str

    def succeeded(self) -> Ended:
        assert self.code == 0, self
        return self

    def failed(self, code: int) -> Ended:
        assert self.code == code, self
        assert any(line.startswith("error: ") for line in self.stderr.splitlines()), self
        return self


@dataclass(frozen=True)
class Apsides:
    """The `apsides` executable, where it reaches the server."""

    path: Path
    environment: dict[str, str]

    def start(self, *arguments: str | Path) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [self.path, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, env=self.environment
        )

    def run(self, *arguments: str | Path) -> Ended:
        return end(self.start(*arguments))

    @contextmanager
    def simulated(self, *arguments: str, port: int | None = None, polls: int = 0) -> Iterator[str]:
        """The simulated API, whose exports are ready at once, or after some polls; gives the host and port where it listens."""
        host = f"127.0.0.1:{port or free_ports(1)[0]}"
        simulator = self.start("simulate", "--bind", host, "--polls", str(polls), *arguments)
        try:
            assert simulator.stdout and b"simulated API" in simulator.stdout.readline(), simulator.stderr
            yield host
        finally:
            simulator.kill()
            simulator.communicate()

    def where(self, **environment: str) -> Apsides:
        """The same in another environment."""
        return Apsides(self.path, self.environment | environment)


def end(process: subprocess.Popen[bytes], stdin: bytes = b"") -> Ended:
    """Waits for its end."""
    stdout, stderr = process.communicate(stdin, timeout=SECONDS_MAX)
    return Ended(process.returncode, stdout.decode(), stderr.decode())


class Folder:
    """A destination on this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)

    def below(self, name: str) -> "Folder":
        return Folder(self.path / name)

    def read(self, path: str) -> bytes | None:
        try:
            return (self.path / path).read_bytes()
        except FileNotFoundError:
            # Asking first would not do: it may go in between.
            return None

    def write(self, path: str, data: bytes) -> None:
        (self.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self.path / path).write_bytes(data)

    def paths(self) -> set[str]:
        return {str(file.relative_to(self.path)) for file in self.path.rglob("*") if file.is_file()}


class Prefix:
    """A destination in the bucket."""

    def __init__(self, server: Server, prefix: str) -> None:
        self.server = server
        self.client = server.client()
        self.prefix = prefix
        self.name = f"s3://{BUCKET}/{prefix}"

    def below(self, name: str) -> "Prefix":
        return Prefix(self.server, f"{self.prefix}/{name}")

    def read(self, path: str) -> bytes | None:
        try:
            return self.client.get_object(Bucket=BUCKET, Key=f"{self.prefix}/{path}")["Body"].read()
        except self.client.exceptions.NoSuchKey:
            return None

    def write(self, path: str, data: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=f"{self.prefix}/{path}", Body=data)

    def paths(self) -> set[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{self.prefix}/")
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return {key.removeprefix(f"{self.prefix}/") for key in keys}

    def uploads(self) -> list[Any]:
        """Files that were begun in parts and neither completed nor removed."""
        return self.client.list_multipart_uploads(Bucket=BUCKET, Prefix=f"{self.prefix}/").get("Uploads", [])


Place = Folder | Prefix


def manifest(place: Place) -> Any:
    """What is published, or None."""
    data = place.read(".apsides/manifest.json")
    return None if data is None else json.loads(data)


def named(manifest: Any) -> set[str]:
    """The files that a manifest names."""
    return {f"{table['name']}/{file['name']}" for table in manifest["tables"] for file in table["files"]}


def data_paths(place: Place) -> set[str]:
    """The files of tables; checkpoints of their logs are none."""
    return {path for path in place.paths() if path.endswith(".parquet") and "/_delta_log/" not in path}


def tables(place: Place, pause: float = 0) -> Tables | None:
    """What a reader finds who follows the manifest, and takes so many seconds before it looks at the files. Every file must
    be there, whole and as the manifest says."""
    current = manifest(place)
    time.sleep(pause)
    if current is None:
        return None
    found: Tables = {}
    for table in current["tables"]:
        files = found.setdefault(table["name"], [])
        for file in table["files"]:
            path = f"{table['name']}/{file['name']}"
            data = place.read(path)
            assert data is not None, f"the manifest names {path}, which is not there"
            assert len(data) == file["bytes"], path
            digest = hashlib.sha256(data).hexdigest()
            assert digest == file["sha256"], path
            files.append((file["rows"], digest))
    return found


def viewed(place: Place, view: str = "views/duckdb.sql") -> set[str]:
    """The files that a view names."""
    sql = place.read(view)
    assert sql is not None, view
    files = re.findall(r"'([^']*\.parquet)'|`([^`]*\.parquet)`", sql.decode())
    below = f"{place.name.removeprefix('s3://')}/"
    return {(duckdb or spark).split(below, 1)[1] for duckdb, spark in files}
