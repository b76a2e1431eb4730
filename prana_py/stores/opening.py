"""Opens the database at a place, and sees to it that its schema is the one of this code."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from prana_py.stores.places import Place
from prana_py.stores.sqlite import SqliteDatabase


def open_database(
    place: Place, *, synchronous: Literal["normal", "full"] = "normal", migrate: bool = True
) -> SqliteDatabase:
    """The database at a place."""
    database = SqliteDatabase(place.address, synchronous=synchronous)
    c = database._writer.connection
    if not c.execute("SELECT 1 FROM sqlite_master WHERE name='execution'").fetchall():
        c.executescript((Path(__file__).parents[2] / "migrations/sqlite/0001_beginning.sql").read_text())
    return database
