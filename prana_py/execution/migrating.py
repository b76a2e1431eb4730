"""Moving an execution to another version of its workflow: whether its open work has a place there, and the move.

What is over may be gone: history is history. What is live – runs, arrivals, waits, waves, items under way – must find
its node, its connections, its loops and its locks again, and must not come to grief by the move itself.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Final

from msgspec import to_builtins

from prana_py.errors import Problem, TransitionError
from prana_py.execution.activation import Activation, Arrival
from prana_py.execution.execution import Execution
from prana_py.execution.joins import bits_of, is_hopeless
from prana_py.execution.rebasing import home_of, rebased
from prana_py.execution.rows import Formed, Migrated, Row, Settled
from prana_py.execution.scope_state import ScopeState
from prana_py.execution.suspension import BatchWindow
from prana_py.execution.transitions import advance
from prana_py.graph.execution_graph import ExecutionGraph, Vertex
from prana_py.identifiers import Instant, NodeKey, Scope, scope_text
from prana_py.model.join import Custom

_BEGINS_ANEW: Final = frozenset({"retry", "guard", "mutex"})
"""Waits after which a run is called from the start, so that it may as well be of another type."""


def migrate(execution: Execution, graph: ExecutionGraph, now: Instant) -> tuple[Execution, Row]:
    """The execution as one of the graph's version from now on, and the row that says so; ``TransitionError`` if not."""
    problems = obstacles(execution, graph, now)
    if problems:
        raise refused(execution, graph.workflow_version, problems)
    return _moved(execution, graph, now)


def refused(execution: Execution, version: int, problems: tuple[Problem, ...]) -> TransitionError:
    """The error that says why an execution stays where it is."""
    lines = "\n".join(f"  {problem}" for problem in problems)
    return TransitionError(
        f"execution {execution.id!r} cannot move from version {execution.workflow_version} to {version} of workflow "
        f"{execution.workflow_id!r}:\n{lines}",
        code="migration_refused",
        execution_id=execution.id,
        reasons=[to_builtins(problem) for problem in problems],
    )


def obstacles(execution: Execution, graph: ExecutionGraph, now: Instant) -> tuple[Problem, ...]:
    """Everything that keeps an execution from moving; nothing: it may."""
    if execution.is_final or execution.ending is not None:
        return (_problem("has_ended", "it has ended, or is about to: nothing of it is left to move"),)
    if graph.workflow_id != execution.workflow_id:
        return (_problem("other_workflow", f"version {graph.workflow_version} is of workflow {graph.workflow_id!r}"),)
    found = tuple(dict.fromkeys(_Looking(execution, graph).problems()))
    return found or tuple(_comes_to_grief(execution, graph, now))


def _moved(execution: Execution, graph: ExecutionGraph, now: Instant) -> tuple[Execution, Row]:
    row = Migrated(now, graph.workflow_version, graph.digest)
    return advance(rebased(execution, graph, now), row)


def _comes_to_grief(execution: Execution, graph: ExecutionGraph, now: Instant) -> Iterator[Problem]:
    """What would fail at once, because of the move."""
    moved, row = _moved(execution, graph, now)
    for consequence in getattr(row, "consequences", ()):
        if isinstance(consequence, Formed) and (consequence.starved or consequence.refused):
            why = consequence.refused or f"nothing can come over {', '.join(consequence.starved)}"
            message = f"the join at node {consequence.node!r} could never be complete there: {why}"
            yield _problem("join_starves", message, consequence.node)
    hopeless = _hopeless_joins(moved) - _hopeless_joins(execution)
    for key, scope in sorted(hopeless):
        where = f" in {scope_text(scope)}" if scope else ""
        message = (
            f"arrivals wait at node {key!r}{where}, and nothing that is live could bring what its join still needs"
        )
        yield _problem("join_starves", message, key)


def _hopeless_joins(execution: Execution) -> set[tuple[NodeKey, Scope]]:
    """The joins that wait for what nobody can deliver any more."""
    vertices = execution.execution_graph.vertices
    return {
        (vertices[ordinal].key, scope)
        for scope, state in (((), execution.top), *execution.scopes.items())
        for ordinal in bits_of(state.waiting)
        if is_hopeless(vertices, vertices[ordinal], state)
    }


class _Looking:
    """Looks for a place for everything that is live."""

    def __init__(self, execution: Execution, graph: ExecutionGraph) -> None:
        self.execution = execution
        self.old = execution.execution_graph
        self.new = graph

    def problems(self) -> Iterator[Problem]:
        yield from self._of_runs()
        yield from self._of_scope((), self.execution.top)
        for scope in sorted(self.execution.scopes):
            yield from self._of_scope(scope, self.execution.scopes[scope])
        yield from self._of_windows()
        yield from self._of_preparation()
        yield from self._of_undoing()

    # ── runs ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _of_runs(self) -> Iterator[Problem]:
        for activation in (*self.execution.frontier, *self.execution.parked.values()):
            there = yield from self._place(activation.vertex, activation.scope, f"a run {self._state(activation)}")
            if there is not None:
                yield from self._of_run(activation, there)

    def _state(self, activation: Activation) -> str:
        if activation.key in self.execution.owners:
            return "has items under way"
        waits = [self.execution.suspensions[name] for name in activation.open_waits]
        return f"waits ({', '.join(wait.type for wait in waits)})" if waits else "is about to start"

    def _of_run(self, activation: Activation, there: Vertex) -> Iterator[Problem]:
        key, here = activation.vertex.key, activation.vertex
        if there.spec.type != here.spec.type and self._is_under_way(activation):
            message = (
                f"a run of node {key!r} is under way as {here.spec.type!r}, and there the node is a {there.spec.type!r}"
            )
            yield _problem("type_changed", message, key)
        mine, theirs = here.settings, there.settings
        if (mine.mutex, mine.mutex_reach) != (theirs.mutex, theirs.mutex_reach):
            message = (
                f"a run of node {key!r} is live with {_lock(mine.mutex)}, and there the node has {_lock(theirs.mutex)}"
            )
            yield _problem("mutex_changed", message, key)
        if mine.reentrant != theirs.reentrant:
            yield _problem("reentrance_changed", f"node {key!r} is live, and `reentrant` differs there", key)
        waits_for_guard = any(self.execution.suspensions[name].type == "guard" for name in activation.open_waits)
        if waits_for_guard and there.enabled_if is None:
            yield _problem("guard_gone", f"a run of node {key!r} waits for its guard, and has none there", key)

    def _is_under_way(self, activation: Activation) -> bool:
        """Some of it has happened, and goes on where it stopped."""
        if activation.begun or activation.resumption is not None or activation.key in self.execution.owners:
            return True
        waits = (self.execution.suspensions[name] for name in activation.open_waits)
        return any(wait.type not in _BEGINS_ANEW for wait in waits)

    # ── scopes ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _of_scope(self, scope: Scope, state: ScopeState) -> Iterator[Problem]:
        if scope:
            owner = self.old.vertex(scope[-1][0])
            there = self.new.ordinals.get(owner.key)
            if there is None or self.new.vertices[there].spec.owner != owner.spec.owner:
                message = f"items of node {owner.key!r} are under way, and there it is no {owner.spec.owner}"
                yield _problem("owner_gone", message, owner.key)
                return
        for ordinal in bits_of(state.waiting):
            vertex = self.old.vertices[ordinal]
            queue = state.queues[ordinal]
            place = yield from self._place(vertex, scope, "arrivals wait")
            yield from self._of_arrivals(vertex.key, tuple(queue), place)
            if place is not None and not _takes_over(vertex, place):
                yield _join_changed(vertex.key, "arrivals wait", vertex, place)
        for ordinal in state.waves:
            vertex = self.old.vertices[ordinal]
            place = yield from self._place(vertex, scope, "a wave is open")
            if place is not None and place.join != vertex.join:
                yield _join_changed(vertex.key, "a wave is open", vertex, place)

    def _of_arrivals(self, key: NodeKey, arrivals: tuple[Arrival, ...], there: Vertex | None) -> Iterator[Problem]:
        if there is None:
            return
        feeds = {route.key for route in there.feeds}
        for arrival in arrivals:
            if arrival.route is not None and arrival.route.key not in feeds:
                message = (
                    f"something has come to node {key!r} over {arrival.route.key}, and there is no such connection"
                )
                yield _problem("connection_gone", message, key)

    def _of_windows(self) -> Iterator[Problem]:
        for suspension in self.execution.suspensions.values():
            if not isinstance(suspension.wait, BatchWindow):
                continue
            vertex = self.old.vertex(suspension.node_key)
            place = yield from self._place(vertex, suspension.scope, "the time of a batch runs")
            if place is not None and not _takes_over(vertex, place):
                yield _join_changed(vertex.key, "the time of a batch runs", vertex, place)

    def _place(self, vertex: Vertex, scope: Scope, why: str) -> Generator[Problem, None, Vertex | None]:
        """The node's place there, if it has one: in the same loops."""
        ordinal = self.new.ordinals.get(vertex.key)
        if ordinal is None:
            where = f" in {scope_text(scope)}" if scope else ""
            yield _problem("node_gone", f"{why}{where}, and there is no node {vertex.key!r} there", vertex.key)
            return None
        there = self.new.vertices[ordinal]
        mine, theirs = home_of(self.old, vertex), home_of(self.new, there)
        if mine != theirs:
            message = f"node {vertex.key!r}: {why}; here it is {_inside(mine)}, and there it is {_inside(theirs)}"
            yield _problem("scope_changed", message, vertex.key)
            return None
        return there

    # ── the rest ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _of_preparation(self) -> Iterator[Problem]:
        """Nodes are prepared once, before the first one runs."""
        if self.execution.position == 1:
            return
        prepared = self.execution.preparation_data
        for vertex in self.new.vertices[: self.new.reachable]:
            if vertex.spec.has_prepare and vertex.key not in prepared and vertex.key not in self.old.ordinals:
                message = f"node {vertex.key!r} is new, and would have to be prepared before the first node runs"
                yield _problem("not_prepared", message, vertex.key)

    def _of_undoing(self) -> Iterator[Problem]:
        """What has been done and is to be undone on failure must still be undone there."""
        if not self.old.has_compensation:
            return
        done = {row.node for row in self.execution.trail if isinstance(row, Settled) and not row.failed}
        for key in sorted(done & self.old.ordinals.keys()):
            undo = self.old.vertex(key).settings.compensate_with
            ordinal = self.new.ordinals.get(key)
            if undo is None or (ordinal is not None and self.new.vertices[ordinal].settings.compensate_with):
                continue
            message = (
                f"node {key!r} has completed and is undone by {undo!r} on failure, and there nothing would undo it"
            )
            yield _problem("compensation_gone", message, key)


def _takes_over(here: Vertex, there: Vertex) -> bool:
    """The join there can go on with what has come to the one here."""
    return here.join == there.join if isinstance(there.join, Custom) else type(here.join) is type(there.join)


def _join_changed(key: NodeKey, why: str, here: Vertex, there: Vertex) -> Problem:
    was, is_now = (type(vertex.join).__struct_config__.tag for vertex in (here, there))
    return _problem("join_changed", f"node {key!r}: {why}; here its join is {was}, and there it is {is_now}", key)


def _lock(mutex: str | None) -> str:
    return "no mutex" if mutex is None else f"mutex {mutex!r}"


def _inside(home: tuple[NodeKey, ...]) -> str:
    return f"inside of {', '.join(map(repr, home))}" if home else "in no loop"


def _problem(code: str, message: str, key: NodeKey | None = None) -> Problem:
    return Problem(code=code, message=message, node_key=key, place="" if key is None else f"nodes[{key}]")
