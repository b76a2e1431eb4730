"""What observers are told: the events that lie between two values of an execution."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import to_builtins

from prana_py.execution.execution import Execution
from prana_py.execution.node_error import NodeError
from prana_py.execution.rows import (
    AllWithdrawn,
    AttemptFailed,
    Cancelled,
    CancelRequested,
    Ended,
    Expired,
    Resumed,
    Row,
    ScopeClosed,
    ScopeOpened,
    Settled,
    SignalKept,
    SignalTaken,
    Started,
    Stopped,
    Suspended,
    Withdrawn,
)
from prana_py.identifiers import ExecutionId, Instant, NodeKey, Scope, WorkflowId

EventKind: TypeAlias = Literal[
    "execution_started",
    "execution_suspended",
    "execution_resumed",
    "execution_completed",
    "execution_failed",
    "execution_cancelled",
    "cancel_requested",
    "node_starting",
    "node_completed",
    "node_failed",
    "node_suspended",
    "node_resumed",
    "node_expired",
    "node_retry_scheduled",
    "node_cancelled",
    "node_withdrawn",
    "node_skipped",
    "signal_kept",
    "scope_opened",
    "scope_closed",
    "error_workflow_not_started",
    "node_cached",
]


class LifecycleEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened in an execution. Immutable; each observer gets it once."""

    kind: EventKind
    at: Instant
    execution_id: ExecutionId
    workflow_id: WorkflowId
    status: str
    """The execution's status after it."""
    node_key: NodeKey | None = None
    scope: Scope = ()
    run_index: int | None = None
    attempt: int | None = None
    data: dict[str, Any] = {}
    error: NodeError | None = None
    """What went wrong, whole, with its traceback: of a run that failed, or of an execution that did."""


def events_between(before: Execution | None, row: Row, after: Execution) -> tuple[LifecycleEvent, ...]:
    """The events that a row stands for, in order."""
    events = [_event(after, row.at, kind, **told) for kind, told in _told_by(before, row, after)]
    events.extend(_withdrawals(row, after))
    if after.status == "suspended" and (before is None or before.status != "suspended"):
        events.append(_event(after, row.at, "execution_suspended", data={"waits": sorted(after.suspensions)}))
    if before is not None and before.status == "suspended" and after.status == "running":
        events.insert(0, _event(after, row.at, "execution_resumed"))
    if isinstance(row, Ended):
        events.extend(_skipped(row, after))
        kinds: dict[str, EventKind] = {
            "completed": "execution_completed",
            "failed": "execution_failed",
            "cancelled": "execution_cancelled",
        }
        error = {} if row.error is None else {"error": row.error.as_data()}
        events.append(_event(after, row.at, kinds[row.status], data={"output": row.output, **error}, error=row.error))
    return tuple(events)


def starting(
    execution: Execution, at: Instant, *, node_key: NodeKey, scope: Scope, run_index: int, attempt: int
) -> LifecycleEvent:
    """A run is handed to a runtime."""
    return _event(execution, at, "node_starting", node_key=node_key, scope=scope, run_index=run_index, attempt=attempt)


def _event(execution: Execution, at: Instant, kind: EventKind, **told: Any) -> LifecycleEvent:
    return LifecycleEvent(
        kind=kind, at=at, execution_id=execution.id, workflow_id=execution.workflow_id, status=execution.status, **told
    )


def _told_by(before: Execution | None, row: Row, after: Execution) -> list[tuple[EventKind, dict[str, Any]]]:
    """The event that a row is, with what it tells; some rows tell nothing."""
    if isinstance(row, Settled | Stopped | AttemptFailed | Suspended | Cancelled):
        kind, data = _of_run(row)
        return [(kind, {**_run(row), "data": data, "error": getattr(row, "error", None)})]
    match row:
        case Started():
            return [("execution_started", {"data": {"input": row.input}})]
        case Resumed() | SignalTaken():
            data = {"wait_id": row.wait_id, "data": row.data}
            return [("node_resumed", {**_woken(before, row.wait_id), "data": data})]
        case Expired():
            return [("node_expired", {**_woken(before, row.wait_id), "data": {"wait_id": row.wait_id}})]
        case SignalKept():
            return [("signal_kept", {"data": {"name": row.name}})]
        case CancelRequested():
            return [("cancel_requested", {"data": {"reason": row.reason}})]
        case ScopeOpened() | ScopeClosed():
            kind = "scope_opened" if isinstance(row, ScopeOpened) else "scope_closed"
            return [(kind, {"node_key": row.node, "scope": row.scope, "data": {"item": row.item}})]
        case _:
            return []


def _of_run(row: Settled | Stopped | AttemptFailed | Suspended | Cancelled) -> tuple[EventKind, dict[str, Any]]:
    match row:
        case Settled() | Stopped():
            failed = row.failed if isinstance(row, Settled) else row.error is not None
            data: dict[str, Any] = {"output": row.output}
            if isinstance(row, Settled):
                data["ports"] = list(row.ports)
            if row.error is not None:
                data["error"] = row.error.as_data()
            return ("node_failed" if failed else "node_completed"), data
        case AttemptFailed():
            return "node_retry_scheduled", {"error": row.error.as_data(), "retry_at": row.retry_at}
        case Suspended():
            waits = {suspension.wait_id: suspension.type for suspension in row.waits}
            return "node_suspended", {"waits": waits, "suspensions": [to_builtins(wait) for wait in row.waits]}
        case Cancelled():
            return "node_cancelled", {"why": row.why}


def _run(row: Settled | Stopped | AttemptFailed | Suspended | Cancelled) -> dict[str, Any]:
    return {"node_key": row.node, "scope": row.scope, "run_index": row.run_index, "attempt": row.attempt}


def _woken(before: Execution | None, wait_id: str) -> dict[str, Any]:
    suspension = None if before is None else before.suspensions.get(wait_id)
    if suspension is None:
        return {}
    return {"node_key": suspension.node_key, "scope": suspension.scope, "run_index": suspension.run_index}


def _withdrawals(row: Row, after: Execution) -> list[LifecycleEvent]:
    events = []
    for consequence in getattr(row, "consequences", ()):
        match consequence:
            case Withdrawn(run=(node, scope, _), why=why):
                events.append(_event(after, row.at, "node_withdrawn", node_key=node, scope=scope, data={"why": why}))
            case AllWithdrawn():
                events.append(_event(after, row.at, "node_withdrawn", data={"why": "ending"}))
            case _:
                pass
    return events


def _skipped(row: Ended, after: Execution) -> list[LifecycleEvent]:
    """The nodes that could have run and never did."""
    ran = {
        run.node for run in after.trail if isinstance(run, Settled | Stopped | Cancelled | AttemptFailed | Suspended)
    }
    graph = after.execution_graph
    never = [vertex.key for vertex in graph.vertices[: graph.reachable] if vertex.key not in ran]
    return [_event(after, row.at, "node_skipped", node_key=key) for key in never]
