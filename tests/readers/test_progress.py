"""What a person sees at a terminal while a command works: the lines at its bottom, as a terminal shows them."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyte
import pytest

from program import Apsides

LINES = 30
SECONDS_MAX = 60
LONG = "x" * 1000


@dataclass
class Shown:
    """All that a terminal has shown, screen by screen."""

    screens: list[list[str]] = field(default_factory=list)

    def lines(self, pattern: str) -> list[str]:
        """The different lines that match, in the order in which they came up."""
        found = dict.fromkeys(line for screen in self.screens for line in screen if re.search(pattern, line))
        return list(found)

    def last(self) -> list[str]:
        return [line for line in self.screens[-1] if line]


def watch(command: list[str | Path], columns: int, feed: Iterator[bytes] | None, **environment: str) -> tuple[Shown, str]:
    """Runs a command to its end at a terminal, with its input from `feed`. Gives what was shown, and standard output."""
    terminal, side = pty.openpty()
    screen = pyte.Screen(columns, LINES)
    stream = pyte.ByteStream(screen)
    shown = Shown()
    env = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", **environment}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=side, env=env)
    resize = subprocess.run(["stty", "rows", str(LINES), "cols", str(columns)], stdin=side, check=True)
    assert resize.returncode == 0
    os.close(side)

    def write() -> None:
        for part in feed or ():
            process.stdin.write(part)
            process.stdin.flush()
        process.stdin.close()

    writer = threading.Thread(target=write)
    writer.start()
    ends = time.monotonic() + SECONDS_MAX
    while time.monotonic() < ends:
        try:
            drawn = os.read(terminal, 1 << 16)
        except OSError:  # how Linux tells that nobody has the other side open
            break
        if not drawn:
            break
        stream.feed(drawn)
        shown.screens.append([line.rstrip() for line in screen.display])
    writer.join()
    out = process.stdout.read().decode()
    assert process.wait(timeout=SECONDS_MAX) == 0, (out, shown.screens[-1:])
    os.close(terminal)
    return shown, out


def profile(number: int) -> str:
    return f'"{number:08}":{{"com.apsis1.audience-1":{{"attributes":{{"7":"{LONG}"}}}}}}'


def slowly(profiles: int, seconds: float) -> Iterator[bytes]:
    """An export that takes its time."""
    for number in range(profiles):
        yield (("," if number else "{") + profile(number)).encode()
        time.sleep(seconds / profiles)
    yield b"}"


@pytest.mark.parametrize("columns", [80, 120])
def test_a_line_for_each_phase(apsides: Apsides, tmp_path: Path, columns: int) -> None:
    shown, out = watch([apsides.path, "convert", "-", "--out", tmp_path / "out"], columns, slowly(200, 2.0))
    assert "200" in out and "profiles" in out
    reading = shown.lines(r"^. reading      .* kB  .* kB/s$")
    parsing = shown.lines(r"^  parsing      .* of JSON  .*/s  \d+ profiles$")
    writing = shown.lines(r"^  writing      .*  \d+ rows  .* MB of memory$")
    assert min(map(len, (reading, parsing, writing))) >= 1 and len(reading) >= 5, shown.screens
    whole = [screen for screen in shown.screens if any("reading" in line for line in screen)]
    assert all(len(line) <= columns for screen in whole for line in screen)
    assert shown.last() == [], "the lines are gone in the end"


class SlowExport(BaseHTTPRequestHandler):
    """Of 4,000 profiles, whose size is known from the start; it takes two and a half seconds."""

    def do_GET(self) -> None:
        parts = list(slowly(4_000, 0))
        self.send_response(200)
        self.send_header("Content-Length", str(sum(map(len, parts))))
        self.end_headers()
        for number, part in enumerate(parts):
            if number % 100 == 0:
                time.sleep(2.5 / 40)
            self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        pass


def test_a_bar_where_the_size_is_known(apsides: Apsides, tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), SlowExport) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/export"
        shown, _ = watch([apsides.path, "convert", url, "--out", tmp_path / "out"], 80, None)
        server.shutdown()
    bars = shown.lines(r"^. reading      [━╸ ]{12} +\d+%  .* of .* MB  .*B/s")
    shares = [int(re.search(r"(\d+)%", bar)[1]) for bar in bars]
    assert len(set(shares)) >= 3 and shares == sorted(shares), shown.screens[:10]
    # It is not told in the first second, when it would be wild.
    assert " left" not in bars[0] and any(" left" in bar for bar in bars), bars
    assert shown.last() == []


def test_what_is_logged_comes_above_the_lines(apsides: Apsides, tmp_path: Path) -> None:
    command = [apsides.path, "convert", "-", "--out", tmp_path / "out", "-vv"]
    shown, _ = watch(command, 120, slowly(100, 1.0), NO_COLOR="1")
    last = "\n".join(shown.last())
    assert " INFO " in last or "DEBUG" in last, last
    assert "reading      " not in last and "━" not in last, last


@pytest.mark.parametrize(("setting", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours(apsides: Apsides, tmp_path: Path, setting: dict[str, str], coloured: bool) -> None:
    terminal, side = pty.openpty()
    command = [apsides.path, "convert", tmp_path / "nothing.json", "--out", tmp_path / "out"]
    env = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", **setting}
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=side, stderr=side, env=env, timeout=SECONDS_MAX, check=False)
    os.close(side)
    said = os.read(terminal, 1 << 16)
    assert ended.returncode != 0 and (b"\x1b[" in said) == coloured, said
    os.close(terminal)
