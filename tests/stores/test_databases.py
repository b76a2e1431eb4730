"""What every database promises, whichever it is."""

from __future__ import annotations

from functools import partial
from queue import SimpleQueue
from typing import Any

import pytest

from prana_py.errors import InvariantError, StorageError
from prana_py.stores.database import Conflict, Fenced
from prana_py.stores.statements import Batch, Many, Operation, Statement
from tests.databases import Asked
from tests.stores import notes


@pytest.fixture
def database(empty_database: Asked) -> Asked:
    """A database with an empty table of notes."""
    empty_database.database.learn(notes.SQL)
    empty_database.transact(notes.create)
    return empty_database


def held(database: Asked):
    return database.transact(notes.everything, reads=True)


def test_an_operation_is_answered_and_what_it_wrote_is_there(database: Asked):
    assert database.transact(partial(notes.insert, 1, "one")) == 1

    assert held(database) == [(1, "one")]


def test_a_batch_is_answered_with_a_list(database: Asked):
    def operation() -> Operation[Any]:
        return (
            yield Batch(
                (
                    Statement("note.insert_returning", (1, "one")),
                    Many("note.insert", [(2, "two"), (3, "three")]),
                    Statement("notify", ("x",)),
                    Statement("note.rename", ("other", 9)),
                    Statement("note.all"),
                )
            )
        )

    returned, many, _, renamed, found = database.transact(operation)

    assert returned == ([(1,)], 1)
    assert many == 2
    assert renamed == ([], 0)
    assert found == ([(1, "one"), (2, "two"), (3, "three")], 3)


def test_many_of_nothing_touches_nothing(database: Asked):
    assert database.transact(notes.insert_many) == 0


def test_an_empty_batch_is_answered_with_nothing(database: Asked):
    assert database.transact(notes.insert_in_batch) == []
    assert database.transact(notes.insert_in_batch, single=True) == []


@pytest.mark.parametrize("count", [1, 3])
def test_a_single_batch_is_committed(database: Asked, count: int):
    batch = [(number, str(number)) for number in range(count)]

    assert database.transact(partial(notes.insert_in_batch, *batch), single=True) == [1] * count
    assert held(database) == batch


@pytest.mark.parametrize("single", [False, True])
def test_nothing_of_a_failed_batch_is_there(database: Asked, single: bool):
    database.transact(partial(notes.insert, 2, "two"))

    with pytest.raises(Conflict):
        database.transact(partial(notes.insert_in_batch, (1, "one"), (2, "two"), (3, "three")), single=single)

    assert held(database) == [(2, "two")]
    assert database.transact(partial(notes.insert, 3, "three")) == 1


@pytest.mark.parametrize("single", [False, True])
def test_nothing_of_a_batch_is_there_when_one_of_many_fails(database: Asked, single: bool):
    def operation() -> Operation[None]:
        yield Batch((Statement("note.insert", (1, "one")), Many("note.insert", [(2, "two"), (3, "three"), (4, "one")])))

    with pytest.raises(Conflict):
        database.transact(operation, single=single)

    assert held(database) == []


def test_an_operation_that_fails_by_itself_is_undone(database: Asked):
    def operation() -> Operation[None]:
        yield Statement("note.insert", (1, "one"))
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        database.transact(operation)

    assert held(database) == []


def test_an_error_is_not_thrown_into_the_operation(database: Asked):
    seen = []

    def operation() -> Operation[None]:
        try:
            yield Statement("note.insert", (1, None))
        except StorageError as error:
            seen.append(error)

    with pytest.raises(Fenced):
        database.transact(operation)

    assert seen == []


def test_what_is_taken_is_a_conflict_that_names_it(database: Asked):
    database.transact(partial(notes.insert, 1, "one"))

    with pytest.raises(Conflict) as refused:
        database.transact(partial(notes.insert, 2, "one"))

    assert refused.value.code == "conflict"
    assert "note" in refused.value.details()["key"]
    assert database.database.place in refused.value.message


@pytest.mark.parametrize("single", [False, True])
def test_null_where_none_may_be_is_a_lost_lease(database: Asked, single: bool):
    with pytest.raises(Fenced) as refused:
        database.transact(partial(notes.insert_in_batch, (1, None)), single=single)

    assert refused.value.code == "fenced"
    assert "text" in refused.value.details()["column"]


def test_a_missing_table_asks_for_a_migration(database: Asked):
    def operation() -> Operation[None]:
        yield Statement("note.missing_table")

    with pytest.raises(StorageError, match="prana migrate") as refused:
        database.transact(operation, reads=True)

    assert refused.value.code == "schema_old"


def test_other_errors_of_the_driver_are_storage_errors_too(database: Asked):
    def operation() -> Operation[None]:
        yield Statement("note.nonsense")

    with pytest.raises(StorageError) as refused:
        database.transact(operation)

    assert refused.value.code == "store_failed"
    assert held(database) == []


def test_what_is_nothing_to_ask_for_is_refused(database: Asked):
    def operation():
        yield "note.all"

    with pytest.raises(InvariantError, match=r"note\.all"):
        database.transact(operation)

    assert held(database) == []


def test_a_single_batch_must_be_single(database: Asked):
    def operation() -> Operation[None]:
        yield Batch((Statement("note.all"),))
        yield Batch((Statement("note.all"),))

    with pytest.raises(InvariantError, match="single batch"):
        database.transact(operation, single=True)


def test_a_question_mark_in_quotes_is_no_parameter(database: Asked):
    database.transact(partial(notes.insert, 1, "why?"))

    def operation() -> Operation[Any]:
        return (yield Statement("note.like", ("why?",)))

    assert database.transact(operation, reads=True).rows == [(1,)]


def test_values_come_back_as_they_went_in(database: Asked):
    def operation() -> Operation[object]:
        yield Statement("note.insert", (2**62, "zwölf ☃ 😀"))
        yield Statement("note.insert", (-(2**62), ""))
        return (yield Statement("note.all")).rows

    assert database.transact(operation) == [(-(2**62), ""), (2**62, "zwölf ☃ 😀")]


@pytest.mark.parametrize("single", [False, True])
def test_who_watches_hears_of_what_was_committed(database: Asked, single: bool):
    heard: SimpleQueue[str | None] = SimpleQueue()
    end = database.watch(heard.put)

    def operation() -> Operation[None]:
        yield Batch((Statement("note.insert", (1, "one")), Statement("notify", ("first",))))

    database.transact(operation, single=single)

    assert next(name for name in iter(lambda: heard.get(timeout=10), "") if name) == "first"
    end()
    end()


def test_nobody_hears_of_what_was_undone(database: Asked):
    heard: SimpleQueue[str | None] = SimpleQueue()
    end = database.watch(heard.put)

    def operation() -> Operation[None]:
        yield Statement("notify", ("never",))
        yield Statement("note.insert", (1, None))

    with pytest.raises(Fenced):
        database.transact(operation)
    database.transact(partial(notes.tell, "later"))

    assert next(name for name in iter(lambda: heard.get(timeout=10), "") if name) == "later"
    end()


def test_who_has_stopped_watching_hears_nothing(database: Asked):
    first: list[str | None] = []
    second: SimpleQueue[str | None] = SimpleQueue()
    end_first, end_second = database.watch(first.append), database.watch(second.put)
    end_first()
    before = list(first)

    database.transact(partial(notes.tell, "x"))

    assert next(name for name in iter(lambda: second.get(timeout=10), "") if name) == "x"
    assert first == before
    end_second()
