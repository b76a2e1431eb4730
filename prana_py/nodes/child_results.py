"""What the end of a sub-workflow means for the node that waited for it: its status decides before its output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prana_py.execution.suspension import FailureStrategy
from prana_py.nodes.returns import NodeFailure


def child_answer(data: Any, on_failure: FailureStrategy) -> Any:
    """The output of the child, or a list of them for a batch; a child that did not complete fails its parent, or –
    with ``continue`` – is told of by a marker in place of its output.
    """
    if isinstance(data, (list, tuple)):
        return [_one(item, on_failure) for item in data]
    return _one(data, on_failure)


def _one(data: Any, on_failure: FailureStrategy) -> Any:
    told: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
    match told.get("status", "completed"):
        case "completed":
            return told.get("output")
        case "timeout":
            if on_failure == "continue":
                return {"sub_workflow_timeout": True}
            raise _failure("sub_workflow_timeout", "the sub-workflow did not end in time", told)
        case status:
            error = told.get("error")
            if on_failure == "continue":
                return {
                    "sub_workflow_failed": True,
                    "error": error if error is not None else {"code": f"sub_workflow_{status}"},
                }
            code = "sub_workflow_cancelled" if status == "cancelled" else "sub_workflow_failed"
            raise _failure(code, _message(str(status), error), told)


def _message(status: str, error: Any) -> str:
    reason = error.get("message") if isinstance(error, Mapping) else error
    return f"the sub-workflow {'was cancelled' if status == 'cancelled' else 'failed'}{f': {reason}' if reason else ''}"


def _failure(code: str, message: str, told: Mapping[str, Any]) -> NodeFailure:
    details = {key: told[key] for key in ("error", "execution_id") if told.get(key) is not None}
    return NodeFailure(code, message, details=details)
