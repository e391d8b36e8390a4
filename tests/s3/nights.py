"""A schedule that is rehearsed night by night, against a simulated account that changes from one to the next."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from program import Apsides, Place, manifest
from proxy import Proxy
from server import KEY, SECRET, Server, free_ports

START = datetime(2026, 1, 1, tzinfo=UTC)
#: A window that is new, and three of which events may have come late: what is due in a night, and no more.
WINDOWS_PER_RUN = 4
#: Nights have more and more profiles, and every fourth one as few again, so that the four exports of a window differ.
PROFILES, MORE = 260, 60
SIZES = 4

PIPELINE = """
[source]
base_url = "{base_url}"
client_id = "simulated-client"
client_secret = "simulated-secret"
state = "{state}"
event_exports_per_minute = 100000
first_poll = "10ms"

[export]
attributes = ["40103", "40105", "40114", "40129"]
tags = ["40226", "40227"]
events = ["*"]

[schedule]
start = "2026-01-01"
every = "1d"
lookback = "3d"
lag = "30m"
windows_per_run = {windows_per_run}

[destination]
path = "{path}"
commit = "{commit}"
tables = ["profiles", "attributes", "tags", "events", "unmapped", "events_*"]

[destination.s3]
lease = "3s"
grace = "{grace}"
"""

#: What of a table a publication replaces: a window's part of it, by the folder's name, or all of it.
Part = tuple[str, str]
#: Of each of a part's files its name, without the run's, its bytes and their digest.
Files = tuple[tuple[str, int, str], ...]
Parts = dict[Part, Files]

#: How the name of a run looks like, in S3.
RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}-")


class Api(Proxy):
    """The way to the simulated API, which takes down what exports are asked for."""

    def __init__(self) -> None:
        [self.simulator] = free_ports(1)
        super().__init__(self.simulator, choose=lambda _: None)
        #: The request's body, and the address where its export is to be had.
        self.asked: list[tuple[bytes, str]] = []

    def pass_on(self, client: socket.socket, head: bytes, body: bytes, *, answers: bool) -> None:
        with socket.create_connection(("127.0.0.1", self.upstream)) as server:
            server.sendall(head[:-2] + b"Connection: close\r\n\r\n" + body)
            answer = b""
            while chunk := server.recv(1 << 16):
                answer += chunk
        if head.startswith(b"POST /audience/profiles/exports "):
            [url] = re.findall(r'"(http://[^"]*/exports/[^"]*)"', answer.decode())
            self.asked.append((body, url))
        client.sendall(answer)


def simulated(apsides: Apsides, port: int, night: int) -> AbstractContextManager[str]:
    """The API, as it is that night. It does not know what was asked for the night before."""
    return apsides.simulated("--profiles", str(PROFILES + MORE * (night % SIZES)), port=port)


def write_pipeline(
    folder: Path,
    api: Api,
    place: Place,
    night: int,
    *,
    grace: str = "1h",
    commit: str = "manifest",
    windows_per_run: int = WINDOWS_PER_RUN,
) -> tuple[Path, Path]:
    """The pipeline of a night, and where it keeps its state. Yesterday's exports have died by then."""
    folder.mkdir(parents=True, exist_ok=True)
    state, path = folder / f"state-{night}", folder / "pipeline.toml"
    settings = {"base_url": api.endpoint, "state": state, "path": place.name, "grace": grace, "commit": commit}
    path.write_text(PIPELINE.format(**settings, windows_per_run=windows_per_run))
    return path, state


def run_of(pipeline: Path, night: int, *more: str) -> tuple[str | Path, ...]:
    """Arguments of that night's run: at two, of the windows that have ended by then."""
    now = START + timedelta(days=night, hours=2)
    return ("run", pipeline, "--now", now.strftime("%Y-%m-%dT%H:%M:%SZ"), *more)


def pending(state: Path) -> set[str]:
    """Where the exports are to be had that were asked for and are not published, as far as the next run knows."""
    file = state / "exports.json"
    return {entry["poll_url"] for entry in json.loads(file.read_text())["exports"]} if file.exists() else set()


def undisturbed(apsides: Apsides, folder: Path, place: Place, nights: int) -> Iterator[tuple[int, Parts]]:
    """Runs night by night, and gives what is there after each."""
    with Api() as api:
        for night in range(1, nights + 1):
            with simulated(apsides, api.simulator, night):
                pipeline, _ = write_pipeline(folder, api, place, night)
                apsides.run(*run_of(pipeline, night)).succeeded()
            found, as_named = parts(place)
            assert as_named
            yield night, found
    # One export for profiles, and one for each window.
    asked = sum(1 + min(night, WINDOWS_PER_RUN) for night in range(1, nights + 1))
    assert len(api.asked) == asked, (len(api.asked), asked)


def parts(place: Place) -> tuple[Parts, bool]:
    """What a reader finds who follows the manifest, and whether all of it is as the manifest says. In a folder, a file
    may be missing, or be another one by now; it is left out, or as it was found."""
    current = manifest(place)
    found: dict[Part, list[tuple[str, int, str]]] = {}
    as_named = True
    for table in current["tables"] if current else ():
        for file in table["files"]:
            partition, _, name = file["name"].rpartition("/")
            data = place.read(f"{table['name']}/{file['name']}")
            digest = hashlib.sha256(data).hexdigest() if data is not None else None
            as_named &= digest == file["sha256"]
            if digest:
                key = (table["name"], partition)
                found.setdefault(key, []).append((RUN.sub("", name), len(data or b""), digest))
    return {part: tuple(files) for part, files in found.items()}, as_named


def reached(server: Server) -> str:
    """What DuckDB has to be told to reach the server."""
    return (
        f"CREATE SECRET (TYPE s3, KEY_ID '{KEY}', SECRET '{SECRET}', ENDPOINT '127.0.0.1:{server.port}', "
        "URL_STYLE 'path', USE_SSL false)"
    )
