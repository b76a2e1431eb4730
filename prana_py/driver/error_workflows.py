"""The workflow that is told when an execution fails: started once, beside it, and never because of itself."""

from __future__ import annotations

from typing import Any

from prana_py.driver.drive import Options
from prana_py.driver.effects import ErrorStart, Keep, Load, LoadGraph, Notify
from prana_py.driver.lifecycle import LifecycleEvent
from prana_py.driver.program import Program
from prana_py.driver.start import start_to_rest
from prana_py.errors import PranaError
from prana_py.execution.beginning import StartOptions
from prana_py.execution.execution import Execution
from prana_py.execution.node_error import NodeError
from prana_py.graph.execution_graph import ExecutionGraph


def start_error_workflow(start: ErrorStart, options: Options) -> Program[None]:
    """Start it and drive it to rest, unless it was started before. That it cannot be started is told, not raised."""
    existing: Execution | None = yield Load(start.execution_id)
    if existing is not None:
        return
    try:
        graph: ExecutionGraph = yield LoadGraph(start.workflow_id)
        begin = StartOptions(execution_id=start.execution_id, trigger_type="error")
        execution = yield from start_to_rest(graph, start.input, begin, options)
    except PranaError as error:
        yield Notify((_not_started(start, error),))
        return
    yield Keep(execution)


def _not_started(start: ErrorStart, error: PranaError) -> LifecycleEvent:
    told: dict[str, Any] = start.input
    return LifecycleEvent(
        kind="error_workflow_not_started",
        at=start.at,
        execution_id=told["execution_id"],
        workflow_id=told["workflow_id"],
        status="failed",
        data={"error_workflow": start.workflow_id},
        error=NodeError(
            code=error.code,
            message=f"the error workflow {start.workflow_id!r} could not be started: {error.message}",
            retryable=False,
        ),
    )
