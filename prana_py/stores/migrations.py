"""The tables of a store: numbered SQL files, forward only, each applied in one transaction with its record."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final, NamedTuple

from prana_py.errors import StorageError, UsageError
from prana_py.performing.clock import SystemClock
from prana_py.stores import failures
from prana_py.stores.database import AsyncDatabase, Database, Described
from prana_py.stores.statements import MakeOperation, Operation, Statement

_FILE: Final = re.compile(r"(?P<number>\d{4})_(?P<name>\w+)\.sql")

# Until a semicolon, but for those in comments, in quotes of either kind, and between dollars.
_PIECE: Final = re.compile(
    r"""--[^\n]* | /\*.*?\*/ | '(?:[^']|'')*' | "[^"]*" | \$(\w*)\$.*?\$\1\$ | . """, re.X | re.S
)

SQL: Final[Mapping[str, Mapping[str, str]]] = {
    "sqlite": {
        # The transaction is the only one that writes, from its beginning on.
        "migration.lock": "SELECT 1",
        "migration.is_there": "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migration'",
    },
    "postgresql": {
        # Held until the transaction ends; the number is an arbitrary one that everybody uses.
        "migration.lock": "SELECT pg_advisory_xact_lock(7236833191)",
        "migration.is_there": "SELECT 1 WHERE to_regclass('migration') IS NOT NULL",
    },
}

_SHARED: Final = {
    "migration.create": """
        CREATE TABLE IF NOT EXISTS migration (
            number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL
        )
    """,
    "migration.all": "SELECT number, name, applied_at FROM migration ORDER BY number",
    "migration.record": "INSERT INTO migration (number, name, applied_at) VALUES (?, ?, ?)",
}


class Migration(NamedTuple):
    """One step of the schema, as a file."""

    number: int
    name: str
    statements: tuple[str, ...]


class Status(NamedTuple):
    """What a database has been through, and what it lacks."""

    applied: tuple[tuple[int, str, int], ...]
    """Number, name, and when, in nanoseconds."""
    missing: tuple[Migration, ...]
    unknown: tuple[int, ...]
    """Those that a newer version of the code has applied."""


def migrations_of(dialect: str, folder: Traversable | None = None) -> list[Migration]:
    """The migrations that this version of the code knows, in order."""
    folder = folder or _folder()
    # SQLite's own judgement knows triggers, whose bodies hold semicolons; PostgreSQL puts such between dollars.
    is_complete = sqlite3.complete_statement if dialect == "sqlite" else _always
    scripts = [path for path in (folder / dialect).iterdir() if path.name.endswith(".sql")]
    found = sorted(_read(path, is_complete) for path in scripts)
    if [one.number for one in found] != list(range(1, len(found) + 1)):
        raise UsageError(f"the migrations in {folder}/{dialect} are not numbered 0001, 0002, … without gaps")
    return found


def status(database: Database, known: list[Migration] | None = None) -> Status:
    """What the database has been through, and what it lacks."""
    return database.transact(_asking(database, known), reads=True)


async def status_async(database: AsyncDatabase, known: list[Migration] | None = None) -> Status:
    """What the database has been through, and what it lacks."""
    return await database.transact(_asking(database, known), reads=True)


def migrate(database: Database, known: list[Migration] | None = None) -> list[str]:
    """Apply what is missing, and give its names. Whoever migrates at the same time waits, and finds it done."""
    return [name for name, step in steps(database, status(database, known)) if database.transact(step)]


async def migrate_async(database: AsyncDatabase, known: list[Migration] | None = None) -> list[str]:
    """Apply what is missing, and give its names. Whoever migrates at the same time waits, and finds it done."""
    found = await status_async(database, known)
    return [name for name, step in steps(database, found) if await database.transact(step)]


def check(database: Database, known: list[Migration] | None = None) -> None:
    """Refuse a database whose tables are not those of this version of the code."""
    check_status(database, status(database, known))


def check_status(database: Described, found: Status) -> None:
    """Refuse tables that are older or newer than this version of the code."""
    check_not_newer(database, found)
    if found.missing:
        names = ", ".join(_full_name(one) for one in found.missing)
        raise failures.old_schema(database.place, f"missing: {names}").error


def check_not_newer(database: Described, found: Status) -> None:
    """Refuse tables that a newer version of the code has made."""
    if found.unknown:
        raise StorageError(
            f"{database.place} has been migrated by a newer version of prana_py (to {found.unknown[-1]:04}); "
            "upgrade prana_py here, too: `pip install --upgrade prana-py`",
            code="schema_new",
        )


def _asking(database: Described, known: list[Migration] | None) -> MakeOperation[Status]:
    database.learn({**SQL[database.dialect], **_SHARED})
    return partial(_status, migrations_of(database.dialect) if known is None else known)


def _status(known: list[Migration]) -> Operation[Status]:
    is_there = (yield Statement("migration.is_there")).rows
    applied = (yield Statement("migration.all")).rows if is_there else []
    numbers = {number for number, _, _ in applied}
    newest = known[-1].number if known else 0
    return Status(
        tuple(applied),
        tuple(one for one in known if one.number not in numbers),
        tuple(sorted(number for number in numbers if number > newest)),
    )


def steps(database: Described, found: Status) -> Iterator[tuple[str, MakeOperation[bool]]]:
    """What is missing, by name; each step says whether it was taken, for somebody else may be faster."""
    check_not_newer(database, found)
    for one in found.missing:
        name = _full_name(one)
        database.learn({f"{name} {place}": statement for place, statement in enumerate(one.statements)})
        yield name, partial(_apply, one)


def _apply(one: Migration) -> Operation[bool]:
    """Whether there was anything to do."""
    yield Statement("migration.lock")
    yield Statement("migration.create")
    if any(number == one.number for number, _, _ in (yield Statement("migration.all")).rows):
        return False
    for place in range(len(one.statements)):
        yield Statement(f"{_full_name(one)} {place}")
    yield Statement("migration.record", (one.number, one.name, SystemClock().now()))
    return True


def _full_name(one: Migration) -> str:
    return f"{one.number:04}_{one.name}"


def _folder() -> Traversable:
    """In the wheel the files lie in the package; in a checkout beside it."""
    inside = files("prana_py") / "migrations"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "migrations"


def _read(path: Traversable, is_complete: Callable[[str], bool]) -> Migration:
    match = _FILE.fullmatch(path.name)
    if match is None:
        raise UsageError(f"{path} is no migration; its name must be like 0002_what_it_does.sql")
    statements = split(path.read_text(encoding="utf-8"), is_complete)
    return Migration(int(match["number"]), match["name"], tuple(statements))


def _always(_: str) -> bool:
    return True


def split(script: str, is_complete: Callable[[str], bool] = _always) -> Iterator[str]:
    """The statements of a script, without the comments around them; a semicolon ends what is then complete."""
    statement = ""
    for match in _PIECE.finditer(script):
        piece = match[0]
        if piece.startswith(("--", "/*")):
            continue
        statement += piece
        if piece == ";" and is_complete(statement):
            yield statement.strip().removesuffix(";")
            statement = ""
    if statement.strip():
        yield statement.strip()
