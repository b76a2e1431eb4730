"""What users are told when the store is not as it should be: a stable code, the database, and what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from prana_py import StorageError, Workflow, WorkflowBuilder, node, wait_for_webhook
from prana_py.engine.engine import Engine
from prana_py.stores.sqlite import SqliteDatabase
from tests.engine.office import Office


@node
def ask(input: Any) -> Any:
    return wait_for_webhook()


def asking() -> Workflow:
    flow = WorkflowBuilder("asking")
    flow.add(ask, "ask").then(flow.add("core.noop", "then"))
    return flow.build()


def no_folder(file: Path) -> Path:
    return file.parent / "nowhere" / "office.db"


def a_folder(file: Path) -> Path:
    file.mkdir()
    return file


def a_letter(file: Path) -> Path:
    file.write_text("Dear customer, this is no database. " * 100)
    return file


def newer(file: Path) -> Path:
    Engine(f"sqlite:///{file}").close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO migration SELECT 999, 'from_the_future', max(applied_at) FROM migration")
    return file


def of_others(file: Path) -> Path:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE execution (name TEXT)")
    return file


@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (no_folder, "store_unavailable", "unable to open"),
        (a_folder, "store_unavailable", "unable to open"),
        (a_letter, "store_corrupt", "no database"),
        (newer, "schema_new", "upgrade prana_py"),
        (of_others, "store_failed", "already exists"),
    ],
)
def test_a_database_that_cannot_be_opened_is_named_with_what_to_do(
    tmp_path: Path, make: Callable[[Path], Path], code: str, says: str
):
    file = make(tmp_path / "office.db")

    with pytest.raises(StorageError, match=says) as refused:
        Engine(f"sqlite:///{file}")

    assert refused.value.code == code
    assert str(file) in str(refused.value)


def test_a_database_without_its_tables_is_not_migrated_by_whoever_says_so(tmp_path: Path):
    with pytest.raises(StorageError, match="prana migrate") as refused:
        Engine(f"sqlite:///{tmp_path / 'office.db'}", migrate=False)

    assert refused.value.code == "schema_old"


def locked(database: SqliteDatabase, file: Path) -> Callable[[], object]:
    database._writer.connection.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other.close


def read_only(database: SqliteDatabase, file: Path) -> Callable[[], object]:
    database._writer.connection.execute("PRAGMA query_only = ON")
    return lambda: database._writer.connection.execute("PRAGMA query_only = OFF")


def full(database: SqliteDatabase, file: Path) -> Callable[[], object]:
    database._writer.connection.execute("PRAGMA max_page_count = 1")
    return lambda: database._writer.connection.execute("PRAGMA max_page_count = 1000000")


@pytest.mark.parametrize(
    ("spoil", "code"), [(locked, "store_busy"), (read_only, "store_readonly"), (full, "store_full")]
)
def test_a_store_that_takes_nothing_refuses_every_verb_and_later_all_goes_on(tmp_path: Path, spoil: Any, code: str):
    office = Office(tmp_path, [ask])
    engine = office.publish(asking())
    execution = engine.start("asking", 1)
    submitted = engine.submit("asking", "x" * 10_000)
    large = "y" * 1_000_000  # more than the free pages of a full database hold
    database = engine.database
    assert isinstance(database, SqliteDatabase)
    database._sleep = lambda seconds: None
    mend = spoil(database, office.file)

    before = office.journal()
    for verb in (
        lambda: engine.start("asking", large),
        lambda: engine.submit("asking", large),
        lambda: engine.resume(execution.id, large),
        lambda: engine.signal(execution.id, "go", large),
        lambda: engine.resume(execution.id, large, delivery_id="post 1"),
    ):
        with pytest.raises(StorageError, match=r"office\.db") as refused:
            verb()
        assert refused.value.code == code
    assert office.journal() == before
    assert engine.get(execution.id).status == "suspended", "what is there can still be read"
    mend()
    engine._beat()

    assert engine.resume(execution.id, 2).completed_nodes["ask"] == 2
    assert [woken.id for woken in engine.wake_due()] == [submitted]
    assert office.rows("SELECT count(*) FROM execution WHERE owner IS NOT NULL") == [(0,)]
    office.close()


def test_an_engine_that_is_closed_says_so(tmp_path: Path):
    office = Office(tmp_path, [ask])
    engine = office.publish(asking())
    office.close()

    with pytest.raises(StorageError, match="closed") as refused:
        engine.start("asking")

    assert refused.value.code == "store_unavailable"
