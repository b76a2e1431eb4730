"""Hears what PostgreSQL tells of committed changes: one thread with a connection of its own, which it makes again."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from threading import Event, Thread, current_thread
from typing import Any, Final

import psycopg

from prana_py.identifiers import ExecutionId
from prana_py.stores.postgresql_lines import watchful
from prana_py.stores.watchers import Watchers

RECONNECT_INTERVAL: Final = 0.5
"""Seconds between two tries to reach a server that went away."""


def listen(dsn: str, watchers: Watchers) -> Callable[[], None]:
    """Tell the watchers what is notified from here on; after a new connect, also that they may have missed something.

    If the server cannot be reached, it is tried until it can.
    """
    listening = Listening(dsn, watchers)
    listening.thread.start()
    listening.has_tried.wait()
    return listening.end


class Listening:
    """The thread, its connection, and what ends it."""

    def __init__(self, dsn: str, watchers: Watchers) -> None:
        self.thread = Thread(target=self._run, name="prana-listen", daemon=True)
        self._dsn = dsn
        self._watchers = watchers
        self.has_tried = Event()
        """It listens, or could not: what comes later is an interruption."""
        self._ended = Event()
        self._wakes, self._woken = socket.socketpair()

    def end(self) -> None:
        """Hear no more."""
        # In this order: once it has ended, the thread closes what it is woken by.
        self._wakes.send(b"x")
        self._ended.set()
        # A watcher may well be what ends the watching.
        if self.thread is not current_thread():
            self.thread.join()

    def _run(self) -> None:
        with self._wakes, self._woken:
            while not self._ended.is_set():
                with suppress(psycopg.Error):
                    self._connect_and_hear()
                self.has_tried.set()
                self._ended.wait(RECONNECT_INTERVAL)

    def _connect_and_hear(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True, **watchful(self._dsn)) as connection:
            connection.execute("LISTEN prana")
            if self.has_tried.is_set():
                self._watchers.tell((None,))
            self.has_tried.set()
            self._hear(connection)

    def _hear(self, connection: psycopg.Connection[Any]) -> None:
        with DefaultSelector() as selector:  # select itself does not know descriptors beyond 1024
            selector.register(connection.fileno(), EVENT_READ)
            selector.register(self._woken, EVENT_READ)
            while not self._ended.is_set():
                # What came with the answer to another command is in the driver already, and not in the socket.
                notified = list(connection.notifies(timeout=0))
                self._watchers.tell([ExecutionId(one.payload) for one in notified])
                if not notified:
                    selector.select()
