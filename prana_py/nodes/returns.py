"""The words a node answers with, beyond a plain value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import msgspec

from prana_py.driver.outcome import Opened, Stopped, Waiting
from prana_py.errors import PranaError, UsageError
from prana_py.execution.node_error import NodeError
from prana_py.execution.suspension import (
    BatchMode,
    ExecutionMode,
    FailureStrategy,
    IntervalRequest,
    ParentClose,
    RaceRequest,
    ScheduleRequest,
    SignalRequest,
    SimpleRequest,
    SubWorkflowRequest,
    WebhookRequest,
)
from prana_py.identifiers import PortName
from prana_py.model.durations import parse_duration

Duration: TypeAlias = timedelta | str | int | float
"""A timedelta, a text such as ``"1h30m"`` or ``"PT5M"``, or a number of seconds."""

Updates: TypeAlias = Mapping[str, Any] | None


class Output(msgspec.Struct, frozen=True):
    """One value by one port (``None``: the default one), with updates of the shared state and the node's context."""

    value: Any = None
    port: PortName | None = None
    state: Mapping[str, Any] | None = None
    context: Mapping[str, Any] | None = None


class Outputs(msgspec.Struct, frozen=True):
    """Values by several ports at once; an empty mapping ends this path."""

    values: Mapping[PortName, Any]
    state: Mapping[str, Any] | None = None
    context: Mapping[str, Any] | None = None


class Each(msgspec.Struct, frozen=True):
    """Within ``Outputs``: every element leaves the port as an arrival of its own."""

    items: Sequence[Any]


class NodeFailure(PranaError):
    """Raised by a node to fail with a code of its own; ``retryable=False`` says that trying again cannot help."""

    code = "node_failed"

    def __init__(
        self, code: str, message: str, *, details: Mapping[str, Any] | None = None, retryable: bool = True
    ) -> None:
        super().__init__(message, code=code)
        self._details = dict(details or {})
        self.retryable = retryable


def wait_for_webhook(
    *,
    timeout: Duration | None = None,
    schema: Mapping[str, Any] | None = None,
    method: str = "POST",
    state: Updates = None,
    context: Updates = None,
) -> Waiting:
    """Suspend until somebody presents the token; data that break ``schema`` are refused. In time, or by ``timeout``."""
    request = WebhookRequest(
        timeout=_optional(timeout), method=method.upper(), schema=None if schema is None else dict(schema)
    )
    return _waiting(request, state, context)


def wait_for_interval(duration: Duration, *, state: Updates = None, context: Updates = None) -> Waiting:
    """Suspend for a while; no thread waits."""
    return _waiting(IntervalRequest(duration=_duration(duration)), state, context)


def wait_until(moment: datetime, *, state: Updates = None, context: Updates = None) -> Waiting:
    """Suspend until an instant, which must say its zone."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise UsageError(f"{moment.isoformat()} has no zone; give wait_until an aware datetime", code="wait_invalid")
    zone = getattr(moment.tzinfo, "key", None) or str(moment.tzinfo)
    return _waiting(ScheduleRequest(until=moment, zone=zone), state, context)


def wait_for_signal(
    name: str,
    *,
    timeout: Duration | None = None,
    schema: Mapping[str, Any] | None = None,
    state: Updates = None,
    context: Updates = None,
) -> Waiting:
    """Suspend until the named signal arrives; one that was kept is taken at once."""
    if not name:
        raise UsageError("a signal needs a name", code="wait_invalid")
    request = SignalRequest(name=name, timeout=_optional(timeout), schema=None if schema is None else dict(schema))
    return _waiting(request, state, context)


def wait_for_workflow(
    workflow_id: str,
    input: Any = None,
    *,
    version: int | None = None,
    mode: ExecutionMode = "sync",
    batch: BatchMode = "all",
    window: Duration | None = None,
    parent_close: ParentClose = "cancel",
    on_failure: FailureStrategy = "fail_parent",
    timeout: Duration | None = None,
    queue: str | None = None,
    state: Updates = None,
    context: Updates = None,
) -> Waiting:
    """Run another workflow and suspend until it ends (``fire_and_forget``: go on at once)."""
    request = SubWorkflowRequest(
        workflow_id=workflow_id,
        version=version,
        input=input,
        mode=mode,
        batch=batch,
        window=_optional(window),
        parent_close=parent_close,
        on_failure=on_failure,
        timeout=_optional(timeout),
        queue=queue,
    )
    return _waiting(request, state, context)


def race(*, state: Updates = None, context: Updates = None, **alternatives: Waiting) -> Waiting:
    """Several waits by the ports they leave: the first to be resolved withdraws the others."""
    if not alternatives:
        raise UsageError("a race needs at least one wait; give each by the port it leaves", code="wait_invalid")
    requests: dict[PortName, SimpleRequest] = {}
    for port, waiting in alternatives.items():
        request: object = getattr(waiting, "request", None)
        if not isinstance(request, SimpleRequest):
            raise UsageError(
                f"{port!r} is no simple wait; a race is made of wait_for_… and wait_until", code="wait_invalid"
            )
        requests[port] = request
    return _waiting(RaceRequest(alternatives=requests), state, context)


def stop(value: Any = None) -> Stopped:
    """End the whole execution, completed with this value."""
    return Stopped(value)


def stop_with_error(code: str, message: str, *, details: Mapping[str, Any] | None = None) -> Stopped:
    """End the whole execution, failed with this error."""
    return Stopped(None, NodeError(code=code, message=message, retryable=False, details=dict(details or {})))


SPECIAL_ANSWERS = (Output, Outputs, Each, Waiting, Stopped, Opened)
"""What a node may answer that is no value."""


def _waiting(request: SimpleRequest | RaceRequest, state: Updates, context: Updates) -> Waiting:
    return Waiting(request, None if state is None else dict(state), None if context is None else dict(context))


def _optional(duration: Duration | None) -> timedelta | None:
    return None if duration is None else _duration(duration)


def _duration(duration: Duration) -> timedelta:
    if isinstance(duration, timedelta):
        if duration < timedelta():
            raise UsageError(f"the duration {duration!r} is negative", code="wait_invalid")
        return duration
    try:
        return parse_duration(duration)
    except ValueError as error:
        raise UsageError(f"the duration {duration!r} {error}", code="wait_invalid") from error
