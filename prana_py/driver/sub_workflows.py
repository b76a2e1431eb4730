"""Sub-workflows: which children a row starts, what their end means to the parent, what becomes of orphans."""

from __future__ import annotations

from typing import Any

from prana_py.driver.effects import ChildStart, Deliver, ErrorStart, Load
from prana_py.driver.program import Program
from prana_py.driver.requests import Cancel, Resume, Signal
from prana_py.execution.children import child_inputs, error_execution_id
from prana_py.execution.execution import Execution
from prana_py.execution.rows import Parent, Resumed, Row, Suspended
from prana_py.execution.suspension import SubWorkflowRequest, SubWorkflowWait, Suspension, nanoseconds


def children_of(execution: Execution, told: Row | Suspension) -> list[ChildStart]:
    """The children that a row, or a wait that is still open, calls for."""
    if isinstance(told, Suspended):
        return [start for suspension in told.waits for start in _starts(execution, suspension)]
    if isinstance(told, Suspension):
        return _starts(execution, told)
    return []


def _starts(execution: Execution, suspension: Suspension) -> list[ChildStart]:
    wait = suspension.wait
    if not isinstance(wait, SubWorkflowWait) or not wait.children:
        return []  # without ids of their own, its children are somebody else's to carry out
    inputs = child_inputs(wait.request)
    return [
        ChildStart(
            execution_id=child,
            workflow_id=wait.sub_workflow_id,
            version=wait.request.version,
            input=value,
            mode=wait.execution_mode,
            parent=_parent(execution, suspension, item),
            is_one_of_many=wait.request.batch != "all",
            delay_ns=_delay(wait.request, item, len(inputs)),
        )
        for item, (child, value) in enumerate(zip(wait.children, inputs, strict=True))
    ]


def _parent(execution: Execution, suspension: Suspension, item: int) -> Parent:
    """Where a child comes from; what holds for the whole family is handed down."""
    identity = execution.identity
    above = identity.parent
    return Parent(
        execution.id,
        suspension.wait_id,
        item,
        1 if above is None else above.depth + 1,
        identity.policy.max_depth if above is None else above.max_depth,
        identity.trigger_type == "error" or (above is not None and above.of_error_workflow),
    )


def error_start(execution: Execution) -> ErrorStart | None:
    """The error workflow that the end of an execution calls for; none for what happens within an error workflow."""
    identity = execution.identity
    workflow_id = identity.policy.error_workflow
    if workflow_id is None or execution.status != "failed" or identity.trigger_type == "error":
        return None
    if identity.parent is not None and identity.parent.of_error_workflow:
        return None
    error = execution.error
    return ErrorStart(
        execution_id=error_execution_id(execution.id),
        workflow_id=workflow_id,
        at=execution.last_at,
        input={
            "error": None if error is None else error.as_data(),
            "execution_id": execution.id,
            "workflow_id": execution.workflow_id,
            "input": identity.trigger_data,
            "node_key": None if error is None else error.node_key,
        },
    )


def _delay(request: SubWorkflowRequest, item: int, count: int) -> int:
    """The children of a ``window`` batch are spread evenly over it."""
    if request.batch != "window" or request.window is None:
        return 0
    return nanoseconds(request.window) * item // max(1, count)


def result_for_parent(parent: Execution, child: Execution) -> Program[Resume | None]:
    """What a parent is resumed with when the last child of a wait has ended; ``None``: not yet, or no more."""
    link = child.identity.parent
    suspension = None if link is None else parent.suspensions.get(link.wait_id)
    if link is None or suspension is None or not isinstance(suspension.wait, SubWorkflowWait):
        return None
    results = []
    for sibling_id in suspension.wait.children:
        sibling = child if sibling_id == child.id else (yield Load(sibling_id))
        if sibling is None or not sibling.is_final:
            return None
        results.append(result_of(sibling))
    return Resume(link.wait_id, results[0] if suspension.wait.request.batch == "all" else results)


def result_of(child: Execution) -> dict[str, Any]:
    """How a child ended; its status decides before its output."""
    told: dict[str, Any] = {"status": child.status, "execution_id": child.id, "output": child.output}
    if child.error is not None:
        told["error"] = child.error.as_data()
    return told


def orphans(before: Execution, after: Execution, row: Row) -> list[Deliver]:
    """What becomes of the children that nobody waits for any more: each follows its parent-close policy."""
    effects: list[Deliver] = []
    for wait_id, suspension in before.suspensions.items():
        wait = suspension.wait
        if not isinstance(wait, SubWorkflowWait) or wait_id in after.suspensions or _was_resolved(row, wait_id):
            continue
        for child in wait.children:
            if wait.request.parent_close == "cancel":
                effects.append(Deliver(child, Cancel(reason=f"parent {before.id} has ended")))
            elif wait.request.parent_close == "request":
                effects.append(Deliver(child, Signal("parent_closed", {"execution_id": before.id})))
    return effects


def _was_resolved(row: Row, wait_id: str) -> bool:
    return isinstance(row, Resumed) and row.wait_id == wait_id
