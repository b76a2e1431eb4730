"""An execution while one row is applied to it: the moves of arrivals and runs, from which the next value is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from prana_py.errors import TransitionError
from prana_py.execution.activation import RANK_BITS, RANK_MASK, Activation, Arrival, activated_by, activated_by_all
from prana_py.execution.execution import NO_SUSPENSIONS, Ending, Execution, ExecutionStatus, OwnerRun, waits_for_others
from prana_py.execution.iterations import count_iteration
from prana_py.execution.rows import (
    Forked,
    Gate,
    Row,
    RunKey,
    ScopeClosed,
    ScopeOpened,
    Settled,
)
from prana_py.execution.scope_state import Queue, RunRow, ScopeState
from prana_py.execution.suspension import GuardWait, MutexWait, Suspension, Wait
from prana_py.graph.execution_graph import ExecutionGraph, Route, Vertex
from prana_py.identifiers import TOP, Instant, PortName, Scope, WaitId, key_text, scope_text
from prana_py.model.join import Batch, Custom


class Draft:
    """The parts of an execution that a row may change. Lives for one transition and is never shared."""

    __slots__ = (
        "at",
        "attention",
        "before",
        "closed_scopes",
        "current",
        "ending",
        "error",
        "fired",
        "first",
        "fresh",
        "frontier",
        "graph",
        "identity",
        "iteration_count",
        "mutexes",
        "next_index",
        "order",
        "output",
        "owners",
        "parked",
        "run_counts",
        "scopes",
        "signals",
        "state",
        "status",
        "suspensions",
        "top",
        "touched",
    )

    def __init__(self, before: Execution, at: Instant, current: Row | None = None) -> None:
        self.before = before
        self.current = current
        self.at = at
        self.graph = before.execution_graph
        self.identity = before.identity
        self.status: ExecutionStatus = before.status
        self.top = before.top
        self.scopes = before.scopes
        self.frontier = before.frontier
        self.parked = before.parked
        self.suspensions = before.suspensions
        self.owners = before.owners
        self.attention = before.attention
        self.state = before.state
        self.next_index = before.next_index
        self.iteration_count = before.iteration_count
        self.ending: Ending | None = before.ending
        self.signals = before.signals
        self.mutexes = before.mutexes
        self.run_counts = before.run_counts
        self.closed_scopes = before.closed_scopes
        self.output = before.output
        self.error = before.error
        self.fresh: list[Activation] = []
        """Runs that became startable by this row."""
        self.order = (self._follows(current) and before.follow_up) or before.position << RANK_BITS
        self.first = self.order
        """The number of the first arrival that this row makes."""
        self.fired: set[tuple[Scope, int]] = set()
        """Waves that fired by this row: by scope and ordinal."""
        self.touched: set[Scope] = set()
        """Scopes in which a join may fire, or nothing may be left."""

    def _follows(self, row: Row | None) -> bool:
        """Scope owners go on in the same event that let them: only the journal has several rows for it."""
        if isinstance(row, Settled):
            return (row.node, row.scope, row.run) in self.owners
        return isinstance(row, ScopeOpened | ScopeClosed)

    # ── what expressions see ──────────────────────────────────────────────────────────────────────────────────────

    @property
    def execution_graph(self) -> ExecutionGraph:
        return self.graph

    @property
    def environment(self) -> Mapping[str, Any]:
        return self.before.environment

    def scope_state(self, scope: Scope) -> ScopeState | None:
        return self.scopes.get(scope) if scope else self.top

    def history(self) -> Iterator[Row]:
        """Every row so far, the one that is being applied included."""
        yield from self.before.trail
        if self.current is not None:
            yield self.current

    # ── scopes ────────────────────────────────────────────────────────────────────────────────────────────────────

    def scope(self, scope: Scope) -> ScopeState:
        """What the scope remembers; it must be open."""
        return self.scopes[scope] if scope else self.top

    def put(self, scope: Scope, state: ScopeState) -> None:
        """Remember this of the scope, and look at its joins again."""
        self.touched.add(scope)
        if scope:
            self.scopes = self.scopes.set(scope, state)
        else:
            self.top = state

    def is_open(self, scope: Scope) -> bool:
        return not scope or scope in self.scopes

    # ── arrivals ──────────────────────────────────────────────────────────────────────────────────────────────────

    def number(self) -> int:
        """The number of the next arrival of this event."""
        self.order += 1
        return self.order - 1

    def arrive(self, scope: Scope, route: Route, source: int, value: Any, element: int = -1) -> None:
        """Hand a value on over a connection, from a run in ``scope``."""
        target = self.graph.vertices[route.target]
        if route.ends_item:
            self._return(scope[: len(target.home) + 1], route, value)
            return
        if route.leaves:
            scope = scope[: -route.leaves]
        arrival = Arrival(source, route, value, self.number(), element)
        state = self.scope(scope)
        if target.plain and not (state.busy | state.waiting) & target.bit:
            self.form(target, scope, (arrival,))
        else:
            queue = state.queues.get(target.ordinal) or Queue()
            queues = {**state.queues, target.ordinal: queue.append(arrival)}
            self.put(scope, replace(state, waiting=state.waiting | target.bit, queues=queues))

    def _return(self, scope: Scope, route: Route, value: Any) -> None:
        """A way back to a scope owner: the value is the item's result; of several, the last in connection order."""
        state = self.scope(scope)
        if route.rank >= state.result_order:
            self.put(scope, replace(state, result=value, result_order=route.rank))

    def take_arrivals(self, vertex: Vertex, scope: Scope, taken: tuple[Arrival, ...]) -> None:
        """Remove arrivals from a node's queue: they become a run, or are dropped."""
        state = self.scope(scope)
        queue = state.queues.get(vertex.ordinal)
        left = None if queue is None else queue.without(taken)
        self._close_window(vertex, scope, state)
        if left is None:
            queues = {ordinal: other for ordinal, other in state.queues.items() if ordinal != vertex.ordinal}
            self.put(scope, replace(state, waiting=state.waiting & ~vertex.bit, queues=queues))
        else:
            self.put(scope, replace(state, queues={**state.queues, vertex.ordinal: left}))

    # ── runs ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def form(
        self,
        vertex: Vertex,
        scope: Scope,
        arrivals: tuple[Arrival, ...],
        *,
        gate: Gate = "ready",
        starved: tuple[str, ...] = (),
        compensates: int = -1,
        refused: str = "",
    ) -> Activation:
        """Arrivals become a run, with its numbers; it may start at once, or waits for its gate."""
        state = self.scope(scope)
        run = next_run(state, vertex)
        iterations, over = state.iterations, -1
        if vertex.heads:
            policy = self.identity.policy
            iterations, rounds, over = count_iteration(self.graph, policy, iterations, vertex, arrivals, self.at)
            self.iteration_count += rounds
        if vertex.settings.reentrant:
            state = replace(
                state,
                busy=state.busy | vertex.bit,
                iterations=iterations,
                runs={**state.runs, vertex.ordinal: run + 1},
                counts={**state.counts, vertex.ordinal: state.counts.get(vertex.ordinal, 0) + 1},
            )
        else:
            state = replace(state, busy=state.busy | vertex.bit, iterations=iterations)
        self.put(scope, state)
        run_index = run
        if vertex.home:
            run_index = self.run_counts.get(vertex.ordinal, 0)
            self.run_counts = {**self.run_counts, vertex.ordinal: run_index + 1}
        activation = Activation(
            vertex,
            scope,
            run,
            run_index,
            arrivals,
            activated_by_all(arrivals) if arrivals else activated_by(self.number()),
            starved=starved,
            compensates=compensates,
            over_limit=over,
            refused=refused,
        )
        self.admit(activation, gate)
        return activation

    def admit(self, activation: Activation, gate: Gate) -> None:
        """Let a run start, or have it wait for its guard or its mutex."""
        if gate == "guard":
            text = activation.vertex.settings.enabled_if or ""
            self.park(activation, (open_wait(activation, GuardWait(expression=text), self.at, name=".guard"),))
            return
        mutex = activation.vertex.settings.mutex
        if mutex is not None:
            holders = (*self.mutexes.get(mutex, ()), activation.key)
            self.mutexes = self.mutexes.set(mutex, holders)
            if len(holders) > 1:
                self.park(activation, (open_wait(activation, MutexWait(name=mutex), self.at, name=".mutex"),))
                return
        self.fresh.append(activation)

    def park(self, activation: Activation, waits: tuple[Suspension, ...]) -> None:
        """The run waits: it leaves the frontier but stays live."""
        open_waits = tuple(suspension.wait_id for suspension in waits)
        self.parked = self.parked.set(activation.key, replace(activation, open_waits=open_waits))
        for suspension in waits:
            self.suspensions = self.suspensions.set(suspension.wait_id, suspension)

    def unpark(self, key: RunKey) -> Activation:
        """The run waits no more, whatever it waited for."""
        activation = self.parked.get(key)
        if activation is None:
            raise TransitionError(f"{run_text(key)} is not waiting")
        self.parked = self.parked.remove(key)
        for open_wait in activation.open_waits:
            self.suspensions = self.suspensions.discard(open_wait)
        return activation

    def take(self, key: RunKey) -> Activation:
        """Remove a run from the frontier, or from those that wait."""
        frontier = self.frontier
        node, scope, run = key
        for index in range(len(frontier) - 1, -1, -1):
            activation = frontier[index]
            if activation.vertex.key == node and activation.run == run and activation.scope == scope:
                self.frontier = frontier[:index] + frontier[index + 1 :]
                return activation
        for index, activation in enumerate(self.fresh):
            if activation.key == key:
                return self.fresh.pop(index)
        if key in self.parked:
            return self.unpark(key)
        raise TransitionError(f"{run_text(key)} is not under way, so nothing can happen to it")

    def leave(self, activation: Activation) -> None:
        """The run is over: its node is no longer busy with it, and its mutex is free."""
        state = self.scope(activation.scope)
        vertex = activation.vertex
        left = state.counts.get(vertex.ordinal, 1) - 1
        if vertex.settings.reentrant:
            state = replace(state, counts={**state.counts, vertex.ordinal: left})
        if left <= 0:
            state = replace(state, busy=state.busy & ~vertex.bit)
        self.put(activation.scope, state)
        if vertex.settings.mutex is not None:
            self._release(vertex.settings.mutex, activation.key)

    def _release(self, mutex: str, key: RunKey) -> None:
        holders = self.mutexes.get(mutex, ())
        if key not in holders:
            return
        held = holders[0] == key
        left = tuple(other for other in holders if other != key)
        self.mutexes = self.mutexes.set(mutex, left) if left else self.mutexes.discard(mutex)
        if held and left:
            next_holder = self.unpark(left[0])
            self.fresh.append(replace(next_holder, activated=activated_by(self.number())))

    def record(self, activation: Activation, row: RunRow) -> None:
        """Make the row the latest of its node in its scope."""
        state = self.scope(activation.scope)
        self.put(activation.scope, replace(state, latest=state.latest.set(activation.vertex.slot, row)))

    def amend(self, row: Row, whole: Row) -> None:
        """The row is complete only now: remember it whole where it is the latest of its node."""
        if not isinstance(row, RunRow) or not isinstance(whole, RunRow) or not self.is_open(row.scope):
            return
        state, slot = self.scope(row.scope), self.graph.vertex(row.node).slot
        if state.latest[slot] is row:
            self.put(row.scope, replace(state, latest=state.latest.set(slot, whole)))

    def index(self, activation: Activation) -> int:
        """The run's execution index: given with its first row, kept for good."""
        if activation.index >= 0:
            return activation.index
        self.next_index += 1
        return self.next_index - 1

    def update_context(self, activation: Activation, context: dict[str, Any] | None) -> None:
        if context:
            state = self.scope(activation.scope)
            ordinal = activation.vertex.ordinal
            merged = {**state.context.get(ordinal, {}), **context}
            self.put(activation.scope, replace(state, context={**state.context, ordinal: merged}))

    # ── withdrawing ───────────────────────────────────────────────────────────────────────────────────────────────

    def withdraw(self, key: RunKey) -> Activation:
        """A run will not go on. Its number stays used; what it owns goes with it."""
        activation = self.take(key)
        if key in self.owners:
            self.close_owner(key)
        state = self.scope(activation.scope)
        used = max(state.runs.get(activation.vertex.ordinal, 0), activation.run + 1)
        self.put(activation.scope, replace(state, runs={**state.runs, activation.vertex.ordinal: used}))
        self.leave(activation)
        self.end_wave(activation.vertex, activation.scope)
        return activation

    def end_wave(self, vertex: Vertex, scope: Scope) -> None:
        """What waited at a join or ran there is withdrawn: its next wave has nothing to do with it."""
        state = self.scope(scope)
        if vertex.ordinal in state.waves:
            waves = {ordinal: wave for ordinal, wave in state.waves.items() if ordinal != vertex.ordinal}
            self.put(scope, replace(state, waves=waves))

    def close_owner(self, key: RunKey) -> OwnerRun:
        """A scope owner is over: its scopes go, with everything in them."""
        owner = self.owners[key]
        self.owners = self.owners.remove(key)
        self._forget(key)
        node, scope, run = key
        depth = len(scope)
        for own in [
            s for s in self.scopes if len(s) == depth + 1 and s[:depth] == scope and s[depth][:2] == (node, run)
        ]:
            self.drop_scope(own)
        return owner

    def drop_scope(self, scope: Scope) -> None:
        """A scope is gone, with every run, arrival and wait in it."""
        if self.scope(scope).live:  # else nothing can be in it, and looking for it means looking everywhere
            self.empty_scope(scope)
        self.scopes = self.scopes.discard(scope)
        self._forget(scope)

    def _forget(self, gone: Scope | RunKey) -> None:
        self.touched.discard(gone)
        self.attention = tuple(other for other in self.attention if other != gone)

    def empty_scope(self, scope: Scope) -> None:
        """Withdraw everything in a scope and inside it; the scope itself stays."""
        depth = len(scope)
        inside = [a for a in (*self.frontier, *self.fresh, *self.parked.values()) if a.scope[:depth] == scope]
        for activation in inside:
            key = activation.key
            if key in self.owners:
                self.owners = self.owners.remove(key)
                self._forget(key)
            if activation.vertex.settings.mutex is not None:
                self._release(activation.vertex.settings.mutex, key)
            if key in self.parked:
                self.unpark(key)
        self.frontier = tuple(a for a in self.frontier if a.scope[:depth] != scope)
        self.fresh = [a for a in self.fresh if a.scope[:depth] != scope]
        for inner in [s for s in self.scopes if len(s) > depth and s[:depth] == scope]:
            self._close_windows(inner)
            self.scopes = self.scopes.remove(inner)
            self._forget(inner)
        self._close_windows(scope)
        state = self.scope(scope)
        if state.live:
            runs = dict(state.runs)
            for activation in inside:
                if activation.scope == scope:
                    ordinal = activation.vertex.ordinal
                    runs[ordinal] = max(runs.get(ordinal, 0), activation.run + 1)
            empty = ScopeState(latest=state.latest)
            self.put(
                scope,
                replace(
                    state, busy=0, waiting=0, queues=empty.queues, counts=empty.counts, waves=empty.waves, runs=runs
                ),
            )

    def _close_windows(self, scope: Scope) -> None:
        state = self.scope(scope)
        for ordinal in state.queues:
            self._close_window(self.graph.vertices[ordinal], scope, state)

    def _close_window(self, vertex: Vertex, scope: Scope, state: ScopeState) -> None:
        """The arrivals with which the time of a join began are gone, and nothing waits for it any more."""
        if isinstance(vertex.join, Batch | Custom) and vertex.ordinal in state.queues:
            self.suspensions = self.suspensions.discard(window_id(vertex, scope, state))

    # ── the end of it ─────────────────────────────────────────────────────────────────────────────────────────────

    def freeze(self, row: Row | None = None) -> Execution:
        """The next value of the execution; with the row that made it, if it is to be remembered."""
        if self.fresh:
            self._enqueue()
        if self.ending is None:
            self._notice_quiet_scopes()
        before = self.before
        if self.identity.deadline is not None:
            self._move_deadline(self.identity.deadline)
        if self.status == "running" or self.status == "suspended":
            live = self.frontier or self.attention or not waits_for_others(self.suspensions, self.owners)
            self.status = "running" if live else "suspended"
        return Execution(
            execution_graph=self.graph,
            identity=self.identity,
            environment=before.environment,
            status=self.status,
            trail=before.trail if row is None else before.trail.append(row),
            position=before.position if row is None else before.position + 1,
            top=self.top,
            scopes=self.scopes,
            frontier=self.frontier,
            parked=self.parked,
            suspensions=self.suspensions if len(self.suspensions) else NO_SUSPENSIONS,
            owners=self.owners,
            attention=self.attention,
            follow_up=self.order if self.attention else 0,
            state=self.state,
            next_index=self.next_index,
            iteration_count=self.iteration_count,
            ending=self.ending,
            signals=self.signals,
            mutexes=self.mutexes,
            run_counts=self.run_counts,
            closed_scopes=self.closed_scopes,
            output=self.output,
            error=self.error,
            last_at=self.at,
        )

    def _move_deadline(self, deadline: Instant) -> None:
        """Time in which all of it waited does not count, unless asked for; the time before it was forked never."""
        waited = self.before.status == "suspended" and not self.identity.policy.timeout_counts_waiting
        if waited or isinstance(self.current, Forked):
            self.identity = replace(self.identity, deadline=Instant(deadline + self.at - self.before.last_at))

    def _enqueue(self) -> None:
        """Put the new runs where their turn is: nearly always on top, in connection order."""
        fresh = sorted(self.fresh, key=_activated)
        if not self.frontier or fresh[0].activated >= self.frontier[-1].activated:
            self.frontier = (*self.frontier, *fresh)
        else:
            self.frontier = tuple(sorted((*self.frontier, *fresh), key=_activated))
        self.fresh = []

    def _notice_quiet_scopes(self) -> None:
        for scope in sorted(self.touched) if len(self.touched) > 1 else self.touched:
            if scope and scope in self.scopes and not self.scopes[scope].live and scope not in self.attention:
                self.attention = (*self.attention, scope)


def _activated(activation: Activation) -> int:
    return activation.activated


def next_run(state: ScopeState, vertex: Vertex) -> int:
    """The number of the next run of a node in a scope."""
    latest = state.latest[vertex.slot]
    follows = 0 if latest is None else latest.run + 1
    return max(follows, state.runs.get(vertex.ordinal, 0)) if state.runs else follows


def wait_id(activation: Activation) -> WaitId:
    """The name of a run's next wait: the scope and the node, the run's number there, and how often it has waited."""
    place = f"{scope_text(activation.scope)}/" if activation.scope else ""
    number = f".{activation.waits}" if activation.waits else ""
    return f"{place}{key_text(activation.vertex.key)}#{activation.run}{number}"


def open_wait(
    activation: Activation, wait: Wait, at: Instant, *, name: str = "", port: PortName | None = None
) -> Suspension:
    """A wait of this run, from now on; ``name`` tells it from others that it has at the same time."""
    return Suspension(
        wait_id=wait_id(activation) + name,
        node_key=activation.vertex.key,
        scope=activation.scope,
        run=activation.run,
        run_index=activation.run_index,
        suspended_at=at,
        wait=wait,
        port=port,
    )


def window_id(vertex: Vertex, scope: Scope, state: ScopeState) -> WaitId:
    """The name of the time of a join: the run that is gathering, and the arrival with which its time began."""
    first = state.queues[vertex.ordinal].first.order
    began = f"{first >> RANK_BITS}.{first & RANK_MASK}"
    return f"{key_text(vertex.key)}#{scope_text(scope)}{next_run(state, vertex)}.batch@{began}"


def run_text(key: RunKey) -> str:
    """A run as messages name it."""
    node, scope, run = key
    where = f" in {scope_text(scope)}" if scope != TOP else ""
    return f"run {run} of node {node!r}{where}"
