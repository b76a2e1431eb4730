"""The node types, documents and looks at executions that tests of the original's rows share.

Workflows are written in the original's own form – connections nested by source and port – so that every row also
shows that its documents load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest

from prana_py import (
    Execution,
    LocalRuntime,
    NodeContext,
    NodeExecution,
    NodeFailure,
    Output,
    Workflow,
    node,
    wait_for_webhook,
    workflow_from_dict,
)
from prana_py.driver.lifecycle import LifecycleEvent
from prana_py.driver.outcome import Waiting
from prana_py.engine.compiling import compile_workflow
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.testing.counted_ids import CountedIds
from prana_py.testing.fake_clock import FakeClock

Check = Callable[[], None]
NodeOf = Any
"""A type, or a tuple of type, params and – if need be – settings."""

T = "test.trigger_action"
S = "test.simple_action"
F = "test.failing_action"
W = "test.waiting_action"

RETRY = {"retry_on_failed": True, "max_retries": 3, "retry_delay_ms": 2_000}
"""Delays over a second are durable waits, as all of the original's are."""


@node(type=T, trigger=True)
def trigger_action(input: Any) -> Any:
    """Begins a run with what it was given."""
    return {} if input is None else input


@node(type=S)
def simple_action(input: Any, force_error: Any = None, **params: Any) -> Any:
    """Gives its parameters and what came in; fails when it is told to."""
    if force_error:
        raise NodeFailure("forced_error", "told to fail")
    return {"from": input, **params}


@node(type=F)
def failing_action() -> None:
    """Never succeeds."""
    raise NodeFailure("action_error", "This action always fails", details={"error": "This action always fails"})


@node(type=W, on_resume=lambda data: data)
def waiting_action() -> Waiting:
    """Waits for whoever calls."""
    return wait_for_webhook()


@node(type="test.flaky")
def flaky(ctx: NodeContext, succeeds_on: int = 3) -> Any:
    """Fails until its attempt has this number."""
    if ctx.attempt < succeeds_on:
        raise NodeFailure("flaky", f"attempt {ctx.attempt} failed", details={"attempt": ctx.attempt})
    return {"attempt": ctx.attempt}


@node(type="test.count")
def count(ctx: NodeContext, by: int = 1) -> Output:
    """Counts in the shared state."""
    counted = ctx.state.get("counter", 0) + by
    return Output({"counter": counted}, state={"counter": counted})


NODES = (trigger_action, simple_action, failing_action, waiting_action, flaky, count)


def prana(nodes: Mapping[str, NodeOf], links: str = "", **more: Any) -> Workflow:
    """A workflow in the original's form; links are written ``a > b; b:error > c:port``."""
    connections: dict[str, dict[str, list[dict[str, str]]]] = {}
    for link in filter(None, (part.strip() for part in links.split(";"))):
        source, target = (end.strip() for end in link.split(">"))
        source, from_port = _end(source)
        target, to_port = _end(target)
        way = {"from": source, "from_port": from_port, "to": target, "to_port": to_port}
        connections.setdefault(source, {}).setdefault(from_port, []).append(way)
    document = {
        "id": "orders",
        "name": "Orders",
        "nodes": [_node(key, given) for key, given in nodes.items()],
        "connections": connections,
        **more,
    }
    return workflow_from_dict(document)


def _end(text: str) -> tuple[str, str]:
    key, _, port = text.partition(":")
    return key, port or "main"


def _node(key: str, given: NodeOf) -> dict[str, Any]:
    if isinstance(given, str):
        given = (given, {})
    kind, params, *settings = given
    return {"key": key, "type": kind, "params": params, **({"settings": settings[0]} if settings else {})}


class World:
    """A runtime with a clock of its own, and everything that it told."""

    def __init__(self, nodes: Iterable[Any] = NODES, **options: Any) -> None:
        self.clock = FakeClock()
        self.events: list[LifecycleEvent] = []
        self.runtime = LocalRuntime(
            nodes,
            **{"clock": self.clock, "ids": CountedIds(), "observers": [self.events.append], **options},
        )

    def told(self) -> list[str]:
        """The events in order, each with the node that it is about."""
        return [event.kind if event.node_key is None else f"{event.kind} {event.node_key}" for event in self.events]


def graph_of(workflow: Workflow, nodes: Iterable[Any] = NODES) -> ExecutionGraph:
    return compile_workflow(workflow, nodes)


def run(workflow: Workflow, value: Any = None, *, nodes: Iterable[Any] = NODES, **start: Any) -> Execution:
    """Run a workflow to rest, with a clock that stands still."""
    return World(nodes).runtime.execute(workflow, value, **start)


def order(execution: Execution) -> list[str]:
    """The nodes that ran, in order; one that ran twice is there twice."""
    runs = [run for records in execution.node_executions.values() for run in records]
    return [run.node_key for run in sorted(runs, key=lambda run: run.execution_index)]


def records(execution: Execution, key: str) -> list[NodeExecution]:
    """The runs of a node, oldest first."""
    return execution.node_executions.get(key, [])


def record(execution: Execution, key: str) -> NodeExecution:
    """The only run of a node."""
    (only,) = records(execution, key)
    return only


def error_code(execution: Execution) -> str:
    """Why an execution failed."""
    assert execution.status == "failed"
    assert execution.error is not None
    return execution.error.code


def statuses(execution: Execution, *keys: str) -> Sequence[str | None]:
    """How the latest run of each of these nodes stands; ``None``: it never ran."""
    return [runs[-1].status if (runs := records(execution, key)) else None for key in keys]


def cases(rows: Mapping[str, Check]) -> list[Any]:
    """A case per row, found by its name."""
    return [pytest.param(check, id=row, marks=pytest.mark.row(row)) for row, check in rows.items()]
