"""The transitions by name, for those who drive an execution in a loop of their own: what happened, and when.

Each takes an execution and gives the next one; the old one stays valid. They are the same rows that the driver writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prana_py.driver.apply import row_of
from prana_py.driver.outcome import Completed, Failed, Outcome, Waiting
from prana_py.driver.requests import Cancel, Request, Resume, Signal, row_for
from prana_py.errors import TransitionError, nearest
from prana_py.execution.activation import Activation
from prana_py.execution.execution import Execution
from prana_py.execution.node_error import NodeError
from prana_py.execution.suspension import WaitRequest
from prana_py.execution.transitions import advance
from prana_py.identifiers import Instant, NodeKey, PortName, WaitId


def ready_nodes(execution: Execution) -> tuple[NodeKey, ...]:
    """The nodes that may start now, the one that goes first first."""
    return tuple(activation.vertex.key for activation in reversed(execution.frontier))


def complete_node(
    execution: Execution,
    node_key: NodeKey,
    value: Any = None,
    *,
    now: Instant,
    port: PortName | None = None,
    state: Mapping[str, Any] | None = None,
) -> Execution:
    """The node has answered with this value, by this port (its default one, unless named)."""
    outcome = Completed(value, port, None if state is None else dict(state))
    return settle(execution, node_key, outcome, now=now)


def fail_node(
    execution: Execution,
    node_key: NodeKey,
    *,
    code: str,
    message: str,
    now: Instant,
    retryable: bool = True,
    details: Mapping[str, Any] | None = None,
) -> Execution:
    """The node has failed: it is tried again, or handed on, or the execution fails, as its settings say."""
    error = NodeError(code=code, message=message, retryable=retryable, details=dict(details or {}))
    return settle(execution, node_key, Failed(error), now=now)


def suspend_node(execution: Execution, node_key: NodeKey, request: WaitRequest, *, now: Instant) -> Execution:
    """The node waits for what it asks."""
    return settle(execution, node_key, Waiting(request), now=now)


def settle(execution: Execution, node_key: NodeKey, outcome: Outcome, *, now: Instant) -> Execution:
    """The node has answered with this outcome."""
    activation = startable(execution, node_key)
    started_at = activation.started_at or now
    row = row_of(execution, activation, outcome, started_at=started_at, at=now, params=None)
    return advance(execution, row)[0]


def startable(execution: Execution, node_key: NodeKey) -> Activation:
    """The run of a node that may start; of several, the one that goes first."""
    for activation in reversed(execution.frontier):
        if activation.vertex.key == node_key:
            return activation
    known = execution.execution_graph.ordinals
    if node_key not in known:
        raise TransitionError(
            f"the workflow has no node {node_key!r}{nearest(node_key, known)}", code="node_unknown", node_key=node_key
        )
    ready = ", ".join(map(repr, ready_nodes(execution))) or "none"
    raise TransitionError(
        f"node {node_key!r} of execution {execution.id!r} has no run that may start; ready: {ready}", node_key=node_key
    )


def ask(execution: Execution, request: Request, *, now: Instant) -> Execution:
    """Meet a request, or raise ``TransitionError`` with nothing changed."""
    return advance(execution, row_for(execution, request, now))[0]


def resume(execution: Execution, wait_id: WaitId, data: Any = None, *, now: Instant) -> Execution:
    """Resolve an open wait."""
    return ask(execution, Resume(wait_id, data), now=now)


def signal(execution: Execution, name: str, data: Any = None, *, now: Instant) -> Execution:
    """Reach a run that waits for this signal, or keep it until one does."""
    return ask(execution, Signal(name, data), now=now)


def cancel(execution: Execution, reason: str = "cancelled", *, now: Instant) -> Execution:
    """Let nothing new start, and end."""
    return ask(execution, Cancel(reason), now=now)
