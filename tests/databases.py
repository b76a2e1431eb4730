"""Databases for tests, of every kind there is: a fresh one for each test, asked in one way whatever it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest

from prana_py.stores import migrations
from prana_py.stores.database import AsyncDatabase, Database
from prana_py.stores.migrations import Migration, Status
from prana_py.stores.sql import SQLITE
from prana_py.stores.sqlite import SqliteDatabase
from prana_py.stores.sqlite_async import AsyncSqliteDatabase
from prana_py.stores.statements import MakeOperation
from prana_py.stores.watchers import Watcher

Value = TypeVar("Value")

KINDS = ["sqlite memory", "sqlite file", "sqlite async"]


class Asked:
    """Any database, asked plainly: an async one from an event loop that runs only while it is asked."""

    def __init__(self, database: Database | AsyncDatabase, runner: asyncio.Runner | None = None) -> None:
        self.database: Any = database
        self.runner = runner
        self.dialect = database.dialect

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


def opened(kind: str, folder: Path, sql: Mapping[str, str] | None = None) -> Asked:
    """A fresh database of a kind, without any tables."""
    page = SQLITE if sql is None else sql
    if kind == "sqlite memory":
        return Asked(SqliteDatabase(sql=page))
    if kind == "sqlite async":
        return Asked(AsyncSqliteDatabase(folder / "store.db", sql=page), asyncio.Runner())
    return Asked(SqliteDatabase(folder / "store.db", sql=page))


@pytest.fixture(params=KINDS)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asked]:
    """A database of each kind, one after the other, without any tables."""
    database = opened(request.param, tmp_path)
    yield database
    database.close()
