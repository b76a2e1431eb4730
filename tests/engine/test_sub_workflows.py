"""Workflows within workflows, kept in a store: whoever drives the child, its parent hears of the end, and once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from prana_py import Execution, NodeFailure, Workflow, WorkflowBuilder, node, wait_for_signal, wait_for_webhook
from prana_py.engine.engine import Engine
from prana_py.execution.rows import Resumed
from prana_py.stores.sqlite import SqliteDatabase
from tests.engine.office import DATABASES, Office, offices_of


@node
def ask() -> Any:
    return wait_for_webhook()


@node
def listen() -> Any:
    return wait_for_signal("parent_closed")


@node
def double(input: Any) -> Any:
    return input * 2 if isinstance(input, int) else input


@node
def boom(input: Any) -> Any:
    raise NodeFailure("boom", f"no {input}")


NODES: list[Any] = [ask, listen, double, boom]


@pytest.fixture(params=DATABASES)
def office(request: pytest.FixtureRequest) -> Iterator[Office]:
    yield from offices_of(request, NODES)


def simple(name: str, *types: Any, **settings: Any) -> Workflow:
    flow = WorkflowBuilder(name, settings=settings or None)
    before = None
    for number, type_ in enumerate(types):
        handle = flow.add(type_, f"n{number}")
        if before is not None:
            before.then(handle)
        before = handle
    return flow.build()


def parent(child: str = "child", *, name: str = "parent", **params: Any) -> Workflow:
    """``call`` runs the child, ``after`` follows."""
    flow = WorkflowBuilder(name)
    call = flow.add("workflow.execute", "call", params={"workflow_id": child, **params})
    call.then(flow.add(double, "after"))
    return flow.build()


def children(office: Office) -> list[tuple[str, str]]:
    """Id and status of all that have a parent."""
    return office.rows("SELECT id, status FROM execution WHERE parent_id IS NOT NULL ORDER BY number")


def heard_once(execution: Execution) -> bool:
    return [type(row) for row in execution.journal].count(Resumed) == 1


def settle(office: Office, engine: Engine) -> None:
    """Do what is due, until nothing is."""
    for _ in range(100):
        if not engine.wake_due():
            return
    raise AssertionError("there is always something due")


# ── one child ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_parent_gets_what_its_child_gives(office: Office, mode: str):
    engine = office.publish(simple("child", double), parent(mode=mode))

    execution = engine.start("parent", 21)

    assert (execution.status, execution.completed_nodes["call"]) == ("completed", 42)
    assert heard_once(execution)
    assert office.rows("SELECT * FROM inbox") == []
    assert engine.wake_due() == []


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_child_that_is_resumed_takes_its_parent_on(office: Office, mode: str, elsewhere: bool):
    engine = office.publish(simple("child", ask), parent(mode=mode))
    execution = engine.start("parent", 1)
    ((child_id, status),) = children(office)
    assert (execution.status, status) == ("suspended", "suspended")
    token = engine.token(engine.get(child_id))
    if elsewhere:
        office.close()
        engine = office.open()

    child = engine.resume(token, 7)

    ended = engine.get(execution.id)
    assert (child.status, ended.status, ended.completed_nodes["after"]) == ("completed", "completed", 14)
    assert heard_once(ended)
    assert office.rows("SELECT * FROM inbox") == []


def test_a_child_of_a_child_takes_both_on(office: Office):
    engine = office.publish(simple("child", ask), parent(name="middle"), parent("middle", mode="async"))
    execution = engine.start("parent", 1)
    (grandchild,) = [name for name, _ in children(office) if office.open().get(name).workflow_id == "child"]

    office.open().resume(grandchild, 7)

    assert engine.get(execution.id).completed_nodes["after"] == 28


def test_a_child_that_nobody_waits_for_runs_on_its_own(office: Office):
    engine = office.publish(simple("child", ask), parent(mode="fire_and_forget"))

    execution = engine.start("parent", 1)

    ((child_id, status),) = children(office)
    assert (execution.status, status) == ("completed", "suspended")
    assert execution.completed_nodes["call"]["execution_ids"] == [child_id]
    assert engine.resume(child_id, 7).status == "completed"
    assert engine.get(execution.id).journal == execution.journal


def test_a_child_that_is_submitted_is_found_by_whoever_looks(office: Office):
    """The engine that asked for it has died in the same moment."""
    engine = office.publish(simple("child", double), parent(mode="async"))
    engine.keeper._remember_touched = lambda change: None  # type: ignore[method-assign]  # it dies before it looks
    execution = engine.start("parent", 4)
    assert children(office)[0][1] == "pending"
    office.bury(engine)

    settle(office, office.open())

    assert office.open().get(execution.id).completed_nodes["after"] == 16


# ── what goes wrong ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_an_error_comes_up_with_the_id_of_the_child(office: Office, mode: str):
    engine = office.publish(simple("child", boom), parent(mode=mode))

    execution = engine.start("parent", 3)

    ((child_id, status),) = children(office)
    assert (execution.status, status) == ("failed", "failed")
    assert execution.error is not None
    assert child_id in str(execution.error.as_data())


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_parent_may_go_on_with_the_failure_of_its_child(office: Office, mode: str):
    engine = office.publish(simple("child", boom), parent(mode=mode, on_failure="continue"))

    execution = engine.start("parent", 3)

    assert execution.status == "completed"
    assert execution.completed_nodes["call"]["sub_workflow_failed"] is True
    assert execution.completed_nodes["call"]["error"]["code"] == "boom"


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_workflow_that_is_not_there_is_the_error_of_who_calls_it(office: Office, mode: str):
    engine = office.publish(parent("nothing", mode=mode))

    execution = engine.start("parent", 3)

    assert execution.status == "failed"
    assert execution.error is not None
    assert "workflow_not_found" in str(execution.error.as_data())
    assert engine.wake_due() == []


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_workflow_that_calls_itself_comes_to_an_end(office: Office, mode: str):
    flow = WorkflowBuilder("parent", settings={"max_depth": 3})
    flow.add("workflow.execute", "call", params={"workflow_id": "parent", "mode": mode})
    engine = office.publish(flow.build())

    execution = engine.start("parent", 3)
    settle(office, engine)
    execution = engine.get(execution.id)

    assert execution.status == "failed"
    assert execution.error is not None
    assert "sub_workflow_depth" in str(execution.error.as_data())
    begun = [
        one for one, _ in children(office) if office.rows("SELECT digest FROM execution WHERE id = ?", one) != [(None,)]
    ]
    assert len(begun) == 3


def test_an_error_workflow_is_told(office: Office):
    engine = office.publish(simple("failing", boom, error_workflow="handler"), simple("handler", double))

    execution = engine.start("failing", 3)

    ((handler_id, status),) = office.rows("SELECT id, status FROM execution WHERE workflow_id = 'handler'")
    assert (execution.status, status) == ("failed", "completed")
    assert engine.get(handler_id).trigger_data["execution_id"] == execution.id


def test_an_error_workflow_that_is_not_there_is_told_in_its_header(office: Office):
    engine = office.publish(simple("failing", boom, error_workflow="nobody"))

    assert engine.start("failing", 3).status == "failed"

    ((status, error),) = office.rows("SELECT status, error FROM execution WHERE workflow_id = 'nobody'")
    assert status == "failed"
    assert error.startswith("workflow_not_found")
    assert engine.wake_due() == []


# ── many children ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_batch_gives_the_results_in_the_order_of_its_items(office: Office, mode: str):
    engine = office.publish(simple("child", double), parent(mode=mode, batch="single"))

    execution = engine.start("parent", [1, 2, 3])

    assert execution.completed_nodes["call"] == [2, 4, 6]
    assert heard_once(execution)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_batch_waits_for_the_last_of_its_children(office: Office, mode: str):
    engine = office.publish(simple("child", ask), parent(mode=mode, batch="single"))
    execution = engine.start("parent", [1, 2, 3])
    ids = [one for one, _ in children(office)]
    assert len(ids) == 3

    for number, child_id in enumerate(reversed(ids)):
        assert engine.get(execution.id).status == "suspended"
        office.open().resume(child_id, number)

    assert engine.get(execution.id).completed_nodes["call"] == [2, 1, 0]
    assert heard_once(engine.get(execution.id))


def test_a_window_spreads_its_children_over_time(office: Office):
    engine = office.publish(simple("child", double), parent(mode="async", batch="window", window="4h"))

    execution = engine.start("parent", [1, 2, 3, 4])

    seen = [[status for _, status in children(office)]]
    for _ in range(3):
        office.clock.advance(hours=1)
        engine.wake_due()
        seen.append([status for _, status in children(office)])
    done, not_yet = "completed", "pending"
    assert seen == [
        [done, not_yet, not_yet, not_yet],
        [done, done, not_yet, not_yet],
        [done, done, done, not_yet],
        [done, done, done, done],
    ]
    assert engine.get(execution.id).completed_nodes["call"] == [2, 4, 6, 8]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_thousand_children_cost_ten_times_as_much_as_a_hundred(tmp_path: Path, mode: str):
    office = Office(tmp_path, NODES)
    engine = office.publish(simple("child", double), parent(mode=mode, batch="single"))
    asked = 0

    def count(_: str) -> None:
        nonlocal asked
        asked += 1

    database = engine.database
    assert isinstance(database, SqliteDatabase)
    for session in (database._writer, database._reader):
        session.connection.set_trace_callback(count)
    engine.start("parent", [0])  # whatever is asked once
    costs = []
    for number in (100, 1000):
        asked = 0
        execution = engine.start("parent", list(range(number)))
        assert execution.completed_nodes["call"] == [2 * item for item in range(number)]
        costs.append(asked / number)

    assert costs[1] < 1.1 * costs[0], f"statements a child: {costs}"
    office.close()
    print(f"{mode}: {costs[1]:.1f} statements a child")


# ── when the parent does not wait any more ────────────────────────────────────────────────────────────────────────────


AFTER = {"cancel": "cancelled", "abandon": "suspended", "request": "completed"}


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("policy", AFTER)
def test_a_child_that_waits_follows_its_policy_when_its_parent_is_cancelled(office: Office, policy: str, mode: str):
    engine = office.publish(simple("child", listen), parent(mode=mode, parent_close=policy))
    execution = engine.start("parent", 1)

    engine.cancel(execution.id)

    ((_, status),) = children(office)
    assert (engine.get(execution.id).status, status) == ("cancelled", AFTER[policy])
    assert office.rows("SELECT * FROM inbox") == []


@pytest.mark.parametrize("policy", AFTER)
def test_a_child_that_has_not_begun_follows_its_policy_when_its_parent_is_cancelled(office: Office, policy: str):
    window = {"batch": "window", "window": "2h", "mode": "async"}
    engine = office.publish(simple("child", listen), parent(parent_close=policy, **window))
    execution = engine.start("parent", [1, 2])
    assert [status for _, status in children(office)] == ["suspended", "pending"]

    engine.cancel(execution.id)
    if policy == "abandon":
        assert children(office)[1][1] == "pending"
        office.clock.advance(hours=1)
    settle(office, engine)

    assert [status for _, status in children(office)] == [AFTER[policy]] * 2


@pytest.mark.parametrize("policy", AFTER)
def test_a_child_that_is_driven_elsewhere_follows_its_policy_when_its_parent_is_cancelled(office: Office, policy: str):
    reached, go_on = Event(), Event()

    @node
    def gate() -> None:
        reached.set()
        assert go_on.wait(60)

    office.nodes.append(gate)
    engine = office.publish(simple("child", gate, listen), parent(mode="async", parent_close=policy))
    other = office.open()
    engine.keeper._remember_touched = lambda change: None  # type: ignore[method-assign]  # others see to the child
    execution = engine.start("parent", 1)

    with ThreadPoolExecutor(1) as pool:
        driven = pool.submit(other.wake_due)
        assert reached.wait(60)
        engine.cancel(execution.id)
        go_on.set()
        driven.result(60)
    settle(office, other)

    assert children(office)[0][1] == AFTER[policy]


# ── ends that cross each other ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_child_that_ends_while_its_parent_is_driven_elsewhere_is_heard(office: Office, mode: str):
    reached, go_on = Event(), Event()

    @node
    def gate() -> None:
        reached.set()
        assert go_on.wait(60)

    office.nodes.append(gate)
    flow = WorkflowBuilder("parent")
    flow.add("workflow.execute", "call", params={"workflow_id": "child", "mode": mode})
    flow.add(ask, "hold").then(flow.add(gate, "gate"))
    engine = office.publish(simple("child", ask), flow.build())
    other = office.open()
    execution = engine.start("parent", 1)
    ((child_id, _),) = children(office)

    with ThreadPoolExecutor(1) as pool:
        driven = pool.submit(engine.resume, execution.id, 1, wait_id="hold#0")
        assert reached.wait(60)
        assert other.resume(child_id, 7).status == "completed"
        assert other.get(execution.id).status == "running"
        go_on.set()
        driven.result(60)
    settle(office, other)

    ended = other.get(execution.id)
    assert (ended.status, ended.completed_nodes["call"]) == ("completed", 7)
    assert office.rows("SELECT * FROM inbox") == []


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_child_whose_parent_is_in_the_hands_of_a_dead_engine_is_heard_by_the_next(office: Office, mode: str):
    engine = office.publish(simple("child", ask), parent(mode=mode))
    execution = engine.start("parent", 1)
    ((child_id, _),) = children(office)
    office.write("INSERT INTO holder (id, until, process) VALUES ('silent', ?, '')", 1 << 62)
    office.write("UPDATE execution SET owner = 'silent' WHERE id = ?", execution.id)

    assert engine.resume(child_id, 7).status == "completed"
    assert engine.get(execution.id).status == "suspended"
    assert engine.wake_due() == []
    office.write("DELETE FROM holder WHERE id = 'silent'")
    other = office.open()
    other.wake_due()

    assert other.get(execution.id).completed_nodes["after"] == 14
    assert other.wake_due() == []


def test_two_children_that_end_at_once_in_two_engines_are_both_heard(office: Office):
    first = office.publish(simple("child", ask), parent(mode="async", batch="single"))
    second = office.open()
    for _ in range(20):
        execution = first.start("parent", [1, 2])
        ids = [one for (one,) in office.rows("SELECT id FROM execution WHERE parent_id = ?", execution.id)]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda engine, child: engine.resume(child, 5), (first, second), ids))
        settle(office, first)

        assert first.get(execution.id).completed_nodes["call"] == [5, 5]
