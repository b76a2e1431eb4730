"""The ids of executions that others start: made from what starts them, so that starting twice finds the first."""

from __future__ import annotations

from typing import Any

from prana_py.execution.suspension import SubWorkflowRequest
from prana_py.identifiers import ExecutionId, WaitId


def child_ids(key_seed: ExecutionId, wait_id: WaitId, request: SubWorkflowRequest) -> tuple[ExecutionId, ...]:
    """One id per child of a wait."""
    from hashlib import blake2b

    seed = f"{key_seed}\x1f{wait_id}"
    return tuple(
        blake2b(f"{seed}\x1f{item}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        for item in range(len(child_inputs(request)))
    )


def error_execution_id(failed: ExecutionId) -> ExecutionId:
    """The id of the execution of the error workflow that an execution's failure starts."""
    from hashlib import blake2b

    return blake2b(f"error\x1f{failed}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def child_inputs(request: SubWorkflowRequest) -> list[Any]:
    """What each child gets: the whole input, or one item each."""
    if request.batch == "all":
        return [request.input]
    if request.input is None:
        return []
    return list(request.input) if isinstance(request.input, list | tuple) else [request.input]
