"""PostgreSQL through psycopg and its pool: for threads, and for the tasks of an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from prana_py.errors import UsageError
from prana_py.performing import clock
from prana_py.stores.sql import POSTGRESQL
from prana_py.stores.statements import MakeOperation

try:
    import psycopg
    import psycopg_pool
except ImportError as error:
    raise UsageError(
        "PostgreSQL needs an extra that is not installed: pip install 'prana-py[postgresql]'", code="extra_missing"
    ) from error

from prana_py.stores.postgresql_pooled import Pooled, configure, pool_options
from prana_py.stores.postgresql_talk import Steps

Value = TypeVar("Value")

LEAST_CONNECTIONS = 1

MOST_CONNECTIONS = 10

POOL_TIMEOUT = 30.0
"""Seconds that an operation waits for a connection to become free."""


class PostgresqlDatabase(Pooled):
    """A database on a server, for any number of threads, in any number of processes."""

    def __init__(
        self,
        dsn: str,
        *,
        min_size: int = LEAST_CONNECTIONS,
        max_size: int = MOST_CONNECTIONS,
        timeout: float = POOL_TIMEOUT,
        sql: Mapping[str, str] = POSTGRESQL,
        sleep: Callable[[float], None] = clock.sleep,
    ) -> None:
        """Connect: who cannot be reached is told at once."""
        super().__init__(dsn, sql, _pipelined, sleep)
        _run(self.reaching(psycopg.connect))
        self._pool: psycopg_pool.ConnectionPool[Any] = psycopg_pool.ConnectionPool(
            dsn,
            kwargs=pool_options(dsn, is_async=False),
            configure=configure,
            min_size=min_size,
            max_size=max_size,
            timeout=timeout,
            open=True,
            name="prana",
        )

    def transact(self, make: MakeOperation[Value], *, reads: bool = False, single: bool = False) -> Value:
        """Perform an operation in one transaction, at READ COMMITTED; with ``reads`` each statement is one."""
        self.refuse_children()
        return _run(self.trying(self._pool, make, reads=reads, single=single))

    def close(self) -> None:
        """Give back what is open."""
        self._watchers.close()
        self._pool.close()


class AsyncPostgresqlDatabase(Pooled):
    """The same for the tasks of one event loop: the one in which it is used first."""

    def __init__(
        self,
        dsn: str,
        *,
        min_size: int = LEAST_CONNECTIONS,
        max_size: int = MOST_CONNECTIONS,
        timeout: float = POOL_TIMEOUT,
        sql: Mapping[str, str] = POSTGRESQL,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = clock.sleep_async,
    ) -> None:
        """The first operation connects."""
        super().__init__(dsn, sql, _pipelined_async, sleep)
        self._sizes: dict[str, Any] = {"min_size": min_size, "max_size": max_size, "timeout": timeout}
        self._opening: asyncio.Task[psycopg_pool.AsyncConnectionPool[Any]] | None = None
        self._under_way: set[asyncio.Task[Any]] = set()

    async def transact(self, make: MakeOperation[Value], *, reads: bool = False, single: bool = False) -> Value:
        """Perform an operation in one transaction; it is performed whole, also if nobody awaits it any more."""
        self.refuse_children()
        task = asyncio.create_task(self._transact(make, reads=reads, single=single))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for what is under way, and give back what is open."""
        self._watchers.close()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._opening is not None:
            await (await self._opening).close()

    async def _transact(self, make: MakeOperation[Value], *, reads: bool, single: bool) -> Value:
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        try:
            pool = await self._opening
        except Exception:
            # The next operation may be luckier.
            self._opening = None
            raise
        return await _run_async(self.trying(pool, make, reads=reads, single=single))

    async def _open(self) -> psycopg_pool.AsyncConnectionPool[Any]:
        await _run_async(self.reaching(psycopg.AsyncConnection.connect))
        pool: psycopg_pool.AsyncConnectionPool[Any] = psycopg_pool.AsyncConnectionPool(
            self.dsn,
            kwargs=pool_options(self.dsn, is_async=True),
            configure=_configure_async,
            open=False,
            name="prana",
            **self._sizes,
        )
        await pool.open()
        return pool


def _run(steps: Steps[Value]) -> Value:
    """Every step has been taken by whoever yields it."""
    reply = None
    try:
        while True:
            reply = steps.send(reply)
    except StopIteration as stop:
        value: Value = stop.value
        return value


async def _run_async(steps: Steps[Value]) -> Value:
    """Every step is still to be awaited, if it can be."""
    try:
        step = next(steps)
        while True:
            try:
                reply = await step if asyncio.iscoroutine(step) else step
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(reply)
    except StopIteration as stop:
        value: Value = stop.value
        return value


def _pipelined(connection: psycopg.Connection) -> tuple[Any, Any]:
    context = connection.pipeline()
    return context.__enter__, context.__exit__


def _pipelined_async(connection: psycopg.AsyncConnection) -> tuple[Any, Any]:
    context = connection.pipeline()
    return context.__aenter__, context.__aexit__


async def _configure_async(connection: psycopg.AsyncConnection) -> None:
    configure(connection)
