"""In whatever order the statements of two engines are met, nothing is taken twice and nobody sleeps on a letter."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
import pytest

from prana_py.driver.effects import ReleaseMutexes
from prana_py.driver.requests import Signal
from prana_py.execution.rows import Parent, RunKey
from prana_py.identifiers import ExecutionId, Instant, NodeKey, WaitId
from prana_py.stores import deliveries, executions, inbox, leases, mutexes
from prana_py.stores.records import PLACES, Claimed
from prana_py.stores.statements import Batch, Operation, Statement
from tests.postgresql_chaos.interleaving import COMMIT, PAGE, Interleaving

NOW = Instant(1_000)

LATER = Instant(10**18)

LETTER = Signal("go", None)

ONE, OTHER = ExecutionId("one"), ExecutionId("other")


class Desk:
    """Two sessions, and the rows that they find."""

    def __init__(self, interleaving: Interleaving) -> None:
        self.interleaving = interleaving
        self.run = interleaving.orders

    def rows(self, query: Any, *parameters: Any) -> list[tuple[Any, ...]]:
        cursor = self.interleaving.observer.execute(query, parameters)
        return cursor.fetchall() if cursor.description else []

    def clear(self) -> None:
        self.rows("DELETE FROM execution")
        self.rows("DELETE FROM inbox")
        self.rows("DELETE FROM mutex")
        self.rows("DELETE FROM delivery")
        self.rows("DELETE FROM holder")
        for holder in ("alive", "alive too"):
            self.rows("INSERT INTO holder VALUES (%s, %s, '')", holder, 2**62)

    def add(self, execution_id: str, **columns: Any) -> int:
        """An execution that waits, and nobody drives."""
        given = {
            "id": execution_id,
            "workflow_id": "flow",
            "status": "suspended",
            "created_at": 0,
            "trigger_type": "manual",
            "epoch": 1,
            **columns,
        }
        names = ", ".join(given)
        places = ", ".join(["%s"] * len(given))
        query = f"INSERT INTO execution ({names}) VALUES ({places}) RETURNING number"
        number: int = self.rows(query, *given.values())[0][0]
        return number

    def number(self, execution_id: str) -> int:
        number: int = self.rows("SELECT number FROM execution WHERE id = %s", execution_id)[0][0]
        return number

    def wake_at(self, execution_id: str) -> int | None:
        wake_at: int | None = self.rows("SELECT wake_at FROM execution WHERE id = %s", execution_id)[0][0]
        return wake_at

    def letters(self, execution_id: str) -> list[str]:
        query = "SELECT dedupe_key FROM inbox WHERE execution = (SELECT number FROM execution WHERE id = %s)"
        return [key for (key,) in self.rows(query, execution_id)]


@pytest.fixture
def desk(url: str) -> Iterator[Desk]:
    with Interleaving(url, 2) as interleaving:
        yield Desk(interleaving)


def one_held(desk: Desk) -> None:
    """One execution that somebody drives."""
    desk.clear()
    desk.add(ONE, owner="alive")


def release(desk: Desk, wake_at: Instant = LATER) -> Operation[None]:
    yield from leases.give_back(Claimed(ONE, desk.number(ONE), 1, "suspended"), "alive", wake_at, NOW)


def send(key: str = "letter") -> Operation[bool]:
    return (yield from inbox.post(ONE, key, LETTER, NOW))


def test_a_letter_that_comes_at_the_moment_of_a_release_is_not_slept_on(desk: Desk):
    orders = 0
    for _ in desk.run(partial(one_held, desk), lambda: release(desk), send):
        assert desk.wake_at(ONE) == NOW
        orders += 1
    assert orders >= 15


def test_a_release_in_one_statement_would_sleep_on_letters(url: str):
    """What the second statement is for: a statement does not see what was committed while it waited for a row."""
    page = {
        **PAGE,
        "execution.release_to_letters": "SELECT CAST(? AS bigint), CAST(? AS bigint)",
    }
    with Interleaving(url, 2, page) as interleaving:
        desk = Desk(interleaving)
        orders = desk.run(partial(one_held, desk), lambda: release(desk), send)
        slept_on = sum(desk.wake_at(ONE) == LATER for _ in orders)
    assert slept_on > 0


def test_a_letter_that_comes_at_the_moment_of_a_claim_is_read_or_wakes(desk: Desk):
    def prepare() -> None:
        desk.clear()
        desk.add(ONE, wake_at=0)

    def drive() -> Operation[int]:
        taken = yield from leases.claim_and_read(ONE, "alive")
        assert taken is not None
        yield COMMIT
        yield from leases.give_back(taken[0], "alive", LATER, NOW)
        return len(taken[1].letters)

    orders = 0
    for read, _ in desk.run(prepare, drive, send):
        assert read or desk.wake_at(ONE) == NOW
        orders += 1
    assert orders >= 40


def test_who_writes_as_another_takes_over_is_fenced_or_came_before_all_that_the_other_writes(desk: Desk):
    def prepare() -> None:
        desk.clear()
        desk.rows("DELETE FROM journal")
        desk.add(ONE, owner="dead")

    def write(epoch: int) -> Operation[None]:
        number = desk.number(ONE)
        yield Statement("journal.append", (number * PLACES, b"row", number, epoch))

    def take_over() -> Operation[list[bytes]]:
        taken = yield from leases.claim_and_read(ONE, "alive")
        assert taken is not None
        yield COMMIT
        if not taken[1].bodies:
            yield from write(taken[0].epoch)
        return taken[1].bodies

    ends = set()
    for late, other in desk.run(prepare, partial(write, 1), take_over):
        journal = desk.rows("SELECT place FROM journal")
        assert len(journal) == 1
        ends.add((late and late.sqlstate, tuple(other) if isinstance(other, list) else other.sqlstate))
    fenced, taken_already = "23502", "23505"
    assert ends <= {(None, taken_already), (taken_already, ()), (fenced, ()), (None, (b"row",))}
    assert len(ends) >= 3


@pytest.mark.parametrize("owner", [None, "dead"])
def test_of_two_who_claim_at_once_one_gets_it(desk: Desk, owner: str | None):
    def prepare() -> None:
        desk.clear()
        desk.add(ONE, owner=owner)

    orders = 0
    for answers in desk.run(prepare, lambda: leases.claim(ONE, "alive"), lambda: leases.claim(ONE, "alive too")):
        assert sorted(answer is None for answer in answers) == [False, True]
        assert desk.rows("SELECT epoch, crashes FROM execution") == [(2, 0 if owner is None else 1)]
        orders += 1
    assert orders >= 2


def test_of_two_who_look_for_what_is_due_none_gets_what_the_other_has(desk: Desk):
    def prepare() -> None:
        desk.clear()
        desk.add(ONE, wake_at=0)
        desk.add(OTHER, owner="dead")

    looked = [partial(leases.claim_due, holder, NOW, 2) for holder in ("alive", "alive too")]
    orders = 0
    for answers in desk.run(prepare, *looked):
        taken = [claimed.id for claims in answers for claimed in claims]
        assert sorted(taken) == [ONE, OTHER]
        assert desk.rows("SELECT epoch FROM execution") == [(2,), (2,)]
        orders += 1
    assert orders >= 10


def test_of_two_children_that_end_at_once_one_tells_their_parent(desk: Desk):
    parent = Parent(execution_id=ONE, wait_id=WaitId("call#0"), item=0, depth=1)

    def prepare() -> None:
        desk.clear()
        desk.add(ONE)
        for child in ("child 1", "child 2"):
            desk.add(child, parent_id=ONE, parent_wait="call#0", status="running", owner="alive")

    def end(child: ExecutionId) -> Operation[None]:
        yield Statement("execution.ended", ("completed", NOW, None, desk.number(child)))
        yield Batch(tuple(executions._end_told(child, parent, NOW, executions.NOBODY)))

    orders = 0
    for _ in desk.run(prepare, partial(end, ExecutionId("child 1")), partial(end, ExecutionId("child 2"))):
        assert len(desk.letters(ONE)) == 1
        assert desk.wake_at(ONE) == NOW
        orders += 1
    assert orders >= 10


def test_a_turn_that_is_given_up_as_somebody_lines_up_is_lost_by_nobody(desk: Desk):
    run: RunKey = (NodeKey("print"), (), 0)

    def prepare() -> None:
        desk.clear()
        number = desk.add(ONE, owner="alive")
        desk.add(OTHER, owner="alive")
        desk.rows(
            "INSERT INTO mutex (name, execution, run) VALUES ('printer', %s, %s)", number, msgspec.msgpack.encode(run)
        )

    def leave() -> Operation[list[ExecutionId]]:
        return (yield from mutexes.give_up(desk.number(ONE), ReleaseMutexes(ONE, frozenset()), NOW))

    def line_up() -> Operation[bool]:
        return (yield from mutexes.acquire("printer", desk.number(OTHER), run))

    orders = 0
    for told, has_turn in desk.run(prepare, leave, line_up):
        assert has_turn != (told == [OTHER])
        assert bool(desk.letters(OTHER)) == (told == [OTHER])
        orders += 1
    assert orders >= 3


def test_of_two_deliveries_at_once_one_is_taken_in(desk: Desk):
    def prepare() -> None:
        desk.clear()
        desk.add(ONE)

    deliver = partial(deliveries.take_in, ONE, "mail 7", "digest", LETTER, NOW)
    for answers in desk.run(prepare, deliver, deliver):
        # One that came a moment too late for this look is told to look again.
        assert set(answers) <= {"digest", None}
        assert "digest" in answers
        assert desk.letters(ONE) == ["delivered mail 7"]
        assert desk.wake_at(ONE) == NOW
