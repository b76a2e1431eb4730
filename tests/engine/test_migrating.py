"""An execution moves to another version of its workflow if its open work has a place there, or is told why not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from prana_py import (
    LocalRuntime,
    NodeSettings,
    TransitionError,
    WorkflowBuilder,
    WorkflowSettings,
    node,
    wait_for_interval,
    wait_for_signal,
    wait_for_webhook,
)
from prana_py.engine.engine import Engine
from prana_py.execution.invariants import check_invariants
from prana_py.execution.rebasing import rebased
from prana_py.execution.rows import Migrated
from prana_py.execution.sameness import difference, same_state
from prana_py.testing import FakeClock
from prana_py.testing.store_invariants import check_store
from tests.hostile.worlds import WORLDS


@node
def ask():
    return wait_for_webhook()


@node
def ask_kindly():
    return wait_for_webhook()


@node
def go():
    return wait_for_signal("go")


@node
def pause():
    return wait_for_interval(timedelta(hours=1))


@node
def add(input, by: int = 1):
    return input + by


@node
def flaky(input):
    raise ConnectionError("away")


@node
def echo(input):
    return input


@node
def undo(input):
    return None


NODES: list[Any] = [ask, ask_kindly, go, pause, add, flaky, echo, undo]


@pytest.fixture
def address(tmp_path):
    return f"sqlite:///{tmp_path / 'moving.db'}"


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def engine(address, clock):
    with Engine(address, nodes=NODES, runtime=LocalRuntime(clock=clock)) as opened:
        yield opened
        check_store(opened)


def published(engine, *versions):
    """Each version is a function that adds nodes to a builder."""
    for fill in versions:
        flow = WorkflowBuilder("flow")
        fill(flow)
        engine.publish(flow.build())


def chain(*nodes):
    def fill(flow):
        last = None
        for given in nodes:
            node_type, key, settings = given if isinstance(given, tuple) else (given, None, None)
            added = flow.add(node_type, key, settings=settings)
            if last is not None:
                last.then(added)
            last = added

    return fill


def reasons(engine, execution, version=2):
    """Why it cannot be moved: codes, found by a dry run and by the attempt alike."""
    before = engine.get(execution.id).journal
    dry = engine.migrate_execution(execution.id, version, dry_run=True)
    with pytest.raises(TransitionError) as refused:
        engine.migrate_execution(execution.id, version)

    assert refused.value.code == "migration_refused"
    assert [reason["message"] for reason in refused.value.details()["reasons"]] == [r.message for r in dry.reasons]
    assert engine.get(execution.id).journal == before
    return [reason.code for reason in dry.reasons]


def test_a_waiting_execution_goes_on_as_the_new_version_says(engine):
    published(engine, chain(ask), chain(ask, add))
    execution = engine.start("flow", 1, version=1)
    token = engine.token(execution)

    assert engine.migrate_execution(execution.id, 2, dry_run=True).reasons == ()
    moved = engine.migrate_execution(execution.id, 2).execution
    ended = engine.resume(token, 41)

    assert (moved.workflow_version, moved.status) == (2, "suspended")
    assert ended.output == 42
    assert engine.header(execution.id).workflow_version == 2
    assert [summary.workflow_version for summary in engine.list()] == [2]


def test_another_engine_loads_what_was_moved_row_by_row_under_the_versions_it_had(address, clock):
    with Engine(address, nodes=NODES, runtime=LocalRuntime(clock=clock)) as first:
        published(first, chain((add, "gone", None), ask), chain(ask, add), chain(ask, (add, "more", None)))
        execution = first.start("flow", 1, version=1)
        first.migrate_execution(execution.id, 2)
        moved = first.migrate_execution(execution.id, 3).execution
        token = first.token(moved)
    with Engine(address, nodes=NODES, runtime=LocalRuntime(clock=clock)) as second:
        loaded = second.get(execution.id)
        assert same_state(loaded, moved)
        check_invariants(loaded)
        ended = second.resume(token, 1)
        check_invariants(ended)
        history = second.history(execution.id)

        assert ended.completed_nodes == {"trigger": 1, "gone": 2, "ask": 1, "more": 2}
        assert [run.node_key for run in history.node_executions] == ["trigger", "gone", "ask", "more"]
        assert [step.row.workflow_version for step in history.steps if isinstance(step.row, Migrated)] == [2, 3]
        for step in history.steps:
            assert same_state(second.get(execution.id, at=step.position), ended.at(step.position))
        assert second.get(execution.id, at=4).workflow_version == 1


def test_what_is_over_may_be_gone(engine):
    published(engine, chain((add, "first", None), ask, (add, "last", None)), chain(ask, (echo, "last", None)))
    execution = engine.start("flow", 1, version=1)

    engine.migrate_execution(execution.id, 2)
    ended = engine.resume(execution.id, 5)

    assert ended.output == 5
    assert ended.node_executions["first"][0].output == 2


def test_a_moved_execution_keeps_its_keys_and_tokens(engine):
    published(engine, chain(ask, add), chain(ask, (add, "other", None)))
    execution = engine.start("flow", 1, version=1)
    token = engine.token(execution)

    moved = engine.migrate_execution(execution.id, 2).execution

    assert engine.token(moved) == token
    assert engine.resume(token, 1).left_by("other") == "main"


def test_an_unknown_trigger_or_version_is_a_reason(engine):
    def other_trigger(flow):
        flow.add("manual.trigger", "elsewhere").then(flow.add(ask))

    published(engine, chain(ask), other_trigger)

    assert reasons(engine, engine.start("flow", 1, version=1)) != []


# ── what has no place ────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_reasons_are_told_at_once(engine):
    def first(flow):
        start = flow.add(echo)
        start.then(flow.add(ask, "one"))
        start.then(flow.add(go, "two"))
        start.then(flow.add(pause, "three"))

    def second(flow):
        start = flow.add(echo)
        start.then(flow.add(ask_kindly, "one"))
        start.then(flow.add(go, "two", settings=NodeSettings(mutex="m")))

    published(engine, first, second)

    assert sorted(reasons(engine, engine.start("flow", 1, version=1))) == ["mutex_changed", "node_gone", "type_changed"]


def test_a_run_that_is_under_way_must_keep_its_type(engine):
    published(engine, chain((ask, "wait", None)), chain((ask_kindly, "wait", None)))

    assert reasons(engine, engine.start("flow", 1, version=1)) == ["type_changed"]


def test_a_run_that_will_be_tried_again_may_be_of_another_type(engine, clock):
    again = {"retry": {"max_attempts": 3, "delay": "1h"}}
    published(engine, chain((flaky, "call", again)), chain((echo, "call", again)))
    execution = engine.start("flow", 7, version=1)

    engine.migrate_execution(execution.id, 2)
    clock.advance(hours=1)
    (ended,) = engine.wake_due()

    assert (ended.status, ended.output) == ("completed", 7)


def test_a_run_that_waits_in_a_loop_must_find_the_loop_again(engine):
    def looped(flow):
        each = flow.add("core.for_each", "each", items="{{ $input }}")
        each.then(flow.add(ask), port="loop").then(each)

    published(engine, looped, chain(ask))

    assert sorted(set(reasons(engine, engine.start("flow", [1, 2], version=1)))) == [
        "node_gone",
        "owner_gone",
        "scope_changed",
    ]


def test_items_under_way_go_on_in_the_new_body(engine):
    def looped(*last):
        def fill(flow):
            each = flow.add("core.for_each", "each", items="{{ $input }}", max_concurrency=2)
            step = each.then(flow.add(ask), port="loop")
            for added in last:
                step = step.then(flow.add(added))
            step.then(each)
            each.then(flow.add(echo), port="done")

        return fill

    published(engine, looped(), looped(add))
    execution = engine.start("flow", [1, 2, 3], version=1)
    first = min(execution.suspensions)
    engine.resume(execution.id, 10, wait_id=first)

    moved = engine.migrate_execution(execution.id, 2).execution
    check_invariants(moved)
    for data in (20, 30):
        moved = engine.resume(execution.id, data, wait_id=min(moved.suspensions))
    check_invariants(moved)

    assert moved.status == "completed"
    assert moved.completed_nodes["each"] == [10, 21, 31]


# ── joins ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def meeting(join, *arms, target=echo):
    """A start, arms that begin there, and a join at which they meet."""

    def fill(flow):
        start = flow.add(echo, "start")
        settings = None if join is None else {"join": join}
        meet = flow.add(target, "meet", settings=settings)
        for key, node_type in arms:
            start.then(flow.add(node_type, key)).then(meet)

    return fill


def test_arrivals_at_a_join_are_still_there(engine):
    arms = [("a", echo), ("b", ask)]
    published(engine, meeting("all", *arms), meeting("all", *reversed(arms)))
    execution = engine.start("flow", 1, version=1)

    moved = engine.migrate_execution(execution.id, 2).execution
    check_invariants(moved)
    ended = engine.resume(execution.id, 2)
    check_invariants(ended)

    assert ended.status == "completed"
    assert {source for source, _, _ in ended.node_executions["meet"][0].inputs} == {2, 3}


def test_a_join_that_nothing_can_reach_there_any_more_runs_at_once(engine):
    def apart(flow):
        start = flow.add(echo, "start")
        start.then(flow.add(echo, "a")).then(flow.add(echo, "meet"))
        start.then(flow.add(ask, "b"))

    published(engine, meeting(None, ("a", echo), ("b", ask)), apart)
    execution = engine.start("flow", 1, version=1)
    assert "meet" not in execution.completed_nodes

    moved = engine.migrate_execution(execution.id, 2).execution
    check_invariants(moved)

    assert moved.completed_nodes["meet"] == 1
    assert same_state(engine.get(execution.id), moved)


def test_a_join_of_another_kind_does_not_take_over_what_waits(engine):
    arms = [("a", echo), ("b", ask)]
    published(engine, meeting("all", *arms), meeting("first", *arms))

    assert reasons(engine, engine.start("flow", 1, version=1)) == ["join_changed"]


def test_a_join_that_could_never_be_complete_is_a_reason(engine):
    def lonely(flow):
        start = flow.add(echo, "start")
        meet = flow.add(echo, "meet", settings={"join": "all"})
        start.then(flow.add(echo, "a")).then(meet)
        start.then(flow.add(ask, "b"))
        choice = start.then(flow.add("logic.if", "choice", condition="{{ false }}"))
        choice.then(meet, port="true")

    published(engine, meeting("all", ("a", echo), ("b", ask)), lonely)
    execution = engine.start("flow", 1, version=1)

    assert reasons(engine, execution) == ["join_starves"]


def test_what_came_over_a_connection_that_is_gone_is_a_reason(engine):
    published(engine, meeting("all", ("a", echo), ("b", ask)), meeting("all", ("c", echo), ("b", ask)))

    assert reasons(engine, engine.start("flow", 1, version=1)) == ["connection_gone"]


def test_an_open_wave_needs_the_same_join(engine):
    arms = [("a", echo), ("b", ask)]
    published(engine, meeting("first", *arms), meeting({"n": 2}, *arms), meeting("first", *reversed(arms)))
    execution = engine.start("flow", 1, version=1)
    assert execution.completed_nodes["meet"] == 1

    assert reasons(engine, execution) == ["join_changed"]
    engine.migrate_execution(execution.id, 3)
    ended = engine.resume(execution.id, 2)

    check_invariants(ended)
    assert len(ended.node_executions["meet"]) == 1


def test_the_time_of_a_batch_runs_on_there(engine, clock):
    arms = [("a", echo), ("b", ask)]
    batch = {"batch": 5, "within": "1h"}
    published(engine, meeting(batch, *arms), meeting("all", *arms), meeting(batch, *reversed(arms)))
    execution = engine.start("flow", 1, version=1)

    assert set(reasons(engine, execution)) == {"join_changed"}
    engine.migrate_execution(execution.id, 3)
    clock.advance(hours=1)
    (woken,) = engine.wake_due()

    assert woken.completed_nodes["meet"] == [1]


# ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_guard_that_is_waited_for_must_still_be_there(engine):
    closed = NodeSettings(enabled_if="{{ $state.open }}")
    published(engine, chain(echo, (add, "add", closed)), chain(echo, (add, "add", None)))

    assert reasons(engine, engine.start("flow", 1, version=1)) == ["guard_gone"]


def test_a_line_for_a_mutex_is_kept(engine):
    def locked(by):
        def fill(flow):
            start = flow.add(echo)
            for key in ("one", "two"):
                start.then(flow.add(ask, key, settings=NodeSettings(mutex="m"))).then(
                    flow.add(add, f"after_{key}", by=by)
                )

        return fill

    published(engine, locked(1), locked(2))
    execution = engine.start("flow", 1, version=1)

    moved = engine.migrate_execution(execution.id, 2).execution
    for _ in range(2):
        moved = engine.resume(engine.token(moved, next(w for w in moved.suspensions if "mutex" not in w)), 1)
        check_invariants(moved)

    assert moved.completed_nodes["after_one"] == moved.completed_nodes["after_two"] == 3


def test_what_is_to_be_undone_must_still_be_undone_there(engine):
    def charged(settings):
        def fill(flow):
            flow.add(echo, "charge", settings=settings).then(flow.add(ask))
            flow.add(undo, "refund")

        return fill

    published(engine, charged(NodeSettings(compensate_with="refund")), charged(None))

    assert reasons(engine, engine.start("flow", 1, version=1)) == ["compensation_gone"]


def test_a_node_that_comes_back_goes_on_with_its_numbers(engine):
    def looped(*keys):
        def fill(flow):
            wait = flow.add(go, "wait")
            last = wait
            for key in keys:
                last = last.then(flow.add(echo, key))
            last.then(wait)

        return fill

    published(engine, looped("a"), looped("b"), looped("b", "a"))
    execution = engine.start("flow", 1, version=1)
    engine.signal(execution.id, "go")
    engine.migrate_execution(execution.id, 2)
    engine.signal(execution.id, "go")
    engine.migrate_execution(execution.id, 3)
    moved = engine.signal(execution.id, "go")
    check_invariants(moved)

    assert [(run.run, run.run_index) for run in moved.node_executions["a"]] == [(0, 0), (1, 1)]
    assert moved.iteration_count == 3


def test_what_has_ended_stays_what_it_was(engine):
    published(engine, chain(echo), chain(echo, add))

    assert reasons(engine, engine.start("flow", 1, version=1)) == ["has_ended"]


def test_what_has_not_begun_begins_and_moves(engine):
    published(engine, chain(ask), chain(ask, add))
    execution_id = engine.submit("flow", 1, version=1)

    moved = engine.migrate_execution(execution_id, 2).execution

    assert (moved.workflow_version, moved.status) == (2, "suspended")


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_moving_to_the_same_graph_changes_nothing(world):
    graph, execution = world()

    moved = rebased(execution, graph, execution.last_at)
    unmoved = replace(moved, identity=replace(moved.identity, earlier_graphs=()))

    assert difference(unmoved, execution) is None


def test_a_bounded_history_is_stored_with_what_its_runs_came_over(engine):
    def looped(first):
        def fill(flow):
            step = flow.add(add, "step")
            again = flow.add("logic.if", "again", condition="{{ $input < 200 }}")
            step.then(again).then(step, port="true")
            again.then(flow.add(echo, first), port="false").then(flow.add(ask))

        return fill

    for first in ("one", "another"):
        flow = WorkflowBuilder("flow", settings=WorkflowSettings(history=2))
        looped(first)(flow)
        engine.publish(flow.build())
    execution = engine.start("flow", 0, version=1)
    moved = engine.migrate_execution(execution.id, 2).execution
    assert moved.trail.dropped

    stored = moved.to_storage_format()
    earlier = (execution.execution_graph,)
    loaded = type(moved).from_storage_format(stored, moved.execution_graph, earlier=earlier)

    assert difference(loaded, moved) is None
    assert loaded.to_storage_format() == stored
    assert engine.resume(execution.id, 1).status == "completed"
