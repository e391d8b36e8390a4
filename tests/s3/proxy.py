"""A small faulty proxy before the S3 server. Faults are seeded, or put on a certain request."""

from __future__ import annotations

import random
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

#: What can become of a request: it is refused, broken off, answered by nobody, or served without an answer.
FAULTS = ("500", "503", "reset", "drop", "stall")

#: Longer than the tests let the program wait for an answer.
STALL_SECONDS = 4.0

ERROR = "HTTP/1.1 {status} Error\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
BODY = "<Error><Code>{code}</Code><Message>Please try again</Message></Error>"


@dataclass
class Request:
    """The first line and the headers of a request."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Proxy:
    """Passes requests on to a port, each on a connection of its own."""

    upstream: int
    #: The fault of a request, if it is to have one.
    choose: Callable[[Request], str | None]
    seen: list[Request] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    #: The program is to be seen by the server under the name it has signed.
    port: int = 0

    def __enter__(self) -> Proxy:
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                try:
                    proxy.serve(self.request)
                except OSError:
                    # One side has gone.
                    pass

        class Listener(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 64

        self.listener = Listener(("127.0.0.1", 0), Handler)
        self.port = self.listener.server_address[1]
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown()
        self.listener.server_close()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, client: socket.socket) -> None:
        head, body = receive(client)
        if not head:
            return
        request = parsed(head)
        self.seen.append(request)
        fault = self.choose(request)
        if fault:
            self.faults.append(fault)
        if fault == "reset":
            # No time to linger: the other side sees a reset.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        elif fault == "stall":
            time.sleep(STALL_SECONDS)
        elif fault in ("500", "503"):
            answer = BODY.format(code="SlowDown" if fault == "503" else "InternalError")
            client.sendall(ERROR.format(status=fault, length=len(answer), body=answer).encode())
        else:
            self.pass_on(client, head, body, answers=fault != "drop")

    def pass_on(self, client: socket.socket, head: bytes, body: bytes, *, answers: bool) -> None:
        with socket.create_connection(("127.0.0.1", self.upstream)) as server:
            server.sendall(head[:-2] + b"Connection: close\r\n\r\n" + body)
            while chunk := server.recv(1 << 16):
                if answers:
                    client.sendall(chunk)


def receive(client: socket.socket) -> tuple[bytes, bytes]:
    """A request's head, with its empty line, and its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = client.recv(1 << 16)
        if not chunk:
            return b"", b""
        data += chunk
    head, body = data.split(b"\r\n\r\n", 1)
    head += b"\r\n\r\n"
    length = int(parsed(head).headers.get("content-length", "0"))
    parts = [body]
    missing = length - len(body)
    while missing > 0:
        chunk = client.recv(min(missing, 1 << 20))
        if not chunk:
            return b"", b""
        parts.append(chunk)
        missing -= len(chunk)
    return head, b"".join(parts)


def parsed(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    return Request(method, path, {name.lower(): value for name, value in headers.items()})


def seeded(seed: int, share: float) -> Callable[[Request], str | None]:
    """A fault for this share of the requests."""
    chance = random.Random(seed)
    lock = threading.Lock()

    def choose(_: Request) -> str | None:
        with lock:
            return chance.choice(FAULTS) if chance.random() < share else None

    return choose


def first(fault: str, matches: Callable[[Request], bool]) -> Callable[[Request], str | None]:
    """A fault for the first request of a kind."""
    pending = [fault]

    def choose(request: Request) -> str | None:
        return pending.pop() if pending and matches(request) else None

    return choose
