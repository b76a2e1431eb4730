"""How an operation is performed on PostgreSQL, in as few round trips as it allows, whether awaited or not."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from prana_py.errors import InvariantError
from prana_py.stores.failures import Failure
from prana_py.stores.postgresql_failures import failure
from prana_py.stores.statements import Ask, Batch, MakeOperation, Many, Operation, Result, Statement

Value = TypeVar("Value")

Steps: TypeAlias = Generator[Any, Any, Value]
"""Yields what a call of the driver gave – the answer, or something to await – and gets the answer."""

_PARAMETER: Final = re.compile(r"""'(?:[^']|'')*' | "[^"]*" | --[^\n]* | (?P<parameter>\?)""", re.VERBOSE)


class Query(NamedTuple):
    """One statement for the driver; or with ``each``, one for each of several tuples of parameters."""

    sql: str
    parameters: Any = ()
    each: bool = False


BEGIN: Final = Query("BEGIN ISOLATION LEVEL READ COMMITTED")
COMMIT: Final = Query("COMMIT")


def translated(sql: str) -> str:
    """Named SQL as PostgreSQL wants it: its parameters are numbered."""
    number = 0

    def numbered(match: re.Match[str]) -> str:
        nonlocal number
        if match["parameter"] is None:
            return match[0]
        number += 1
        return f"${number}"

    return _PARAMETER.sub(numbered, sql)


class Talk:
    """One transaction on one connection."""

    def __init__(self, connection: Any, page: Mapping[str, str], place: str, pipelined: Callable[..., Any]) -> None:
        self._connection = connection
        self._page = page
        self._place = place
        self._pipelined = pipelined
        self._commits = False
        """What would commit may have been sent."""
        self._hung_up = False

    def perform(self, make: MakeOperation[Value], *, reads: bool, single: bool) -> Steps[Value]:
        """Perform an operation; what goes wrong undoes it."""
        try:
            if single:
                return (yield from self._single(make()))
            return (yield from self._converse(make(), reads=reads))
        except BaseException:
            if not self._connection.closed and self._connection.info.transaction_status != TransactionStatus.IDLE:
                yield self._connection.rollback()
            raise

    @property
    def is_lost(self) -> bool:
        """The connection is not there any more."""
        return bool(self._connection.closed) and not self._hung_up

    def failure(self, error: psycopg.Error) -> Failure:
        """What an error means at the point to which the transaction has come."""
        return failure(error, self._place, is_lost=self.is_lost, commits=self._commits)

    def _single(self, operation: Operation[Value]) -> Steps[Value]:
        batch = next(operation)
        # What is sent between two synchronisations is a transaction, also without words around it.
        reply = _reply(batch, (yield from self._trip(self._queries(batch), commits=True)))
        try:
            operation.send(reply)
        except StopIteration as stop:
            value: Value = stop.value
            return value
        raise InvariantError("an operation that was to be a single batch asks for more")

    def _converse(self, operation: Operation[Value], *, reads: bool) -> Steps[Value]:
        # Each statement sees what is committed when it begins, so that statements that only read need no transaction.
        opening = [] if reads else [BEGIN]
        has_begun = False
        reply: Any = None
        value: Any = None
        try:
            while True:
                ask = operation.send(reply)
                results = yield from self._trip([*opening, *self._queries(ask)])
                reply = _reply(ask, results[len(opening) :])
                has_begun, opening = not reads, []
        except StopIteration as stop:
            value = stop.value
        if has_begun:
            yield from self._trip([COMMIT], commits=True)
        given: Value = value
        return given

    def _trip(self, queries: list[Query], *, commits: bool = False) -> Steps[list[Any]]:
        if not queries:
            return []
        if len(queries) == 1 and not queries[0].each:
            self._commits = commits
            cursor = yield self._connection.execute(queries[0].sql, queries[0].parameters, binary=True)
            cursors = [cursor]
        else:
            cursors = yield from self._pipeline(queries, commits=commits)
        results = []
        for query, cursor in zip(queries, cursors, strict=True):
            if query.each:
                results.append(cursor.rowcount)
            else:
                rows = (yield cursor.fetchall()) if cursor.description else []
                results.append(Result(rows, max(cursor.rowcount, 0)))
        return results

    def _pipeline(self, queries: list[Query], *, commits: bool) -> Steps[list[Any]]:
        cursors: list[Any] = []
        enter, leave = self._pipelined(self._connection)
        refused: BaseException | None = None
        yield enter()
        try:
            for query in queries:
                cursor = self._connection.cursor(binary=True)
                cursors.append(cursor)
                yield (cursor.executemany if query.each else cursor.execute)(query.sql, query.parameters)
        except BaseException as error:
            refused = error
            if commits and not self._is_undone_by(error):
                # To leave is to synchronise, which would commit what went before. Without a line, nothing is.
                self._hung_up = True
                yield self._connection.close()
        self._commits = commits and refused is None
        try:
            yield leave(None, None, None)
        except psycopg.Error as error:
            # The first one says what is wrong; leaving then only says that the pipeline was aborted.
            raise refused or error from None
        if refused is not None:
            raise refused
        return cursors

    def _is_undone_by(self, error: BaseException) -> bool:
        """The server refused a statement, and so all of them; or it is gone."""
        return isinstance(error, psycopg.Error) and (error.sqlstate is not None or self.is_lost)

    def _queries(self, ask: Ask) -> list[Query]:
        if type(ask) is Batch:
            return [query for one in ask.statements for query in self._queries(one)]
        if type(ask) is Statement:
            return [Query(self._page[ask.name], ask.parameters)]
        if type(ask) is Many:
            return [Query(self._page[ask.name], ask.parameters, each=True)] if ask.parameters else []
        raise InvariantError(f"an operation asks for {ask!r}, which is nothing to ask for")


def _reply(ask: Ask, results: list[Any]) -> Any:
    if type(ask) is Batch:
        given = iter(results)
        return [0 if type(one) is Many and not one.parameters else next(given) for one in ask.statements]
    return results[0] if results else 0
