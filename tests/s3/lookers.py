"""What goes on beside a test: readers that look all the while, and the run that follows a killed one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from program import Apsides, Ended, Place


class Missing(Exception):
    """A file was not there, or became another one, in a folder."""


class Reader:
    """Looks all the while, and takes down what is wrong."""

    def __init__(self, look: Callable[[], str | None], pause: float = 0.1) -> None:
        self.look = look
        self.pause = pause
        self.looks = 0
        self.missed: list[str] = []
        self.wrong: list[str] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.follow)

    def __enter__(self) -> Reader:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()

    def follow(self) -> None:
        while not self.stop.wait(self.pause):
            try:
                wrong = self.look()
            except Missing as error:
                self.missed.append(str(error))
                continue
            except Exception as error:  # noqa: BLE001: a reader that fails is a failure of the test
                wrong = repr(error)
            self.looks += 1
            self.wrong += [wrong] if wrong else []


def rerun(apsides: Apsides, place: Place, arguments: tuple[str | Path, ...], *, unlocks: bool) -> tuple[Ended, float]:
    """The next run, once the dead one's lock is taken away, or has run out; with the seconds that it took."""
    if unlocks:
        apsides.run("unlock", place.name).succeeded()
    deadline = time.monotonic() + 30
    while True:
        began = time.monotonic()
        ended = apsides.run(*arguments)
        if ended.code != 5 or unlocks:
            return ended.succeeded(), time.monotonic() - began
        assert began < deadline, ended
        time.sleep(0.3)
