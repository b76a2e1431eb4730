"""What people ask of an execution; answered from its journal and its live work, never kept beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prana_py.execution.joins import bits_of
from prana_py.execution.node_error import NodeError
from prana_py.execution.node_execution import NodeExecution, fold_runs
from prana_py.execution.rows import Settled, Stopped
from prana_py.execution.scope_state import ScopeState
from prana_py.execution.suspension import Suspension
from prana_py.graph.execution_graph import Route
from prana_py.identifiers import NodeKey, PortName

if TYPE_CHECKING:
    from prana_py.execution.execution import Execution


def node_executions(execution: Execution) -> dict[NodeKey, list[NodeExecution]]:
    """Every run by node key, oldest first: the audit trail."""
    by_key: dict[NodeKey, list[NodeExecution]] = {}
    for run in runs_of(execution):
        by_key.setdefault(run.node_key, []).append(run)
    return by_key


def runs_of(execution: Execution) -> list[NodeExecution]:
    """Every run, in the order of their execution indices."""
    return fold_runs(execution.execution_graph, execution.trail, execution.identity.earlier_graphs)


def completed_nodes(execution: Execution) -> dict[NodeKey, Any]:
    """The newest output of every node that has completed."""
    return {row.node: row.output for row in execution.trail if isinstance(row, Settled) and not row.failed}


def active_nodes(execution: Execution) -> frozenset[NodeKey]:
    """The nodes with work that may start, is under way, or waits for more arrivals (suspended ones not included)."""
    vertices = execution.execution_graph.vertices
    waiting = {vertices[o].key for state in scope_states(execution) for o in bits_of(state.waiting)}
    return frozenset(waiting | {activation.vertex.key for activation in execution.frontier})


def node_depth(execution: Execution) -> dict[NodeKey, int]:
    """For each active node, one more than the execution index of the newest run that led to it."""
    depths: dict[NodeKey, int] = {}
    for activation in execution.frontier:
        newest = max((arrival.source for arrival in activation.arrivals), default=-1)
        depths[activation.vertex.key] = max(newest + 1, depths.get(activation.vertex.key, 0))
    vertices = execution.execution_graph.vertices
    for state in scope_states(execution):
        for ordinal, queue in state.queues.items():
            key = vertices[ordinal].key
            depths[key] = max(depths.get(key, 0), *(arrival.source + 1 for arrival in queue))
    return depths


def scope_states(execution: Execution) -> Iterator[ScopeState]:
    """The top, and every open scope."""
    yield execution.top
    yield from execution.scopes.values()


def errors(execution: Execution) -> list[NodeError]:
    """The errors of all runs that failed, handed on or not, in order."""
    return [row.error for row in execution.trail if isinstance(row, Settled | Stopped) and row.error is not None]


def suspension(execution: Execution) -> Suspension | None:
    """The only open wait, or the oldest."""
    waits = execution.suspensions.values()
    return min(waits, key=lambda wait: (wait.suspended_at, wait.wait_id), default=None)


def left_by(execution: Execution, key: NodeKey) -> PortName | None:
    """The port by which a node's newest run left; ``None`` when it has not completed."""
    rows = [row for row in execution.trail if isinstance(row, Settled) and row.node == key]
    return rows[-1].ports[0] if rows and rows[-1].ports else None


def final_output(execution: Execution) -> Any:
    """What a completed execution gives; see ``what_came_of``."""
    return what_came_of(execution, execution.top)


def what_came_of(execution: Execution, state: ScopeState) -> Any:
    """The output of the run of a scope that led nowhere further; where there are several, each by its node key."""
    vertices, ordinals = execution.execution_graph.vertices, execution.execution_graph.ordinals
    reachable = execution.execution_graph.reachable
    ends: dict[int, Any] = {}
    for row in state.latest:
        if type(row) is Settled and not row.failed:
            vertex = vertices[ordinals[row.node]]
            if vertex.ordinal < reachable and not _led_on(row, vertex.routes):
                ends[vertex.ordinal] = row.output
    if len(ends) == 1:
        return next(iter(ends.values()))
    return {vertices[ordinal].key: ends[ordinal] for ordinal in sorted(ends)} or None


def _led_on(row: Settled, routes: dict[PortName, tuple[Route, ...]]) -> bool:
    if row.taken is not None:
        return bool(row.taken)
    ports = row.ports
    return ports[0] in routes if len(ports) == 1 else not routes.keys().isdisjoint(ports)
