"""The preparation of an execution: ``prepare`` of every reachable node that defines it, once, before the first node."""

from __future__ import annotations

from typing import Any, Protocol

from prana_py.driver.effects import Done, Letter, Perform, Report
from prana_py.driver.invocation import Invocation
from prana_py.driver.outcome import Completed, Failed, Outcome
from prana_py.driver.program import Program
from prana_py.driver.requests import Request
from prana_py.execution.execution import Execution
from prana_py.execution.node_error import NodeError
from prana_py.execution.rows import CancelRequested, Prepared, Row
from prana_py.execution.storable import NotStorableError, storable
from prana_py.identifiers import Instant


class Preparing(Protocol):
    """What preparation needs of the drive."""

    execution: Execution
    now: Instant

    def write(self, row: Row) -> Program[None]: ...
    def obey(self, request: Request | Letter, *, strictly: bool = False) -> Program[None]: ...


def wants_preparation(execution: Execution) -> bool:
    """Nothing has happened yet, and some node wants to prepare."""
    return execution.position == 1 and execution.execution_graph.has_prepare


def prepare_nodes(drive: Preparing) -> Program[None]:
    """Collect what the nodes prepare. The first that cannot ends the execution, with its id and its history."""
    graph = drive.execution.execution_graph
    prepared: dict[str, Any] = {}
    for vertex in graph.vertices[: graph.reachable]:
        if not vertex.spec.has_prepare:
            continue
        call = Invocation(
            execution_id=drive.execution.id,
            key_seed=drive.execution.identity.key_seed,
            workflow_id=graph.workflow_id,
            node_key=vertex.key,
            node_type=vertex.spec.type,
            call="prepare",
            params=vertex.params.source,
            variables=drive.execution.variables,
            now=drive.now,
        )
        outcome = yield from _answer(drive, call)
        if drive.execution.ending is not None:
            return
        error = _keep(prepared, vertex.key, outcome)
        if error is not None:
            yield from drive.write(CancelRequested(drive.now, "preparation failed", "failed", error))
            return
    yield from drive.write(Prepared(drive.now, prepared))


def _answer(drive: Preparing, call: Invocation) -> Program[Outcome]:
    """What a call gives; requests that come before it does are met after it."""
    report: Report = yield Perform(drive.execution.id, (call,))
    requests = list(report.requests)
    while not report.done:
        report = yield Perform(drive.execution.id, ())
        requests.extend(report.requests)
    drive.now = report.now
    for request in requests:
        yield from drive.obey(request)
    return next(done.outcome for done in report.done if isinstance(done, Done))


def _keep(prepared: dict[str, Any], key: str, outcome: Outcome) -> NodeError | None:
    """Remember what a node prepared; or say why that cannot be."""
    match outcome:
        case Completed(value=None):
            return None
        case Completed(value=value):
            try:
                prepared[key] = storable(value)
            except NotStorableError as error:
                return _failure(key, NodeError(code="output_not_storable", message=str(error), retryable=False))
            return None
        case Failed(error=error):
            return _failure(key, error)
        case _:
            return _failure(key, NodeError(code="answer_invalid", message="prepare must return data", retryable=False))


def _failure(key: str, cause: NodeError) -> NodeError:
    return NodeError(
        code="preparation_failed",
        message=f"node {key!r} could not be prepared: {cause.message}",
        retryable=False,
        node_key=key,
        cause=cause,
    )
