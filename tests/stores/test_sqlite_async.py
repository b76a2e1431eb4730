"""SQLite for event loops: whoever waits at the same time shares a commit, and nobody pays for another's mistake."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from prana_py.errors import StorageError
from prana_py.stores.database import Conflict
from prana_py.stores.sqlite import SqliteDatabase
from prana_py.stores.sqlite_async import AsyncSqliteDatabase
from prana_py.stores.statements import Operation, Statement
from tests.stores import notes

SQL = {**notes.SQL, "pages.limit": "PRAGMA max_page_count = 20"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def database(path: Path):
    database = AsyncSqliteDatabase(path, sql=SQL)
    database.plain.transact(notes.create)
    yield database
    asyncio.run(database.close())


class Gate:
    """Holds up the thread that writes until all who shall share a commit are in line behind it."""

    def __init__(self, database: AsyncSqliteDatabase) -> None:
        self.database = database
        self.entered = Event()
        self.opened = Event()

    def operation(self) -> Operation[None]:
        self.entered.set()
        self.opened.wait(10)
        yield Statement("note.all")

    async def behind(self, *makes: Any, **how: bool) -> list[Any]:
        """What became of operations that were all in line before the first of them was begun."""
        held_up = asyncio.create_task(self.database.transact(self.operation))
        await asyncio.to_thread(self.entered.wait, 10)
        tasks = [asyncio.create_task(self.database.transact(make, **how)) for make in makes]
        # Each task hands its operation over when it first runs, and they run before this one does again.
        await asyncio.to_thread(self.opened.set)
        await held_up
        return await asyncio.gather(*tasks, return_exceptions=True)


def held(path: Path) -> list[tuple[Any, ...]]:
    other = SqliteDatabase(path, sql=SQL)
    found = other.transact(notes.everything, reads=True)
    other.close()
    return found


def test_whoever_waits_at_the_same_time_shares_a_commit(database: AsyncSqliteDatabase, path: Path):
    seen: list[int] = []

    def operation(number: int) -> Operation[None]:
        yield Statement("note.insert", (number, str(number)))
        seen.append(len(held(path)))

    asyncio.run(Gate(database).behind(*(partial(operation, number) for number in range(10))))

    assert seen == [0] * 10, "nothing was committed before the last of them was done"
    assert len(held(path)) == 10


@pytest.mark.parametrize("single", [False, True])
def test_one_that_fails_does_not_spoil_the_others(database: AsyncSqliteDatabase, path: Path, single: bool):
    batches = [
        ((1, "one"),),
        ((2, "two"), (3, "one")),
        ((4, "four"), (5, "five")),
    ]

    answers = asyncio.run(
        Gate(database).behind(*(partial(notes.insert_in_batch, *batch) for batch in batches), single=single)
    )

    assert [type(answer) for answer in answers] == [list, Conflict, list]
    assert held(path) == [(1, "one"), (4, "four"), (5, "five")]


def test_an_operation_s_own_error_comes_back_to_its_own_task(database: AsyncSqliteDatabase, path: Path):
    def operation() -> Operation[None]:
        yield Statement("note.insert", (1, "one"))
        raise LookupError("mine")

    answers = asyncio.run(Gate(database).behind(operation, partial(notes.insert, 2, "two")))

    assert isinstance(answers[0], LookupError)
    assert answers[1] == 1
    assert held(path) == [(2, "two")]


def test_one_that_finds_no_room_does_not_spoil_the_others(database: AsyncSqliteDatabase, path: Path):
    def limit() -> Operation[None]:
        yield Statement("pages.limit")

    database.plain.transact(limit)

    answers = asyncio.run(
        Gate(database).behind(
            partial(notes.insert, 1, "one"), partial(notes.insert, 2, "x" * 200_000), partial(notes.insert, 3, "three")
        )
    )

    assert [getattr(answer, "code", answer) for answer in answers] == [1, "store_full", 1]
    assert held(path) == [(1, "one"), (3, "three")]


def test_only_what_was_committed_is_told(database: AsyncSqliteDatabase):
    heard: list[str | None] = []
    end = database.watch(heard.append)

    def operation(number: int, text: str | None) -> Operation[None]:
        yield Statement("notify", (str(number),))
        yield Statement("note.insert", (number, text))

    asyncio.run(Gate(database).behind(partial(operation, 1, "one"), partial(operation, 2, None)))
    end()

    assert [name for name in heard if name] == ["1"]


def test_an_operation_is_performed_whole_though_nobody_awaits_it_any_more(database: AsyncSqliteDatabase, path: Path):
    async def main() -> None:
        entered, opened = Event(), Event()

        def operation() -> Operation[None]:
            yield Statement("note.insert", (1, "one"))
            entered.set()
            opened.wait(10)
            yield Statement("note.insert", (2, "two"))

        under_way = asyncio.create_task(database.transact(operation))
        await asyncio.to_thread(entered.wait, 10)
        in_line = asyncio.create_task(database.transact(partial(notes.insert, 3, "three")))
        await asyncio.to_thread(under_way.cancel)
        in_line.cancel()
        opened.set()
        assert all(
            isinstance(answer, asyncio.CancelledError)
            for answer in await asyncio.gather(under_way, in_line, return_exceptions=True)
        )
        await database.close()

    asyncio.run(main())

    assert held(path) == [(1, "one"), (2, "two"), (3, "three")]


def test_answers_come_back_to_the_loops_they_came_from(database: AsyncSqliteDatabase, path: Path):
    async def insert(first: int) -> list[int]:
        return await asyncio.gather(
            *(database.transact(partial(notes.insert, number, str(number))) for number in range(first, first + 20))
        )

    answers: list[list[int]] = []
    threads = [Thread(target=lambda first: answers.append(asyncio.run(insert(first))), args=(n,)) for n in (0, 20, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [[1] * 20] * 3
    assert len(held(path)) == 60


def test_readers_do_not_wait_for_the_writer(database: AsyncSqliteDatabase):
    async def main() -> list[tuple[Any, ...]]:
        gate = Gate(database)
        writing = asyncio.create_task(database.transact(gate.operation))
        await asyncio.to_thread(gate.entered.wait, 10)
        found = await database.transact(notes.everything, reads=True)
        gate.opened.set()
        await writing
        return found

    assert asyncio.run(main()) == []


def test_a_loop_that_is_gone_is_not_waited_for(database: AsyncSqliteDatabase, path: Path):
    gate = Gate(database)

    async def leave() -> None:
        task = asyncio.create_task(database.transact(gate.operation))
        await asyncio.to_thread(gate.entered.wait, 10)
        task.cancel()

    asyncio.run(leave())
    gate.opened.set()

    async def insert() -> int:
        return await database.transact(partial(notes.insert, 1, "one"))

    assert asyncio.run(insert()) == 1


def test_a_closed_database_says_so(database: AsyncSqliteDatabase):
    async def main() -> None:
        await database.close()
        with pytest.raises(StorageError, match="closed") as refused:
            await database.transact(notes.everything)
        assert refused.value.code == "store_unavailable"

    asyncio.run(main())


def test_threads_may_use_it_side_by_side(database: AsyncSqliteDatabase, path: Path):
    async def main() -> None:
        await asyncio.gather(
            *(database.transact(partial(notes.insert, number, str(number))) for number in range(50)),
            *(asyncio.to_thread(database.plain.transact, partial(notes.insert, n, str(n))) for n in range(50, 100)),
        )

    asyncio.run(main())

    assert len(held(path)) == 100
