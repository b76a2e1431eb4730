"""What people do to executions that wait, with a crash before and after every commit of each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from prana_py import Execution, Workflow, WorkflowBuilder
from prana_py.driver.requests import Cancel, CancelBranch, Request, Resume, Signal
from prana_py.execution.rows import Settled
from prana_py.testing.simulate import Ask, Pass, SimulationResult, simulate_every_crash
from tests.simulation.scenario_nodes import (
    CATALOG,
    ask,
    demanding,
    fail,
    listen,
    several,
    sleep,
    step,
    swallow,
    undo_when_allowed,
    write,
)

ANY_CONCURRENCY = pytest.mark.parametrize("max_concurrency", [1, 4])


def with_every_crash(workflow: Workflow, value: Any = None, **options: Any) -> SimulationResult:
    """The undisturbed simulation; each disturbed one came to the same."""
    calm, points = simulate_every_crash(workflow, value, nodes=CATALOG, seed=7, **options)
    assert points == 2 * calm.commits
    return calm


def resume(node_key: str, data: Any = None, *, to: str | None = None) -> Ask:
    """Resolve the first open wait of a node."""
    return Ask(_resuming(node_key, data), to=to)


def _resuming(node_key: str, data: Any) -> Callable[[Execution], Request | None]:
    def request(execution: Execution) -> Request | None:
        waits = [wait for wait in execution.suspensions.values() if wait.node_key == node_key]
        return Resume(min(waits, key=lambda wait: wait.wait_id).wait_id, data) if waits else None

    return request


@ANY_CONCURRENCY
def test_two_waits_and_a_signal_and_the_cancel_of_a_branch(max_concurrency: int):
    flow = WorkflowBuilder("two_waits")
    start, end = flow.add(step, "start"), flow.add(step, "end")
    waits = flow.add(ask, "one"), flow.add(ask, "two"), flow.add(listen, "three", name="go")
    for wait in waits:
        start.then(wait).then(flow.add(step, f"after_{wait.key}")).then(end)

    calm = with_every_crash(
        flow.build(),
        "in",
        max_concurrency=max_concurrency,
        requests=[resume("one", 1), Ask(CancelBranch(("two",))), Ask(Signal("go", "gone"))],
    )

    assert calm.execution.status == "completed"
    assert {key for key, runs in calm.execution.node_executions.items() if runs[0].status == "completed"} == {
        *("trigger", "start", "one", "after_one", "three", "after_three", "end")
    }
    assert calm.execution.node_executions["two"][0].status == "withdrawn"


@pytest.mark.parametrize("called_in_time", [True, False])
@ANY_CONCURRENCY
def test_a_race_of_timer_and_webhook_refuses_the_withdrawn_token(max_concurrency: int, called_in_time: bool):
    flow = WorkflowBuilder("race")
    waits = {"called": {"mode": "webhook"}, "late": {"mode": "interval", "duration": "1h"}}
    race = flow.add("wait.race", "race", waits=waits)
    race.then(flow.add(step, "when_called"), port="called")
    race.then(flow.add(step, "when_late"), port="late")
    first_wait = "race#0:called"

    calm = with_every_crash(
        flow.build(),
        max_concurrency=max_concurrency,
        requests=[
            Pass(timedelta(minutes=59 if called_in_time else 61)),
            Ask(Resume(first_wait, "hello")),
            Ask(Resume(first_wait, "hello again")),
        ],
    )

    assert calm.execution.status == "completed"
    assert calm.execution.left_by("race") == ("called" if called_in_time else "late")
    assert {refusal.code for refusal in calm.refusals} == {"execution_final"}


@ANY_CONCURRENCY
def test_the_token_of_a_withdrawn_wait_is_refused_while_the_execution_goes_on(max_concurrency: int):
    flow = WorkflowBuilder("race")
    waits = {"called": {"mode": "webhook"}, "late": {"mode": "interval", "duration": "1h"}}
    race = flow.add("wait.race", "race", waits=waits)
    race.then(flow.add(ask, "more"), port="late")

    calm = with_every_crash(
        flow.build(),
        max_concurrency=max_concurrency,
        requests=[Pass(timedelta(hours=2)), Ask(Resume("race#0:called", "too late")), resume("more", "enough")],
    )

    assert calm.execution.output == "enough"
    assert [refusal.code for refusal in calm.refusals] == ["wait_not_open"]


@ANY_CONCURRENCY
def test_a_run_waits_for_a_guard_that_has_turned_false_until_it_holds_again(max_concurrency: int):
    flow = WorkflowBuilder("guard")
    start = flow.add(write, "open_gate", name="open", value=True)
    wait = start.then(flow.add(ask, "wait"))
    close = wait.then(flow.add(write, "close_gate", name="open", value=False))
    guarded = flow.add(step, "guarded", settings={"enabled_if": "$state.open"})
    close.then(guarded)
    close.then(flow.add(listen, "patience", name="reopen")).then(
        flow.add(write, "reopen_gate", name="open", value=True)
    )

    calm = with_every_crash(
        flow.build(), max_concurrency=max_concurrency, requests=[resume("wait"), Ask(Signal("reopen"))]
    )

    assert calm.execution.status == "completed"
    assert calm.execution.node_executions["guarded"][0].status == "completed"


def test_a_guard_that_turns_false_after_the_arrival_withdraws_the_run():
    flow = WorkflowBuilder("guard")
    start = flow.add(write, "open_gate", name="open", value=True)
    start.then(flow.add(write, "close_gate", name="open", value=False))
    start.then(flow.add(step, "guarded", settings={"enabled_if": "$state.open"}))
    start.then(flow.add(step, "other"))

    calm = with_every_crash(flow.build())

    assert calm.execution.status == "completed"
    assert "guarded" not in calm.execution.completed_nodes
    assert not calm.ledger.of("guarded")


@ANY_CONCURRENCY
def test_a_mutex_outlives_the_crash_of_its_holder(max_concurrency: int):
    flow = WorkflowBuilder("mutex")
    start, end = flow.add(step, "start"), flow.add(step, "end")
    for key in ("first", "second", "third"):
        start.then(flow.add(step, key, settings={"mutex": "printer"})).then(end)

    calm = with_every_crash(flow.build(), max_concurrency=max_concurrency)

    assert calm.execution.status == "completed"
    assert not calm.execution.mutexes


@ANY_CONCURRENCY
@pytest.mark.parametrize("ending", ["failed", "cancelled"])
def test_a_compensation_that_suspends_is_finished_before_the_execution_is(max_concurrency: int, ending: str):
    flow = WorkflowBuilder("compensation")
    flow.add(undo_when_allowed, "undo_book")
    flow.add(step, "undo_pay")
    book = flow.add(step, "book", settings={"compensate_with": "undo_book"})
    pay = book.then(flow.add(step, "pay", settings={"compensate_with": "undo_pay"}))
    pay.then(flow.add(ask, "wait")).then(flow.add(fail, "ship"))
    end = resume("wait") if ending == "failed" else Ask(Cancel("changed my mind"))

    calm = with_every_crash(
        flow.build(), "trip", max_concurrency=max_concurrency, requests=[end, resume("undo_book", "fine")]
    )

    assert calm.execution.status == ending
    assert calm.execution.completed_nodes["undo_book"] == "undone: fine"
    assert [
        run.execution_index for key in ("undo_pay", "undo_book") for run in calm.execution.node_executions[key]
    ] == [
        *sorted(run.execution_index for key in ("undo_pay", "undo_book") for run in calm.execution.node_executions[key])
    ]


@ANY_CONCURRENCY
@pytest.mark.parametrize(("good_attempt", "port"), [(3, "main"), (9, "error")])
def test_a_resumed_node_is_retried_and_then_leaves_by_its_error_port(
    max_concurrency: int, good_attempt: int, port: str
):
    flow = WorkflowBuilder("retry")
    retry = {"max_attempts": 3, "delay": "5m"}
    wait = flow.add(demanding, "wait", settings={"retry": retry, "on_error": "error_port"})
    wait.then(flow.add(step, "good"))
    wait.then(flow.add(step, "bad"), port="error")

    calm = with_every_crash(
        flow.build(), max_concurrency=max_concurrency, requests=[resume("wait", {"good_attempt": good_attempt})]
    )

    run = calm.execution.node_executions["wait"][0]
    assert (calm.execution.status, run.output_port, run.attempt, len(run.attempts)) == ("completed", port, 3, 2)


@ANY_CONCURRENCY
def test_ten_items_with_waits_four_at_a_time_are_resumed_in_reverse_order(max_concurrency: int):
    flow = WorkflowBuilder("items")
    each = flow.add("core.for_each", "each", max_concurrency=4)
    each.then(flow.add(step, "before"), port="loop").then(flow.add(ask, "wait")).then(flow.add(step, "after"))
    each.then(flow.add("core.noop", "end"), port="done")

    def newest(execution: Execution) -> Request | None:
        waits = sorted(execution.suspensions.values(), key=lambda wait: wait.scope)
        return Resume(waits[-1].wait_id, waits[-1].scope[-1][2]) if waits else None

    calm = with_every_crash(flow.build(), list(range(10)), max_concurrency=max_concurrency, requests=[Ask(newest)] * 10)

    assert calm.execution.output == [f"after({item})" for item in range(10)]


@ANY_CONCURRENCY
@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize(
    ("policy", "child_status"), [("cancel", "cancelled"), ("abandon", "completed"), ("request", "completed")]
)
def test_a_suspended_child_follows_its_policy_when_its_parent_is_cancelled(
    max_concurrency: int, mode: str, policy: str, child_status: str
):
    parent, child = WorkflowBuilder("parent"), WorkflowBuilder("child")
    parent.add("workflow.execute", "call", workflow_id="child", mode=mode, parent_close=policy)
    child.add(ask, "wait").then(child.add(listen, "last_word", name="parent_closed"))

    calm = with_every_crash(
        parent.build(),
        max_concurrency=max_concurrency,
        workflows=[child.build()],
        requests=[
            Ask(Cancel("enough")),
            resume("wait", to="child"),
            *([Ask(Signal("parent_closed", "from outside"), to="child")] if policy == "abandon" else []),
        ],
    )

    assert sorted(calm.statuses.values()) == sorted(["cancelled", child_status])


@ANY_CONCURRENCY
@pytest.mark.parametrize("mode", ["sync", "async", "fire_and_forget"])
@pytest.mark.parametrize("batch", ["all", "single"])
def test_a_parent_gets_what_its_children_give(max_concurrency: int, mode: str, batch: str):
    parent, child = WorkflowBuilder("parent"), WorkflowBuilder("child")
    call = parent.add("workflow.execute", "call", workflow_id="child", mode=mode, batch=batch)
    call.then(parent.add(step, "end"))
    child.add(sleep, "sleep", seconds=60).then(child.add("core.noop", "work"))

    calm = with_every_crash(parent.build(), ["a", "b"], max_concurrency=max_concurrency, workflows=[child.build()])

    assert set(calm.statuses.values()) == {"completed"}
    assert len(calm.executions) == (2 if batch == "all" else 3)


def test_the_second_run_of_a_reentrant_each_join_commits_first():
    flow = WorkflowBuilder("each")
    start = flow.add(step, "start")
    join = flow.add(ask, "join", settings={"join": "each", "reentrant": True})
    for key in ("left", "right"):
        start.then(flow.add(step, key)).then(join)
    join.then(flow.add(step, "end", settings={"join": "each"}))

    def second(execution: Execution) -> Request | None:
        return Resume(max(execution.suspensions), "second")

    calm = with_every_crash(flow.build(), requests=[Ask(second), resume("join", "first")])

    assert [run.output for run in calm.execution.node_executions["join"]] == ["first", "second"]
    assert [run.output for run in calm.execution.node_executions["end"]] == ["end(second)", "end(first)"]


@ANY_CONCURRENCY
def test_runs_of_a_reentrant_each_join_keep_their_numbers_whichever_commits_first(max_concurrency: int):
    flow = WorkflowBuilder("each")
    join = flow.add(swallow, "join", settings={"join": "each", "reentrant": True})
    flow.add(several, "several", count=4).then(join)

    calm = with_every_crash(flow.build(), max_concurrency=max_concurrency)

    order = [row.run for row in calm.execution.history() if isinstance(row, Settled) and row.node == "join"]
    assert sorted(order) == [0, 1, 2, 3]
    assert (order != [0, 1, 2, 3]) is (max_concurrency > 1)
