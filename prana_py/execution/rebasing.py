"""An execution on the graph of another version of its workflow: what it remembers, found again by key.

What the new graph has no place for is left behind: the newest runs of nodes that are gone stay in the journal, and only
there. Whether live work is left behind is not looked at here; ``migrating`` asks that before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec.structs import replace
from pyrsistent import pvector

from prana_py.execution.activation import Activation, Arrival
from prana_py.execution.execution import Execution, OwnerRun
from prana_py.execution.frozen_map import FrozenMap, frozen
from prana_py.execution.rows import AttemptFailed, Begun, Cancelled, Row, Settled, Stopped, Suspended
from prana_py.execution.scope_state import Queue, RunRow, ScopeState, Wave, feeds_of
from prana_py.graph.execution_graph import ExecutionGraph, LoopCycle, Route, Vertex
from prana_py.identifiers import ConnectionKey, Instant, NodeKey, Scope

_OF_RUNS: Final = (AttemptFailed, Begun, Cancelled, Settled, Stopped, Suspended)


def rebased(execution: Execution, graph: ExecutionGraph, at: Instant) -> Execution:
    """The execution as the graph has it from this instant on; its live work must have a place there."""
    return _Rebasing(execution, graph, at).execution()


def route_of(key: ConnectionKey, graph: ExecutionGraph, earlier: tuple[ExecutionGraph, ...]) -> Route:
    """A connection by its key. One that is gone stays what it was for the runs that it led to."""
    if key in graph.route_list:
        return graph.route_list[key]
    return next(replace(other.route_list[key], cycle=-1) for other in reversed(earlier) if key in other.route_list)


def home_of(graph: ExecutionGraph, vertex: Vertex) -> tuple[NodeKey, ...]:
    """The scope owners around a node, outermost first."""
    return tuple(graph.vertices[ordinal].key for ordinal in vertex.home)


class _Rebasing:
    """Finds everything again by its key."""

    def __init__(self, execution: Execution, graph: ExecutionGraph, at: Instant) -> None:
        self.before = execution
        self.old = execution.execution_graph
        self.new = graph
        self.at = at
        self.stays = [self._place(vertex) for vertex in self.old.vertices]
        """By old ordinal: the vertex of the same node, in the same loops; ``None``: there is none."""
        self.returned = [*self._returned()]
        self.cycles = [self._cycle(cycle) for cycle in graph.cycles]

    def execution(self) -> Execution:
        before = self.before
        identity = replace(before.identity, earlier_graphs=(*before.identity.earlier_graphs, self.old))
        return replace(
            before,
            execution_graph=self.new,
            identity=identity,
            top=self._scope((), before.top),
            scopes=frozen({scope: self._scope(scope, state) for scope, state in before.scopes.items()}),
            frontier=tuple(map(self._activation, before.frontier)),
            parked=frozen({key: self._activation(activation) for key, activation in before.parked.items()}),
            owners=frozen({key: self._owner(owner) for key, owner in before.owners.items()}),
            run_counts=self._run_counts(),
            closed_scopes=self._closed_scopes(before.closed_scopes),
        )

    def _place(self, vertex: Vertex) -> Vertex | None:
        ordinal = self.new.ordinals.get(vertex.key)
        found = None if ordinal is None else self.new.vertices[ordinal]
        same = found is not None and home_of(self.new, found) == home_of(self.old, vertex)
        return found if same else None

    def _returned(self) -> Iterator[tuple[Vertex, Row]]:
        """Rows of nodes that the graph before did not have there: an earlier one may have, or they were elsewhere."""
        known = {vertex.key for vertex in self.stays if vertex is not None}
        new = {vertex.key: vertex for vertex in self.new.vertices if vertex.key not in known}
        if new:
            for row in self.before.trail:
                if isinstance(row, _OF_RUNS) and row.node in new:
                    yield new[row.node], row

    def _cycle(self, cycle: LoopCycle) -> int | None:
        """The number that a cycle had before: it has the same name, or the same head and the same nodes on it."""
        name = _cycle_name(self.new, cycle)
        return next((other.index for other in self.old.cycles if _cycle_name(self.old, other) == name), None)

    # ── scopes ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _scope(self, scope: Scope, state: ScopeState) -> ScopeState:
        slots = self.new.vertex(scope[-1][0]).body_slots if scope else self.new.top_slots
        home = tuple(step[0] for step in scope)
        latest: list[RunRow | None] = [None] * slots
        for vertex in self.old.vertices:
            place = self.stays[vertex.ordinal]
            if place is not None and home_of(self.old, vertex) == home:
                latest[place.slot] = state.latest[vertex.slot]
        runs = self._by_ordinal(state.runs)
        for vertex, row in self.returned:
            if isinstance(row, _OF_RUNS) and row.scope == scope:
                runs[vertex.ordinal] = max(runs.get(vertex.ordinal, 0), row.run + 1)
        return replace(
            state,
            latest=pvector(latest),
            busy=self._bits(state.busy),
            waiting=self._bits(state.waiting),
            queues={ordinal: self._queue(queue) for ordinal, queue in self._by_ordinal(state.queues).items()},
            runs=runs,
            counts=self._by_ordinal(state.counts),
            waves=self._waves(state.waves),
            context=self._by_ordinal(state.context),
            iterations=self._iterations(state.iterations),
        )

    def _by_ordinal(self, by_old: Mapping[int, Any]) -> dict[int, Any]:
        found = ((self.stays[ordinal], value) for ordinal, value in by_old.items())
        return {vertex.ordinal: value for vertex, value in found if vertex is not None}

    def _bits(self, old: int) -> int:
        bits = 0
        for ordinal, vertex in enumerate(self.stays):
            if vertex is not None and old >> ordinal & 1:
                bits |= vertex.bit
        return bits

    def _queue(self, queue: Queue) -> Queue:
        arrivals = pvector(map(self._arrival, queue))
        return Queue(arrivals, 0, feeds_of(arrivals, 0))

    def _waves(self, waves: Mapping[int, Wave]) -> dict[int, Wave]:
        """Open waves; a connection that is gone has delivered to none."""
        found = {}
        for ordinal, wave in waves.items():
            vertex = self.stays[ordinal]
            if vertex is not None:
                feeds = (route for route in self.old.vertices[ordinal].feeds if wave.delivered >> route.feed & 1)
                found[vertex.ordinal] = replace(wave, delivered=self._delivered(vertex, feeds))
        return found

    def _delivered(self, vertex: Vertex, feeds: Iterable[Route]) -> int:
        keys = {route.key for route in feeds}
        delivered = 0
        for route in vertex.feeds:
            if route.key in keys:
                delivered |= 1 << route.feed
        return delivered

    def _iterations(self, counts: tuple[int, ...]) -> tuple[int, ...]:
        """How often each cycle was gone round; one that was none before was entered just now."""
        if not counts:
            return ()
        old = len(self.old.cycles)
        rounds = [0 if index is None else counts[index] for index in self.cycles]
        entered = [self.at if index is None else counts[old + index] for index in self.cycles]
        return (*rounds, *entered)

    def _run_counts(self) -> dict[int, int]:
        counts: dict[int, int] = self._by_ordinal(self.before.run_counts)
        for vertex, row in self.returned:
            if vertex.home and isinstance(row, _OF_RUNS):
                counts[vertex.ordinal] = max(counts.get(vertex.ordinal, 0), row.run_index + 1)
        return counts

    def _closed_scopes(self, closed: FrozenMap[NodeKey, ScopeState]) -> FrozenMap[NodeKey, ScopeState]:
        """The last items of owners that are still owners."""
        found = {}
        for key, state in closed.items():
            vertex = self.stays[self.old.ordinals[key]]
            if vertex is not None and vertex.spec.owner is not None:
                scope = tuple((owner, 0, 0) for owner in (*home_of(self.new, vertex), key))
                found[key] = self._scope(scope, state)
        return frozen(found)

    # ── live work ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _activation(self, activation: Activation) -> Activation:
        over = activation.over_limit
        return replace(
            activation,
            vertex=self.new.vertex(activation.vertex.key),
            arrivals=tuple(map(self._arrival, activation.arrivals)),
            over_limit=-1 if over < 0 or over not in self.cycles else self.cycles.index(over),
        )

    def _arrival(self, arrival: Arrival) -> Arrival:
        if arrival.route is None:
            return arrival
        return replace(
            arrival, route=route_of(arrival.route.key, self.new, (*self.before.identity.earlier_graphs, self.old))
        )

    def _owner(self, owner: OwnerRun) -> OwnerRun:
        return replace(owner, vertex=self.new.vertex(owner.vertex.key))


def _cycle_name(graph: ExecutionGraph, cycle: LoopCycle) -> Any:
    if cycle.declared is not None:
        return cycle.declared.name
    members = frozenset(vertex.key for vertex in graph.vertices if vertex.bit & cycle.members)
    return graph.vertices[cycle.head].key, members
