"""SQLite as it is in the world: several processes, locks, full disks, damaged files, forks."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

import pytest

from prana_py.errors import InvariantError, StorageError, UsageError
from prana_py.stores.failures import RETRY_DELAYS
from prana_py.stores.sqlite import SqliteDatabase
from prana_py.stores.statements import Batch, Operation, Statement
from tests.stores import notes

SQL = {
    **notes.SQL,
    "pages.limit": "PRAGMA max_page_count = 20",
    "note.count": "SELECT count(*) FROM note",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def database(path: Path):
    database = SqliteDatabase(path, sql=SQL)
    database.transact(notes.create)
    yield database
    database.close()


def insert(database: SqliteDatabase, number: int, text: str | None = None) -> int:
    return database.transact(partial(notes.insert, number, text or str(number)))


def held(database: SqliteDatabase) -> list[tuple[Any, ...]]:
    return database.transact(notes.everything, reads=True)


# ── several threads, several processes ────────────────────────────────────────────────────────────────────────────────


def test_threads_write_one_after_the_other(database: SqliteDatabase):
    threads = [
        Thread(target=lambda first: [insert(database, first + i) for i in range(50)], args=(start,))
        for start in range(0, 200, 50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [number for number, _ in held(database)] == list(range(200))


WRITING = """
import sys
from functools import partial
from prana_py.stores.sqlite import SqliteDatabase
from tests.stores import notes

path, first = sys.argv[1], int(sys.argv[2])
database = SqliteDatabase(path, sql=notes.SQL)
print("ready", flush=True)
sys.stdin.readline()
for number in range(first, first + 200):
    database.transact(partial(notes.insert, number, str(number)))
database.close()
"""


def test_processes_write_into_one_file(database: SqliteDatabase, path: Path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITING, str(path), str(first)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for first in (0, 200)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        process.communicate(b"\n", timeout=60)

    assert [process.returncode for process in processes] == [0, 0]
    assert [number for number, _ in held(database)] == list(range(400))


def test_who_watches_hears_of_another_process(database: SqliteDatabase, path: Path):
    heard: SimpleQueue[str | None] = SimpleQueue()
    end = database.watch(heard.put)

    subprocess.run([sys.executable, "-c", WRITING, str(path), "0"], input=b"\n", timeout=60, check=True)

    assert heard.get(timeout=10) is None
    end()


def test_the_thread_that_looks_lives_only_while_somebody_watches(database: SqliteDatabase):
    def looking() -> int:
        import threading

        return sum(thread.name == "prana-watch" for thread in threading.enumerate())

    ends = [database.watch(lambda _: None) for _ in range(2)]

    assert looking() == 1
    for end in ends:
        end()
    assert looking() == 0


def test_a_watcher_may_end_the_watching_when_it_is_called(path: Path):
    called = Event()
    with_other = SqliteDatabase(path, sql=SQL, watch_interval=0.001)
    ends: list[Any] = []

    def watcher(_: str | None) -> None:
        ends[0]()
        called.set()

    ends.append(with_other.watch(watcher))
    with_other.transact(notes.create)

    assert called.wait(10)
    with_other.close()


# ── locks ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_readers_do_not_wait_for_the_writer(database: SqliteDatabase):
    insert(database, 1)

    def operation() -> Operation[None]:
        yield Statement("note.insert", (2, "two"))
        reader = Thread(target=lambda: seen.extend(held(database)))
        reader.start()
        reader.join()

    seen: list[Any] = []
    database.transact(operation)

    assert seen == [(1, "1")]


def test_a_reader_sees_one_moment(database: SqliteDatabase):
    def operation() -> Operation[tuple[int, int]]:
        before = (yield Statement("note.count")).rows[0][0]
        insert(database, 1)
        return before, (yield Statement("note.count")).rows[0][0]

    assert database.transact(operation, reads=True) == (0, 0)


def test_a_reader_cannot_write(database: SqliteDatabase):
    with pytest.raises(StorageError) as refused:
        database.transact(partial(notes.insert, 1, "one"), reads=True)

    assert refused.value.code == "store_readonly"


def test_who_waits_too_long_for_a_lock_is_told(database: SqliteDatabase, path: Path):
    waited: list[float] = []
    hurried = SqliteDatabase(path, sql=SQL, busy_timeout=0.0, sleep=waited.append)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    for single in (False, True):
        waited.clear()
        with pytest.raises(StorageError, match=r"store\.db") as refused:
            hurried.transact(partial(notes.insert_in_batch, (1, "one")), single=single)

        assert refused.value.code == "store_busy"
        assert waited == list(RETRY_DELAYS)

    holder.close()
    hurried.close()
    assert held(database) == []


def test_who_is_refused_for_a_while_tries_again_from_the_start(database: SqliteDatabase, path: Path):
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    def give_way(_: float) -> None:
        holder.execute("ROLLBACK")

    hurried = SqliteDatabase(path, sql=SQL, busy_timeout=0.0, sleep=give_way)

    assert insert(hurried, 1) == 1

    assert held(database) == [(1, "1")]
    hurried.close()
    holder.close()


def test_a_transaction_inside_of_another_is_refused(database: SqliteDatabase):
    def operation() -> Operation[None]:
        yield Statement("note.insert", (1, "one"))
        insert(database, 2)

    with pytest.raises(InvariantError, match="inside of another"):
        database.transact(operation)

    assert held(database) == []


# ── disks and files ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("single", [False, True])
def test_a_full_disk_is_told_and_what_was_there_stays(database: SqliteDatabase, single: bool):
    insert(database, 1)

    def limit() -> Operation[None]:
        yield Statement("pages.limit")

    database.transact(limit)
    with pytest.raises(StorageError, match="room") as refused:
        database.transact(partial(notes.insert_in_batch, (2, "x" * 200_000)), single=single)

    assert refused.value.code == "store_full"
    assert insert(database, 3) == 1
    assert [number for number, _ in held(database)] == [1, 3]


def test_a_commit_that_could_not_be_written_whole_is_unknown(tmp_path: Path):
    # The kernel refuses a write that goes beyond the limit on the size of files: for SQLite an input/output error.
    script = """
import resource, signal, sys
from functools import partial
from prana_py.errors import StorageError
from prana_py.stores.sqlite import SqliteDatabase
from tests.stores import notes

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
database = SqliteDatabase(sys.argv[1], sql=notes.SQL)
database.transact(notes.create)
database.transact(partial(notes.insert, 1, "one"))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    database.transact(partial(notes.insert, 2, "x" * 500_000))
except StorageError as error:
    print(error.code)
print(database.transact(notes.everything, reads=True))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "store.db")], capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == ["commit_unknown", "[(1, 'one')]"]


@pytest.mark.parametrize(
    "content", [b"This is a letter, and no database. " * 100, b"SQLite format 3\x00" + b"x" * 4080]
)
def test_a_file_that_is_no_database_is_refused(path: Path, content: bytes):
    path.write_bytes(content)

    with pytest.raises(StorageError, match=r"store\.db") as refused:
        SqliteDatabase(path)

    assert refused.value.code == "store_corrupt"
    assert path.read_bytes() == content


def test_a_damaged_page_is_told(database: SqliteDatabase, path: Path):
    database.transact(partial(notes.insert_many, *((number, "x" * 2000 + str(number)) for number in range(100))))
    database.close()
    content = bytearray(path.read_bytes())
    content[4096 * 4 :] = b"\xff" * (len(content) - 4096 * 4)
    path.write_bytes(content)
    damaged = SqliteDatabase(path, sql=SQL)

    with pytest.raises(StorageError, match="backup") as refused:
        held(damaged)

    assert refused.value.code == "store_corrupt"
    damaged.close()


def test_a_folder_that_does_not_exist_is_told(tmp_path: Path):
    with pytest.raises(StorageError, match="check that it exists") as refused:
        SqliteDatabase(tmp_path / "absent" / "store.db")

    assert refused.value.code == "store_unavailable"


def test_a_database_that_is_only_read_refuses_to_write(database: SqliteDatabase, path: Path):
    insert(database, 1)
    reader = SqliteDatabase(path, sql=SQL, read_only=True)

    assert held(reader) == [(1, "1")]
    for single in (False, True):
        with pytest.raises(StorageError) as refused:
            reader.transact(partial(notes.insert_in_batch, (2, "two")), single=single)
        assert refused.value.code == "store_readonly"
    reader.close()


def test_a_closed_database_says_so(database: SqliteDatabase):
    database.close()

    with pytest.raises(StorageError, match="closed") as refused:
        held(database)

    assert refused.value.code == "store_unavailable"


def test_what_survives_a_lost_power_supply_is_an_option(path: Path):
    sql = {"synchronous": "PRAGMA synchronous", "journal": "PRAGMA journal_mode"}

    def operation() -> Operation[list[Any]]:
        return [one.rows[0][0] for one in (yield Batch((Statement("synchronous"), Statement("journal"))))]

    normal, full = SqliteDatabase(path, sql=sql), SqliteDatabase(path, synchronous="full", sql=sql)

    assert normal.transact(operation) == [1, "wal"]
    assert full.transact(operation) == [2, "wal"]
    normal.close()
    full.close()
    with pytest.raises(UsageError, match="extra"):
        SqliteDatabase(path, synchronous="extra")  # type: ignore[arg-type]  # that is what is tested


# ── forks ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


FORKING = """
import os, sys
from functools import partial
from prana_py.errors import UsageError
from prana_py.stores.sqlite import SqliteDatabase
from tests.stores import notes

database = SqliteDatabase(sys.argv[1], sql=notes.SQL)
child = os.fork()
if child == 0:
    try:
        database.transact(partial(notes.insert, 1, "one"))
    except UsageError as error:
        print(error, flush=True)
        database.close()
    os._exit(0)
os.waitpid(child, 0)
database.transact(partial(notes.insert, 2, "two"))
database.close()
"""


def test_a_child_process_may_not_use_its_parent_s_connection(database: SqliteDatabase, path: Path):
    done = subprocess.run([sys.executable, "-c", FORKING, str(path)], capture_output=True, text=True, check=True)

    assert "open the database anew" in done.stdout
    assert held(database) == [(2, "two")]
