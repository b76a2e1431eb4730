"""Says again and again that an engine lives, so that what it drives stays its own; and tidies up after it."""

from __future__ import annotations

from collections.abc import Callable
from logging import getLogger
from threading import Event, Lock, Thread

from prana_py.errors import StorageError

_log = getLogger("prana_py.engine")


class Heartbeat:
    """A thread that beats from the first time that somebody wants to drive something until the engine is closed."""

    def __init__(self, seconds: float, begin: Callable[[], None], beat: Callable[[], None]) -> None:
        self.seconds = seconds
        self.beats = 0
        """How often it has beaten: whoever looks at something once in a while may go by that."""
        self._begin = begin
        self._beat = beat
        self._ended = Event()
        self._lock = Lock()
        self._thread: Thread | None = None

    @property
    def is_on(self) -> bool:
        """It has begun."""
        return self._thread is not None

    def ensure(self) -> None:
        """Begin, if it has not begun yet."""
        if self._thread is None:
            with self._lock:
                self._start()

    def _start(self) -> None:
        if self._thread is None and not self._ended.is_set():
            self._begin()
            self._thread = Thread(target=self._run, daemon=True, name="prana-heartbeat")
            self._thread.start()

    def end(self) -> bool:
        """Beat no more. Whether it ever did."""
        self._ended.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()
        return thread is not None

    def _run(self) -> None:
        while not self._ended.wait(self.seconds):
            self.beats += 1
            try:
                self._beat()
            except StorageError as error:
                _log.warning("the engine could not say that it lives; it tries again in %s s: %s", self.seconds, error)
