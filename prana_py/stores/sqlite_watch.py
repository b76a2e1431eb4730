"""Notices what other connections commit to a SQLite file: one thread that reads a number now and then."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from threading import Event, Thread, current_thread
from typing import Final

from prana_py.stores.watchers import Watchers

WATCH_INTERVAL: Final = 0.2
"""Seconds between two looks at a number that SQLite has in shared memory."""


def watch_version(connection: sqlite3.Connection, watchers: Watchers, interval: float) -> Callable[[], None]:
    """Tell the watchers whenever something else than the connection has committed; what is returned ends that."""
    ended = Event()
    seen = _version(connection)
    thread = Thread(target=_look, args=(connection, watchers, interval, ended, seen), name="prana-watch", daemon=True)
    thread.start()

    def end() -> None:
        ended.set()
        # A watcher may well be what ends the watching.
        if thread is not current_thread():
            thread.join()

    return end


def _look(connection: sqlite3.Connection, watchers: Watchers, interval: float, ended: Event, seen: int) -> None:
    try:
        while not ended.wait(interval):
            try:
                version = _version(connection)
            except sqlite3.OperationalError:
                # Busy, or torn away: whoever reads the data will say so; the next look may succeed.
                continue
            if version != seen:
                seen = version
                watchers.tell((None,))
    finally:
        connection.close()


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA data_version").fetchone()[0])
