"""Running a node by hand: which run that makes, with what, and how its row is applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from prana_py.errors import NotFoundError, TransitionError, UsageError, nearest
from prana_py.execution.activation import Activation, Arrival
from prana_py.execution.draft import Draft, next_run
from prana_py.execution.execution import Execution
from prana_py.execution.rows import ArrivalRef, Consequence, Entered, Settled, Withdrawn
from prana_py.execution.storable import NotStorableError, storable
from prana_py.graph.execution_graph import Route, Vertex
from prana_py.identifiers import TOP, Instant, NodeKey, PortName


def entered_row(
    execution: Execution,
    key: NodeKey,
    *,
    now: Instant,
    value: Any | UnsetType = UNSET,
    outputs: Mapping[NodeKey, Any] | None = None,
    instead: bool = False,
    run: int | None = None,
) -> Entered:
    """The row that has a node run with ``value``, or else with what is on its way into it or came last.

    ``outputs`` stand for what nodes before it would have given. ``instead`` withdraws the trigger's run where that has
    not begun, because the execution begins here. ``run`` is its number, where that is known from elsewhere.
    """
    vertex = _enterable(execution, key)
    for source in outputs or ():
        _known(execution, source)
    given = value is not UNSET or vertex.ordinal == execution.execution_graph.trigger.ordinal
    try:
        stored = storable(_value_of(execution, value) if given else None)
        pinned = storable(dict(outputs or {}))
    except NotStorableError as error:
        raise UsageError(f"node {key!r} cannot be run: {error}", code="input_not_storable") from error
    number = next_run(execution.top, vertex) if run is None else run
    arrivals = () if given else _arrivals(execution, vertex, pinned)
    return Entered(now, key, number, arrivals, stored, given, pinned, _withdrawn(execution, vertex) if instead else ())


def enter(draft: Draft, row: Entered) -> None:
    """Form the run; what was on its way into the node becomes it, or is replaced."""
    vertex = draft.graph.vertex(row.node)
    on_the_way = {arrival.ref: arrival for arrival in _taken(draft, vertex)}
    state = draft.scope(TOP)
    for key, output in row.outputs.items():
        latest = state.latest.set(draft.graph.vertex(key).slot, _stand_in(draft, key, output))
        state = replace(state, latest=latest)
    draft.put(TOP, replace(state, runs={**state.runs, vertex.ordinal: row.run}))
    if row.given:
        arrivals: tuple[Arrival, ...] = (Arrival(-1, None, row.input, draft.number()),)
    else:
        arrivals = tuple(on_the_way.get(ref) or _arrival(draft, ref) for ref in row.arrivals)
    draft.form(vertex, TOP, arrivals)


# ── deciding ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _known(execution: Execution, key: NodeKey) -> Vertex:
    ordinals = execution.execution_graph.ordinals
    if key not in ordinals:
        raise NotFoundError(
            f"execution {execution.id!r} has no node {key!r}{nearest(key, ordinals)}",
            execution_id=execution.id,
            node_key=key,
        )
    vertex = execution.execution_graph.vertex(key)
    if vertex.home:
        owner = execution.execution_graph.vertices[vertex.home[-1]].key
        raise UsageError(
            f"node {key!r} runs in the items or rounds of node {owner!r}; run that one instead",
            code="not_at_top",
            node_key=key,
        )
    return vertex


def _enterable(execution: Execution, key: NodeKey) -> Vertex:
    vertex = _known(execution, key)
    for activation in execution.parked.values():
        if activation.vertex is vertex and not activation.scope:
            raise TransitionError(
                f"node {key!r} of execution {execution.id!r} is under way and waits; resume it, or cancel its branch",
                code="node_suspended",
                node_key=key,
            )
    if execution.ending is not None:
        raise TransitionError(f"execution {execution.id!r} is ending, so node {key!r} cannot be run")
    return vertex


def _value_of(execution: Execution, value: Any | UnsetType) -> Any:
    return execution.trigger_data if value is UNSET else value


def _arrivals(execution: Execution, vertex: Vertex, pinned: Mapping[NodeKey, Any]) -> tuple[ArrivalRef, ...]:
    """What is on its way into the node; else, for each port, what came last or is said to have come."""
    ready = _ready(execution.frontier, vertex)
    if ready is not None and not pinned:
        return tuple(arrival.ref for arrival in ready.arrivals)
    queue = execution.top.queues.get(vertex.ordinal, ())
    by_feed = {} if pinned else {arrival.ref[1]: arrival.ref for arrival in reversed(tuple(queue))}
    if by_feed:
        return tuple(by_feed.values())
    by_port: dict[PortName, ArrivalRef] = {}
    for route in vertex.feeds:
        ref = _last(execution, route, pinned)
        known = by_port.get(route.to_port)
        if ref is not None and (known is None or ref[0] > known[0]):
            by_port[route.to_port] = ref
    return tuple(by_port.values())


def _last(execution: Execution, route: Route, pinned: Mapping[NodeKey, Any]) -> ArrivalRef | None:
    """What the newest run of the connection's source handed on over it."""
    source = execution.execution_graph.vertices[route.source]
    if source.key in pinned:
        return (-1, route.key, -1)
    row = None if source.home else execution.top.latest[source.slot]
    if not isinstance(row, Settled) or route.connection.from_port not in row.ports:
        return None
    return (row.execution_index, route.key, -1) if row.taken is None or route.key in row.taken else None


def _withdrawn(execution: Execution, vertex: Vertex) -> tuple[Consequence, ...]:
    trigger = execution.execution_graph.trigger
    begun = execution.next_index > 0 or trigger is vertex
    ready = None if begun else _ready(execution.frontier, trigger)
    return () if ready is None else (Withdrawn(ready.key, "entered elsewhere"),)


def _ready(frontier: tuple[Activation, ...], vertex: Vertex) -> Activation | None:
    return next((run for run in frontier if run.vertex is vertex and not run.scope), None)


# ── applying ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _stand_in(draft: Draft, key: NodeKey, output: Any) -> Settled:
    """What successors see of a node that never ran; it is no part of the history."""
    port = draft.graph.vertex(key).spec.default_port
    return Settled(draft.at, key, TOP, -1, -1, -1, 0, draft.at, (), (port,), output)


def _taken(draft: Draft, vertex: Vertex) -> tuple[Arrival, ...]:
    """Take everything that was on its way into a node."""
    taken: tuple[Arrival, ...] = ()
    ready = _ready(draft.frontier, vertex)
    if ready is not None:
        draft.take(ready.key)
        draft.leave(ready)
        taken = ready.arrivals
    queue = draft.scope(TOP).queues.get(vertex.ordinal)
    if queue is not None:
        waiting = tuple(queue)
        draft.take_arrivals(vertex, TOP, waiting)
        taken = (*taken, *reversed(waiting))
    return taken


def _arrival(draft: Draft, ref: ArrivalRef) -> Arrival:
    """An arrival made anew from what its source gave last."""
    index, connection, element = ref
    route = draft.graph.route_list[connection]
    row = draft.scope(TOP).latest[draft.graph.vertices[route.source].slot]
    if not isinstance(row, Settled) or row.execution_index != index:
        raise TransitionError(f"nothing of run {index} is left that could arrive over {connection}")
    return Arrival(index, route, row.value(route.connection.from_port), draft.number(), element)
