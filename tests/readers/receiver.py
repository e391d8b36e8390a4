"""A test double of whoever is told of runs: it answers each `POST` as it is told to, and keeps what came."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


@dataclass(frozen=True)
class Post:
    """What came."""

    path: str
    #: By their names in lower case.
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """One that runs."""

    url: str
    posts: list[Post] = field(default_factory=list)


@contextmanager
def receiver(status: int = 200, body: bytes = b"{}", *, hangs: bool = False) -> Iterator[Receiver]:
    """A receiver on loopback; one that hangs takes what comes, and says nothing."""
    over = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            headers = {name.lower(): value for name, value in self.headers.items()}
            told.posts.append(Post(self.path, headers, self.rfile.read(length)))
            if hangs:
                over.wait()
                return
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told = Receiver(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield told
        finally:
            over.set()
            server.shutdown()
            thread.join()
