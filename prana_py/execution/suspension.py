"""What a suspended run waits for, and when the waiting ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

import msgspec

from prana_py.identifiers import ExecutionId, Instant, NodeKey, PortName, Scope, WaitId, WorkflowId

ExecutionMode: TypeAlias = Literal["sync", "async", "fire_and_forget"]
BatchMode: TypeAlias = Literal["all", "single", "window"]
ParentClose: TypeAlias = Literal["cancel", "abandon", "request"]
FailureStrategy: TypeAlias = Literal["fail_parent", "continue"]


# What a node asks for: durations, because a node has no clock. The driver, which has one, makes instants of them.


class WebhookRequest(msgspec.Struct, frozen=True, kw_only=True, tag="webhook"):
    """Wait until somebody presents the token; after ``timeout`` the run leaves by the ``timeout`` port."""

    timeout: timedelta | None = None
    method: str = "POST"
    schema: dict[str, Any] | None = None
    """A JSON Schema that the data of the resume must satisfy."""


class IntervalRequest(msgspec.Struct, frozen=True, kw_only=True, tag="interval"):
    """Wait for a duration."""

    duration: timedelta


class ScheduleRequest(msgspec.Struct, frozen=True, kw_only=True, tag="schedule"):
    """Wait until an instant, given with its zone."""

    until: datetime
    zone: str = "UTC"


class SignalRequest(msgspec.Struct, frozen=True, kw_only=True, tag="signal"):
    """Wait for a named signal; one that was kept is taken at once."""

    name: str
    timeout: timedelta | None = None
    schema: dict[str, Any] | None = None


class SubWorkflowRequest(msgspec.Struct, frozen=True, kw_only=True, tag="sub_workflow"):
    """Run another workflow; what ``sync``, ``async`` and ``fire_and_forget`` mean is in ``mode``."""

    workflow_id: WorkflowId
    version: int | None = None
    input: Any = None
    mode: ExecutionMode = "sync"
    batch: BatchMode = "all"
    """``all``: one child with the whole input; ``single``: one per item; ``window``: the same, spread over time."""
    window: timedelta | None = None
    parent_close: ParentClose = "cancel"
    on_failure: FailureStrategy = "fail_parent"
    timeout: timedelta | None = None
    queue: str | None = None


SimpleRequest: TypeAlias = WebhookRequest | IntervalRequest | ScheduleRequest | SignalRequest | SubWorkflowRequest


class RaceRequest(msgspec.Struct, frozen=True, kw_only=True, tag="race"):
    """Several waits that compete: the first to resolve withdraws the others and leaves by its own port."""

    alternatives: dict[PortName, SimpleRequest]


WaitRequest: TypeAlias = SimpleRequest | RaceRequest


# What an execution stores: instants.


class WebhookWait(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="webhook"):
    """Until the token is presented."""

    wait_till: Instant | None = None
    method: str = "POST"
    schema: dict[str, Any] | None = None


class IntervalWait(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="interval"):
    """Until a duration is over."""

    wait_till: Instant


class ScheduleWait(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="schedule"):
    """Until an instant has come."""

    wait_till: Instant
    zone: str = "UTC"


class SignalWait(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="signal"):
    """Until a named signal arrives."""

    name: str
    wait_till: Instant | None = None
    schema: dict[str, Any] | None = None


class SubWorkflowWait(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="sub_workflow"):
    """Until the children have ended."""

    sub_workflow_id: WorkflowId
    execution_mode: ExecutionMode
    request: SubWorkflowRequest
    children: tuple[ExecutionId, ...] = ()
    wait_till: Instant | None = None


class RetryWait(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="retry"):
    """Until the next attempt."""

    wait_till: Instant
    attempt: int
    """The attempt that will be made."""


class MutexWait(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="mutex"):
    """Until the lock is free."""

    name: str
    wait_till: None = None
    reach: str = "execution"


class GuardWait(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="guard"):
    """Until the guard holds."""

    expression: str
    wait_till: None = None


class BatchWindow(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="batch_window"):
    """Until the time of a batch is up."""

    wait_till: Instant


Wait: TypeAlias = (
    WebhookWait
    | IntervalWait
    | ScheduleWait
    | SignalWait
    | SubWorkflowWait
    | RetryWait
    | MutexWait
    | GuardWait
    | BatchWindow
)


class Suspension(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One open wait: which run waits, for what, since when, and by which port it goes on."""

    wait_id: WaitId
    node_key: NodeKey
    scope: Scope = ()
    run: int
    run_index: int
    suspended_at: Instant
    wait: Wait
    port: PortName | None = None
    """The port of this alternative of a race; ``None`` where the run has one wait and leaves as its node says."""

    @property
    def type(self) -> str:
        """The kind of wait, as in semantics and documents: ``webhook``, ``interval``, ``signal`` …"""
        return str(self.wait.__struct_config__.tag)

    @property
    def wait_till(self) -> datetime | None:
        """When the waiting ends by itself, if it does; rounded up, so that whoever comes then is not too soon."""
        return None if self.wait.wait_till is None else as_datetime(Instant(self.wait.wait_till + 999))


def as_datetime(instant: Instant) -> datetime:
    """An instant as an aware datetime (microseconds)."""
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=instant // 1000)


def as_instant(moment: datetime) -> Instant:
    """An aware datetime as nanoseconds."""
    return Instant(((moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)) * 1000)


def nanoseconds(duration: timedelta) -> int:
    """A duration in the unit of instants."""
    return (duration // timedelta(microseconds=1)) * 1000
