"""The short way for the ordinary row: a node at the top completed by one port, and what follows is plain.

It gives exactly what ``transitions.advance`` gives, or ``None`` where anything special is involved – then that is
asked. Nine rows of ten are of this kind, and this is four times as fast. A test holds the two to each other.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace
from pyrsistent import PVector

from prana_py.execution.activation import RANK_BITS, RANK_MASK, Activation, Arrival
from prana_py.execution.execution import Execution, waits_for_others
from prana_py.execution.iterations import count_iteration
from prana_py.execution.joins import bits_of
from prana_py.execution.retention import FIRST_LOOK
from prana_py.execution.rows import Formed, Row, Settled
from prana_py.execution.scope_state import NO_ARRIVALS, Queue, RunRow, ScopeState
from prana_py.execution.trail import CHUNK, Trail
from prana_py.graph.execution_graph import Route, Vertex
from prana_py.identifiers import TOP

_EMPTY: Final = Queue(NO_ARRIVALS)


def advance_straight(execution: Execution, activation: Activation, row: Settled) -> tuple[Execution, Settled] | None:
    """The next value and the row as it is kept, if the row is ordinary; the run must be on top of the frontier."""
    state = execution.top
    vertex = activation.vertex
    bit = vertex.bit
    if activation.scope or state.waves or state.runs or state.waiting & bit:
        return None
    if execution.execution_graph.bounds_history and _is_due(execution.trail):
        return None
    latest = state.latest.set(vertex.slot, row)
    routes = vertex.routes.get(row.ports[0], ())
    busy = state.busy & ~bit
    if not state.waiting and len(routes) < 2:
        if not routes:
            top = replace(state, latest=latest, busy=busy)
            return _written(execution, row, execution.frontier[:-1], top, 0), row
        moved = _go_on(execution, row, busy, latest, routes[0], vertex.slot)
        if moved is not None:
            return moved
    elif len(routes) == 1:
        queued = _queue_up(execution, row, busy, latest, routes[0])
        if queued is not None:
            return queued, row
    return _spread(execution, vertex, row, busy, latest, routes)


def _written(
    execution: Execution, row: Settled, frontier: tuple[Activation, ...], top: ScopeState, rounds: int
) -> Execution:
    """The next value, with the row."""
    trail = execution.trail
    tail = (*trail.tail, row)
    return replace(
        execution,
        status="running" if frontier or not waits_for_others(execution.suspensions, execution.owners) else "suspended",
        trail=trail.append(row) if len(tail) == CHUNK else Trail(trail.sealed, tail, trail.dropped, trail.look_at),
        position=execution.position + 1,
        top=top,
        frontier=frontier,
        next_index=row.execution_index + 1,
        iteration_count=execution.iteration_count + rounds,
        last_at=row.at,
    )


def _go_on(
    execution: Execution, row: Settled, busy: int, latest: PVector[RunRow | None], route: Route, slot: int
) -> tuple[Execution, Settled] | None:
    """One connection, and no join waits: the arrival is the next run, if nothing live is ahead of it."""
    target = execution.execution_graph.vertices[route.target]
    if busy & target.bit:
        return None
    before = latest[target.slot]
    run = 0 if before is None else before.run + 1
    order = execution.position << RANK_BITS
    arrivals = (Arrival(row.execution_index, route, row.output, order),)
    state = execution.top
    iterations, rounds, over = state.iterations, 0, -1
    if not route.is_direct:
        if route.leaves or route.ends_item or target.home or not target.straight_in or busy & target.upstream:
            return None
        if not target.plain:
            row = replace(row, consequences=(Formed(target.key, TOP, run, (arrivals[0].ref,)),))
            latest = latest.set(slot, row)
        if target.heads:
            graph, policy = execution.execution_graph, execution.identity.policy
            iterations, rounds, over = count_iteration(graph, policy, iterations, target, arrivals, row.at)
    following = Activation(target, TOP, run, run, arrivals, order | RANK_MASK, over_limit=over)
    top = replace(state, latest=latest, busy=busy | target.bit, iterations=iterations)
    return _written(execution, row, (*execution.frontier[:-1], following), top, rounds), row


def _queue_up(
    execution: Execution, row: Settled, busy: int, latest: PVector[RunRow | None], route: Route
) -> Execution | None:
    """One connection, onto the only join that waits, and it goes on waiting."""
    state = execution.top
    target = execution.execution_graph.vertices[route.target]
    if state.waiting != target.bit or not target.straight_in or route.leaves or route.ends_item or target.plain:
        return None
    if not busy & (target.upstream | target.bit):
        return None
    arrival = Arrival(row.execution_index, route, row.output, execution.position << RANK_BITS)
    queues = {target.ordinal: state.queues[target.ordinal].append(arrival)}
    return _written(execution, row, execution.frontier[:-1], replace(state, latest=latest, busy=busy, queues=queues), 0)


def read_straight(execution: Execution, row: Row) -> Execution | None:
    """The next value for a row that is read, if it is ordinary and says what would be decided again; else ``None``."""
    if type(row) is not Settled or row.scope or not execution.frontier or execution.attention:
        return None
    activation = execution.frontier[-1]
    vertex = activation.vertex
    if vertex.key != row.node or activation.run != row.run or activation.scope or not vertex.straight:
        return None
    if row.error or row.state or row.context or row.each or row.taken is not None or len(row.ports) != 1:
        return None
    if execution.ending is not None or row.execution_index != execution.next_index or vertex.settings.race is not None:
        return None
    moved = advance_straight(execution, activation, replace(row, consequences=()) if row.consequences else row)
    return None if moved is None or moved[1].consequences != row.consequences else moved[0]


def _spread(
    execution: Execution,
    vertex: Vertex,
    row: Settled,
    busy: int,
    latest: PVector[RunRow | None],
    routes: tuple[Route, ...],
) -> tuple[Execution, Settled] | None:
    """Several connections, or joins that wait: each arrival goes its way."""
    state = execution.top
    move = _Move(execution, row, busy, state.waiting, latest, state)
    for route in routes:
        if not move.arrive(route):
            return None
    if move.waiting and not move.settle_joins(vertex):
        return None
    if move.consequences:
        row = replace(row, consequences=tuple(move.consequences))
        latest = latest.set(vertex.slot, row)
    frontier = execution.frontier[:-1]
    if move.fresh:
        move.fresh.sort(key=_activated)
        frontier += tuple(move.fresh)
    top = replace(
        state,
        latest=latest,
        busy=move.busy,
        waiting=move.waiting,
        queues=move.queues,
        iterations=move.iterations,
    )
    return _written(execution, row, frontier, top, move.rounds), row


def _is_due(trail: Trail) -> bool:
    """A bounded history has to be looked through with this row."""
    return len(trail) + 1 >= max(FIRST_LOOK, trail.look_at)


def _activated(activation: Activation) -> int:
    return activation.activated


class _Move:
    """The arrivals of one row, on their way to plain nodes and inclusive joins."""

    __slots__ = (
        "arrived",
        "busy",
        "consequences",
        "execution",
        "fresh",
        "iterations",
        "latest",
        "order",
        "queues",
        "rounds",
        "row",
        "state",
        "value",
        "waiting",
    )

    def __init__(
        self,
        execution: Execution,
        row: Settled,
        busy: int,
        waiting: int,
        latest: PVector[RunRow | None],
        state: ScopeState,
    ) -> None:
        self.execution = execution
        self.row = row
        self.value = row.output
        self.busy = busy
        self.waiting = waiting
        self.latest = latest
        self.state = state
        self.queues = state.queues
        self.iterations = state.iterations
        self.rounds = 0
        self.order = execution.position << RANK_BITS
        self.fresh: list[Activation] = []
        self.arrived: dict[int, Arrival] = {}
        self.consequences: list[Formed] = []

    def arrive(self, route: Route) -> bool:
        """Hand the value on; false where that is not straightforward."""
        target = self.execution.execution_graph.vertices[route.target]
        if route.leaves or route.ends_item or target.home or not target.straight_in:
            return False
        arrival = Arrival(self.row.execution_index, route, self.value, self.order)
        self.order += 1
        if not target.plain:
            if target.ordinal in self.arrived:
                return False
            self.arrived[target.ordinal] = arrival
            self.waiting |= target.bit
            return True
        if (self.busy | self.waiting) & target.bit:
            return False
        self.form(target, (arrival,))
        return True

    def form(self, target: Vertex, arrivals: tuple[Arrival, ...]) -> int:
        """Arrivals become a run that may start; its number."""
        before = self.latest[target.slot]
        run = 0 if before is None else before.run + 1
        over = -1
        if target.heads:
            graph, policy = self.execution.execution_graph, self.execution.identity.policy
            self.iterations, rounds, over = count_iteration(
                graph, policy, self.iterations, target, arrivals, self.row.at
            )
            self.rounds += rounds
        newest = arrivals[-1].order
        activated = (newest | RANK_MASK) - (newest & RANK_MASK)
        self.busy |= target.bit
        self.fresh.append(Activation(target, TOP, run, run, arrivals, activated, over_limit=over))
        return run

    def settle_joins(self, vertex: Vertex) -> bool:
        """Let the joins fire that may; false where more than inclusive joins are involved."""
        graph = self.execution.execution_graph
        if self.waiting & graph.demanding:
            return False
        stuck = self.waiting & graph.entangled
        if stuck & (stuck - 1):
            return False
        touched = vertex.joins_ahead
        for ordinal in self.arrived:
            touched |= 1 << ordinal
        for ordinal in bits_of(self.waiting & touched):
            if not self.look_at(graph.vertices[ordinal]):
                return False
        if self.arrived:
            queues = {**self.queues}
            for ordinal, arrival in self.arrived.items():
                queues[ordinal] = queues.get(ordinal, _EMPTY).append(arrival)
            self.queues = queues
        return True

    def look_at(self, join: Vertex) -> bool:
        """Let an inclusive join fire with the arrival that has just come, when nothing else is on its way to it."""
        if self.busy & join.bit or (self.busy | self.waiting) & join.upstream & ~join.bit:
            return True
        arrival = self.arrived.get(join.ordinal)
        if arrival is None or join.ordinal in self.queues:
            return False
        del self.arrived[join.ordinal]
        self.waiting &= ~join.bit
        run = self.form(join, (arrival,))
        self.consequences.append(Formed(join.key, TOP, run, (arrival.ref,)))
        return True
