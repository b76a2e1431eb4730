"""Those who want to hear that something may have been committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock
from typing import TypeAlias

from prana_py.identifiers import ExecutionId

Watcher: TypeAlias = Callable[[ExecutionId | None], None]
"""Is called from any thread, and must neither raise nor take long; ``None``: it is not known what has changed."""


class _Entry:
    """Somebody who watches; the same function may come twice."""

    __slots__ = ("watcher",)

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher


class Watchers:
    """The watchers of one database. Something else listens on their behalf from the first of them to the last."""

    def __init__(self, begin: Callable[[], Callable[[], None]]) -> None:
        """``begin`` begins the listening, and gives what ends it."""
        self._begin = begin
        self._end: Callable[[], None] | None = None
        self._entries: tuple[_Entry, ...] = ()
        self._lock = Lock()

    def add(self, watcher: Watcher) -> Callable[[], None]:
        """Tell it everything from now on; what is returned ends that, and may be called twice."""
        entry = _Entry(watcher)
        with self._lock:
            if self._end is None:
                self._end = self._begin()
            self._entries = (*self._entries, entry)
        return lambda: self._remove(entry)

    def tell(self, execution_ids: Iterable[ExecutionId | None]) -> None:
        """Call all of them."""
        for execution_id in execution_ids:
            for entry in self._entries:
                entry.watcher(execution_id)

    def close(self) -> None:
        """Nobody watches any more."""
        with self._lock:
            self._entries = ()
            self._stop_listening()

    def _remove(self, entry: _Entry) -> None:
        with self._lock:
            self._entries = tuple(one for one in self._entries if one is not entry)
            if not self._entries:
                self._stop_listening()

    def _stop_listening(self) -> None:
        if self._end is not None:
            end, self._end = self._end, None
            end()
