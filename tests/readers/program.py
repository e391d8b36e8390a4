"""The program under test."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# A program that hangs is a failure, not a wait.
SECONDS_MAX = 60


@dataclass(frozen=True)
class Apsides:
    """The `apsides` executable."""

    path: Path

    def run(self, *arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Runs the program to its end, whatever that is."""
        command = [self.path, *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, timeout=SECONDS_MAX, check=False)

    def succeed(self, *arguments: str | Path, stdin: bytes = b"") -> None:
        """Runs the program, which must succeed."""
        ended = self.run(*arguments, stdin=stdin)
        command = " ".join(map(str, arguments))
        assert ended.returncode == 0, f"apsides {command} ended with {ended.returncode}:\n{ended.stderr.decode()}"

    @contextmanager
    def simulated(self, *arguments: str) -> Iterator[str]:
        """The simulated API: its address."""
        command = [self.path, "simulate", "--bind", "127.0.0.1:0", "--polls", "0", *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout
                found = re.search(r"http://[\d.:]+", server.stdout.readline())
                assert found, "it does not say where it is"
                yield found[0]
            finally:
                server.kill()
