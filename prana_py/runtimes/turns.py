"""One at a time: whoever wants to drive an execution waits until nobody else does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, RLock

from prana_py.identifiers import ExecutionId


class Turns:
    """A lock for each execution that somebody drives or wants to drive, and for no other."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._turns: dict[ExecutionId, tuple[RLock, int]] = {}

    @contextmanager
    def turn(self, execution_id: ExecutionId) -> Iterator[None]:
        """Wait for the turn at an execution, and give it up at the end."""
        with self._guard:
            lock, wanted = self._turns.get(execution_id, (RLock(), 0))
            self._turns[execution_id] = (lock, wanted + 1)
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, wanted = self._turns[execution_id]
                if wanted > 1:
                    self._turns[execution_id] = (lock, wanted - 1)
                else:
                    del self._turns[execution_id]
