"""One run of a node as people look at it: folded from the rows that tell of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from prana_py.execution.node_error import NodeError
from prana_py.execution.row_graphs import with_graphs
from prana_py.execution.rows import (
    AllWithdrawn,
    ArrivalRef,
    AttemptFailed,
    Begun,
    Cancelled,
    Expired,
    Resumed,
    Row,
    RunKey,
    ScopeClosed,
    Settled,
    SignalTaken,
    Stopped,
    Suspended,
    Withdrawn,
)
from prana_py.execution.suspension import Suspension, as_datetime
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import Instant, NodeKey, PortName, Scope, WaitId


class Attempt(msgspec.Struct, frozen=True):
    """One attempt that failed and was followed by another."""

    attempt: int
    error: NodeError
    at: Instant
    retry_at: Instant


class NodeExecution(msgspec.Struct, frozen=True, kw_only=True):
    """A run: where and as how manieth, what it got, what came of it, and how it got there."""

    node_key: NodeKey
    scope: Scope = ()
    run: int
    """Its number within its scope."""
    run_index: int
    """Its number over the whole execution."""
    execution_index: int
    """Its place in the order of all runs."""
    status: str
    attempt: int = 1
    params: dict[str, Any] = {}
    inputs: tuple[ArrivalRef, ...] = ()
    """Which runs fed it, over which connections; the data are their outputs."""
    output: Any = None
    output_ports: tuple[PortName, ...] = ()
    error: NodeError | None = None
    started_at_ns: Instant | None = None
    completed_at_ns: Instant | None = None
    attempts: tuple[Attempt, ...] = ()
    suspensions: tuple[Suspension, ...] = ()

    @property
    def output_port(self) -> PortName | None:
        """The port by which it left, if it was one."""
        return self.output_ports[0] if len(self.output_ports) == 1 else None

    @property
    def started_at(self) -> datetime | None:
        return None if self.started_at_ns is None else as_datetime(self.started_at_ns)

    @property
    def completed_at(self) -> datetime | None:
        return None if self.completed_at_ns is None else as_datetime(self.completed_at_ns)

    @property
    def duration(self) -> timedelta | None:
        """From the start of its latest attempt to its end; waiting is not counted."""
        if self.started_at_ns is None or self.completed_at_ns is None:
            return None
        return timedelta(microseconds=(self.completed_at_ns - self.started_at_ns) // 1000)


def fold_runs(
    newest: ExecutionGraph, rows: Iterable[Row], earlier: tuple[ExecutionGraph, ...] = ()
) -> list[NodeExecution]:
    """Every run that the rows tell of, in the order of their execution indices.

    ``newest`` is the graph of the last row; ``earlier`` are those of the versions that the execution was moved from.
    """
    runs: dict[RunKey, NodeExecution] = {}
    waits: dict[WaitId, RunKey] = {}
    for row, graph in with_graphs(rows, newest, earlier):
        match row:
            case Settled() | Stopped() | AttemptFailed() | Suspended() | Begun() | Cancelled():
                key = (row.node, row.scope, row.run)
                runs[key] = _told(graph, runs.get(key), row)
                if isinstance(row, Suspended):
                    waits |= {suspension.wait_id: key for suspension in row.waits}
                elif not isinstance(row, Begun | AttemptFailed):
                    _withdraw_items(graph, runs, key)
            case Resumed(wait_id=name) | Expired(wait_id=name) | SignalTaken(wait_id=name) if name in waits:
                key = waits[name]
                runs[key] = replace(runs[key], status="running")
            case ScopeClosed(error=NodeError()):
                _withdraw(runs, partial(_is_inside, (*row.scope, (row.node, row.run, row.item))))
            case _:
                pass
        for consequence in getattr(row, "consequences", ()):
            match consequence:
                case Withdrawn(run=withdrawn):
                    _withdraw(runs, withdrawn.__eq__)
                    _withdraw_items(graph, runs, withdrawn)
                case AllWithdrawn(keep=keep):
                    _withdraw(runs, partial(_is_not_in, keep))
                case _:
                    pass
    return sorted(runs.values(), key=lambda run: run.execution_index)


def _withdraw_items(graph: ExecutionGraph, runs: dict[RunKey, NodeExecution], ended: RunKey) -> None:
    """What is under way in the items of a scope owner ends with it."""
    node, scope, run = ended
    if graph.vertex(node).spec.owner is not None:
        _withdraw(runs, partial(_is_of_an_item, node, scope, run))


def _is_of_an_item(node: NodeKey, scope: Scope, run: int, key: RunKey) -> bool:
    depth = len(scope)
    return len(key[1]) > depth and key[1][:depth] == scope and key[1][depth][:2] == (node, run)


def _is_inside(scope: Scope, key: RunKey) -> bool:
    return key[1][: len(scope)] == scope


def _is_not_in(keep: tuple[RunKey, ...], key: RunKey) -> bool:
    return key not in keep


def _withdraw(runs: dict[RunKey, NodeExecution], concerned: Callable[[RunKey], object]) -> None:
    for key, run in runs.items():
        if run.status in ("running", "suspended", "retrying") and concerned(key):
            runs[key] = replace(run, status="withdrawn")


def _told(
    graph: ExecutionGraph,
    known: NodeExecution | None,
    row: Settled | Stopped | AttemptFailed | Suspended | Begun | Cancelled,
) -> NodeExecution:
    """What is known of a run, with one more row."""
    if known is None:
        static = graph.nodes[row.node].params
        known = NodeExecution(
            node_key=row.node,
            scope=row.scope,
            run=row.run,
            run_index=row.run_index,
            execution_index=row.execution_index,
            status="ready",
            params=static,
            started_at_ns=row.at if isinstance(row, Begun) else row.started_at,
        )
    changes: dict[str, Any] = {"status": _STATUS[type(row)], "attempt": row.attempt}
    if not isinstance(row, Begun):
        changes["started_at_ns"] = row.started_at
    if not isinstance(row, Cancelled) and row.params is not None:
        changes["params"] = row.params
    match row:
        case Settled():
            changes |= {
                "status": "failed" if row.failed else "completed",
                "output": row.output,
                "output_ports": row.ports,
                "error": row.error,
                "completed_at_ns": row.at,
                "inputs": row.consumed or known.inputs,
            }
        case Stopped():
            changes |= {
                "status": "completed" if row.error is None else "failed",
                "output": row.output,
                "error": row.error,
                "completed_at_ns": row.at,
                "inputs": row.consumed or known.inputs,
            }
        case AttemptFailed():
            failed = Attempt(row.attempt, row.error, row.at, row.retry_at)
            changes |= {"error": row.error, "attempts": (*known.attempts, failed)}
        case Suspended():
            changes |= {"suspensions": (*known.suspensions, *row.waits), "inputs": row.consumed or known.inputs}
        case Cancelled():
            changes |= {"completed_at_ns": row.at}
        case Begun():
            pass
    return replace(known, **changes)


_STATUS: Mapping[type[Row], str] = {
    Settled: "completed",
    Stopped: "completed",
    AttemptFailed: "retrying",
    Suspended: "suspended",
    Begun: "running",
    Cancelled: "cancelled",
}
