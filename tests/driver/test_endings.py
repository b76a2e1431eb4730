"""An execution on its way to its end: what is under way is stopped, and what undoes is not."""

from __future__ import annotations

from functools import partial
from threading import Event
from typing import Any

from prana_py import (
    Execution,
    LocalRuntime,
    NodeContext,
    NodeFailure,
    Workflow,
    WorkflowBuilder,
    node,
    wait_for_webhook,
)
from prana_py.driver.decide import Await, Launch, decide
from prana_py.driver.drive import Flight
from prana_py.driver.requests import CancelBranch, Signal, row_for
from prana_py.execution.rows import CancelRequested
from prana_py.execution.storage import from_storage_format
from prana_py.execution.transitions import advance


@node
def hand_on(input: Any) -> Any:
    return input


@node
def fail() -> None:
    raise NodeFailure("broken", "it was to be", retryable=False)


@node
def ask() -> Any:
    return wait_for_webhook()


def done_and_failed(undo: Any) -> Workflow:
    """``done``, which ``undo`` undoes, and a failure after it."""
    flow = WorkflowBuilder("undone")
    flow.add(undo, "undo")
    flow.add(hand_on, "done", settings={"compensate_with": "undo"}).then(flow.add(fail, "fail"))
    return flow.build()


def test_what_undoes_another_node_goes_on_when_a_signal_comes_meanwhile():
    signal_was_kept = Event()
    told_to_stop: list[bool] = []

    @node
    def undo(ctx: NodeContext) -> str:
        runtime.send(ctx.execution_id, Signal("news"))
        signal_was_kept.wait()
        told_to_stop.append(ctx.cancelled)
        return "undone"

    class Journal:
        def append(self, execution: Execution, row: Any) -> None:
            if execution.signals:
                signal_was_kept.set()

    runtime = LocalRuntime([hand_on, fail, undo], max_concurrency=2, journal=Journal())

    execution = runtime.execute(done_and_failed(undo))

    assert told_to_stop == [False]
    assert (execution.status, execution.completed_nodes["undo"]) == ("failed", "undone")


def test_what_was_under_way_when_the_process_ended_is_not_called_again_to_be_cancelled():
    calls: list[str] = []

    @node
    def work(ctx: NodeContext) -> None:
        calls.append(ctx.node_key)

    flow = WorkflowBuilder("cancelled")
    flow.add(work, "work").then(flow.add(hand_on, "after"))
    runtime = LocalRuntime([work, hand_on])
    before = runtime.execute(flow.build()).at(2)
    under_way = frozenset(activation.key for activation in before.frontier)
    ending, _ = advance(before, CancelRequested(before.last_at, "not wanted"), in_flight=under_way)
    crashed = from_storage_format(ending.to_storage_format(), ending.execution_graph)
    calls.clear()

    execution = runtime.wake(crashed)

    assert calls == []
    assert execution.status == "cancelled"
    assert [run.status for run in execution.node_executions["work"]] == ["cancelled"]


def test_an_execution_that_only_waits_for_what_undoes_is_suspended_whatever_was_open_before():
    is_under_way = Event()

    @node
    def work(ctx: NodeContext) -> str:
        is_under_way.set()
        while not ctx.cancelled:
            pass
        return "as told"

    @node
    def fail_then() -> None:
        is_under_way.wait()
        raise NodeFailure("broken", "it was to be", retryable=False)

    flow = WorkflowBuilder("undone")
    flow.add(ask, "undo")
    done = flow.add(hand_on, "done", settings={"compensate_with": "undo"})
    done.then(flow.add("core.for_each", "each", items=[1])).then(flow.add(work, "work"), port="loop")
    done.then(flow.add(fail_then, "fail"))
    runtime = LocalRuntime([hand_on, ask, work, fail_then], max_concurrency=2)

    execution = runtime.execute(flow.build())

    assert execution.completed_nodes["work"] == "as told"
    assert execution.status == "suspended"
    assert runtime.resume(execution).status == "failed"


def test_a_mutex_is_free_when_the_call_of_a_withdrawn_run_has_ended():
    flow = WorkflowBuilder("locked")
    for key in ("a", "b"):
        flow.add(hand_on, key, settings={"mutex": "m"})
    both = LocalRuntime([hand_on]).execute(flow.build()).at(2)
    (a,) = both.frontier
    b_alone, _ = advance(both, row_for(both, CancelBranch(("a",)), both.last_at))
    ask = partial(decide, b_alone, capacity=2, now=b_alone.last_at, due=None)

    assert ask({a.key: Flight(a, None)}) == Await(None)
    assert ask({}) == Launch(b_alone.frontier)
