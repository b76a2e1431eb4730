"""The nodes of the scenarios: small, and as forgetful as a process that crashes."""

from __future__ import annotations

from typing import Any

from prana_py import (
    Each,
    NodeContext,
    NodeFailure,
    Output,
    Outputs,
    node,
    wait_for_interval,
    wait_for_signal,
    wait_for_webhook,
)
from prana_py.builtin_nodes.all_nodes import with_builtin
from prana_py.driver.outcome import Waiting


@node
def step(ctx: NodeContext, input: Any) -> str:
    """Says who ran, and on what."""
    return f"{ctx.node_key}({input})"


@node
def ask() -> Waiting:
    """Waits to be called."""
    return wait_for_webhook()


@node
def listen(name: str) -> Waiting:
    """Waits for a signal."""
    return wait_for_signal(name)


@node
def sleep(seconds: float) -> Waiting:
    """Waits for a while."""
    return wait_for_interval(seconds)


def _answered(ctx: NodeContext, data: Any) -> str:
    if ctx.attempt < data["good_attempt"]:
        raise NodeFailure("not_yet", f"attempt {ctx.attempt} of a resumed run")
    return f"answered on attempt {ctx.attempt}"


@node(on_resume=_answered)
def demanding() -> Waiting:
    """Waits to be called, and fails on all attempts before the one that the caller names."""
    return wait_for_webhook()


@node
def write(name: str, value: Any) -> Output:
    """Puts one thing into the shared state."""
    return Output(None, state={name: value})


@node
def several(count: int) -> Outputs:
    """So many arrivals at once."""
    return Outputs({"main": Each(list(range(count)))})


@node
def swallow(input: Any) -> None:
    """Takes what comes and gives nothing."""


@node
def fail(message: str = "it was to be") -> None:
    """Fails, and trying again would not help."""
    raise NodeFailure("refused", message, retryable=False)


def _undone(data: Any) -> str:
    return f"undone: {data}"


@node(on_resume=_undone)
def undo_when_allowed() -> Waiting:
    """An undoing that somebody must allow."""
    return wait_for_webhook()


CATALOG = with_builtin(step, ask, listen, sleep, demanding, write, several, swallow, fail, undo_when_allowed)
