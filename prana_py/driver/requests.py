"""What others may ask of an execution: resume, signal, cancel, add items. Each becomes a row, or a clear error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import msgspec

from prana_py.errors import TransitionError, nearest
from prana_py.execution.execution import Execution
from prana_py.execution.node_error import NodeError
from prana_py.execution.rows import (
    ArrivalsDropped,
    CancelRequested,
    Consequence,
    Dropped,
    ItemsAdded,
    Resumed,
    Row,
    RunKey,
    SignalKept,
    SignalTaken,
    Withdrawn,
)
from prana_py.execution.storable import NotStorableError, storable
from prana_py.execution.suspension import MutexWait, SignalWait, Suspension
from prana_py.graph.contracts import compile_contract
from prana_py.identifiers import TOP, Instant, NodeKey, Scope, WaitId


class Resume(msgspec.Struct, frozen=True, tag="resume"):
    """Resolve an open wait with data."""

    wait_id: WaitId
    data: Any = None


class Signal(msgspec.Struct, frozen=True, tag="signal"):
    """Reach a run that waits for this signal, or be kept until one does."""

    name: str
    data: Any = None
    buffer: bool = True
    ttl_ns: int | None = None


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """End the execution: nothing new starts, what is under way is asked to stop."""

    reason: str = "cancelled"
    error: NodeError | None = None
    """With an error the execution fails instead."""


class CancelBranch(msgspec.Struct, frozen=True, tag="cancel_branch"):
    """Withdraw the live work of these nodes; the rest of the execution goes on."""

    nodes: tuple[NodeKey, ...]
    reason: str = "cancelled"


class AddItems(msgspec.Struct, frozen=True, tag="add_items"):
    """Give an open scope owner more items, or tell it that there will be no more."""

    node: NodeKey
    items: tuple[Any, ...] = ()
    close: bool = False


class MutexFree(msgspec.Struct, frozen=True, tag="mutex_free"):
    """It is a run's turn at a mutex that reaches beyond its execution."""

    name: str
    run: RunKey


Request: TypeAlias = Resume | Signal | Cancel | CancelBranch | AddItems | MutexFree


def row_for(execution: Execution, request: Request, now: Instant) -> Row:
    """The row that a request becomes. Raises ``TransitionError`` when it cannot be met; nothing has changed then."""
    if execution.is_final:
        raise TransitionError(
            f"execution {execution.id!r} is {execution.status}; a final execution takes no requests",
            code="execution_final",
            execution_id=execution.id,
            status=execution.status,
        )
    request = well_formed(request)
    match request:
        case Resume():
            return _resumed(execution, request, now)
        case Signal():
            return _signalled(execution, request, now)
        case Cancel(reason=reason, error=error):
            if execution.ending is not None:
                raise TransitionError(
                    f"execution {execution.id!r} is ending already; it will be {execution.ending.status}",
                    code="execution_ending",
                )
            return CancelRequested(now, reason, "cancelled" if error is None else "failed", error)
        case CancelBranch():
            return _branch_cancelled(execution, request, now)
        case AddItems():
            return _items_added(execution, request, now)
        case MutexFree():
            return _turn_taken(execution, request, now)


_ENCODER: Final = msgspec.msgpack.Encoder()
_REQUESTS: Final[msgspec.msgpack.Decoder[Request]] = msgspec.msgpack.Decoder(Request)
"""Knows its type, which ``msgspec.convert`` would look into anew for every request."""

LONGEST_TTL_NS: Final = 1 << 60
"""How long a signal may be kept: 36 years. Then every instant can be stored."""


def well_formed(request: Request) -> Request:
    """The request as it would come from a store or over a wire: every part has its type, and can be stored."""
    try:
        kept: Request = _REQUESTS.decode(_ENCODER.encode(storable(request)))
    except (NotStorableError, msgspec.ValidationError) as error:
        raise TransitionError(
            f"this request cannot be understood, or what it brings cannot be stored: {error}", code="request_invalid"
        ) from error
    if isinstance(kept, Signal) and not 0 <= (kept.ttl_ns or 0) <= LONGEST_TTL_NS:
        raise TransitionError(
            f"a signal is kept for 0 to {LONGEST_TTL_NS} ns, and not for {kept.ttl_ns}", code="request_invalid"
        )
    return kept


def _resumed(execution: Execution, request: Resume, now: Instant) -> Row:
    suspension = execution.suspensions.get(request.wait_id)
    if suspension is None:
        raise TransitionError(
            f"wait {request.wait_id!r} of execution {execution.id!r} is not open: it was resolved already, withdrawn, "
            f"or never existed",
            code="wait_not_open",
            wait_id=request.wait_id,
        )
    if suspension.type not in ("webhook", "signal", "interval", "schedule", "sub_workflow", "retry"):
        raise TransitionError(
            f"wait {request.wait_id!r} is a {suspension.type}, which nobody can resume from outside",
            code="wait_not_resumable",
        )
    till = suspension.wait.wait_till
    if till is not None and now >= till and suspension.type in ("webhook", "signal"):
        raise TransitionError(f"wait {request.wait_id!r} has expired at {suspension.wait_till}", code="wait_expired")
    if till is not None and now < till and suspension.type in ("interval", "schedule", "retry"):
        raise TransitionError(
            f"wait {request.wait_id!r} is for {suspension.wait_till}, which has not come; nobody can resume it before",
            code="wait_not_due",
        )
    return Resumed(now, request.wait_id, _checked_data(suspension, request.data))


def _checked_data(suspension: Suspension, data: Any) -> Any:
    faults = _faults(suspension, data)
    if faults:
        problems = [f"{place}: {fault}" if place else fault for place, fault in faults]
        raise TransitionError(
            f"the data to resume {suspension.wait_id!r} with does not fit its schema: {'; '.join(problems)}",
            code="resume_data_invalid",
            problems=problems,
        )
    return data


def _faults(suspension: Suspension, data: Any) -> list[tuple[str, str]]:
    """In what the data do not fit the schema that the wait was asked for with."""
    schema = getattr(suspension.wait, "schema", None)
    return [] if schema is None else compile_contract(schema).faults(data)


def _signalled(execution: Execution, request: Signal, now: Instant) -> Row:
    data = request.data
    waiting = _waiting_for(execution, request.name, now)
    if waiting:
        first = waiting[0]
        return Resumed(now, first.wait_id, _checked_data(first, data))
    if not request.buffer:
        raise TransitionError(
            f"no run of execution {execution.id!r} waits for signal {request.name!r}, and it was not to be kept",
            code="signal_not_awaited",
        )
    return SignalKept(now, request.name, data, None if request.ttl_ns is None else Instant(now + request.ttl_ns))


def _branch_cancelled(execution: Execution, request: CancelBranch, now: Instant) -> Row:
    for key in request.nodes:
        if key not in execution.execution_graph.ordinals:
            raise TransitionError(
                f"execution {execution.id!r} has no node {key!r}{nearest(key, execution.execution_graph.ordinals)}",
                code="not_found",
            )
    live = sorted((*execution.frontier, *execution.parked.values()), key=lambda activation: len(activation.scope))
    withdrawn: list[Consequence] = []
    gone: list[RunKey] = []
    for activation in live:
        if activation.vertex.key in request.nodes and not _goes_with(gone, activation.scope):
            withdrawn.append(Withdrawn(activation.key, request.reason))
            gone.append(activation.key)
    withdrawn.extend(_dropped(execution, request, gone))
    if not withdrawn:
        raise TransitionError(
            f"no live work of {', '.join(map(repr, request.nodes))} in execution {execution.id!r}",
            code="nothing_to_cancel",
        )
    return ArrivalsDropped(now, request.reason, tuple(withdrawn))


def _dropped(execution: Execution, request: CancelBranch, gone: list[RunKey]) -> Iterator[Dropped]:
    """What waits at the joins of these nodes, in scopes that stay."""
    for scope, state in sorted([(TOP, execution.top), *execution.scopes.items()], key=lambda item: item[0]):
        for ordinal, queue in sorted(state.queues.items()):
            key = execution.execution_graph.vertices[ordinal].key
            if key in request.nodes and not _goes_with(gone, scope):
                yield Dropped(key, scope, tuple(arrival.ref for arrival in queue), request.reason)


def _goes_with(gone: list[RunKey], scope: Scope) -> bool:
    """The scope belongs to an owner that is withdrawn already, and goes with it."""
    return any(
        scope[: len(s)] == s and len(scope) > len(s) and scope[len(s)][:2] == (node, run) for node, s, run in gone
    )


def _turn_taken(execution: Execution, request: MutexFree, now: Instant) -> Row:
    for suspension in execution.suspensions.values():
        wait = suspension.wait
        if not isinstance(wait, MutexWait) or wait.reach != "global" or wait.name != request.name:
            continue
        if (suspension.node_key, suspension.scope, suspension.run) == request.run:
            return Resumed(now, suspension.wait_id)
    message = f"the run of execution {execution.id!r} does not wait for the mutex {request.name!r} (any more)"
    raise TransitionError(message, code="wait_not_open")


def _items_added(execution: Execution, request: AddItems, now: Instant) -> Row:
    for node, scope, run in sorted(execution.owners):
        if node == request.node and not execution.owners[(node, scope, run)].closed:
            return ItemsAdded(now, node, scope, run, list(request.items), request.close)
    raise TransitionError(f"node {request.node!r} of execution {execution.id!r} takes no more items", code="not_open")


def _waiting_for(execution: Execution, name: str, now: Instant) -> list[Suspension]:
    """The waits for a signal that are not over, the oldest first."""
    waits = [
        suspension
        for suspension in execution.suspensions.values()
        if isinstance(suspension.wait, SignalWait)
        and suspension.wait.name == name
        and (suspension.wait.wait_till is None or now < suspension.wait.wait_till)
    ]
    return sorted(waits, key=lambda suspension: (suspension.suspended_at, suspension.wait_id))


def taken_signal(execution: Execution, now: Instant) -> SignalTaken | None:
    """The oldest kept signal for which a wait is open now that its data fit."""
    for signal in execution.signals:
        if signal.until is not None and now >= signal.until:
            continue
        for suspension in _waiting_for(execution, signal.name, now):
            if not _faults(suspension, signal.data):
                return SignalTaken(now, suspension.wait_id, signal.position, signal.data)
    return None
