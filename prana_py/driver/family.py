"""Executions that belong together: starting children, handing their results up, and requests among them."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from prana_py.driver.drive import Options, run_to_rest
from prana_py.driver.effects import ChildStart, Claim, Deliver, ErrorStart, Keep, Load, LoadGraph, TakeJob
from prana_py.driver.error_workflows import start_error_workflow
from prana_py.driver.program import Program
from prana_py.driver.requests import Request, Resume
from prana_py.driver.start import start_to_rest
from prana_py.driver.sub_workflows import result_for_parent
from prana_py.errors import PranaError, StorageError, TransitionError
from prana_py.execution.beginning import StartOptions
from prana_py.execution.execution import NO_SUSPENSIONS, Execution
from prana_py.execution.suspension import MutexWait, SubWorkflowWait
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import ExecutionId

Job: TypeAlias = ChildStart | Deliver | ErrorStart


class ChildFailed(msgspec.Struct, frozen=True, gc=False):
    """A child that could not even be started: no such workflow, nested too deeply, input that cannot be stored."""

    start: ChildStart
    code: str
    message: str

    def as_request(self) -> Resume:
        """What its parent is resumed with."""
        error = {"code": self.code, "message": self.message, "details": {"workflow_id": self.start.workflow_id}}
        result = {"status": "failed", "execution_id": self.start.execution_id, "output": None, "error": error}
        return Resume(self.start.parent.wait_id, [result] if self.start.is_one_of_many else result)


def start_child(start: ChildStart, options: Options) -> Program[Execution | ChildFailed]:
    """Start a sub-workflow, or find the one that was started before, and drive it to rest."""
    existing: Execution | None = yield Load(start.execution_id)
    if existing is not None:
        if existing.is_final or not (yield Claim(start.execution_id)):
            return existing
        return (yield from _kept(run_to_rest(existing, options)))
    if start.parent.depth > start.parent.max_depth:
        return ChildFailed(start, "sub_workflow_depth", f"sub-workflows may nest {start.parent.max_depth} deep")
    try:
        graph: ExecutionGraph = yield LoadGraph(start.workflow_id, start.version)
        child_options = StartOptions(
            execution_id=start.execution_id, mode=start.mode, trigger_type="workflow", parent=start.parent
        )
        return (yield from _kept(start_to_rest(graph, start.input, child_options, options)))
    except StorageError:  # nobody knows how far it came: whoever drives the parent next finds it
        raise
    except PranaError as error:
        return ChildFailed(start, error.code, error.message)


def _kept(program: Program[Execution]) -> Program[Execution]:
    execution = yield from program
    yield Keep(execution)
    return execution


def with_family(program: Program[Execution], options: Options) -> Program[Execution]:
    """Drive an execution to rest, and then whatever that asked of others: children, cancels, results handed up."""
    execution = yield from program
    while _has_family(execution) or (yield TakeJob(peek=True)):
        yield Keep(execution)
        yield from _hand_up(execution, options)
        job: Job | None = yield TakeJob()
        if job is None:
            break
        yield from _do(job, options)
        execution = (yield Load(execution.id)) or execution
    return execution


def _has_family(execution: Execution) -> bool:
    """Others may ask for this execution: it has a parent, or waits for children or for its turn at a mutex."""
    if execution.identity.parent is not None:
        return True
    if execution.suspensions is NO_SUSPENSIONS:
        return False
    return any(
        isinstance(suspension.wait, SubWorkflowWait | MutexWait) for suspension in execution.suspensions.values()
    )


def _do(job: Job, options: Options) -> Program[None]:
    if isinstance(job, Deliver):
        yield from deliver(job.execution_id, job.request, options)
        return
    if isinstance(job, ErrorStart):
        yield from start_error_workflow(job, options)
        return
    child = yield from start_child(job, options)
    if isinstance(child, ChildFailed):
        yield from deliver(job.parent.execution_id, child.as_request(), options)
    else:
        yield from _hand_up(child, options)


def _hand_up(child: Execution, options: Options) -> Program[None]:
    """When an execution with a parent has ended, the parent goes on."""
    while child.is_final and child.identity.parent is not None:
        parent: Execution | None = yield Load(child.identity.parent.execution_id)
        if parent is None or parent.is_final:
            return
        request = yield from result_for_parent(parent, child)
        if request is None:
            return
        child = yield from _kept(run_to_rest(parent, options, requests=(request,)))


def deliver(execution_id: ExecutionId, request: Request, options: Options) -> Program[None]:
    """Act on a request that another execution left; one that comes too late has nothing to do any more."""
    target: Execution | None = yield Load(execution_id)
    if target is None or target.is_final:
        return
    try:
        ended = yield from _kept(run_to_rest(target, options, requests=(request,)))
    except TransitionError:
        return
    yield from _hand_up(ended, options)
