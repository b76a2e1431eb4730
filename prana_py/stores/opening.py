"""Opens the database at a place, and sees to it that its schema is the one of this code."""

from __future__ import annotations

from typing import Literal

from prana_py.stores import migrations
from prana_py.stores.places import Place
from prana_py.stores.sqlite import SqliteDatabase


def open_database(
    place: Place, *, synchronous: Literal["normal", "full"] = "normal", migrate: bool = True
) -> SqliteDatabase:
    """The database at a place."""
    database = SqliteDatabase(place.address, synchronous=synchronous)
    (migrations.migrate if migrate else migrations.check)(database)
    return database
