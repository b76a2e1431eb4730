"""Executions of many kinds, for tests that store, mutate and ask them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from prana_py import (
    Execution,
    LocalRuntime,
    NodeFailure,
    Output,
    Retry,
    WorkflowBuilder,
    WorkflowSettings,
    node,
    race,
    wait_for_interval,
    wait_for_signal,
    wait_for_webhook,
)
from prana_py.driver.requests import Cancel, Signal
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.nodes.node_type import AnyNode


@node
def ask(input: Any) -> Any:
    return wait_for_webhook(schema={"type": "object"})


@node
def listen(input: Any) -> Any:
    return wait_for_signal("go", state={"listening": True}, context={"n": 1})


@node(outputs=("called", "late"))
def compete() -> Any:
    return race(called=wait_for_webhook(), late=wait_for_interval("1h"))


@node
def fail(input: Any) -> Any:
    raise NodeFailure("bad", "it is bad", details={"n": [1, {"b": b"x"}]})


@node
def remember(input: Any) -> Any:
    return Output({"n": (input or {}).get("n", 0) + 1, "b": b"\xff"}, state={"seen": True}, context={"k": 1})


NODES: list[AnyNode] = [ask, listen, compete, fail, remember]

World = tuple[ExecutionGraph, Execution]


def _run(flow: WorkflowBuilder, value: Any = None, *requests: Any) -> World:
    runtime = LocalRuntime(NODES)
    graph = runtime.graph_of(flow.build())
    execution = runtime.execute(graph, value, execution_id="e", variables={"v": 1})
    return graph, runtime.ask(execution, *requests) if requests else execution


def waiting() -> World:
    """Two waits, one of them a race, and a kept signal."""
    flow = WorkflowBuilder("waiting")
    start = flow.add(remember, "start")
    end = flow.add("core.noop", "end", settings={"join": "all"})
    for kind, key in ((ask, "ask"), (listen, "listen")):
        start.then(flow.add(kind, key)).then(end)
    race_node = start.then(flow.add(compete, "compete"))
    race_node.then(end, port="called")
    race_node.then(flow.add("core.noop", "late"), port="late")
    return _run(flow, None, Signal("other", {"x": 1}))


def failed() -> World:
    """A node failed after two attempts, and what was done is undone."""
    flow = WorkflowBuilder("failed")
    undo = flow.add("core.noop", "undo")
    start = flow.add(remember, "start", settings={"compensate_with": undo.key})
    settings = {"retry": Retry(max_attempts=2, delay=timedelta(0))}
    start.then(flow.add(fail, "fail", settings=settings)).then(flow.add("core.noop", "after"))
    return _run(flow)


def in_items() -> World:
    """In the middle of a ``for_each`` that waits in each item."""
    flow = WorkflowBuilder("in_items")
    each = flow.add("core.for_each", "each", items="{{ $input }}", max_concurrency=2)
    each.then(flow.add(ask, "ask"), port="loop").then(each)
    each.then(flow.add("core.noop", "after"), port="done")
    return _run(flow, [1, {"x": b"2"}, 3])


def retrying() -> World:
    """A durable wait for the next attempt."""
    flow = WorkflowBuilder("retrying")
    settings = {"retry": Retry(max_attempts=3, delay=timedelta(hours=1))}
    flow.add(fail, "fail", settings=settings).then(flow.add("core.noop", "after"))
    return _run(flow)


def locked() -> World:
    """A run holds a mutex, another waits for it, a third for its guard."""
    flow = WorkflowBuilder("locked")
    start = flow.add("core.noop", "start")
    for key, settings in (("a", {"mutex": "m"}), ("b", {"mutex": "m"}), ("c", {"enabled_if": "{{ $state.open }}"})):
        start.then(flow.add(ask, key, settings=settings))
    return _run(flow)


def bounded() -> World:
    """A long loop with a bounded history, which then waits."""
    flow = WorkflowBuilder("bounded", settings=WorkflowSettings(history=2, max_iterations=None))
    step = flow.add(remember, "step")
    again = flow.add("logic.if", "again", condition="{{ $input.n < 200 }}")
    step.then(again).then(step, port="true")
    again.then(flow.add(ask, "ask"), port="false")
    return _run(flow)


def bounded_in_items() -> World:
    """A bounded history inside of a ``for_each``."""
    flow = WorkflowBuilder("bounded_in_items", settings=WorkflowSettings(history=2))
    each = flow.add("core.for_each", "each", items="{{ $input }}", max_concurrency=40)
    each.then(flow.add(remember, "step"), port="loop").then(flow.add(ask, "ask")).then(each)
    return _run(flow, [{"n": number} for number in range(80)])


def cancelled() -> World:
    """Cancelled while it waited."""
    graph, execution = waiting()
    return graph, LocalRuntime(NODES).ask(execution, Cancel("enough"))


def waves() -> World:
    """Joins of all kinds in the middle of their work."""
    flow = WorkflowBuilder("waves")
    start = flow.add("core.noop", "start")
    joins: list[tuple[str, Any]] = [("first", "first"), ("all", "all"), ("batch", {"batch": 5, "within": "1h"})]
    branches = [start.then(flow.add("core.noop", "quick")), start.then(flow.add(ask, "slow"))]
    for key, join in joins:
        target = flow.add("core.noop", key, settings={"join": join})
        for branch in branches:
            branch.then(target)
    return _run(flow)


WORLDS: dict[str, Callable[[], World]] = {
    make.__name__: make
    for make in (waiting, failed, in_items, retrying, locked, bounded, bounded_in_items, cancelled, waves)
}
