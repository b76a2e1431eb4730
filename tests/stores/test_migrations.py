"""Schemas go forward, a step at a time, whoever takes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from prana_py.errors import StorageError, UsageError
from prana_py.stores import migrations
from prana_py.stores.migrations import Migration, migrations_of, split
from prana_py.stores.statements import Operation, Statement
from tests.databases import Asked, migrate, status

FIRST = Migration(1, "boats", ("CREATE TABLE boat (id BIGINT NOT NULL PRIMARY KEY)", "INSERT INTO boat VALUES (1)"))
SECOND = Migration(2, "oars", ("CREATE TABLE oar (id BIGINT NOT NULL PRIMARY KEY)",))
BROKEN = Migration(2, "broken", ("CREATE TABLE oar (id BIGINT NOT NULL PRIMARY KEY)", "INSERT INTO absent VALUES (1)"))


def count(table: str, database: Asked) -> int:
    database.database.learn({f"{table}.count": f"SELECT count(*) FROM {table}"})

    def operation() -> Operation[int]:
        number: int = (yield Statement(f"{table}.count")).rows[0][0]
        return number

    return database.transact(operation)


def test_the_project_s_own_migrations_make_the_tables(empty_database: Asked):
    assert migrate(empty_database) == [f"{one.number:04}_{one.name}" for one in migrations_of(empty_database.dialect)]

    assert count("execution", empty_database) == 0
    assert status(empty_database).missing == ()
    assert migrate(empty_database) == []


def test_what_was_applied_is_recorded(empty_database: Asked):
    migrate(empty_database, [FIRST])

    found = status(empty_database, [FIRST, SECOND])

    assert [(number, name) for number, name, _ in found.applied] == [(1, "boats")]
    assert found.applied[0][2] > 0
    assert found.missing == (SECOND,)
    assert migrate(empty_database, [FIRST, SECOND]) == ["0002_oars"]
    assert count("boat", empty_database) == 1


def test_a_migration_that_fails_leaves_nothing(empty_database: Asked):
    with pytest.raises(StorageError):
        migrate(empty_database, [FIRST, BROKEN])

    assert status(empty_database, [FIRST, SECOND]).missing == (SECOND,)
    assert migrate(empty_database, [FIRST, SECOND]) == ["0002_oars"]


def test_older_tables_are_refused_with_the_next_step(empty_database: Asked):
    with pytest.raises(StorageError, match=r"0001_boats.*prana migrate") as refused:
        migrations.check_status(empty_database.database, status(empty_database, [FIRST]))

    assert refused.value.code == "schema_old"
    assert empty_database.database.place in refused.value.message


def test_newer_tables_are_refused_with_the_next_step(empty_database: Asked):
    migrate(empty_database, [FIRST, SECOND])

    for refuse in (
        lambda: migrations.check_status(empty_database.database, status(empty_database, [FIRST])),
        lambda: migrate(empty_database, [FIRST]),
    ):
        with pytest.raises(StorageError, match="upgrade prana_py") as refused:
            refuse()
        assert refused.value.code == "schema_new"


def test_up_to_date_tables_are_accepted(empty_database: Asked):
    migrate(empty_database, [FIRST])

    migrations.check_status(empty_database.database, status(empty_database, [FIRST]))


def test_of_those_who_migrate_at_once_one_does_it(empty_database: Asked):
    found = status(empty_database, [FIRST, SECOND])
    (_, first), (_, second) = migrations.steps(empty_database.database, found)

    took = empty_database.at_once(first, second, first, second, first, second)

    assert took.count(True) == 2
    assert took.count(False) == 4
    assert count("boat", empty_database) == 1


MIGRATING = """
import sys
from prana_py.stores.migrations import migrate
from prana_py.stores.sqlite import SqliteDatabase

sys.stdin.readline()
database = SqliteDatabase(sys.argv[1])
print(len(migrate(database)))
database.close()
"""


def test_of_the_processes_that_migrate_a_new_file_at_once_one_does_it(tmp_path: Path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATING, str(tmp_path / "store.db")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

    applied = [int(process.communicate(timeout=60)[0]) for process in processes]

    assert sum(applied) == len(migrations_of("sqlite"))


def test_numbers_must_be_without_gaps(tmp_path: Path):
    (tmp_path / "sqlite").mkdir()
    for name in ("0001_a.sql", "0003_c.sql"):
        (tmp_path / "sqlite" / name).write_text("SELECT 1;")

    with pytest.raises(UsageError, match="without gaps"):
        migrations_of("sqlite", tmp_path)


def test_a_file_must_say_its_number(tmp_path: Path):
    (tmp_path / "sqlite").mkdir()
    (tmp_path / "sqlite" / "first.sql").write_text("SELECT 1;")

    with pytest.raises(UsageError, match=r"first\.sql"):
        migrations_of("sqlite", tmp_path)


def test_only_semicolons_that_end_a_statement_do():
    script = """
    -- a comment; with one
    CREATE TABLE a (b TEXT DEFAULT ';', "c;" TEXT); /* and; here */
    CREATE FUNCTION f() RETURNS int AS $body$ SELECT 1; $body$ LANGUAGE sql;
    SELECT 'it''s; there'
    """

    assert [one.split("(")[0] for one in split(script)] == [
        "CREATE TABLE a ",
        "CREATE FUNCTION f",
        "SELECT 'it''s; there'",
    ]


def test_a_trigger_of_sqlite_is_one_statement(tmp_path: Path):
    (tmp_path / "sqlite").mkdir()
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; SELECT 1; END"
    (tmp_path / "sqlite" / "0001_a.sql").write_text(f"CREATE TABLE a (b);\n{trigger};\n")

    assert migrations_of("sqlite", tmp_path)[0].statements == ("CREATE TABLE a (b)", trigger)


def test_both_dialects_have_the_same_migrations():
    assert [one[:2] for one in migrations_of("sqlite")] == [one[:2] for one in migrations_of("postgresql")]
