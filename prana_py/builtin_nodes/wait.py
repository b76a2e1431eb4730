"""Waiting, without a thread that waits: ``wait.wait`` and ``wait.race``."""

from __future__ import annotations

from typing import Any

from prana_py.builtin_nodes.waits import WaitParams, wait_request
from prana_py.driver.outcome import Waiting
from prana_py.execution.suspension import RaceRequest, Suspension
from prana_py.nodes.context import NodeContext
from prana_py.nodes.definition import node
from prana_py.nodes.returns import NodeFailure, Output


def _resumed(data: Any, input: Any, suspension: Suspension) -> Output:
    """Whoever called said something, and that goes on; when time has come, nobody did, and the input goes on."""
    by_time = suspension.type in ("interval", "schedule")
    return Output(input if by_time and data is None else data, suspension.port)


@node(
    type="wait.wait",
    name="Wait",
    category="wait",
    outputs=("main", "timeout"),
    on_resume=_resumed,
    reads_only=True,
    blocks=False,
)
def wait(
    ctx: NodeContext,
    mode: Any = None,
    duration: Any = None,
    unit: Any = None,
    schedule_at: Any = None,
    timezone: Any = None,
    timeout: Any = None,
    timeout_hours: Any = None,
    method: str = "POST",
    schema: dict[str, Any] | None = None,
    signal: Any = None,
) -> Waiting:
    """Suspends for an ``interval`` (``duration``, ``unit``), until a ``schedule`` (``schedule_at``, ``timezone``), for
    a ``webhook`` or for a ``signal`` (its name); these two leave by ``timeout`` when nobody comes in time.
    """
    params = WaitParams(
        mode=mode,
        duration=duration,
        unit=unit,
        schedule_at=schedule_at,
        timezone=timezone,
        timeout=timeout,
        timeout_hours=timeout_hours,
        method=method,
        schema=schema,
        signal=signal,
    )
    return Waiting(wait_request(params, ctx.now))


@node(type="wait.race", name="Race", category="wait", outputs=("*",), on_resume=_resumed, reads_only=True, blocks=False)
def race(ctx: NodeContext, waits: dict[str, WaitParams]) -> Waiting:
    """Suspends for several waits, each under the port it leaves by: the first to be resolved withdraws the others.

    ``waits`` is a map of ports to maps of the parameters of ``wait.wait``.
    """
    if not waits:
        raise NodeFailure(
            "config_error", "a race needs at least one wait, under the port it leaves by", retryable=False
        )
    now = ctx.now
    return Waiting(RaceRequest(alternatives={port: wait_request(params, now) for port, params in waits.items()}))
