"""The state of an execution as data, for one whose journal is not kept whole and so cannot tell of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from pyrsistent import pmap, pvector

from prana_py.errors import StorageError
from prana_py.execution.activation import Activation, Arrival, Resumption
from prana_py.execution.execution import (
    NO_SUSPENSIONS,
    Ending,
    Execution,
    ExecutionStatus,
    Identity,
    ItemResult,
    KeptSignal,
    OwnerRun,
)
from prana_py.execution.frozen_map import frozen
from prana_py.execution.node_error import NodeError
from prana_py.execution.rebasing import route_of
from prana_py.execution.rows import Row, RunKey, ScopePlan, Settled
from prana_py.execution.scope_state import Queue, RunRow, ScopeState, Wave, feeds_of
from prana_py.execution.suspension import Suspension
from prana_py.execution.trail import CHUNK, Chunk, Trail
from prana_py.graph.execution_graph import ExecutionGraph, Route
from prana_py.identifiers import Instant, NodeKey, Scope, WaitId


class ArrivalRecord(msgspec.Struct, frozen=True, array_like=True):
    """An arrival, its connection by key."""

    source: int
    connection: str
    value: Any
    order: int
    element: int


class ActivationRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A live run."""

    node: NodeKey
    scope: Scope
    run: int
    run_index: int
    arrivals: tuple[ArrivalRecord, ...]
    activated: int
    attempt: int = 1
    index: int = -1
    started_at: Instant = Instant(0)
    not_before: Instant = Instant(0)
    begun: bool = False
    resumed: tuple[Suspension, Any, bool] | None = None
    waits: int = 0
    open_waits: tuple[WaitId, ...] = ()
    params: dict[str, Any] | None = None
    starved: tuple[str, ...] = ()
    compensates: int = -1
    over_limit: int = -1
    error: NodeError | None = None
    refused: str = ""


class ScopeRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a scope remembers; ``latest`` points into the rows that are kept."""

    latest: dict[NodeKey, int] = {}
    stand_ins: dict[NodeKey, Settled] = {}
    """Rows that are no part of the history: what nodes are taken to have given, in a fork or a run from a node."""
    busy: tuple[NodeKey, ...] = ()
    queues: dict[NodeKey, tuple[ArrivalRecord, ...]] = {}
    runs: dict[NodeKey, int] = {}
    counts: dict[NodeKey, int] = {}
    waves: dict[NodeKey, tuple[int, int]] = {}
    context: dict[NodeKey, dict[str, Any]] = {}
    iterations: tuple[int, ...] = ()
    result: Any = None
    result_order: int = -1
    failure: NodeError | None = None


class OwnerRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A scope owner under way."""

    key: RunKey
    plan: ScopePlan
    added: tuple[list[Any], ...] = ()
    count: int
    opened: int = 0
    live: int = 0
    results: tuple[tuple[int, Any, NodeError | None], ...] = ()
    closed: bool = True
    enough: bool = False


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything of an execution but its graph, its environment and the rows that are kept beside it."""

    identity: Identity
    status: ExecutionStatus
    position: int
    dropped: int
    look_at: int
    top: ScopeRecord
    scopes: tuple[tuple[Scope, ScopeRecord], ...] = ()
    frontier: tuple[ActivationRecord, ...] = ()
    parked: tuple[ActivationRecord, ...] = ()
    suspensions: tuple[Suspension, ...] = ()
    owners: tuple[OwnerRecord, ...] = ()
    state: dict[str, Any] = {}
    next_index: int
    iteration_count: int
    ending: Ending | None = None
    signals: tuple[KeptSignal, ...] = ()
    mutexes: dict[str, tuple[RunKey, ...]] = {}
    run_counts: dict[NodeKey, int] = {}
    closed_scopes: dict[NodeKey, ScopeRecord] = {}
    output: Any = None
    error: NodeError | None = None
    last_at: Instant


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def take_snapshot(execution: Execution) -> Snapshot:
    """The state as data."""
    places = {id(row): place for place, row in enumerate(execution.trail)}
    keys = [vertex.key for vertex in execution.execution_graph.vertices]

    def scope(state: ScopeState) -> ScopeRecord:
        return _scope_record(state, keys, places)

    return Snapshot(
        identity=msgspec.structs.replace(execution.identity, earlier_graphs=()),
        status=execution.status,
        position=execution.position,
        dropped=execution.trail.dropped,
        look_at=execution.trail.look_at,
        top=scope(execution.top),
        scopes=tuple((name, scope(execution.scopes[name])) for name in sorted(execution.scopes)),
        frontier=tuple(map(_activation_record, execution.frontier)),
        parked=tuple(_activation_record(execution.parked[key]) for key in sorted(execution.parked)),
        suspensions=tuple(execution.suspensions[name] for name in sorted(execution.suspensions)),
        owners=tuple(_owner_record(key, execution.owners[key]) for key in sorted(execution.owners)),
        state=execution.state,
        next_index=execution.next_index,
        iteration_count=execution.iteration_count,
        ending=execution.ending,
        signals=execution.signals,
        mutexes={name: execution.mutexes[name] for name in sorted(execution.mutexes)},
        run_counts=_by_key(execution.run_counts, keys),
        closed_scopes={key: scope(execution.closed_scopes[key]) for key in sorted(execution.closed_scopes)},
        output=execution.output,
        error=execution.error,
        last_at=execution.last_at,
    )


def _by_key(by_ordinal: Mapping[int, Any], keys: Sequence[NodeKey]) -> dict[NodeKey, Any]:
    return {keys[ordinal]: by_ordinal[ordinal] for ordinal in sorted(by_ordinal)}


def _arrival_records(arrivals: Iterable[Arrival]) -> tuple[ArrivalRecord, ...]:
    return tuple(
        ArrivalRecord(
            arrival.source,
            "" if arrival.route is None else arrival.route.key,
            arrival.value,
            arrival.order,
            arrival.element,
        )
        for arrival in arrivals
    )


def _scope_record(state: ScopeState, keys: Sequence[NodeKey], places: Mapping[int, int]) -> ScopeRecord:
    latest = [row for row in state.latest if row is not None]
    return ScopeRecord(
        latest={row.node: places[id(row)] for row in latest if id(row) in places},
        stand_ins={row.node: row for row in latest if isinstance(row, Settled) and id(row) not in places},
        busy=tuple(key for ordinal, key in enumerate(keys) if state.busy >> ordinal & 1),
        queues={key: _arrival_records(queue) for key, queue in _by_key(state.queues, keys).items()},
        runs=_by_key(state.runs, keys),
        counts=_by_key(state.counts, keys),
        waves={key: (wave.delivered, wave.started) for key, wave in _by_key(state.waves, keys).items()},
        context=_by_key(state.context, keys),
        iterations=state.iterations,
        result=state.result,
        result_order=state.result_order,
        failure=state.failure,
    )


def _activation_record(activation: Activation) -> ActivationRecord:
    resumption = activation.resumption
    return ActivationRecord(
        node=activation.vertex.key,
        scope=activation.scope,
        run=activation.run,
        run_index=activation.run_index,
        arrivals=_arrival_records(activation.arrivals),
        activated=activation.activated,
        attempt=activation.attempt,
        index=activation.index,
        started_at=activation.started_at,
        not_before=activation.not_before,
        begun=activation.begun,
        resumed=None if resumption is None else (resumption.suspension, resumption.data, resumption.expired),
        waits=activation.waits,
        open_waits=activation.open_waits,
        params=activation.params,
        starved=activation.starved,
        compensates=activation.compensates,
        over_limit=activation.over_limit,
        error=activation.error,
        refused=activation.refused,
    )


def _owner_record(key: RunKey, owner: OwnerRun) -> OwnerRecord:
    return OwnerRecord(
        key=key,
        plan=owner.plan,
        added=owner.added,
        count=owner.count,
        opened=owner.opened,
        live=owner.live,
        results=tuple((item, owner.results[item].value, owner.results[item].error) for item in sorted(owner.results)),
        closed=owner.closed,
        enough=owner.enough,
    )


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def from_snapshot(
    snapshot: Snapshot,
    rows: list[Row],
    graph: ExecutionGraph,
    environment: Mapping[str, Any],
    earlier: tuple[ExecutionGraph, ...] = (),
) -> Execution:
    """The execution with this state and these rows."""
    reader = _Reader(graph, rows, earlier)
    if earlier:
        identity = msgspec.structs.replace(snapshot.identity, earlier_graphs=earlier)
        snapshot = msgspec.structs.replace(snapshot, identity=identity)
    try:
        return reader.execution(snapshot, environment)
    except (LookupError, AttributeError, StopIteration) as error:
        raise StorageError(f"the stored state does not fit its workflow: {error!r}", code="snapshot_invalid") from error


class _Reader:
    """Turns keys back into the graph's own things."""

    def __init__(self, graph: ExecutionGraph, rows: list[Row], earlier: tuple[ExecutionGraph, ...]) -> None:
        self.graph = graph
        self.rows = rows
        self.earlier = earlier

    def execution(self, snapshot: Snapshot, environment: Mapping[str, Any]) -> Execution:
        whole = len(self.rows) // CHUNK * CHUNK
        chunks = [Chunk(tuple(self.rows[start : start + CHUNK])) for start in range(0, whole, CHUNK)]
        owners = frozen({record.key: self.owner(record) for record in snapshot.owners})
        scopes = {scope: self.scope(record, scope) for scope, record in snapshot.scopes}
        waits = {suspension.wait_id: suspension for suspension in snapshot.suspensions}
        quiet = tuple(scope for scope, state in scopes.items() if not state.live)
        going_on = tuple(key for key, owner in owners.items() if owner.may_go_on)
        return Execution(
            execution_graph=self.graph,
            identity=snapshot.identity,
            environment=environment,
            status=snapshot.status,
            trail=Trail(pvector(chunks), tuple(self.rows[whole:]), snapshot.dropped, snapshot.look_at),
            position=snapshot.position,
            top=self.scope(snapshot.top, ()),
            scopes=frozen(scopes),
            frontier=tuple(map(self.activation, snapshot.frontier)),
            parked=frozen({record.key: record for record in map(self.activation, snapshot.parked)}),
            suspensions=frozen(waits) if waits else NO_SUSPENSIONS,
            owners=owners,
            attention=(*quiet, *going_on) if snapshot.ending is None else (),
            state=snapshot.state,
            next_index=snapshot.next_index,
            iteration_count=snapshot.iteration_count,
            ending=snapshot.ending,
            signals=snapshot.signals,
            mutexes=frozen(snapshot.mutexes),
            run_counts=self.by_ordinal(snapshot.run_counts),
            closed_scopes=frozen(
                {key: self.scope(record, ((key, 0, 0),)) for key, record in snapshot.closed_scopes.items()}
            ),
            output=snapshot.output,
            error=snapshot.error,
            last_at=snapshot.last_at,
        )

    def by_ordinal(self, by_key: Mapping[NodeKey, Any]) -> dict[int, Any]:
        return {self.graph.ordinals[key]: value for key, value in by_key.items()}

    def arrivals(self, records: tuple[ArrivalRecord, ...]) -> tuple[Arrival, ...]:
        return tuple(Arrival(r.source, self.route(r.connection), r.value, r.order, r.element) for r in records)

    def route(self, key: str) -> Route | None:
        return route_of(key, self.graph, self.earlier) if key else None

    def scope(self, record: ScopeRecord, scope: Scope) -> ScopeState:
        slots = self.graph.top_slots if not scope else self.graph.vertex(scope[-1][0]).body_slots
        latest: list[RunRow | None] = [None] * slots
        for key, place in record.latest.items():
            row = self.rows[place]
            if not isinstance(row, RunRow):
                raise StorageError(f"row {place} is not of a run of node {key!r}", code="snapshot_invalid")
            latest[self.graph.vertex(key).slot] = row
        for key, stand_in in record.stand_ins.items():
            latest[self.graph.vertex(key).slot] = stand_in
        queues: dict[int, Queue] = {}
        waiting = 0
        for key, records in record.queues.items():
            arrivals = pvector(self.arrivals(records))
            queues[self.graph.ordinals[key]] = Queue(arrivals, 0, feeds_of(arrivals, 0))
            waiting |= self.graph.vertex(key).bit
        busy = 0
        for key in record.busy:
            busy |= self.graph.vertex(key).bit
        return ScopeState(
            pvector(latest),
            busy,
            waiting,
            queues,
            self.by_ordinal(record.runs),
            self.by_ordinal(record.counts),
            {ordinal: Wave(*wave) for ordinal, wave in self.by_ordinal(record.waves).items()},
            self.by_ordinal(record.context),
            record.iterations,
            record.result,
            record.result_order,
            record.failure,
        )

    def activation(self, record: ActivationRecord) -> Activation:
        return Activation(
            self.graph.vertex(record.node),
            record.scope,
            record.run,
            record.run_index,
            self.arrivals(record.arrivals),
            record.activated,
            attempt=record.attempt,
            index=record.index,
            started_at=record.started_at,
            not_before=record.not_before,
            begun=record.begun,
            resumption=None if record.resumed is None else Resumption(*record.resumed),
            waits=record.waits,
            open_waits=record.open_waits,
            params=record.params,
            starved=record.starved,
            compensates=record.compensates,
            over_limit=record.over_limit,
            error=record.error,
            refused=record.refused,
        )

    def owner(self, record: OwnerRecord) -> OwnerRun:
        node, scope, run = record.key
        return OwnerRun(
            vertex=self.graph.vertex(node),
            scope=scope,
            run=run,
            plan=record.plan,
            added=record.added,
            count=record.count,
            opened=record.opened,
            live=record.live,
            results=pmap({item: ItemResult(value, error) for item, value, error in record.results}),
            closed=record.closed,
            enough=record.enough,
        )
