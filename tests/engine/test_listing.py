"""What a store holds is listed by pages, newest first, and no list looks through all executions."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from prana_py import (
    LocalRuntime,
    NodeSettings,
    NotFoundError,
    UsageError,
    WorkflowBuilder,
    node,
    wait_for_signal,
    wait_for_webhook,
)
from prana_py.engine.engine import Engine
from prana_py.stores import leases
from prana_py.stores.sql.listing import listing
from prana_py.stores.statements import Statement
from prana_py.testing import FakeClock
from prana_py.testing.store_invariants import check_store


@node
def approval():
    return wait_for_webhook(timeout=timedelta(days=1))


@node
def go_ahead():
    return wait_for_signal("go")


@node
def work(input):
    return input


@node
def fail(input):
    raise ValueError(input)


def flow(name, *nodes):
    builder = WorkflowBuilder(name)
    last = None
    for each in nodes:
        added = builder.add(each)
        if last is not None:
            last.then(added)
        last = added
    return builder.build()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def engine(clock):
    with Engine(nodes=[approval, go_ahead, work, fail], runtime=LocalRuntime(clock=clock)) as opened:
        opened.publish(flow("orders", approval, work))
        opened.publish(flow("bills", work))
        opened.publish(flow("broken", fail))
        yield opened
        check_store(opened)


def ids(page):
    return [summary.id for summary in page]


def test_the_newest_come_first_and_pages_join_without_gap_or_overlap(engine):
    started = [engine.start("bills", number).id for number in range(7)]

    pages, after = [], None
    while True:
        page = engine.list(limit=3, after=after)
        pages.append(ids(page))
        after = page.next
        if after is None:
            break

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [one for page in pages for one in page] == started[::-1]


def test_what_is_started_while_somebody_turns_pages_moves_nothing(engine):
    started = [engine.start("bills", number).id for number in range(4)]
    first = engine.list(limit=2)
    engine.start("bills", "late")

    assert ids(first) + ids(engine.list(limit=2, after=first.next)) == started[::-1]


def test_lists_are_narrowed_by_workflow_status_trigger_and_time(engine, clock):
    waiting = engine.start("orders", 1).id
    clock.advance(hours=1)
    noon = clock.time
    broken = engine.start("broken", 2).id
    done = engine.start("bills", 3, trigger_type="schedule").id
    clock.advance(hours=1)
    pending = engine.submit("orders", 4)

    assert ids(engine.list(workflow="orders")) == [pending, waiting]
    assert ids(engine.list(status="suspended")) == [waiting]
    assert ids(engine.list(status=["failed", "pending"])) == [pending, broken]
    assert ids(engine.list(workflow="orders", status="pending")) == [pending]
    assert ids(engine.list(trigger_type="schedule")) == [done]
    assert ids(engine.list(trigger_type="schedule", status=("completed", "failed"), workflow="bills")) == [done]
    assert ids(engine.list(trigger_type="manual")) == [pending, broken, waiting]
    assert ids(engine.list(workflow="orders", trigger_type="schedule")) == []
    assert ids(engine.list(started_after=noon)) == [pending, done, broken]
    assert ids(engine.list(started_before=noon)) == [waiting]
    assert ids(engine.list(started_after=noon, started_before=clock.time)) == [done, broken]


def test_pages_keep_to_what_they_were_narrowed_by(engine, clock):
    started = []
    for number in range(6):
        started.append(engine.start("bills" if number % 2 else "orders", number).id)
        clock.advance(seconds=1)
    first = engine.list(workflow="bills", started_before=clock.time, limit=2)
    second = engine.list(workflow="bills", started_before=clock.time, limit=2, after=first.next)

    assert ids(first) + ids(second) == started[1::2][::-1]
    assert second.next is None


def test_children_are_found_by_their_parent(engine):
    parent = WorkflowBuilder("parent")
    parent.add("workflow.execute", key="call", workflow_id="bills", mode="sync")
    engine.publish(parent.build())
    execution = engine.start("parent", 1)
    engine.start("bills", 2)

    (child,) = engine.list(parent=execution.id)

    assert (child.parent_id, child.workflow_id, child.status) == (execution.id, "bills", "completed")
    assert engine.count(parent=execution.id, status="failed") == 0


def test_a_summary_says_what_the_execution_says(engine, clock):
    execution = engine.start("broken", "no")
    (summary,) = engine.list()

    assert (summary.workflow_version, summary.trigger_type, summary.is_driven) == (1, "manual", False)
    assert summary.created_at == execution.started_at == summary.ended_at
    assert summary.created_at.tzinfo is UTC
    assert "no" in summary.error


def test_a_summary_says_when_a_waiting_execution_goes_on_by_itself(engine, clock):
    engine.start("orders", 1)

    assert engine.list().executions[0].wake_at == clock.time + timedelta(days=1)


def test_what_is_in_quarantine_can_be_asked_for_and_left_out(engine):
    healthy, ill = engine.start("orders", 1).id, engine.start("orders", 2).id
    engine.plain.transact(lambda: quarantined(ill))

    assert ids(engine.list(quarantined=True)) == [ill]
    assert ids(engine.list(quarantined=False)) == [healthy]
    assert ids(engine.list(quarantined=True, workflow="orders", status="suspended")) == [ill]
    assert engine.list(quarantined=True).executions[0].quarantine == "torn"


def quarantined(execution_id):
    claimed = yield from leases.claim(execution_id, "somebody")
    assert claimed is not None
    yield from leases.quarantine(claimed, "torn")


def test_what_is_listed_is_counted(engine):
    for number in range(3):
        engine.start("bills", number)
    engine.start("broken", 0)

    assert engine.count() == 4
    assert engine.count(workflow="bills") == engine.count(status="completed") == 3
    assert engine.count(workflow="bills", status=("failed", "pending")) == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"status": "complete"}, "did you mean 'completed'"),
        ({"limit": 0}, "1 to 1000"),
        ({"limit": 1001}, "1 to 1000"),
        ({"after": "yesterday"}, "where a page ended"),
        ({"after": "1.2.3"}, "where a page ended"),
        ({"after": f"{'9' * 25}.1"}, ""),
    ],
)
def test_what_makes_no_sense_is_refused(engine, asked, said):
    if not said:
        assert ids(engine.list(**asked)) == []
        return
    with pytest.raises(UsageError, match=said):
        engine.list(**asked)


def test_a_time_without_a_zone_is_refused(engine, clock):
    with pytest.raises(UsageError, match="zone"):
        engine.list(started_after=clock.time.replace(tzinfo=None))


# ── waits ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_open_waits_are_listed_the_oldest_first(engine, clock):
    both = WorkflowBuilder("both")
    start = both.add(work)
    start.then(both.add(go_ahead, key="first"))
    start.then(both.add(approval, key="second"))
    engine.publish(both.build())
    execution = engine.start("both", 1)

    first, second = engine.waits(execution.id)

    assert (first.type, first.node_key, first.name, first.wait_till) == ("signal", "first", "go", None)
    assert (second.type, second.node_key, second.wait_till) == ("webhook", "second", clock.time + timedelta(days=1))
    assert {first.wait_id, second.wait_id} == set(execution.suspensions)
    engine.signal(execution.id, "go")
    assert [wait.node_key for wait in engine.waits(execution.id)] == ["second"]


def test_nobody_waits_in_an_execution_that_does_not_exist(engine):
    with pytest.raises(NotFoundError):
        engine.waits("nobody")


# ── workflows ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_workflows_are_listed_with_their_newest_versions(engine):
    engine.publish(flow("bills", work, work))

    assert [(one.id, one.version) for one in engine.workflows()] == [("bills", 2), ("broken", 1), ("orders", 1)]
    assert [one.version for one in engine.versions("bills")] == [1, 2]
    assert len(engine.workflow("bills").nodes) == len(engine.workflow("bills", 1).nodes) + 1


def test_a_version_comes_back_as_it_was_published(engine):
    assert engine.workflow("orders", 1) == flow("orders", approval, work)


def test_versions_that_differ_tell_how(engine):
    changed = WorkflowBuilder("orders")
    packed = changed.add(approval).then(changed.add(work, key="pack"))
    packed.then(changed.add(work, settings=NodeSettings(timeout=timedelta(hours=1))))
    engine.publish(changed.build())

    difference = engine.diff_versions("orders", 1, 2)

    assert [one.key for one in difference.added_nodes] == ["pack"]
    assert [(one.key, one.fields) for one in difference.changed_nodes] == [("work", ("settings",))]
    assert difference.removed_nodes == ()
    assert [(one.from_node, one.to_node) for one in difference.removed_connections] == [("approval", "work")]
    assert [(one.from_node, one.to_node) for one in difference.added_connections] == [
        ("approval", "pack"),
        ("pack", "work"),
    ]
    assert engine.diff_versions("orders", 1, 1).is_empty


@pytest.mark.parametrize("ask", [Engine.versions, Engine.workflow])
def test_an_unknown_workflow_is_said_to_be_unknown_with_the_nearest_name(engine, ask):
    with pytest.raises(NotFoundError, match="did you mean 'orders'") as refused:
        ask(engine, "order")

    assert refused.value.code == "workflow_not_found"


def test_an_unknown_version_is_said_to_be_unknown_with_those_there_are(engine):
    with pytest.raises(NotFoundError, match="no version 7; it has 1"):
        engine.workflow("orders", 7)


# ── indexes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("name", "statement"), listing(names_index=True).items(), ids=listing(names_index=True))
def test_every_list_goes_by_an_index(engine, name, statement):
    def plan():
        result = yield Statement("explain", tuple([1] * statement.count("?")))
        return [row[3] for row in result.rows]

    engine.plain.learn({"explain": f"EXPLAIN QUERY PLAN {statement}"})
    steps = engine.plain.transact(plan)

    assert not [step for step in steps if step.startswith("SCAN") and "quarantine" not in step]
    if "parent" not in name and "quarantined" not in name:
        assert not [step for step in steps if "TEMP B-TREE" in step]
