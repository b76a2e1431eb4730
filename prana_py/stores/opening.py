"""Opens the database at a place, and sees to it that its schema is the one of this code."""

from __future__ import annotations

from typing import Literal, NamedTuple

from prana_py.stores import migrations
from prana_py.stores.database import AsyncDatabase, Database
from prana_py.stores.places import Place
from prana_py.stores.sqlite import SqliteDatabase

Synchronous = Literal["normal", "full"]


class OpenedForTasks(NamedTuple):
    """A database for the tasks of event loops, and the same one for threads."""

    database: AsyncDatabase
    plain: Database


def open_database(place: Place, *, synchronous: Synchronous = "normal", migrate: bool = True) -> Database:
    """The database at a place."""
    database = connect(place, synchronous=synchronous)
    _at_its_newest(database, migrate=migrate)
    return database


def connect(place: Place, *, synchronous: Synchronous = "normal") -> Database:
    """The database at a place, whatever tables it has."""
    if place.kind == "postgresql":
        from prana_py.stores.postgresql import PostgresqlDatabase

        return PostgresqlDatabase(place.address)
    return SqliteDatabase(place.address, synchronous=synchronous)


def open_for_tasks(place: Place, *, synchronous: Synchronous = "normal", migrate: bool = True) -> OpenedForTasks:
    """The database at a place, for event loops."""
    if place.kind == "postgresql":
        from prana_py.stores.postgresql import AsyncPostgresqlDatabase, PostgresqlDatabase

        plain: Database = PostgresqlDatabase(place.address, max_size=2)
        opened = OpenedForTasks(AsyncPostgresqlDatabase(place.address), plain)
    else:
        from prana_py.stores.sqlite_async import AsyncSqliteDatabase

        shared = AsyncSqliteDatabase(place.address, synchronous=synchronous)
        opened = OpenedForTasks(shared, shared.plain)
    _at_its_newest(opened.plain, migrate=migrate)
    return opened


def _at_its_newest(database: Database, *, migrate: bool) -> None:
    """Bring the schema up to this code, or say what is wrong with it; a database that cannot be used is closed."""
    try:
        (migrations.migrate if migrate else migrations.check)(database)
    except BaseException:
        database.close()
        raise
