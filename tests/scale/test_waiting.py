"""However many executions wait, what is due is found by an index, and nothing is asked while nothing is due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from queue import SimpleQueue
from threading import Event
from typing import Any

import pytest

from benchmarks.population import fill_with_waiting
from prana_py import LocalRuntime, WorkflowBuilder, node
from prana_py.engine.engine import Engine
from prana_py.engine.worker import Worker
from prana_py.identifiers import Instant
from prana_py.stores import leases
from prana_py.stores.sql import POSTGRESQL, SQLITE
from prana_py.stores.statements import Operation, Statement
from prana_py.testing.crashing import FaultyDatabase
from prana_py.testing.fake_clock import FakeClock
from tests.databases import Asked, address_of, migrate, opened

WAITING = 20_000
YEAR = 365 * 24 * 3600 * 1_000_000_000

DUE: dict[str, tuple[Any, ...]] = {
    "execution.due": (YEAR + 100, leases.ANY_CRASHES, 8),
    "execution.next_due": (leases.ANY_CRASHES,),
    "execution.orphaned": ("somebody", 8),
    "execution.owned": ("somebody",),
    "schedule.due": (YEAR, 8),
    "schedule.next_due": (),
}
"""What workers ask again and again."""

BY_ONE_ROW_A_SCHEDULE = {"schedule.due", "schedule.next_due"}
"""There are few schedules; PostgreSQL may well read them all."""


@pytest.fixture(params=["sqlite memory", "postgresql"])
def many_waiting(request: pytest.FixtureRequest) -> Iterator[Asked]:
    """A database of each kind in which very many executions wait, and some are driven."""
    with address_of(request.param, request, empty=False) as address:
        database = opened(request.param, address)
        if database.dialect == "sqlite":
            migrate(database)
        fill_with_waiting(database.database, WAITING, Instant(0), Instant(YEAR))
        if database.dialect == "postgresql":
            database.transact(lambda: _ask(database, "ANALYZE"))
        yield database
        database.close()


def _ask(database: Asked, sql: str, *parameters: Any) -> Operation[list[Any]]:
    database.database.learn({"test.ask": sql})
    rows: list[Any] = (yield Statement("test.ask", parameters)).rows
    return rows


@pytest.mark.parametrize("name", DUE)
def test_what_workers_ask_again_and_again_goes_by_an_index_however_many_executions_wait(many_waiting: Asked, name: str):
    database = many_waiting
    is_sqlite = database.dialect == "sqlite"
    sql = (SQLITE if is_sqlite else POSTGRESQL)[name]
    explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"

    plan = database.transact(lambda: _ask(database, f"{explain} {sql}", *DUE[name]))

    told = "\n".join(str(row[-1]) for row in plan)
    if is_sqlite:
        assert "INDEX execution_" in told or "INDEX schedule_" in told, told
        assert "SCAN execution\n" not in told + "\n", told
        assert "TEMP B-TREE" not in told, told
    elif name not in BY_ONE_ROW_A_SCHEDULE:
        assert "using execution_" in told or "on execution_" in told, told
        assert "Seq Scan on execution" not in told, told


def test_the_next_instant_and_what_is_due_then_are_found_among_very_many(many_waiting: Asked):
    assert many_waiting.transact(leases.next_due, reads=True) == YEAR + 1
    due = many_waiting.transact(lambda: leases.claim_due("me", Instant(YEAR + 3), 2))
    assert [claimed.id for claimed in due] == ["waiting 1", "waiting 2"]


class Awake(SimpleQueue[None]):
    """What a worker sleeps on; it tells for how long each time."""

    def __init__(self) -> None:
        self.times: list[float | None] = []
        self.sleeps = Event()

    def get(self, block: bool = True, timeout: float | None = None) -> None:
        if self.empty():
            self.times.append(timeout)
            self.sleeps.set()
        return super().get(block, timeout)


class HoursClock(FakeClock):
    """A clock of which a second is a second to whoever waits."""

    def seconds_until(self, instant: Instant) -> float:
        return max(0.0, (instant - self.now()) / 1e9)


def test_a_worker_asks_nothing_of_a_store_in_which_nothing_is_due(many_waiting: Asked):
    clock = HoursClock()
    hour = clock.now() + 3600 * 1_000_000_000
    database = FaultyDatabase(many_waiting.database, closes=False)
    many_waiting.transact(lambda: _ask(many_waiting, f"UPDATE execution SET wake_at = {hour}"))
    done = Event()

    @node
    def note() -> None:
        done.set()

    flow = WorkflowBuilder("noting")
    flow.add(note)
    engine = Engine(nodes=[note], runtime=LocalRuntime(clock=clock), database=database, lease=timedelta(days=1))
    engine.publish(flow.build())
    worker = Worker(engine, concurrency=2)
    worker._awake = awake = Awake()

    with worker:
        assert awake.sleeps.wait(60)
        calls = database.calls
        assert awake.times == [3600.0]
        awake.sleeps.clear()
        engine.news.tell(None)  # somebody has committed something: it looks once, and sleeps on
        assert awake.sleeps.wait(60)
        assert database.calls - calls <= 4
        assert awake.times == [3600.0, 3600.0]
        engine.submit("noting")
        assert done.wait(60)
    engine.leave()
