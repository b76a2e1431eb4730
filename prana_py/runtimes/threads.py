"""A bounded pool of threads that no call can hold up for good: not the others, and not the end of the process."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Final
from weakref import finalize

MOST_LEFT_BEHIND: Final = 64


class Threads:
    """Runs work in daemon threads, which are made when they are needed and kept; they end with this object."""

    def __init__(self, most: int, *, name: str = "prana") -> None:
        self._most = most
        self._left_behind = 0
        self._name: Final = name
        self._work: Final[SimpleQueue[Callable[[], None] | None]] = SimpleQueue()
        self._lock: Final = Lock()
        self._idle: Final[list[None]] = []
        self._made: Final[list[Thread]] = []
        finalize(self, _dismiss, self._work, self._made)

    def run(self, work: Callable[[], None]) -> None:
        """Have this done soon; ``work`` must not raise."""
        self._work.put(work)
        with self._lock:
            if self._idle:
                self._idle.pop()
            elif len(self._made) < self._most:
                thread = Thread(target=_serve, args=(self._work, self._idle), daemon=True, name=self._name)
                self._made.append(thread)
                thread.start()

    def replace_one(self) -> None:
        """A call was given up and keeps its thread as long as it likes: another may be made, up to a bound."""
        with self._lock:
            if self._left_behind < MOST_LEFT_BEHIND:
                self._left_behind += 1
                self._most += 1


def _serve(queue: SimpleQueue[Callable[[], None] | None], idle: list[None]) -> None:
    while (work := queue.get()) is not None:
        work()
        del work
        idle.append(None)


def _dismiss(queue: SimpleQueue[Callable[[], None] | None], threads: list[Thread]) -> None:
    for _ in threads:
        queue.put(None)
