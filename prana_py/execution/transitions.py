"""Every change an execution can go through: the table of what is legal, and how each journal row is applied.

    pending ──started──▶ running ──ended──▶ completed | failed | cancelled
                           │  ▲
              nothing can  │  │  resumed, expired, signal_taken …
              start, waits ▼  │
              are open    suspended

    a run:  ready ─begun─▶ running ─settled──▶ completed | failed
              │               ├─attempt_failed─▶ retrying ──▶ (running again)
              │               ├─suspended─▶ suspended ─resumed, expired, signal_taken─▶ running
              │               └─cancelled─▶ cancelled
              └─withdrawn, also from every state above─▶ withdrawn

A move that is not in ``RUN_MOVES`` or ``EXECUTION_MOVES`` is a ``TransitionError``, and nothing has changed.
``advance`` writes a row: it applies the fact, decides what follows, and returns the row with its consequences.
``apply`` reads one: it applies what was decided, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from msgspec.structs import replace
from pyrsistent import PVector, pvector

from prana_py.errors import InvariantError, StorageError, TransitionError
from prana_py.execution.activation import Activation, Arrival, Resumption, activated_by
from prana_py.execution.draft import Draft, run_text
from prana_py.execution.entering import enter
from prana_py.execution.execution import (
    NO_RESULTS,
    NO_SCOPES,
    Ending,
    Execution,
    Identity,
    ItemResult,
    KeptSignal,
    OwnerRun,
)
from prana_py.execution.forking import take_over
from prana_py.execution.readiness import apply_consequence, settle_down
from prana_py.execution.rebasing import rebased
from prana_py.execution.retention import within_bounds
from prana_py.execution.rows import (
    ArrivalsDropped,
    AttemptFailed,
    Begun,
    Cancelled,
    CancelRequested,
    Consequence,
    Ended,
    Entered,
    Expired,
    Forked,
    ItemsAdded,
    Migrated,
    Prepared,
    Resumed,
    Row,
    RunKey,
    ScopeClosed,
    ScopeOpened,
    Settled,
    SignalKept,
    SignalTaken,
    Started,
    Stopped,
    Suspended,
)
from prana_py.execution.scope_state import RunRow, ScopeState
from prana_py.execution.straight import read_straight
from prana_py.execution.suspension import BatchWindow, GuardWait, MutexWait, Suspension
from prana_py.execution.trail import Trail
from prana_py.graph.execution_graph import ExecutionGraph, Route, Vertex
from prana_py.identifiers import TOP, Instant, PortName
from prana_py.model.join import Custom

RunStatus: TypeAlias = Literal[
    "ready", "running", "retrying", "suspended", "completed", "failed", "cancelled", "withdrawn", "skipped"
]

RUN_MOVES: Final[Mapping[type[Row], frozenset[RunStatus]]] = {
    Begun: frozenset({"ready", "running", "retrying"}),
    Settled: frozenset({"ready", "running", "retrying"}),
    AttemptFailed: frozenset({"ready", "running", "retrying"}),
    Suspended: frozenset({"ready", "running", "retrying"}),
    Stopped: frozenset({"ready", "running", "retrying"}),
    Cancelled: frozenset({"ready", "running", "retrying"}),
    Resumed: frozenset({"suspended"}),
    Expired: frozenset({"suspended"}),
    SignalTaken: frozenset({"suspended"}),
}
"""From which status of a run each row may be written. A running scope owner begins again when it knows its items."""

_WITH_WORK_TO_DO: Final = frozenset({"running"})
_NOT_ENDED: Final = frozenset({"running", "suspended"})

EXECUTION_MOVES: Final[Mapping[type[Row], frozenset[str]]] = {
    Prepared: _WITH_WORK_TO_DO,
    Entered: _NOT_ENDED,
    Begun: _WITH_WORK_TO_DO,
    Settled: _WITH_WORK_TO_DO,
    AttemptFailed: _WITH_WORK_TO_DO,
    Suspended: _WITH_WORK_TO_DO,
    Resumed: _NOT_ENDED,
    Expired: _NOT_ENDED,
    SignalKept: _NOT_ENDED,
    SignalTaken: _NOT_ENDED,
    ArrivalsDropped: _NOT_ENDED,
    ScopeOpened: _WITH_WORK_TO_DO,
    ScopeClosed: _WITH_WORK_TO_DO,
    ItemsAdded: _NOT_ENDED,
    CancelRequested: _NOT_ENDED,
    Cancelled: _WITH_WORK_TO_DO,
    Stopped: _WITH_WORK_TO_DO,
    Migrated: _NOT_ENDED,
    Forked: _NOT_ENDED,
    Ended: _WITH_WORK_TO_DO,
}
"""In which status of an execution each row may be written; ``Started`` makes one."""

NOT_IN_FLIGHT: Final[frozenset[RunKey]] = frozenset()


def advance(execution: Execution, row: Row, *, in_flight: frozenset[RunKey] = NOT_IN_FLIGHT) -> tuple[Execution, Row]:
    """Write a row: apply it, decide what follows from it, and return the next value and the row as it is kept.

    ``in_flight`` names the runs that a runtime has in hand, which are not withdrawn without asking it.
    """
    if isinstance(row, Ended):
        return _ended(execution, row), row
    draft = _draft(execution, row)
    _PRIMARY[type(row)](draft, row)
    for consequence in _consequences(row):
        apply_consequence(draft, consequence)
    if draft.touched or draft.ending is not None or draft.graph.has_guards:
        consequences = settle_down(draft, row, in_flight=in_flight)
        if consequences:
            whole = replace(row, consequences=(*_consequences(row), *consequences))
            draft.amend(row, whole)
            row = whole
    return _bounded(draft.freeze(row)), row


def apply(execution: Execution, row: Row) -> Execution:
    """Read a row: what was decided when it was written happens again, and nothing else."""
    after, read = read_straight(execution, (row,), 0)
    return after if read else _apply_special(execution, row)


def _apply_special(execution: Execution, row: Row) -> Execution:
    if isinstance(row, Ended):
        return _ended(execution, row)
    draft = _draft(execution, row)
    _PRIMARY[type(row)](draft, row)
    for consequence in _consequences(row):
        apply_consequence(draft, consequence)
    return _bounded(draft.freeze(row))


def _bounded(execution: Execution) -> Execution:
    """With no more history than the workflow wants kept."""
    if not execution.execution_graph.bounds_history:
        return execution
    trail = within_bounds(execution)
    return execution if trail is execution.trail else replace(execution, trail=trail)


def start(graph: ExecutionGraph, row: Started, environment: Mapping[str, Any]) -> Execution:
    """The first value of an execution: its trigger may start."""
    if row.digest != graph.digest:
        raise StorageError(
            f"execution {row.execution_id!r} belongs to workflow {row.workflow_id!r} version {row.workflow_version} "
            f"with digest {row.digest[:12]}…, but the graph at hand has digest {graph.digest[:12]}…; "
            "load it with its own graph",
            code="graph_mismatch",
        )
    deadline = None if row.policy.timeout_ns is None else Instant(row.at + row.policy.timeout_ns)
    identity = Identity(
        id=row.execution_id,
        trigger_data=row.input,
        variables=row.variables,
        policy=row.policy,
        started_at=row.at,
        execution_mode=row.mode,
        trigger_type=row.trigger_type,
        parent=row.parent,
        origin=row.origin,
        key_seed=row.key_seed or row.execution_id,
        metadata=row.metadata,
        deadline=deadline,
    )
    trigger = graph.vertex(row.trigger)
    arrival = Arrival(-1, None, row.input, 0)
    at_once = trigger.straight_in
    first = Execution(
        execution_graph=graph,
        identity=identity,
        environment=environment,
        status="running",
        trail=Trail(tail=(row,)),
        position=1,
        top=ScopeState(_nothing_ran(graph.top_slots), trigger.bit if at_once else 0),
        frontier=(Activation(trigger, TOP, 0, 0, (arrival,), activated_by(0)),) if at_once else (),
        state={},
        last_at=row.at,
    )
    if at_once:
        return first
    draft = Draft(replace(first, trail=Trail(), position=0), row.at)
    draft.form(trigger, TOP, (arrival,))
    return draft.freeze(row)


@lru_cache(maxsize=256)
def _nothing_ran(slots: int) -> PVector[RunRow | None]:
    return pvector([None] * slots)


def fold(
    graph: ExecutionGraph,
    rows: list[Row],
    environment: Mapping[str, Any],
    earlier: tuple[ExecutionGraph, ...] = (),
) -> Execution:
    """The execution that these rows tell of. ``earlier``: the graphs of the versions that it was moved from."""
    if not rows or not isinstance(rows[0], Started):
        raise StorageError("a journal must begin with a started row", code="journal_invalid")
    graphs = {known.digest: known for known in (*earlier, graph)}
    execution = start(graphs.get(rows[0].digest, graph), rows[0], environment)
    position = 1
    while position < len(rows):
        execution, position = read_straight(execution, rows, position)
        if position < len(rows):
            row = rows[position]
            if isinstance(row, Migrated) and row.digest in graphs:
                execution = rebased(execution, graphs[row.digest], row.at)
            execution = _apply_special(execution, row)
            position += 1
    return execution


def _draft(execution: Execution, row: Row) -> Draft:
    _check_status(execution, row)
    return Draft(execution, row.at, row)


def _check_status(execution: Execution, row: Row) -> None:
    """Refuse a row that may not be written in the status that the execution has."""
    allowed = EXECUTION_MOVES.get(type(row))
    if allowed is None or execution.status not in allowed:
        raise TransitionError(
            f"execution {execution.id!r} is {execution.status}, so {_name(row)} cannot happen to it",
            code="execution_final" if execution.is_final else None,
        )


def _name(row: Row) -> str:
    return str(type(row).__struct_config__.tag).replace("_", " ")


def _consequences(row: Row) -> tuple[Consequence, ...]:
    return getattr(row, "consequences", ())


def _take(draft: Draft, row: Begun | Settled | AttemptFailed | Suspended | Stopped | Cancelled) -> Activation:
    """The run a row is about, out of the live ones; it must be in a status in which the row may be written."""
    key = (row.node, row.scope, row.run)
    parked = draft.parked.get(key) if draft.parked else None
    if parked is not None:
        status = run_status(parked, parked=True, owns=key in draft.owners)
        if status not in RUN_MOVES[type(row)]:
            raise TransitionError(f"{run_text(key)} is {status}, so {_name(row)} cannot happen to it")
    return draft.take(key)


def run_status(activation: Activation, *, parked: bool, owns: bool = False) -> RunStatus:
    """What state a live run is in."""
    if parked:
        return "running" if owns else "suspended"
    if activation.attempt > 1 and activation.not_before:
        return "retrying"
    return "running" if activation.begun or activation.resumption is not None else "ready"


# ── one function per row ─────────────────────────────────────────────────────────────────────────────────────────────


def _prepared(draft: Draft, row: Prepared) -> None:
    draft.identity = replace(draft.identity, preparation_data=row.data)


def _begun(draft: Draft, row: Begun) -> None:
    activation = _take(draft, row)
    index = draft.index(activation)
    params = activation.params if row.params is None else row.params
    activation = replace(activation, begun=True, index=index, attempt=row.attempt, params=params)
    if not activation.started_at:
        activation = replace(activation, started_at=row.at)
    if row.plan is None:
        draft.fresh.append(activation)
        return
    owner = OwnerRun(
        vertex=activation.vertex,
        scope=row.scope,
        run=row.run,
        plan=row.plan,
        count=len(row.plan.items),
        closed=not row.plan.open,
    )
    draft.park(activation, ())
    _attend(draft, activation.key, owner)


def _settled(draft: Draft, row: Settled) -> None:
    activation = _take(draft, row)
    draft.index(activation)
    if row.state:
        draft.state = {**draft.state, **row.state}
    draft.update_context(activation, row.context)
    draft.record(activation, row)
    if activation.key in draft.owners:
        draft.close_owner(activation.key)
    draft.leave(activation)
    if row.failed:
        _fail(draft, activation, row)
    elif draft.ending is None:
        _hand_on(draft, activation, row)


def _hand_on(draft: Draft, activation: Activation, row: Settled) -> None:
    """Make the arrivals that the chosen ports lead to, in the order of the connections, not of the ports."""
    for port, route in _routes_of(activation.vertex, row):
        if row.taken is not None and route.key not in row.taken:
            continue
        value = row.value(port)
        if port in row.each:
            for element, part in enumerate(value):
                draft.arrive(activation.scope, route, row.execution_index, part, element)
        else:
            draft.arrive(activation.scope, route, row.execution_index, value)


def _routes_of(vertex: Vertex, row: Settled) -> list[tuple[PortName, Route]]:
    routes = [(port, route) for port in row.ports for route in vertex.routes.get(port, ())]
    if len(row.ports) > 1:
        routes.sort(key=lambda pair: pair[1].rank)
    return routes


def _fail(draft: Draft, activation: Activation, row: Settled) -> None:
    """A failure that nothing handles ends the item it is in, or else the execution."""
    if draft.ending is not None:
        return
    if activation.scope:
        draft.empty_scope(activation.scope)
        state = draft.scope(activation.scope)
        draft.put(activation.scope, replace(state, failure=row.error))
    else:
        draft.ending = Ending(status="failed", error=row.error)


def _attempt_failed(draft: Draft, row: AttemptFailed) -> None:
    activation = _take(draft, row)
    index = draft.index(activation)
    activation = replace(
        activation,
        attempt=row.attempt + 1,
        index=index,
        started_at=activation.started_at or row.started_at,
        not_before=row.retry_at,
        begun=False,
        error=row.error,
        waits=activation.waits + (row.suspension is not None),
    )
    if row.suspension is None:
        draft.fresh.append(activation)
    else:
        draft.park(activation, (row.suspension,))


def _suspended(draft: Draft, row: Suspended) -> None:
    activation = _take(draft, row)
    index = draft.index(activation)
    if row.state:
        draft.state = {**draft.state, **row.state}
    draft.update_context(activation, row.context)
    parked = replace(
        activation,
        index=index,
        started_at=activation.started_at or row.started_at,
        waits=activation.waits + 1,
        params=row.params if row.params is not None else activation.params,
        resumption=None,
        begun=False,
        attempt=1,
        not_before=Instant(0),
    )
    draft.park(parked, row.waits)
    draft.touched.add(row.scope)


def _resumed(draft: Draft, row: Resumed) -> None:
    _wake(draft, row.wait_id, row.data, expired=False)


def _signal_taken(draft: Draft, row: SignalTaken) -> None:
    draft.signals = tuple(signal for signal in draft.signals if signal.position != row.kept_at)
    _wake(draft, row.wait_id, row.data, expired=False)


def _expired(draft: Draft, row: Expired) -> None:
    _wake(draft, row.wait_id, None, expired=True)


def _wake(draft: Draft, name: str, data: Any, *, expired: bool) -> None:
    """The wait is over: its run goes on, and the waits it competed with are withdrawn."""
    suspension = draft.suspensions.get(name)
    if suspension is None:
        raise TransitionError(
            f"wait {name!r} is not open; it was resolved already, or never existed", code="wait_not_open"
        )
    if isinstance(suspension.wait, BatchWindow):
        _flush(draft, suspension)
        return
    own = isinstance(suspension.wait, GuardWait | MutexWait)
    if own and getattr(suspension.wait, "reach", "") != "global":
        raise TransitionError(
            f"wait {name!r} is the engine's own ({suspension.type}) and cannot be resolved from outside",
            code="wait_not_resumable",
        )
    activation = draft.unpark((suspension.node_key, suspension.scope, suspension.run))
    starts_only_now = suspension.type in ("retry", "mutex")
    resumption = activation.resumption if starts_only_now else Resumption(suspension, data, expired)
    activated = activated_by(draft.number())
    draft.fresh.append(replace(activation, open_waits=(), resumption=resumption, activated=activated))


def _flush(draft: Draft, suspension: Suspension) -> None:
    """The time of a batch is up: what has gathered becomes a run."""
    vertex = draft.graph.vertex(suspension.node_key)
    state = draft.scope(suspension.scope)
    draft.suspensions = draft.suspensions.remove(suspension.wait_id)
    queue = state.queues.get(vertex.ordinal)
    if queue is None or isinstance(vertex.join, Custom):
        draft.touched.add(suspension.scope)  # a policy is asked again: its verdict is a consequence of this row
        return
    taken = tuple(queue)
    draft.take_arrivals(vertex, suspension.scope, taken)
    draft.form(vertex, suspension.scope, taken)


def _signal_kept(draft: Draft, row: SignalKept) -> None:
    draft.signals = (*draft.signals, KeptSignal(draft.before.position, row.name, row.data, row.until))


def _arrivals_dropped(draft: Draft, row: ArrivalsDropped) -> None:
    """All of it is in the consequences."""


def _scope_opened(draft: Draft, row: ScopeOpened) -> None:
    key = (row.node, row.scope, row.run)
    owner = draft.owners[key]
    scope = (*row.scope, (row.node, row.run, row.item))
    slots: list[None] = [None] * owner.vertex.body_slots
    draft.put(scope, ScopeState(latest=pvector(slots)))
    grown = replace(owner, opened=owner.opened + 1, live=owner.live + 1, count=max(owner.count, row.item + 1))
    _attend(draft, key, grown)
    value = owner.item(row.item) if owner.vertex.spec.owner == "for_each" else row.value
    index = draft.parked[key].index
    for route in owner.vertex.routes.get("loop", ()):
        draft.arrive(scope, route, index, value, row.item)


def _attend(draft: Draft, key: RunKey, owner: OwnerRun) -> None:
    """Remember an owner, and whether it may go on."""
    draft.owners = draft.owners.set(key, owner)
    others = tuple(other for other in draft.attention if other != key)
    draft.attention = (*others, key) if owner.may_go_on else others


def _scope_closed(draft: Draft, row: ScopeClosed) -> None:
    key = (row.node, row.scope, row.run)
    owner = draft.owners[key]
    scope = (*row.scope, (row.node, row.run, row.item))
    if row.item == owner.opened - 1:
        draft.closed_scopes = draft.closed_scopes.set(row.node, draft.scopes[scope])
    draft.drop_scope(scope)
    before = owner.results if owner.vertex.spec.owner == "for_each" else NO_RESULTS  # a while needs the last one only
    results = before.set(row.item, ItemResult(row.result, row.error))
    draft.attention = tuple(other for other in draft.attention if other != scope)
    enough = owner.enough or row.enough
    _attend(draft, key, replace(owner, live=owner.live - 1, results=results, enough=enough))


def _items_added(draft: Draft, row: ItemsAdded) -> None:
    key = (row.node, row.scope, row.run)
    owner = draft.owners.get(key)
    if owner is None or owner.closed:
        raise TransitionError(f"{run_text(key)} takes no more items")
    added = (*owner.added, row.items) if row.items else owner.added
    count = owner.count + len(row.items)
    _attend(draft, key, replace(owner, added=added, count=count, closed=row.close))


def _cancel_requested(draft: Draft, row: CancelRequested) -> None:
    if draft.ending is not None:
        raise TransitionError(f"execution {draft.identity.id!r} is already ending ({draft.ending.status})")
    draft.ending = Ending(status=row.status, error=row.error)


def _cancelled(draft: Draft, row: Cancelled) -> None:
    activation = _take(draft, row)
    draft.index(activation)
    draft.record(activation, row)
    if activation.key in draft.owners:
        draft.close_owner(activation.key)
    draft.leave(activation)


def _stopped(draft: Draft, row: Stopped) -> None:
    activation = _take(draft, row)
    draft.index(activation)
    draft.record(activation, row)
    draft.leave(activation)
    if draft.ending is None:
        status: Literal["completed", "failed"] = "completed" if row.error is None else "failed"
        draft.ending = Ending(status=status, error=row.error, output=row.output)


def _migrated(draft: Draft, row: Migrated) -> None:
    if row.digest != draft.graph.digest:
        raise StorageError(
            f"execution {draft.identity.id!r} was moved to workflow version {row.workflow_version}; "
            "load it with that version's graph",
            code="graph_mismatch",
        )
    draft.touched.update((TOP, *draft.scopes))


def _forked(draft: Draft, row: Forked) -> None:
    take_over(draft, row)


def _ended(execution: Execution, row: Ended) -> Execution:
    """The last row: nothing is left to be moved, so it needs no draft."""
    _check_status(execution, row)
    if execution.frontier or execution.parked or (execution.scopes and execution.ending is None):
        raise InvariantError(f"execution {execution.id!r} was ended while work was live")
    return replace(
        execution,
        status=row.status,
        output=row.output,
        error=row.error,
        ending=None,
        scopes=NO_SCOPES,
        attention=(),
        trail=execution.trail.append(row),
        position=execution.position + 1,
        last_at=row.at,
    )


_PRIMARY: Final[Mapping[type[Row], Callable[[Draft, Any], None]]] = {
    Prepared: _prepared,
    Entered: enter,
    Begun: _begun,
    Settled: _settled,
    AttemptFailed: _attempt_failed,
    Suspended: _suspended,
    Resumed: _resumed,
    Expired: _expired,
    SignalKept: _signal_kept,
    SignalTaken: _signal_taken,
    ArrivalsDropped: _arrivals_dropped,
    ScopeOpened: _scope_opened,
    ScopeClosed: _scope_closed,
    ItemsAdded: _items_added,
    CancelRequested: _cancel_requested,
    Cancelled: _cancelled,
    Stopped: _stopped,
    Migrated: _migrated,
    Forked: _forked,
}
