"""One connection to SQLite, and operations performed on it: one at a time, from any thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from typing import Any, Final, TypeAlias, TypeVar

from prana_py.errors import InvariantError
from prana_py.identifiers import ExecutionId
from prana_py.stores import failures
from prana_py.stores.sqlite_failures import is_torn
from prana_py.stores.statements import Ask, Batch, MakeOperation, Many, Operation, Result, Statement

Value = TypeVar("Value")

Told: TypeAlias = list[ExecutionId]
"""Executions that the watchers are told about once the transaction has committed."""

NOTHING: Final = Result([], 0)
"""What comes of a statement that is not needed here."""


class SqliteSession:
    """A connection with a lock around each transaction."""

    def __init__(self, connection: sqlite3.Connection, sql: Mapping[str, str], place: str) -> None:
        self.connection = connection
        self._sql = sql
        self._place = place
        self._lock = RLock()
        self._cursor = connection.cursor()

    def transact(self, make: MakeOperation[Value], begin: str, told: Told) -> Value:
        """Perform an operation between ``begin`` and a commit; whatever is raised undoes it."""
        # Written out, and not by `_within`, for this is what every execution waits for.
        execute = self._cursor.execute
        with self._lock:
            self._refuse_nesting()
            try:
                execute(begin)
                value = self._converse(make(), told)
                self._commit()
            except BaseException:
                if self.connection.in_transaction:
                    execute("ROLLBACK")
                raise
            return value

    def transact_single(self, make: MakeOperation[Value], begin: str, told: Told) -> Value:
        """Perform an operation that asks for one batch: one statement needs no words around it to be a transaction."""
        operation = make()
        batch = next(operation)
        with self._lock:
            if _is_one_statement(batch):
                self._refuse_nesting()
                try:
                    reply = self._answer(batch, told)
                except sqlite3.Error as error:
                    self._raise_unknown(error)
                    raise
            else:
                reply = self._within(begin, lambda: self._answer(batch, told))
        return finished(operation, reply)

    def try_single(self, make: MakeOperation[Value], begin: str, told: Told) -> tuple[Value] | None:
        """The same, unless somebody else uses the connection, or this thread is in the middle of a transaction."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return None if self.connection.in_transaction else (self.transact_single(make, begin, told),)
        finally:
            self._lock.release()

    def transact_all(self, makes: Sequence[MakeOperation[Any]], told: Sequence[Told]) -> list[Any]:
        """Perform several operations in one transaction; one that fails is undone alone, and its answer is ``Failed``.

        An error that ends the whole transaction is raised instead: then none of them has happened.
        """
        return self._within("BEGIN IMMEDIATE", lambda: list(map(self._saved, makes, told)))

    def close(self) -> None:
        """Close the connection, once nobody uses it."""
        with self._lock:
            self.connection.close()

    def _within(self, begin: str, work: Callable[[], Value]) -> Value:
        execute = self._cursor.execute
        with self._lock:
            self._refuse_nesting()
            try:
                execute(begin)
                value = work()
                self._commit()
            except BaseException:
                if self.connection.in_transaction:
                    execute("ROLLBACK")
                raise
            return value

    def _converse(self, operation: Operation[Value], told: Told) -> Value:
        send = operation.send
        answer = self._answer
        reply: Any = None
        try:
            while True:
                reply = answer(send(reply), told)
        except StopIteration as stop:
            value: Value = stop.value
            return value

    def _answer(self, ask: Any, told: Told) -> Any:
        kind = type(ask)
        if kind is Batch:
            return [self._done(one, told) for one in ask.statements]
        if kind is not Statement and kind is not Many:
            raise InvariantError(f"an operation asks for {ask!r}, which is nothing to ask for")
        return self._done(ask, told)

    def _done(self, ask: Statement | Many, told: Told) -> Any:
        name = ask.name
        parameters: Any = ask.parameters
        if name == "notify":
            told.append(parameters[0])
            return NOTHING
        sql = self._sql[name]
        if not sql:
            return NOTHING
        if type(ask) is Many:
            return self._cursor.executemany(sql, parameters).rowcount if parameters else 0
        cursor = self._cursor.execute(sql, parameters)
        # Before the rows are taken, a statement that returns what it wrote has not been carried out.
        rows, touched = cursor.fetchall(), cursor.rowcount
        return Result(rows, touched if touched >= 0 else len(rows))

    def _saved(self, make: MakeOperation[Any], told: Told) -> Any:
        execute = self._cursor.execute
        execute("SAVEPOINT one")
        try:
            value = self._converse(make(), told)
        except Exception as error:
            told.clear()
            if not self.connection.in_transaction:
                raise
            execute("ROLLBACK TO one")
            value = Failed(error)
        execute("RELEASE one")
        return value

    def _commit(self) -> None:
        try:
            self._cursor.execute("COMMIT")
        except sqlite3.Error as error:
            self._raise_unknown(error)
            raise

    def _raise_unknown(self, error: sqlite3.Error) -> None:
        if is_torn(error):
            raise failures.unknown(self._place, error).error from error

    def _refuse_nesting(self) -> None:
        if self.connection.in_transaction:
            raise InvariantError("a store operation begins a transaction of its own inside of another one")


class Failed:
    """An operation's answer is that it failed."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


def finished(operation: Operation[Value], reply: Any) -> Value:
    """What an operation returns that asks for nothing after this."""
    try:
        operation.send(reply)
    except StopIteration as stop:
        value: Value = stop.value
        return value
    raise InvariantError("an operation that was to be a single batch asks for more")


def _is_one_statement(batch: Ask) -> bool:
    if type(batch) is not Batch:
        return type(batch) is Statement
    statements = batch.statements
    if len(statements) > 2:
        return False
    written = [one for one in statements if one.name != "notify"]
    return len(written) == 1 and type(written[0]) is Statement
