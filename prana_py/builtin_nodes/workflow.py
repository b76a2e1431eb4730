"""Workflows within workflows, and what nodes of one execution share: ``workflow.execute``, ``workflow.set_state``."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from prana_py.driver.outcome import Completed, Waiting
from prana_py.execution.suspension import (
    BatchMode,
    ExecutionMode,
    FailureStrategy,
    ParentClose,
    SubWorkflowRequest,
    SubWorkflowWait,
    Suspension,
)
from prana_py.model.bounds import Count, CountOrZero, Name
from prana_py.nodes.child_results import child_answer
from prana_py.nodes.definition import node
from prana_py.nodes.signature import PARAM


def _ended(data: Any, suspension: Suspension) -> Any:
    wait = suspension.wait
    return child_answer(data, wait.request.on_failure if isinstance(wait, SubWorkflowWait) else "fail_parent")


@node(
    type="workflow.execute",
    name="Execute workflow",
    category="workflow",
    aliases=("workflow.execute_workflow",),
    on_resume=_ended,
    param_aliases={
        "input_data": "input",
        "execution_mode": "mode",
        "batch_mode": "batch",
        "failure_strategy": "on_failure",
    },
    reads_only=True,
    blocks=False,
)
def execute_workflow(
    inputs: Any,
    workflow_id: Name,
    input: Annotated[Any, PARAM] = None,
    version: Count | None = None,
    mode: ExecutionMode = "sync",
    batch: BatchMode = "all",
    window: timedelta | None = None,
    distribution_window_ms: CountOrZero | None = None,
    parent_close: ParentClose = "cancel",
    on_failure: FailureStrategy = "fail_parent",
    timeout: timedelta | None = None,
    timeout_ms: Count | None = None,
    queue: str | None = None,
) -> Waiting:
    """Runs another workflow with ``input`` (else the node's input), once or once an item, and gives what it gives.

    ``sync`` and ``async`` wait for its end, ``fire_and_forget`` does not. When it fails, so does this node; with
    ``on_failure: continue`` the output says so instead.
    """
    return Waiting(
        SubWorkflowRequest(
            workflow_id=workflow_id,
            version=version,
            input=_handed_over(input, inputs, batch),
            mode=mode,
            batch=batch,
            window=window if window is not None else _milliseconds(distribution_window_ms),
            parent_close=parent_close,
            on_failure=on_failure,
            timeout=timeout if timeout is not None else _milliseconds(timeout_ms),
            queue=queue,
        )
    )


def _handed_over(given: Any, inputs: dict[str, Any], batch: BatchMode) -> Any:
    value = given
    if value is None:
        value = inputs["main"] if "main" in inputs else next(iter(inputs.values()), None)
    if batch == "all":
        return {} if value is None else value
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _milliseconds(count: int | None) -> timedelta | None:
    return None if count is None else timedelta(milliseconds=count)


@node(type="workflow.set_state", name="Set state", category="workflow", reads_only=True, blocks=False)
def set_state(**params: Any) -> Completed:
    """Puts all its parameters into the state that the nodes of an execution share; the output is an empty map."""
    return Completed({}, None, dict(params))
