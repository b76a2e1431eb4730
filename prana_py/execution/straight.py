"""The short way for the ordinary row: a node at the top completed by one port, and what follows is plain.

It gives exactly what ``transitions.advance`` gives, or ``None`` where anything special is involved – then that is
asked. Nine rows of ten are of this kind, and this is many times as fast. A test holds the two to each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeGuard

from msgspec.structs import replace

from prana_py.execution.activation import RANK_BITS, RANK_MASK, Activation, Arrival, activated_by
from prana_py.execution.execution import NO_SUSPENSIONS, Execution, OwnerRun, waits_for_others
from prana_py.execution.frozen_map import FrozenMap
from prana_py.execution.iterations import count_iteration
from prana_py.execution.joins import bits_of, feed_of
from prana_py.execution.retention import FIRST_LOOK
from prana_py.execution.rows import Consequence, Formed, Row, RunKey, Settled
from prana_py.execution.scope_state import NO_ARRIVALS, Queue, ScopeState
from prana_py.execution.trail import CHUNK, Chunk, Trail
from prana_py.graph.execution_graph import Route, Vertex
from prana_py.identifiers import TOP, NodeKey, Scope

_EMPTY: Final = Queue(NO_ARRIVALS)


def advance_straight(execution: Execution, activation: Activation, row: Settled) -> tuple[Execution, Settled] | None:
    """The next value and the row as it is kept, if the row is ordinary; the run must be on top of the frontier."""
    stride = Stride(execution)
    kept = stride.take(activation, row)
    return None if kept is None else (stride.value, kept)


def read_straight(execution: Execution, rows: Sequence[Row], first: int) -> tuple[Execution, int]:
    """The value with the ordinary rows from ``first`` on, and the place of the first one that is not."""
    if not execution.frontier or execution.attention or execution.ending is not None or not _is_plain(rows[first]):
        return execution, first
    stride = Stride(execution)
    for position in range(first, len(rows)):
        row = rows[position]
        if not _is_plain(row) or not stride.read(row):
            return stride.value, position
    return stride.value, len(rows)


def _is_plain(row: Row) -> TypeGuard[Settled]:
    """The row tells of a run at the top that completed by one port, and nothing else."""
    if type(row) is not Settled or row.scope or len(row.ports) != 1 or row.taken is not None:
        return False
    return not (row.error or row.state or row.context or row.each)


class Stride:
    """An execution while one ordinary row after another is written to it: changed in place, a value when asked for.

    Only what such rows can change is kept here; the rest is as it was in the value that the stride began with. It is
    what expressions see meanwhile.
    """

    __slots__ = (
        "_latest",
        "_sealed",
        "_stale",
        "_tail",
        "_value",
        "busy",
        "contexts",
        "execution_graph",
        "frontier",
        "identity",
        "iteration_count",
        "iterations",
        "last_at",
        "next_index",
        "position",
        "queues",
        "state",
        "told",
        "waiting",
        "waits",
    )

    def __init__(self, execution: Execution) -> None:
        top, trail = execution.top, execution.trail
        self._value = execution
        self._stale = False
        self._sealed = trail.sealed
        self._tail = [*trail.tail]
        self._latest = top.latest.evolver()
        self.execution_graph = execution.execution_graph
        self.identity = execution.identity
        self.state = execution.state
        self.frontier = [*execution.frontier]
        self.position = execution.position
        self.next_index = execution.next_index
        self.iteration_count = execution.iteration_count
        self.last_at = execution.last_at
        self.busy = top.busy
        self.waiting = top.waiting
        self.queues = top.queues
        self.iterations = top.iterations
        self.contexts = top.context
        self.waits = execution.suspensions is not NO_SUSPENSIONS

        self.told: tuple[Consequence, ...] | None = None
        """What the row that is read says that it led to; nothing else may follow from it."""

    # ── as a value ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def value(self) -> Execution:
        """The execution as it is now."""
        if self._stale:
            self._stale = False
            self._value = self._made()
        return self._value

    def _made(self) -> Execution:
        before = self._value
        frontier, trail = self.frontier, before.trail
        runs = frontier or not waits_for_others(before.suspensions, before.owners)
        return replace(
            before,
            status="running" if runs else "suspended",
            trail=Trail(self._sealed, tuple(self._tail), trail.dropped, trail.look_at),
            position=self.position,
            top=replace(
                before.top,
                latest=self._latest.persistent(),
                busy=self.busy,
                waiting=self.waiting,
                queues=self.queues,
                iterations=self.iterations,
            ),
            frontier=tuple(frontier),
            next_index=self.next_index,
            iteration_count=self.iteration_count,
            last_at=self.last_at,
        )

    @property
    def environment(self) -> Mapping[str, Any]:
        return self._value.environment

    @property
    def owners(self) -> FrozenMap[RunKey, OwnerRun]:
        return self._value.owners

    @property
    def closed_scopes(self) -> FrozenMap[NodeKey, ScopeState]:
        return self._value.closed_scopes

    def scope_state(self, scope: Scope) -> ScopeState | None:
        return self.value.scope_state(scope)

    def history(self) -> Iterator[Row]:
        """Every row so far."""
        return self.value.history()

    # ── rows ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, activation: Activation, row: Settled) -> Settled | None:
        """Write the row of the run on top of the frontier; it is given back as it is kept, if it is ordinary."""
        vertex = activation.vertex
        top = self._value.top
        if activation.scope or top.waves or top.runs or self.waiting & vertex.bit:
            return None
        if self.execution_graph.bounds_history and self._is_due():
            return None
        routes = vertex.routes.get(row.ports[0], ())
        busy = self.busy & ~vertex.bit
        if len(routes) == 1 and (kept := self._hand_on(vertex, row, busy, routes[0])) is not None:
            return self._written(vertex, kept)
        if not (routes or self.waiting or self.told):
            self.busy = busy
            self.frontier.pop()
            return self._written(vertex, row)
        move = _Move(self, vertex, row, busy)
        return self._written(vertex, move.done()) if move.is_made(routes) and move.is_told() else None

    def read(self, row: Settled) -> bool:
        """Read a row, if it is ordinary and says what would be decided again."""
        if not self.frontier or row.execution_index != self.next_index:
            return False
        activation = self.frontier[-1]
        vertex = activation.vertex
        if vertex.key != row.node or activation.run != row.run or activation.scope or not vertex.straight:
            return False
        self.told = row.consequences
        return self.take(activation, replace(row, consequences=()) if row.consequences else row) is not None

    def _written(self, vertex: Vertex, row: Settled) -> Settled:
        tail = self._tail
        tail.append(row)
        if len(tail) == CHUNK:
            self._sealed = self._sealed.append(Chunk(tuple(tail)))
            tail.clear()
        self._latest[vertex.slot] = row
        self._stale = True
        self.position += 1
        self.next_index = row.execution_index + 1
        self.last_at = row.at
        return row

    def _is_due(self) -> bool:
        """A bounded history has to be looked through with this row."""
        return len(self._sealed) * CHUNK + len(self._tail) + 1 >= max(FIRST_LOOK, self._value.trail.look_at)

    def next_run(self, target: Vertex, vertex: Vertex, row: Settled) -> int:
        """The number of the next run of a node, when this row of another one, or of the same, is written."""
        before = row if target is vertex else self._latest[target.slot]
        return 0 if before is None else before.run + 1

    def _hand_on(self, vertex: Vertex, row: Settled, busy: int, route: Route) -> Settled | None:
        target = self.execution_graph.vertices[route.target]
        if not self.waiting:
            return self._go_on(vertex, row, busy, route, target)
        return row if self._queue_up(row, busy, route, target) else None

    def _go_on(self, vertex: Vertex, row: Settled, busy: int, route: Route, target: Vertex) -> Settled | None:
        """One connection, and no join waits: the arrival is the next run, if nothing live is ahead of it."""
        if busy & target.bit or (self.told and route.is_direct):
            return None
        run = self.next_run(target, vertex, row)
        order = self.position << RANK_BITS
        arrivals = (Arrival(row.execution_index, route, row.output, order),)
        over = -1
        if not route.is_direct:
            if route.leaves or route.ends_item or target.home or not target.straight_in or busy & target.upstream:
                return None
            if not target.plain:
                row = replace(row, consequences=(Formed(target.key, TOP, run, (arrivals[0].ref,)),))
            if target.heads:
                graph, policy = self.execution_graph, self.identity.policy
                self.iterations, rounds, over = count_iteration(
                    graph, policy, self.iterations, target, arrivals, row.at
                )
                self.iteration_count += rounds
        self.frontier[-1] = Activation(target, TOP, run, run, arrivals, order | RANK_MASK, over_limit=over)
        self.busy = busy | target.bit
        return row

    def _queue_up(self, row: Settled, busy: int, route: Route, target: Vertex) -> bool:
        """One connection, onto the only join that waits, and it goes on waiting."""
        if self.waiting != target.bit or not target.straight_in or route.leaves or route.ends_item or target.plain:
            return False
        if self.told or not busy & (target.upstream | target.bit):
            return False
        arrival = Arrival(row.execution_index, route, row.output, self.position << RANK_BITS)
        self.queues = {target.ordinal: self.queues[target.ordinal].append(arrival)}
        self.busy = busy
        self.frontier.pop()
        return True


def _activated(activation: Activation) -> int:
    return activation.activated


class _Move:
    """The arrivals of one row, on their way to plain nodes and inclusive joins: several, or past joins that wait."""

    __slots__ = (
        "arrived",
        "busy",
        "consequences",
        "fresh",
        "graph",
        "iterations",
        "order",
        "queues",
        "rounds",
        "row",
        "stride",
        "vertex",
        "waiting",
    )

    def __init__(self, stride: Stride, vertex: Vertex, row: Settled, busy: int) -> None:
        self.stride = stride
        self.graph = stride.execution_graph
        self.vertex = vertex
        self.row = row
        self.busy = busy
        self.waiting = stride.waiting
        self.queues = stride.queues
        self.iterations = stride.iterations
        self.rounds = 0
        self.order = stride.position << RANK_BITS
        self.fresh: list[Activation] = []
        self.arrived: dict[int, Arrival] = {}
        self.consequences: list[Formed] = []

    def is_made(self, routes: tuple[Route, ...]) -> bool:
        """Every arrival could go its way; nothing has changed yet."""
        for route in routes:
            if not self.arrive(route):
                return False
        return not self.waiting or self.settle_joins()

    def is_told(self) -> bool:
        """What it leads to is what the row says, if it is one that is read."""
        return self.stride.told is None or self.stride.told == tuple(self.consequences)

    def done(self) -> Settled:
        """Change what the stride knows; the row as it is kept."""
        stride = self.stride
        stride.busy = self.busy
        stride.waiting = self.waiting
        stride.queues = self.queues
        stride.iterations = self.iterations
        stride.iteration_count += self.rounds
        self.fresh.sort(key=_activated)
        stride.frontier[-1:] = self.fresh
        return replace(self.row, consequences=tuple(self.consequences)) if self.consequences else self.row

    def arrive(self, route: Route) -> bool:
        """Hand the value on; false where that is not straightforward."""
        target = self.graph.vertices[route.target]
        if route.leaves or route.ends_item or target.home or not target.straight_in:
            return False
        arrival = Arrival(self.row.execution_index, route, self.row.output, self.order)
        self.order += 1
        if not target.plain:
            if target.ordinal in self.arrived:
                return False
            self.arrived[target.ordinal] = arrival
            self.waiting |= target.bit
            return True
        if (self.busy | self.waiting) & target.bit:
            return False
        self.form(target, (arrival,), arrival)
        return True

    def form(self, target: Vertex, arrivals: tuple[Arrival, ...], newest: Arrival) -> int:
        """Arrivals become a run that may start; its number. The newest has just come."""
        run = self.stride.next_run(target, self.vertex, self.row)
        over = -1
        if target.heads:
            policy = self.stride.identity.policy
            self.iterations, rounds, over = count_iteration(
                self.graph, policy, self.iterations, target, arrivals, self.row.at
            )
            self.rounds += rounds
        self.busy |= target.bit
        self.fresh.append(Activation(target, TOP, run, run, arrivals, activated_by(newest.order), over_limit=over))
        return run

    def settle_joins(self) -> bool:
        """Let the joins fire that may; false where more than inclusive joins are involved."""
        graph = self.graph
        if self.waiting & graph.demanding:
            return False
        stuck = self.waiting & graph.entangled
        if stuck & (stuck - 1):
            return False
        touched = self.vertex.joins_ahead
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
        if arrival is None:
            return False
        arrivals: tuple[Arrival, ...] = (arrival,)
        queue = self.queues.get(join.ordinal)
        if queue is not None:
            arrivals = tuple(sorted((*queue, arrival), key=feed_of))
            if queue.append(arrival).present.bit_count() != len(arrivals):
                return False  # of several over one connection, only the oldest is taken
            self.queues = {ordinal: other for ordinal, other in self.queues.items() if other is not queue}
        del self.arrived[join.ordinal]
        self.waiting &= ~join.bit
        run = self.form(join, arrivals, arrival)
        self.consequences.append(Formed(join.key, TOP, run, tuple([taken.ref for taken in arrivals])))
        return True
