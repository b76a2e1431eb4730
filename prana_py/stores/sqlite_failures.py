"""What SQLite's result codes mean for a store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Final

from prana_py.stores import failures
from prana_py.stores.failures import Failure

_UNIQUE: Final = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, 2579}
"""The last one is ``SQLITE_CONSTRAINT_ROWID``, which the standard library has no name for."""

_BY_CODE: Final[Mapping[int, Callable[[str, object], Failure]]] = {
    sqlite3.SQLITE_BUSY: failures.busy,
    sqlite3.SQLITE_LOCKED: failures.busy,
    sqlite3.SQLITE_FULL: failures.full,
    sqlite3.SQLITE_READONLY: failures.read_only,
    sqlite3.SQLITE_PERM: failures.read_only,
    sqlite3.SQLITE_CORRUPT: failures.corrupt,
    sqlite3.SQLITE_NOTADB: failures.corrupt,
}


def failure(error: sqlite3.Error, place: str) -> Failure:
    """The driver's error in the words of the store."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code in _UNIQUE:
        return failures.conflict(place, error, _named(error))
    if code == sqlite3.SQLITE_CONSTRAINT_NOTNULL:
        return failures.fenced(place, error, _named(error))
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_CANTOPEN or "closed database" in str(error):
        return failures.unavailable(place, error, again=False)
    if primary == sqlite3.SQLITE_ERROR and str(error).startswith(("no such table", "no such column")):
        return failures.old_schema(place, error)
    return _BY_CODE.get(primary, failures.other)(place, error)


def is_torn(error: sqlite3.Error) -> bool:
    """Reading or writing failed: of a commit, it is then not known whether it will be found after a crash."""
    return bool(getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR)


def _named(error: sqlite3.Error) -> str | None:
    """The column or columns that SQLite names behind its colon."""
    return str(error).partition(": ")[2] or None
