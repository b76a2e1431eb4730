"""The databases in which executions are lived through."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from typing import TypeAlias

import pytest

from prana_py.stores import migrations
from prana_py.stores.postgresql import PostgresqlDatabase
from prana_py.stores.sqlite import SqliteDatabase
from prana_py.stores.statements import Operation, Statement
from tests.databases import postgresql_server
from tests.durability.living import Place
from tests.postgresql import Server

__all__ = ["make_place", "make_private_place", "postgresql_server"]

MakePlace: TypeAlias = Callable[[], Place]
"""An empty database, for one life."""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes of a test know the same key."""
    monkeypatch.setenv("PRANA_KEY", b64encode(b"k" * 32).decode())


@pytest.fixture(params=["memory", "file", "postgresql"])
def make_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakePlace]:
    if request.param == "memory":
        places = _in_memory()
    elif request.param == "file":
        places = _in_files(tmp_path)
    else:
        places = _in_postgresql(request.getfixturevalue("postgresql_server"))
    with places as make:
        yield make


@pytest.fixture
def make_private_place() -> Iterator[MakePlace]:
    """For what is the same in every database."""
    with _in_memory() as make:
        yield make


@contextmanager
def _in_memory() -> Iterator[MakePlace]:
    opened: list[SqliteDatabase] = []

    def make() -> Place:
        while opened:
            opened.pop().close()
        database = SqliteDatabase()
        migrations.migrate(database)
        opened.append(database)
        return Place("sqlite://", lambda: database, is_shared=True)

    yield make
    while opened:
        opened.pop().close()


@contextmanager
def _in_postgresql(server: Server) -> Iterator[MakePlace]:
    """One database for all lives, one after the other: it is emptied for each."""
    name = server.fresh()
    database = PostgresqlDatabase(server.dsn(name), min_size=1, max_size=2)
    database.learn({"all tables": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"})

    def emptied() -> Operation[None]:
        for (table,) in (yield Statement("all tables")).rows:
            if table != "migration":
                database.learn({f"empty {table}": f"DELETE FROM {table}"})
                yield Statement(f"empty {table}")

    def make() -> Place:
        database.transact(emptied)
        return Place(f"postgresql:///{name}", lambda: database, is_shared=True)

    yield make
    database.close()
    server.drop(name)


@contextmanager
def _in_files(folder: Path) -> Iterator[MakePlace]:
    template = folder / "template.db"
    database = SqliteDatabase(template)
    migrations.migrate(database)
    database.close()
    made: list[Path] = []

    def make() -> Place:
        path = folder / f"{len(made)}.db"
        made.append(copyfile(template, path))
        return Place(f"sqlite:///{path}", lambda: SqliteDatabase(path, watch_interval=3600))

    yield make
