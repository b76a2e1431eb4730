"""SQLite: operations are performed on the calling thread, one at a time, through the standard library."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from threading import RLock
from typing import Any, TypeVar

from prana_py.errors import StorageError
from prana_py.identifiers import ExecutionId
from prana_py.stores.database import Conflict, Fenced, Watcher
from prana_py.stores.sql import SQLITE
from prana_py.stores.statements import Ask, Batch, MakeOperation, Many, Operation, Result, Statement

Value = TypeVar("Value")


class SqliteDatabase:
    """One connection, which all threads share."""

    def __init__(self, path: str = ":memory:", *, synchronous: str = "normal", busy_timeout: float = 10.0) -> None:
        self.path = path
        self._lock = RLock()
        self._watchers: list[Watcher] = []
        self._connection = sqlite3.connect(
            path, timeout=busy_timeout, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(f"PRAGMA synchronous = {synchronous.upper()}")
        self._sql = SQLITE

    def transact(self, make: MakeOperation[Value], *, reads: bool = False, single: bool = False) -> Value:
        told: list[ExecutionId] = []
        with self._lock:
            connection = self._connection
            connection.execute("BEGIN" if reads else "BEGIN IMMEDIATE")
            try:
                value = self._performed(make(), told)
                connection.execute("COMMIT")
            except BaseException as error:
                connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise _translated(error) from error
                raise
        for execution_id in told:
            for watcher in tuple(self._watchers):
                watcher(execution_id)
        return value

    def _performed(self, operation: Operation[Value], told: list[ExecutionId]) -> Value:
        try:
            ask = next(operation)
            while True:
                ask = operation.send(self._answer(ask, told))
        except StopIteration as stop:
            value: Value = stop.value
            return value

    def _answer(self, ask: Ask, told: list[ExecutionId]) -> Any:
        if isinstance(ask, Batch):
            return [self._answer(one, told) for one in ask.statements]
        if isinstance(ask, Many):
            return self._connection.executemany(self._sql[ask.name], ask.parameters).rowcount
        assert isinstance(ask, Statement)
        if ask.name == "notify":
            told.append(ask.parameters[0])
            return Result([], 0)
        cursor = self._connection.execute(self._sql[ask.name], ask.parameters)
        rows = cursor.fetchall() if cursor.description is not None else []
        return Result(rows, cursor.rowcount)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def _translated(error: sqlite3.Error) -> StorageError:
    name = getattr(error, "sqlite_errorname", "")
    if name in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_ROWID"):
        return Conflict(str(error))
    if name == "SQLITE_CONSTRAINT_NOTNULL":
        return Fenced(str(error))
    return StorageError(f"{error} ({name})", code="store_unavailable")
