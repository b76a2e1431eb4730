"""Executions with every value that they went through, for whoever tests a store with them."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, NamedTuple

from prana_py.engine.compiling import compile_workflow
from prana_py.execution.execution import Execution
from prana_py.execution.rows import Parent, Row
from prana_py.identifiers import ExecutionId
from prana_py.model.builder import WorkflowBuilder
from prana_py.nodes.definition import node
from prana_py.nodes.returns import wait_for_webhook
from prana_py.runtimes.local import LocalRuntime
from prana_py.testing.fake_clock import FakeClock

Kind = Literal["short", "large", "waits"]


class Journey(NamedTuple):
    """An execution from its first row to its last."""

    values: tuple[Execution, ...]
    rows: tuple[Row, ...]

    @property
    def id(self) -> ExecutionId:
        return self.values[0].id


@node
def enlarged(input: Any) -> Any:
    """Gives a value that a store keeps apart."""
    return {"text": f"{input}" * 5000}


@node
def asked(input: Any) -> Any:
    """Waits until somebody resolves it."""
    return wait_for_webhook()


_NODES: Any = {"short": (), "large": (enlarged,), "waits": (enlarged, asked)}


@cache
def journey(execution_id: ExecutionId, kind: Kind, parent: ExecutionId | None = None) -> Journey:
    """One that completes: at once, after it has made a large value, or after it has waited."""
    flow = WorkflowBuilder(kind)
    last = flow.add("core.noop", "start")
    for added in _NODES[kind]:
        last = last.then(flow.add(added))
    runtime = LocalRuntime([enlarged, asked], clock=FakeClock())
    graph = compile_workflow(flow.build(), [enlarged, asked])
    of = None if parent is None else Parent(parent, "call#0", 0, 1)
    execution = runtime.execute(graph, kind, execution_id=execution_id, parent=of)
    if not execution.is_final:
        execution = runtime.resume(execution, "ok")
    values = tuple(execution.at(position) for position in range(1, execution.position + 1))
    return Journey(values, execution.journal)
