"""What is over is thrown away when it is old enough, and with it all that only it used; what lives is not touched."""

from __future__ import annotations

from datetime import timedelta

import pytest

from prana_py import LocalRuntime, NotFoundError, UsageError, WorkflowBuilder, node, wait_for_webhook
from prana_py.engine.engine import Engine
from prana_py.stores.statements import Statement
from prana_py.testing import FakeClock
from prana_py.testing.store_invariants import check_store

DAY = timedelta(days=1)


@node
def ask():
    return wait_for_webhook()


@node
def large(input):
    return str(input) * 10_000


@node
def fail(input):
    raise ValueError("no")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def engine(clock):
    with Engine(nodes=[ask, large, fail], runtime=LocalRuntime(clock=clock)) as opened:
        for name, added in (("short", large), ("waiting", ask), ("broken", fail)):
            flow = WorkflowBuilder(name)
            flow.add(added)
            opened.publish(flow.build())
        yield opened
        check_store(opened)


def started(engine, clock, workflow, count, value="x"):
    """One a day."""
    found = []
    for _ in range(count):
        found.append(engine.start(workflow, value).id)
        clock.advance(days=1)
    return found


def left(engine):
    return [summary.id for summary in engine.list()][::-1]


TABLES = ("journal", "wait", "inbox", "delivery", "mutex", "blob_use", "blob")


def rows_of(engine):
    """How many rows each table has."""

    def count():
        counts = {}
        for table in TABLES:
            counts[table] = (yield Statement(f"test.{table}")).rows[0][0]
        return counts

    engine.plain.learn({f"test.{table}": f"SELECT count(*) FROM {table}" for table in TABLES})
    return engine.plain.transact(count)


def test_what_ended_long_ago_is_thrown_away(engine, clock):
    ids = started(engine, clock, "short", 5)

    pruned = engine.prune(older_than=2 * DAY)

    assert pruned.executions == 3
    assert left(engine) == ids[3:]
    with pytest.raises(NotFoundError):
        engine.get(ids[0])


def test_nothing_of_it_stays_behind(engine, clock):
    started(engine, clock, "short", 3)
    started(engine, clock, "broken", 2)

    pruned = engine.prune(older_than=timedelta(0))

    assert pruned.executions == 5
    assert pruned.rows == 3 * 4 + 2 * 4
    assert pruned.blobs == 1
    assert set(rows_of(engine).values()) == {0}


def test_a_large_value_stays_as_long_as_anybody_uses_it(engine, clock):
    engine.start("short", "x")
    clock.advance(days=2)
    younger = engine.start("short", "x").id
    engine.start("short", "y")

    assert engine.prune(older_than=DAY).blobs == 0
    assert engine.get(younger).output == "x" * 10_000
    clock.advance(days=2)
    assert engine.prune(older_than=DAY).blobs == 2


def test_the_age_is_that_of_the_end_and_not_of_the_start(engine, clock):
    execution = engine.start("waiting", 1)
    clock.advance(days=10)
    engine.resume(execution.id, 1)

    assert engine.prune(older_than=DAY).executions == 0
    clock.advance(days=2)
    assert engine.prune(older_than=DAY).executions == 1


def test_what_lives_is_not_touched_however_old(engine, clock):
    live = [engine.start("waiting", 1).id, engine.submit("short", 1)]
    clock.advance(days=1000)
    before = rows_of(engine)

    assert engine.prune(older_than=DAY, keep=0).executions == 0
    assert left(engine) == live
    assert rows_of(engine) == before


def test_only_what_is_meant_is_thrown_away(engine, clock):
    short = started(engine, clock, "short", 2)
    broken = started(engine, clock, "broken", 2)

    assert engine.prune(older_than=timedelta(0), workflow="short", status="failed").executions == 0
    assert engine.prune(older_than=timedelta(0), status="failed").executions == 2
    assert left(engine) == short
    assert engine.prune(older_than=timedelta(0), workflow="broken").executions == 0
    assert engine.prune(older_than=timedelta(0), workflow="short").executions == 2
    assert broken


def test_the_newest_stay_however_old_they_are(engine, clock):
    short = started(engine, clock, "short", 3)
    broken = started(engine, clock, "broken", 3)

    assert engine.prune(older_than=timedelta(0), keep=4).executions == 2
    assert left(engine) == [short[2], *broken]
    assert engine.prune(keep=1, workflow="broken").executions == 2
    assert left(engine) == [short[2], broken[2]]
    assert engine.prune(keep=5).executions == 0


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_it_is_done_in_small_transactions(engine, clock, limit):
    ids = started(engine, clock, "short", 7)
    transactions = []
    transact = engine.plain.transact

    def counted(make, **options):
        transactions.append(make)
        return transact(make, **options)

    engine.plain.transact = counted
    pruned = engine.prune(older_than=3 * DAY, limit_per_transaction=limit, status="completed")

    assert pruned.executions == 4
    assert left(engine) == ids[4:]


def families(engine):
    child = WorkflowBuilder("child")
    child.add(ask)
    engine.publish(child.build())
    for mode in ("async", "fire_and_forget"):
        parent = WorkflowBuilder(mode)
        parent.add("workflow.execute", key="call", workflow_id="child", mode=mode)
        engine.publish(parent.build())


def test_a_parent_stays_as_long_as_a_child_lives(engine, clock):
    families(engine)
    parent = engine.start("fire_and_forget", 1)
    engine.wake_due()
    (child,) = engine.list(workflow="child")
    assert parent.status == "completed"
    clock.advance(days=10)

    has_parent = child.parent_id is not None
    assert engine.prune(older_than=DAY).executions == (0 if has_parent else 1)
    engine.resume(child.id, 1)
    clock.advance(days=10)
    assert engine.prune(older_than=DAY).executions == (2 if has_parent else 1)


def test_a_child_stays_as_long_as_its_parent_lives(engine, clock):
    families(engine)
    flow = WorkflowBuilder("long")
    call = flow.add("workflow.execute", key="call", workflow_id="child", mode="async")
    call.then(flow.add(ask))
    engine.publish(flow.build())
    parent = engine.start("long", 1)
    engine.wake_due()
    (child,) = engine.list(parent=parent.id)
    engine.resume(child.id, 1)
    engine.wake_due()
    assert engine.get(parent.id).status == "suspended"
    assert engine.get(child.id).status == "completed"
    clock.advance(days=10)

    assert engine.prune(older_than=DAY).executions == 0
    engine.resume(parent.id, 1)
    clock.advance(days=10)
    assert engine.prune(older_than=DAY).executions == 2


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "older_than"),
        ({"older_than": DAY, "status": "running"}, "never thrown away"),
        ({"keep": -1}, "0 is the least"),
        ({"older_than": DAY, "limit_per_transaction": 0}, "at least"),
    ],
)
def test_what_makes_no_sense_is_refused(engine, asked, said):
    with pytest.raises(UsageError, match=said):
        engine.prune(**asked)


def test_what_was_exported_comes_back(engine, clock):
    execution = engine.start("short", "x")
    document = engine.export(execution.id)
    clock.advance(days=1)
    engine.prune(older_than=timedelta(0))

    engine.import_(document)

    assert engine.get(execution.id).journal == execution.journal
