"""Small steps that every workflow needs: stop, do nothing, write to the log, insist."""

from __future__ import annotations

from typing import Any, Literal

from prana_py.builtin_nodes.truth import holds
from prana_py.driver.outcome import Stopped
from prana_py.nodes.context import NodeContext
from prana_py.nodes.definition import node
from prana_py.nodes.returns import NodeFailure, stop, stop_with_error
from prana_py.nodes.signature import ABSENT

_LEVELS = {"debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40}


@node(type="core.stop", name="Stop", category="flow", outputs=(), reads_only=True, blocks=False)
def stop_(
    input: Any,
    outcome: Literal["ok", "error"] = "ok",
    value: Any = ABSENT,
    code: str = "stopped",
    message: str = "the workflow stopped with an error",
    details: dict[str, Any] | None = None,
) -> Stopped:
    """Ends the whole execution: completed with ``value`` (else the input), or failed with ``code`` and ``message``."""
    if outcome == "error":
        return stop_with_error(code, message, details=details)
    return stop(input if value is ABSENT else value)


@node(type="core.noop", name="Do nothing", category="flow", reads_only=True, blocks=False)
def noop(input: Any) -> Any:
    """The input passes through."""
    return input


@node(type="core.log", name="Log", category="flow", aliases=("prana_core.log",), reads_only=True, blocks=False)
def log(
    ctx: NodeContext,
    input: Any,
    message: str = "Log Action",
    level: Literal["debug", "info", "warn", "warning", "error"] = "info",
    data: Any = ABSENT,
) -> Any:
    """Writes a line with ``data`` (else the input) to the log; the input passes through."""
    told = input if data is ABSENT else data
    ctx.logger.log(
        _LEVELS[level],
        "%s (node %s, workflow %s, execution %s): %r",
        message,
        ctx.node_key,
        ctx.workflow_id,
        ctx.execution_id,
        told,
    )
    return input


@node(type="core.assert", name="Assert", category="flow", reads_only=True, blocks=False)
def assert_(
    input: Any, condition: Any, message: str = "the condition does not hold", code: str = "assertion_failed"
) -> Any:
    """The input passes through if ``condition`` holds; else the node fails with ``code`` and ``message``.

    With a ``retry`` in its settings it asks again: a condition over ``$state`` or ``$now`` may come true.
    """
    if not holds(condition):
        raise NodeFailure(code, message)
    return input
