"""The one place that runs a node's own code: whatever it does, an outcome comes back."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from prana_py.driver.invocation import Invocation
from prana_py.driver.outcome import Completed, Failed, Outcome, Waiting, failed
from prana_py.execution.suspension import SubWorkflowWait
from prana_py.nodes.answers import PLAIN, answer_to_outcome, is_awaitable
from prana_py.nodes.child_results import child_answer
from prana_py.nodes.context import NOWHERE, CancelFlag, Host, NodeObserver, SecretSource
from prana_py.nodes.failures import failure
from prana_py.nodes.node_type import NO_SUCH_CALL, AnyNode


def call_node(
    node_type: AnyNode,
    invocation: Invocation,
    *,
    cancel_flag: CancelFlag | None = None,
    observer: NodeObserver | None = None,
    secret_source: SecretSource | None = None,
) -> Outcome | Awaitable[Outcome]:
    """Call a node once. An async node gives an awaitable of its outcome; nothing that it raises comes through.

    That holds for ``KeyboardInterrupt`` too: the outcome ``interrupted`` leaves the execution whole, and a runtime
    that called in the main thread raises it again afterwards. A cancelled task ends with ``Failed(cancelled=True)``;
    whoever awaits in a task of somebody else's looks at ``task.cancelling()`` afterwards.
    """
    if cancel_flag is None and observer is None and secret_source is None:
        host = NOWHERE
    else:
        host = Host(cancel_flag, observer, secret_source)
    try:
        answer = node_type.call(invocation, host)
        if type(answer) in PLAIN:
            return Completed(answer)
        if is_awaitable(answer):
            return _awaited(answer, node_type, invocation, cancel_flag)
        return _outcome(answer, node_type, invocation)
    except BaseException as error:  # noqa: BLE001  # a node's own code
        return failure(error)


def was_interrupted(outcome: Outcome) -> bool:
    """Whether Ctrl-C came while the node ran, so that the runtime must raise it again."""
    return isinstance(outcome, Failed) and outcome.error.details.get("exception") == "KeyboardInterrupt"


async def _awaited(
    answer: Awaitable[Any], node_type: AnyNode, invocation: Invocation, cancel_flag: CancelFlag | None
) -> Outcome:
    try:
        return _outcome(await answer, node_type, invocation)
    except Exception as error:  # noqa: BLE001  # a node's own code
        return failure(error)
    except GeneratorExit:
        # The coroutine is closed before its end, and must not go on.
        raise
    except BaseException as error:  # noqa: BLE001  # a node's own code, or its cancelling
        return failure(error, cancelled=_was_cancelled(error, cancel_flag))


def _was_cancelled(error: BaseException, cancel_flag: CancelFlag | None) -> bool:
    """Whether the engine cancelled the call, rather than the node's own code having raised the error."""
    # Whoever gets here has imported asyncio long since, or runs on a loop that raises nothing of it.
    from asyncio import CancelledError, current_task

    if not isinstance(error, CancelledError):
        return False
    task = current_task()
    return (cancel_flag is not None and cancel_flag.is_set()) or (task is not None and task.cancelling() > 0)


def _outcome(answer: Any, node_type: AnyNode, invocation: Invocation) -> Outcome:
    if answer is NO_SUCH_CALL:
        return _default(node_type, invocation)
    outcome = answer_to_outcome(answer, node_type.spec)
    if invocation.call == "prepare" and not isinstance(outcome, Completed):
        return _prepared(outcome, invocation)
    return outcome


def _prepared(outcome: Outcome, invocation: Invocation) -> Outcome:
    if isinstance(outcome, Waiting):
        return failed("answer_invalid", f"prepare of node {invocation.node_key!r} cannot wait", retryable=False)
    return outcome


def _default(node_type: AnyNode, invocation: Invocation) -> Outcome:
    """What a call means that the node does not define."""
    if invocation.call == "prepare":
        return Completed(None)
    suspension = invocation.suspension
    if suspension is None:
        return failed(
            "not_waiting",
            f"node {invocation.node_key!r} cannot be resumed: its type {node_type.spec.type!r} waits for nothing",
            retryable=False,
        )
    data = invocation.data
    if isinstance(suspension.wait, SubWorkflowWait):
        try:
            data = child_answer(data, suspension.wait.request.on_failure)
        except Exception as error:  # noqa: BLE001  # its own failure, as an outcome
            return failure(error)
    return Completed(data, suspension.port)
