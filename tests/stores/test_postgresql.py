"""PostgreSQL as it is in the world: sessions that are ended, lines that are cut, transactions in each other's way."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from queue import SimpleQueue
from threading import Barrier, Event
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from prana_py.errors import InvariantError, StorageError, UsageError
from prana_py.stores.failures import RETRY_DELAYS
from prana_py.stores.postgresql import AsyncPostgresqlDatabase, PostgresqlDatabase
from prana_py.stores.postgresql_talk import translated
from prana_py.stores.statements import Batch, Operation, Statement
from tests.databases import Asked
from tests.postgresql import Server
from tests.stores import notes
from tests.stores.proxy import Proxy

SQL = {
    **notes.SQL,
    "session.id": "SELECT pg_backend_pid()",
    "session.end": "SELECT pg_terminate_backend(?)",
    "note.serial": "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "note.count": "SELECT count(*) FROM note",
}

Connect = Callable[..., Asked]


@pytest.fixture
def dsn(postgresql_server: Server) -> Iterator[str]:
    """A database with an empty table of notes."""
    name = postgresql_server.empty()
    address = postgresql_server.dsn(name)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(SQL["note.create"].encode())
    yield address
    postgresql_server.drop(name)


@pytest.fixture(params=["plain", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Opens databases of both kinds, which wait for nothing between two tries, but say how long they would."""
    opened: list[Asked] = []

    def connected(address: str, **options: Any) -> Asked:
        waited: list[float] = []

        async def wait(seconds: float) -> None:
            waited.append(seconds)

        if request.param == "plain":
            asked = Asked(PostgresqlDatabase(address, sql=SQL, sleep=waited.append, **options))
        else:
            asked = Asked(AsyncPostgresqlDatabase(address, sql=SQL, sleep=wait, **options), asyncio.Runner())
        asked.waited = waited
        opened.append(asked)
        return asked

    yield connected
    for asked in opened:
        asked.close()


@pytest.fixture
def proxy(dsn: str) -> Iterator[Proxy]:
    known = conninfo_to_dict(dsn)
    proxy = Proxy(str(known["host"]), int(str(known["port"])))
    yield proxy
    proxy.close()


def through(proxy: Proxy, dsn: str) -> str:
    return make_conninfo(dsn, host="127.0.0.1", port=proxy.port)


class Synchronised:
    """Sees when a client has asked the server to synchronise, which is what ends a pipeline."""

    def __init__(self, how_often: int) -> None:
        self.left = 1 if how_often > 1 else 2

    def is_over(self, content: bytes) -> bool:
        self.left -= content.count(b"S\0\0\0\x04")
        return self.left <= 0


def held(dsn: str) -> list[Any]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(SQL["note.all"].encode()).fetchall()


def session() -> Operation[int]:
    number: int = (yield Statement("session.id")).rows[0][0]
    return number


def end_sessions(dsn: str, *numbers: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for number in numbers:
            # It returns once the session is gone, or after this many milliseconds.
            connection.execute("SELECT pg_terminate_backend(%s, 10000)", (number,))


BATCHES = [
    pytest.param([(1, "one")], id="one statement"),
    pytest.param([(1, "one"), (2, "two")], id="two statements"),
]

# ── sessions that are ended ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("batch", BATCHES)
def test_a_session_that_was_ended_while_idle_is_not_noticed(connect: Connect, dsn: str, batch: Any, single: bool):
    database = connect(dsn, max_size=1)
    end_sessions(dsn, database.transact(session))

    database.transact(partial(notes.insert_in_batch, *batch), single=single)

    assert held(dsn) == batch


def test_all_idle_sessions_may_have_been_ended(connect: Connect, dsn: str):
    database = connect(dsn, min_size=8, max_size=8)
    barrier = Barrier(8, timeout=10)

    def operation() -> Operation[int]:
        number: int = (yield Statement("session.id")).rows[0][0]
        if database.runner is None:
            barrier.wait()
        return number

    sessions = {int(str(answer)) for answer in database.at_once(*[operation] * 8)}
    end_sessions(dsn, *sessions)

    assert database.transact(partial(notes.insert, 1, "one")) == 1
    assert len(database.waited) < len(RETRY_DELAYS)


def test_an_operation_whose_session_is_ended_in_the_middle_is_performed_again(connect: Connect, dsn: str):
    database = connect(dsn)
    begun: list[int] = []

    def operation() -> Operation[None]:
        number = (yield Statement("session.id")).rows[0][0]
        yield Statement("note.insert", (1, "one"))
        begun.append(number)
        if len(begun) == 1:
            end_sessions(dsn, number)
        yield Statement("note.insert", (2, "two"))

    database.transact(operation)

    assert len(begun) == 2
    assert database.waited == [RETRY_DELAYS[0]]
    assert held(dsn) == [(1, "one"), (2, "two")]


def test_a_session_that_is_ended_before_the_commit_has_committed_nothing(connect: Connect, dsn: str):
    database = connect(dsn)
    begun: list[int] = []

    def operation() -> Operation[None]:
        number = (yield Statement("session.id")).rows[0][0]
        yield Statement("note.insert", (1, "one"))
        begun.append(number)
        if len(begun) == 1:
            end_sessions(dsn, number)

    database.transact(operation)

    assert len(begun) == 2
    assert held(dsn) == [(1, "one")]


# ── lines that are cut ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("arrives", [False, True])
def test_a_line_that_is_cut_at_the_commit_leaves_it_unknown(connect: Connect, dsn: str, proxy: Proxy, arrives: bool):
    database = connect(through(proxy, dsn), max_size=1)
    database.transact(partial(notes.insert, 1, "one"))

    def operation() -> Operation[None]:
        yield Statement("note.insert", (2, "two"))
        proxy.passes_last = arrives
        proxy.cuts = lambda _: True

    with pytest.raises(StorageError, match="read what it holds") as unknown:
        database.transact(operation)

    assert unknown.value.code == "commit_unknown"
    assert database.waited == []
    assert database.transact(partial(notes.insert, 3, "three")) == 1
    assert held(dsn) == [(1, "one"), (2, "two"), (3, "three")] if arrives else [(1, "one"), (3, "three")]


@pytest.mark.parametrize("batch", BATCHES)
def test_a_single_batch_whose_answer_is_lost_is_unknown(connect: Connect, dsn: str, proxy: Proxy, batch: Any):
    database = connect(through(proxy, dsn), max_size=1)
    proxy.cuts = Synchronised(how_often=len(batch)).is_over

    with pytest.raises(StorageError) as unknown:
        database.transact(partial(notes.insert_in_batch, *batch), single=True)

    assert unknown.value.code == "commit_unknown"
    assert database.waited == []


def test_a_line_that_is_cut_before_the_commit_is_made_again(connect: Connect, dsn: str, proxy: Proxy):
    database = connect(through(proxy, dsn), max_size=1)
    cut: list[bool] = []

    def operation() -> Operation[None]:
        yield Statement("note.insert", (1, "one"))
        if not cut:
            cut.append(True)
            proxy.cut_all()
        yield Statement("note.insert", (2, "two"))

    database.transact(operation)

    assert proxy.connections >= 2
    assert held(dsn) == [(1, "one"), (2, "two")]


def test_a_server_that_does_not_come_back_is_unavailable(connect: Connect, dsn: str, proxy: Proxy):
    database = connect(through(proxy, dsn), max_size=1, timeout=1.0)
    database.transact(partial(notes.insert, 1, "one"))
    proxy.close()

    with pytest.raises(StorageError) as unavailable:
        database.transact(partial(notes.insert, 2, "two"))

    assert unavailable.value.code == "store_unavailable"
    assert held(dsn) == [(1, "one")]


def test_a_server_that_is_not_there_is_told_at_once_and_without_the_password(connect: Connect, proxy: Proxy):
    proxy.close()

    with pytest.raises(StorageError, match="check that it exists") as unavailable:
        connect(f"postgresql://ada:secret@127.0.0.1:{proxy.port}/orders").transact(session)

    assert unavailable.value.code == "store_unavailable"
    assert f"ada@127.0.0.1:{proxy.port}/orders" in unavailable.value.message
    assert "secret" not in unavailable.value.message


def test_a_database_that_does_not_exist_is_told(connect: Connect, dsn: str):
    with pytest.raises(StorageError, match="absent") as unavailable:
        connect(make_conninfo(dsn, dbname="absent")).transact(session)

    assert unavailable.value.code == "store_unavailable"


def test_what_is_no_address_is_refused_without_its_password(connect: Connect):
    with pytest.raises(UsageError, match="address"):
        connect("postgresql://ada@host/db?colour=blue")


# ── transactions in each other's way ──────────────────────────────────────────────────────────────────────────────────


def test_who_is_chosen_to_give_way_in_a_deadlock_tries_again(dsn: str):
    database = PostgresqlDatabase(make_conninfo(dsn, options="-c deadlock_timeout=10ms"), sql=SQL)
    database.transact(partial(notes.insert_many, (1, "one"), (2, "two")))
    barrier = Barrier(2)
    tries: list[int] = []

    def operation(first: int, second: int) -> Operation[None]:
        tries.append(first)
        yield Statement("note.rename", (f"{first} by {first}", first))
        if tries.count(first) == 1:
            barrier.wait(10)
        yield Statement("note.rename", (f"{second} by {first}", second))

    asked = Asked(database)
    answers = asked.at_once(partial(operation, 1, 2), partial(operation, 2, 1))
    asked.close()

    assert answers == [None, None]
    assert len(tries) == 3


def test_what_is_not_serializable_is_tried_again(connect: Connect, dsn: str):
    database = connect(dsn)
    seen: list[int] = []

    def operation() -> Operation[None]:
        yield Statement("note.serial")
        count = (yield Statement("note.count")).rows[0][0]
        seen.append(count)
        if len(seen) == 1:
            with psycopg.connect(dsn) as other:
                other.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
                other.execute("SELECT count(*) FROM note")
                other.execute("INSERT INTO note VALUES (7, 'theirs')")
        yield Statement("note.insert", (count, str(count)))

    database.transact(operation)

    assert seen == [0, 1]
    assert held(dsn) == [(1, "1"), (7, "theirs")]


def test_one_that_never_succeeds_is_told_after_a_bounded_number_of_tries(connect: Connect, dsn: str):
    database = connect(dsn)
    with psycopg.connect(dsn) as other:
        other.execute("LOCK TABLE note")

        def operation() -> Operation[None]:
            yield Statement("lock_timeout")
            yield Statement("note.insert", (1, "one"))

        database.database.learn({"lock_timeout": "SET LOCAL lock_timeout = '1ms'"})
        with pytest.raises(StorageError) as busy:
            database.transact(operation)

    assert busy.value.code == "store_busy"
    assert database.waited == list(RETRY_DELAYS)


# ── what a database refuses ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_value_that_the_driver_refuses_leaves_nothing_of_its_batch(connect: Connect, dsn: str):
    database = connect(dsn)

    with pytest.raises(StorageError, match="NUL") as refused:
        database.transact(partial(notes.insert_in_batch, (1, "one"), (2, "t\0wo"), (3, "three")), single=True)

    assert refused.value.code == "store_failed"
    assert held(dsn) == []
    assert database.transact(partial(notes.insert, 4, "four")) == 1


def test_a_database_that_may_only_be_read_refuses_to_write(connect: Connect, dsn: str):
    database = connect(make_conninfo(dsn, options="-c default_transaction_read_only=on"))

    with pytest.raises(StorageError) as refused:
        database.transact(partial(notes.insert, 1, "one"))

    assert refused.value.code == "store_readonly"


def test_what_is_refused_in_a_pipeline_is_logged_by_nobody(
    connect: Connect, dsn: str, caplog: pytest.LogCaptureFixture
):
    database = connect(dsn)

    with pytest.raises(StorageError):
        database.transact(partial(notes.insert_in_batch, (1, None), (2, "two"), (3, "three")), single=True)

    assert caplog.records == []


def test_whoever_finds_no_connection_free_is_told(dsn: str):
    database = PostgresqlDatabase(dsn, max_size=1, timeout=1.0, sql=SQL)

    def operation() -> Operation[str]:
        yield Statement("session.id")
        with pytest.raises(StorageError) as refused:
            database.transact(session)
        return refused.value.code

    assert database.transact(operation) == "store_unavailable"
    database.close()


def test_a_closed_database_says_so(connect: Connect, dsn: str):
    database = connect(dsn)
    database.transact(session)
    answer = database.database.close()
    if database.runner:
        database.runner.run(answer)

    with pytest.raises(StorageError) as refused:
        database.transact(session)

    assert refused.value.code == "store_unavailable"


def test_without_the_extra_it_is_named():
    script = """
import sys
sys.modules["psycopg"] = None
from prana_py.errors import UsageError
try:
    import prana_py.stores.postgresql
except UsageError as error:
    print(error.code, error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("extra_missing")
    assert "prana-py[postgresql]" in done.stdout


# ── who watches ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_watches_goes_on_when_its_session_was_ended(connect: Connect, dsn: str):
    database = connect(dsn)
    heard: SimpleQueue[str | None] = SimpleQueue()
    end = database.watch(heard.put)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE query = 'LISTEN prana' AND datname = current_database()"
        )

    assert heard.get(timeout=10) is None
    database.transact(partial(notes.tell, "x"))
    assert heard.get(timeout=10) == "x"
    end()


def test_who_watches_hears_of_other_processes(connect: Connect, dsn: str):
    database = connect(dsn)
    heard: SimpleQueue[str | None] = SimpleQueue()
    end = database.watch(heard.put)

    with psycopg.connect(dsn) as other:
        other.execute("SELECT pg_notify('prana', 'theirs')")

    assert heard.get(timeout=10) == "theirs"
    end()


# ── tasks ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_operation_is_performed_whole_though_nobody_awaits_it_any_more(dsn: str):
    async def main() -> None:
        database = AsyncPostgresqlDatabase(dsn, sql=SQL)
        entered, cancelled = Event(), asyncio.Event()

        def operation() -> Operation[None]:
            yield Statement("note.insert", (1, "one"))
            entered.set()
            asyncio.get_running_loop().call_soon(task.cancel)
            yield Statement("note.insert", (2, "two"))
            cancelled.set()

        task = asyncio.create_task(database.transact(operation))
        with pytest.raises(asyncio.CancelledError):
            await task
        await database.close()
        assert cancelled.is_set()

    asyncio.run(main())

    assert held(dsn) == [(1, "one"), (2, "two")]


def test_tasks_share_the_connections(dsn: str):
    async def main() -> list[int]:
        database = AsyncPostgresqlDatabase(dsn, max_size=3, sql=SQL)
        answers = await asyncio.gather(
            *(database.transact(partial(notes.insert, number, str(number))) for number in range(50))
        )
        await database.close()
        return answers

    assert asyncio.run(main()) == [1] * 50
    assert len(held(dsn)) == 50


# ── words ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_parameters_are_numbered_but_not_in_quotes_and_comments():
    sql = """SELECT '?', "a?", ? -- why?
        FROM t WHERE a = ?"""

    assert (
        translated(sql)
        == """SELECT '?', "a?", $1 -- why?
        FROM t WHERE a = $2"""
    )


def test_an_operation_that_is_not_single_is_a_mistake_that_is_told(connect: Connect, dsn: str):
    database = connect(dsn)

    def operation() -> Operation[None]:
        yield Batch((Statement("note.all"),))
        yield Batch((Statement("note.all"),))

    with pytest.raises(InvariantError):
        database.transact(operation, single=True)
