"""What happens when a node fails, takes too long, or is not wanted any more – and in which order."""

from __future__ import annotations

import asyncio
from threading import Event
from typing import Any

import pytest

from prana_py import (
    Execution,
    LocalRuntime,
    NodeContext,
    NodeFailure,
    TransitionError,
    Workflow,
    WorkflowBuilder,
    node,
    wait_for_webhook,
)
from prana_py.builtin_nodes.all_nodes import with_builtin
from prana_py.driver.outcome import Waiting
from prana_py.driver.requests import Cancel
from prana_py.execution.suspension import as_instant
from prana_py.testing.fake_clock import FakeClock


@node
def who(ctx: NodeContext) -> str:
    return ctx.node_key


@node
def echo(input: Any) -> Any:
    return input


@node
def ask() -> Waiting:
    return wait_for_webhook()


@node
def fail(code: str = "broken") -> None:
    raise NodeFailure(code, "it was to be")


@node
def succeed_at(ctx: NodeContext, attempt: int) -> int:
    if ctx.attempt < attempt:
        raise NodeFailure("not_yet", f"attempt {ctx.attempt}")
    return ctx.attempt


def until_asked_to_stop(ctx: NodeContext) -> str:
    while not ctx.cancelled:
        pass
    return "asked to stop"


@node
def linger(ctx: NodeContext) -> str:
    return until_asked_to_stop(ctx)


@node
async def linger_async(ctx: NodeContext) -> str:
    return await asyncio.to_thread(until_asked_to_stop, ctx)


NODES = with_builtin(who, echo, ask, fail, succeed_at, linger, linger_async)


def one(node_type: Any, *, settings: Any = None, **params: Any) -> Workflow:
    """``a``, and what follows it by each port."""
    flow = WorkflowBuilder("one")
    a = flow.add(node_type, "a", settings=settings, params=params)
    for port in ("main", "error", "timeout"):
        a.then(flow.add(echo, f"by_{port}"), port=port)
    return flow.build()


def lived_through(workflow: Workflow, **start: Any) -> Execution:
    """However long it takes, in virtual time."""
    clock = FakeClock(jumps=True)
    runtime = LocalRuntime(NODES, clock=clock)
    execution = runtime.execute(workflow, **start)
    while execution.suspension is not None and execution.suspension.wait_till is not None:
        clock.advance_to(execution.suspension.wait_till)
        execution = runtime.wake(execution)
    return execution


def delays(execution: Execution) -> list[float]:
    """How many seconds lay between the attempts of ``a``."""
    return [(attempt.retry_at - attempt.at) / 1e9 for attempt in execution.node_executions["a"][0].attempts]


# ── retry ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("retry", "seconds"),
    [
        ({"delay": 10}, [10, 10, 10, 10]),
        ({"delay": 10, "backoff": "linear"}, [10, 20, 30, 40]),
        ({"delay": 10, "backoff": "exponential"}, [10, 20, 40, 80]),
        ({"delay": 10, "backoff": "exponential", "factor": 3.0}, [10, 30, 90, 270]),
        ({"delay": 10, "backoff": "exponential", "factor": 3.0, "max_delay": 25}, [10, 25, 25, 25]),
        ({"delay": 10, "backoff": "linear", "max_delay": 25}, [10, 20, 25, 25]),
        ({"delay": 0}, [0, 0, 0, 0]),
        ({"delay": 0.25, "backoff": "linear"}, [0.25, 0.5, 0.75, 1]),
    ],
)
def test_the_delays_between_attempts_are_exact(retry: dict[str, Any], seconds: list[float]):
    execution = lived_through(one(fail, settings={"retry": {"max_attempts": 5, **retry}}))

    assert delays(execution) == seconds
    assert execution.duration.total_seconds() == sum(seconds)
    assert execution.node_executions["a"][0].attempt == 5
    assert execution.status == "failed"


def test_whoever_comes_when_a_wait_ends_does_not_come_too_soon():
    workflow = one(fail, settings={"retry": {"max_attempts": 2, "delay": 100, "jitter": 0.5}})
    execution = LocalRuntime(NODES, clock=FakeClock()).execute(workflow)
    assert execution.suspension is not None
    assert execution.suspension.wait_till is not None
    assert execution.suspension.wait.wait_till is not None

    assert as_instant(execution.suspension.wait_till) >= execution.suspension.wait.wait_till


def test_jitter_shortens_delays_by_what_the_run_itself_decides():
    workflow = one(fail, settings={"retry": {"max_attempts": 5, "delay": 100, "jitter": 0.5}})

    first, again, other = (delays(lived_through(workflow, execution_id=name)) for name in ("x", "x", "y"))

    assert first == again
    assert first != other
    assert all(50 <= delay <= 100 for delay in first + other)
    assert len(set(first)) == 4


@pytest.mark.parametrize(
    ("retry", "attempts"),
    [
        ({}, 3),
        ({"retry_on": ("broken",)}, 3),
        ({"retry_on": ("other",)}, 1),
        ({"never_on": ("other",)}, 3),
        ({"never_on": ("broken",)}, 1),
        ({"retry_on": ("broken",), "never_on": ("broken",)}, 1),
    ],
)
def test_which_errors_are_tried_again_can_be_said(retry: dict[str, Any], attempts: int):
    execution = lived_through(one(fail, settings={"retry": {"max_attempts": 3, "delay": 0, **retry}}))

    assert execution.node_executions["a"][0].attempt == attempts


@pytest.mark.parametrize(("delay", "durable"), [(0.5, False), (1, False), (1.5, True)])
def test_short_delays_are_waited_in_place_and_longer_ones_are_waits(delay: float, durable: bool):
    workflow = one(succeed_at, attempt=2, settings={"retry": {"max_attempts": 2, "delay": delay}})
    clock = FakeClock(jumps=True)
    runtime = LocalRuntime(NODES, clock=clock)

    execution = runtime.execute(workflow)

    assert (execution.status == "suspended") is durable
    if durable:
        assert execution.suspension is not None
        assert execution.suspension.type == "retry"
        clock.advance(seconds=delay)
        execution = runtime.wake(execution)
    assert execution.output == 2


def test_while_a_short_delay_lasts_other_branches_go_on():
    flow = WorkflowBuilder("two")
    flow.add(succeed_at, "a", attempt=2, settings={"retry": {"max_attempts": 2, "delay": 0.5}})
    flow.add(who, "b").then(flow.add(who, "c"))

    runs = lived_through(flow.build()).node_executions

    assert runs["c"][0].completed_at_ns < runs["a"][0].completed_at_ns  # type: ignore[operator]  # both have ended


# ── the order of duties ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("on_error", "followed_by"),
    [("continue", "by_main"), ("error_port", "by_error"), ({"fallback": "instead"}, "by_main")],
)
def test_an_error_is_handed_on_only_when_there_are_no_attempts_left(on_error: Any, followed_by: str):
    settings = {"on_error": on_error, "retry": {"max_attempts": 2, "delay": 0}}
    execution = lived_through(one(fail, settings=settings))

    assert execution.status == "completed"
    assert [key for key in execution.completed_nodes if key.startswith("by_")] == [followed_by]
    assert execution.node_executions["a"][0].attempt == 2
    assert execution.output == "instead" if isinstance(on_error, dict) else execution.output["code"] == "broken"
    assert [error.code for error in execution.errors] == ["broken"]


def undoable(*, undo: Any = who, on_error: str = "stop") -> Workflow:
    """``a`` and ``b``, which can be undone, and ``c``, which fails."""
    flow = WorkflowBuilder("undoable")
    a, b = (flow.add(who, key, settings={"compensate_with": f"undo_{key}"}) for key in "ab")
    a.then(b).then(flow.add(fail, "c", settings={"on_error": on_error}))
    flow.add(who, "undo_a")
    flow.add(undo, "undo_b")
    return flow.build()


def undone(execution: Execution) -> list[str]:
    """The nodes that undid something, in order."""
    runs = [run for runs in execution.node_executions.values() for run in runs if run.node_key.startswith("undo")]
    return [run.node_key for run in sorted(runs, key=lambda run: run.execution_index)]


def test_when_an_execution_fails_what_was_completed_is_undone_newest_first():
    execution = lived_through(undoable())

    assert undone(execution) == ["undo_b", "undo_a"]
    assert (execution.status, execution.error and execution.error.node_key) == ("failed", "c")


def test_an_error_that_is_handled_undoes_nothing():
    execution = lived_through(undoable(on_error="continue"))

    assert (execution.status, undone(execution)) == ("completed", [])


def test_an_undoing_that_fails_does_not_keep_the_others_from_being_tried():
    execution = lived_through(undoable(undo=fail))

    assert undone(execution) == ["undo_b", "undo_a"]
    assert [execution.node_executions[key][0].status for key in ("undo_b", "undo_a")] == ["failed", "completed"]
    assert (execution.status, execution.error and execution.error.node_key) == ("failed", "c")


def test_an_undoing_may_wait_and_the_execution_ends_when_it_is_over():
    runtime = LocalRuntime(NODES)
    execution = runtime.execute(undoable(undo=ask))
    assert (execution.status, undone(execution)) == ("suspended", ["undo_b"])
    assert execution.ending is not None
    assert execution.ending.status == "failed"

    execution = runtime.resume(execution, "undone")

    assert (execution.status, undone(execution)) == ("failed", ["undo_b", "undo_a"])


def test_an_execution_that_is_being_undone_cannot_be_cancelled_and_an_undoing_is_tried_again():
    runtime = LocalRuntime(NODES)
    execution = runtime.execute(undoable(undo=ask))

    with pytest.raises(TransitionError, match="ending"):
        runtime.cancel(execution)

    flow = WorkflowBuilder("undone_at_last")
    flow.add(who, "a", settings={"compensate_with": "undo_a"}).then(flow.add(fail, "b"))
    flow.add(succeed_at, "undo_a", attempt=3, settings={"retry": {"max_attempts": 3, "delay": "1m"}})
    execution = lived_through(flow.build())
    assert (execution.status, execution.node_executions["undo_a"][0].output) == ("failed", 3)


def test_a_cancelled_execution_is_undone_like_one_that_failed():
    flow = WorkflowBuilder("cancelled")
    flow.add(who, "a", settings={"compensate_with": "undo_a"}).then(flow.add(ask, "b"))
    flow.add(who, "undo_a")
    runtime = LocalRuntime(NODES)

    execution = runtime.cancel(runtime.execute(flow.build()))

    assert (execution.status, undone(execution)) == ("cancelled", ["undo_a"])


def test_an_error_says_where_it_happened_and_why():
    @node
    def divide(input: int) -> float:
        try:
            return 1 / input
        except ZeroDivisionError as error:
            raise NodeFailure("no_share", "nothing to share", details={"of": input}) from error

    flow = WorkflowBuilder("where")
    each = flow.add("core.for_each", "each", items=[1, 0], on_item_error="continue")
    shares = flow.add(divide, "divide", settings={"retry": {"max_attempts": 2, "delay": 0}})
    each.then(shares, port="loop").then(each)
    execution = LocalRuntime(NODES.plus(divide)).execute(flow.build())

    (error,) = execution.errors
    assert (error.code, error.message, error.retryable) == ("no_share", "nothing to share", True)
    assert (error.node_key, error.scope, error.run_index, error.attempt) == ("divide", (("each", 0, 1),), 1, 2)
    assert error.details["of"] == 0
    assert error.cause is not None
    assert error.cause.details["exception"] == "ZeroDivisionError"
    assert "in divide" in (error.traceback or "")


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("node_type", [linger, linger_async])
@pytest.mark.parametrize("max_concurrency", [1, 4])
def test_a_node_that_takes_too_long_fails_with_a_timeout(node_type: Any, max_concurrency: int):
    runtime = LocalRuntime(NODES, clock=FakeClock(jumps=True), max_concurrency=max_concurrency)

    execution = runtime.execute(one(node_type, settings={"timeout": "5s", "on_error": "error_port"}))

    assert execution.status == "completed"
    assert execution.output["code"] == "timeout"
    assert execution.duration.total_seconds() == 5


def test_an_answer_that_comes_too_late_changes_nothing():
    may_answer, has_answered = Event(), Event()

    @node
    def slow() -> str:
        may_answer.wait()
        has_answered.set()
        return "late"

    runtime = LocalRuntime(NODES.plus(slow), clock=FakeClock(jumps=True))
    execution = runtime.execute(one(slow, settings={"timeout": "5s", "on_error": {"fallback": "without it"}}))
    before = execution.to_storage_format()
    may_answer.set()
    has_answered.wait()

    assert execution.output == "without it"
    assert execution.to_storage_format() == before
    assert runtime.abandoned_calls == 1


def asking_for_an_hour(*, counts_waiting: bool) -> tuple[FakeClock, LocalRuntime, Execution]:
    flow = WorkflowBuilder("late", settings={"timeout": "1h", "timeout_counts_waiting": counts_waiting})
    flow.add(ask, "a")
    clock = FakeClock()
    runtime = LocalRuntime(NODES, clock=clock)
    return clock, runtime, runtime.execute(flow.build())


def test_an_execution_that_takes_too_long_fails():
    clock, runtime, execution = asking_for_an_hour(counts_waiting=True)

    clock.advance(minutes=59)
    assert runtime.wake(execution).status == "suspended"
    clock.advance(minutes=1)
    execution = runtime.wake(execution)

    assert (execution.status, execution.error and execution.error.code) == ("failed", "execution_timeout")
    assert execution.suspensions == {}


def test_the_time_of_waiting_does_not_count_unless_it_was_asked_for():
    clock, runtime, execution = asking_for_an_hour(counts_waiting=False)

    clock.advance(days=3)

    assert runtime.resume(runtime.wake(execution), "at last").output == "at last"


def test_a_parameter_that_a_template_left_empty_is_told_of_with_the_template():
    execution = LocalRuntime(NODES).execute(one(succeed_at, attempt="{{ $input.atempt }}"), {"attempt": 1})

    assert execution.error is not None
    assert execution.error.code == "params_invalid"
    assert execution.error.message.endswith("attempt is required, and null – attempt is {{ $input.atempt }}")
    assert execution.error.details["templates"] == {"attempt": "{{ $input.atempt }}"}


# ── cancel ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("keeps_going", [linger, linger_async])
def test_what_is_under_way_when_an_execution_is_cancelled_is_asked_to_stop(keeps_going: Any):
    @node
    def cancel(ctx: NodeContext) -> None:
        runtime.send(ctx.execution_id, Cancel("not wanted any more"))

    flow = WorkflowBuilder("cancelled")
    flow.add(keeps_going, "slow").then(flow.add(who, "after_slow"))
    flow.add(cancel, "cancel").then(flow.add(ask, "b"))
    runtime = LocalRuntime(NODES.plus(cancel), max_concurrency=4)

    execution = runtime.execute(flow.build())

    assert execution.status == "cancelled"
    assert "after_slow" not in execution.node_executions
    assert execution.suspensions == {}


@pytest.mark.parametrize(
    ("parent_close", "status"), [("cancel", "cancelled"), ("abandon", "suspended"), ("request", "completed")]
)
def test_children_of_a_cancelled_execution_follow_their_policy(parent_close: str, status: str):
    child = WorkflowBuilder("child")
    child.add("wait.wait", "w", mode="signal", signal="parent_closed")
    parent = WorkflowBuilder("parent")
    parent.add("workflow.execute", "call", workflow_id="child", mode="async", parent_close=parent_close)
    runtime = LocalRuntime(NODES, workflows=[child.build()])
    execution = runtime.execute(parent.build())
    assert execution.suspension is not None
    (child_id,) = execution.suspension.wait.children  # type: ignore[union-attr]  # a wait for a sub-workflow

    execution = runtime.cancel(execution)

    assert execution.status == "cancelled"
    kept = runtime.kept(child_id)
    assert kept is not None
    assert kept.status == status


def test_the_instants_of_a_wait_are_those_of_the_clock():
    clock = FakeClock()
    execution = LocalRuntime(NODES, clock=clock).execute(
        one(fail, settings={"retry": {"max_attempts": 2, "delay": "1m"}})
    )

    assert execution.suspension is not None
    assert execution.suspension.suspended_at == as_instant(clock.time)
    assert (execution.suspension.wait_till - clock.time).total_seconds() == 60  # type: ignore[operator]  # it has one
