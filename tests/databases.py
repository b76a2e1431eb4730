"""Databases for tests, of every kind there is: a fresh one for each test, asked in one way whatever it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from prana_py.stores import migrations
from prana_py.stores.database import AsyncDatabase, Database
from prana_py.stores.migrations import Migration, Status
from prana_py.stores.postgresql import AsyncPostgresqlDatabase, PostgresqlDatabase
from prana_py.stores.sqlite import SqliteDatabase
from prana_py.stores.sqlite_async import AsyncSqliteDatabase
from prana_py.stores.statements import MakeOperation
from prana_py.stores.watchers import Watcher
from tests.postgresql import Server, postgresql_server

__all__ = ["any_database", "empty_database", "postgresql_dsn", "postgresql_server"]

Value = TypeVar("Value")

KINDS = ["sqlite memory", "sqlite file", "sqlite async", "postgresql", "postgresql async"]


class Asked:
    """Any database, asked plainly: an async one from an event loop that runs only while it is asked."""

    def __init__(self, database: Database | AsyncDatabase, runner: asyncio.Runner | None = None) -> None:
        self.database: Any = database
        self.runner = runner
        self.dialect = database.dialect
        self.waited: list[float] = []

    def transact(self, make: MakeOperation[Value], **how: bool) -> Value:
        answer: Any = self.database.transact(make, **how)
        value: Value = self.runner.run(answer) if self.runner else answer
        return value

    def at_once(self, *makes: MakeOperation[Value]) -> list[Value | BaseException]:
        """Several operations at the same time, from threads or tasks: what each returned or raised, in order."""
        if self.runner is None:
            with ThreadPoolExecutor(len(makes)) as pool:
                futures = [pool.submit(self.database.transact, make) for make in makes]
            return [future.exception() or future.result() for future in futures]

        async def gathered() -> list[Any]:
            return await asyncio.gather(*map(self.database.transact, makes), return_exceptions=True)

        return self.runner.run(gathered())

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        end: Callable[[], None] = self.database.watch(watcher)
        return end

    def close(self) -> None:
        answer = self.database.close()
        if self.runner:
            self.runner.run(answer)
            self.runner.close()


def migrate(asked: Asked, known: list[Migration] | None = None) -> list[str]:
    """Bring its tables up to date."""
    if asked.runner:
        return asked.runner.run(migrations.migrate_async(asked.database, known))
    return migrations.migrate(asked.database, known)


def status(asked: Asked, known: list[Migration] | None = None) -> Status:
    """What it has been through."""
    if asked.runner:
        return asked.runner.run(migrations.status_async(asked.database, known))
    return migrations.status(asked.database, known)


def opened(kind: str, address: str) -> Asked:
    """A database of a kind at an address."""
    match kind:
        case "sqlite memory" | "sqlite file":
            return Asked(SqliteDatabase(address))
        case "sqlite async":
            return Asked(AsyncSqliteDatabase(address), asyncio.Runner())
        case "postgresql":
            return Asked(PostgresqlDatabase(address))
        case _:
            return Asked(AsyncPostgresqlDatabase(address), asyncio.Runner())


@contextmanager
def address_of(kind: str, request: pytest.FixtureRequest, *, empty: bool) -> Iterator[str]:
    """The address of a fresh database, which exists as long as the block runs; ``empty``: without tables."""
    if kind == "sqlite memory":
        yield ":memory:"
    elif kind.startswith("sqlite"):
        yield str(request.getfixturevalue("tmp_path") / "store.db")
    else:
        server: Server = request.getfixturevalue("postgresql_server")
        name = server.empty() if empty else server.fresh()
        yield server.dsn(name)
        server.drop(name)


@pytest.fixture(params=KINDS)
def empty_database(request: pytest.FixtureRequest) -> Iterator[Asked]:
    """A database of each kind, one after the other, without any tables."""
    with address_of(request.param, request, empty=True) as address:
        database = opened(request.param, address)
        yield database
        database.close()


@pytest.fixture(params=KINDS)
def any_database(request: pytest.FixtureRequest) -> Iterator[Asked]:
    """A database of each kind, one after the other, with the tables of the project."""
    with address_of(request.param, request, empty=False) as address:
        database = opened(request.param, address)
        migrate(database)
        yield database
        database.close()


@pytest.fixture
def postgresql_dsn(postgresql_server: Server) -> Iterator[str]:
    """The address of a fresh PostgreSQL database, with the tables of the project."""
    name = postgresql_server.fresh()
    yield postgresql_server.dsn(name)
    postgresql_server.drop(name)
