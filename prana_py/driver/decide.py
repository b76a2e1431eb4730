"""What should happen next to an execution: every case in one place, and nothing is done here."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from prana_py.driver.apply import cancelled_row
from prana_py.driver.requests import taken_signal
from prana_py.driver.scopes import next_scope_row
from prana_py.errors import InvariantError
from prana_py.execution.activation import Activation
from prana_py.execution.execution import Execution, waits_for_others
from prana_py.execution.node_error import NodeError
from prana_py.execution.queries import final_output
from prana_py.execution.rows import Cancelled, CancelRequested, Ended, Expired, Resumed, Row, RunKey
from prana_py.execution.suspension import SubWorkflowWait, Suspension
from prana_py.identifiers import Instant


class Write(msgspec.Struct, frozen=True, gc=False):
    """A row follows from what is there, without anybody being asked."""

    row: Row


class Launch(msgspec.Struct, frozen=True, gc=False):
    """These runs may start."""

    activations: tuple[Activation, ...]


class Await(msgspec.Struct, frozen=True, gc=False):
    """Nothing to do before a call is answered, or this instant has come."""

    until: Instant | None


class Rest(msgspec.Struct, frozen=True, gc=False):
    """It has ended, or only waits for the world outside."""


Decision: TypeAlias = Write | Launch | Await | Rest

REST = Rest()


def decide(
    execution: Execution, in_flight: dict[RunKey, Any], *, capacity: int, now: Instant, due: Instant | None
) -> Decision:
    """The next step. ``due`` is when the first open wait, or the deadline, comes due (``next_due``)."""
    if execution.is_final:
        return REST
    if execution.attention and execution.ending is None:
        return Write(next_scope_row(execution, now))
    if due is not None and now >= due:
        row = _due_row(execution, now)
        if row is not None:
            return Write(row)
    if execution.signals and execution.suspensions and (taken := taken_signal(execution, now)) is not None:
        return Write(taken)
    if execution.frontier:
        if execution.ending is not None and (lost := _lost(execution, in_flight, now)) is not None:
            return Write(lost)
        return _startable(execution, in_flight, capacity, now, due)
    return _at_rest(execution, now)


def _lost(execution: Execution, in_flight: dict[RunKey, Any], now: Instant) -> Cancelled | None:
    """The end of a run that was under way when its execution began to end, and then its process did."""
    for activation in execution.frontier:
        if activation.compensates < 0 and activation.key not in in_flight:
            started_at = activation.started_at or now
            return cancelled_row(execution, activation, started_at=started_at, at=now, why="interrupted")
    return None


def _startable(
    execution: Execution, in_flight: dict[RunKey, Any], capacity: int, now: Instant, due: Instant | None
) -> Decision:
    """The runs to start, the most recently activated first; or how long to wait."""
    free = capacity - len(in_flight)
    chosen: list[Activation] = []
    until = due
    if free > 0:
        for activation in reversed(execution.frontier):
            if activation.not_before > now:
                until = activation.not_before if until is None else min(until, activation.not_before)
            elif not in_flight or (activation.key not in in_flight and not _is_held_up(activation, in_flight)):
                chosen.append(activation)
                if len(chosen) == free:
                    break
    return Launch(tuple(chosen)) if chosen else Await(until)


def _is_held_up(activation: Activation, in_flight: dict[RunKey, Any]) -> bool:
    """The run has its mutex, but the call of one that had it before and was withdrawn has not ended yet."""
    mutex = activation.vertex.settings.mutex
    return mutex is not None and any(flight.activation.vertex.settings.mutex == mutex for flight in in_flight.values())


def _at_rest(execution: Execution, now: Instant) -> Decision:
    """Nothing may start and nothing is under way: it has ended, or it waits."""
    ending = execution.ending
    if ending is not None:
        if execution.parked:
            return REST
        return Write(Ended(now, ending.status, ending.output, ending.error))
    if waits_for_others(execution.suspensions, execution.owners):
        return REST
    if execution.parked or execution.top.waiting or execution.scopes:
        raise InvariantError(f"execution {execution.id!r} has live work, but nothing can ever make it go on")
    return Write(Ended(now, "completed", final_output(execution)))


def next_due(execution: Execution) -> Instant | None:
    """When the first open wait comes due, or the deadline."""
    due = deadline_of(execution)
    for suspension in execution.suspensions.values():
        till = suspension.wait.wait_till
        if till is not None and (due is None or till < due):
            due = till
    return due


def deadline_of(execution: Execution) -> Instant | None:
    """When the execution's time is up, as things are: while all of it waits that moves on, unless asked for."""
    identity = execution.identity
    if identity.deadline is None or execution.ending is not None:
        return None
    waits = execution.status == "suspended" and not identity.policy.timeout_counts_waiting
    return None if waits and execution.last_at < identity.deadline else identity.deadline


def _due_row(execution: Execution, now: Instant) -> Row | None:
    """What the passing of time does: the deadline first, then the waits in the order of their instants."""
    deadline = deadline_of(execution)
    if deadline is not None and now >= deadline:
        error = NodeError(code="execution_timeout", message="the execution's time was up", retryable=False)
        return CancelRequested(now, "timeout", "failed", error)
    ripe = [s for s in execution.suspensions.values() if s.wait.wait_till is not None and s.wait.wait_till <= now]
    if not ripe:
        return None
    first: Suspension = min(ripe, key=lambda suspension: (suspension.wait.wait_till or 0, suspension.wait_id))
    if isinstance(first.wait, SubWorkflowWait) and first.wait.execution_mode == "fire_and_forget":
        told = {"execution_ids": list(first.wait.children), "workflow_id": first.wait.sub_workflow_id}
        return Resumed(now, first.wait_id, {"status": "completed", "output": told})
    if isinstance(first.wait, SubWorkflowWait) and not first.wait.children:
        return Resumed(now, first.wait_id, [])
    if first.type in ("webhook", "signal", "sub_workflow"):
        return Expired(now, first.wait_id)
    return Resumed(now, first.wait_id, None)
