"""What the expressions of an execution can see: looked up when asked, in the node's own scope and then outwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol

from prana_py.execution.activation import Activation
from prana_py.execution.execution import Identity, OwnerRun
from prana_py.execution.frozen_map import FrozenMap
from prana_py.execution.rows import Row, RunKey, Settled, Stopped
from prana_py.execution.scope_state import ScopeState
from prana_py.execution.suspension import as_datetime
from prana_py.expressions.names import MISSING, Lookup, Names
from prana_py.graph.execution_graph import ExecutionGraph, Vertex
from prana_py.identifiers import MAIN, Instant, NodeKey, Scope


class Seen(Protocol):
    """What look-ups need of an execution, or of one that is being changed."""

    @property
    def execution_graph(self) -> ExecutionGraph: ...
    @property
    def identity(self) -> Identity: ...
    @property
    def environment(self) -> Mapping[str, Any]: ...
    @property
    def state(self) -> dict[str, Any]: ...
    @property
    def next_index(self) -> int: ...
    @property
    def owners(self) -> FrozenMap[RunKey, OwnerRun]: ...
    @property
    def closed_scopes(self) -> FrozenMap[NodeKey, ScopeState]: ...
    def scope_state(self, scope: Scope) -> ScopeState | None: ...
    def history(self) -> Iterator[Row]: ...


NO_INPUTS: Final[dict[str, Any]] = {}


class ExecutionNames(Names):
    """The names of one evaluation: the input is at hand, the rest is made when it is asked for."""

    __slots__ = ("activation", "now", "scope", "seen")

    def __init__(
        self,
        seen: Seen,
        scope: Scope,
        *,
        inputs: Mapping[str, Any] = NO_INPUTS,
        value: Any = MISSING,
        now: Instant = Instant(0),
        activation: Activation | None = None,
    ) -> None:
        self.seen = seen
        self.scope = scope
        self.now = now
        self.activation = activation
        self["$inputs"] = inputs
        self["$input"] = value

    def __missing__(self, name: str) -> Any:
        make = _MAKERS.get(name)
        if make is not None:
            value = make(self)
            self[name] = value
            return value
        if name[:1] == "$":
            return MISSING
        fields = self["$input"]
        return fields.get(name, MISSING) if isinstance(fields, dict) else MISSING


def main_input(inputs: Mapping[str, Any]) -> Any:
    """``$input``: the value of the main port, or of the only port that received data."""
    if MAIN in inputs:
        return inputs[MAIN]
    if len(inputs) == 1:
        return next(iter(inputs.values()))
    return None


class _Nodes(Lookup):
    """``$nodes``: by key, what ran and can be seen from here."""

    __slots__ = ("scope", "seen")

    def __init__(self, seen: Seen, scope: Scope) -> None:
        self.seen = seen
        self.scope = scope

    def look_up(self, key: Any) -> Any:
        ordinal = self.seen.execution_graph.ordinals.get(key)
        if ordinal is None:
            return MISSING
        vertex = self.seen.execution_graph.vertices[ordinal]
        state = visible_scope(self.seen, vertex, self.scope)
        return MISSING if state is None else _NodeView(self.seen, vertex, state)

    def plain(self) -> Any:
        views = ((key, self.look_up(key)) for key in self.seen.execution_graph.nodes)
        return {key: view.plain() for key, view in views if view is not MISSING and view.look_up("ran")}


class _NodeView(Lookup):
    """``$nodes.<key>``: ``output``, ``port``, ``context``, ``runs`` and ``error`` of its latest run."""

    __slots__ = ("seen", "state", "vertex")

    def __init__(self, seen: Seen, vertex: Vertex, state: ScopeState) -> None:
        self.seen = seen
        self.vertex = vertex
        self.state = state

    def look_up(self, key: Any) -> Any:
        row = latest_completed(self.state, self.vertex)
        match key:
            case "output":
                return MISSING if row is None else row.output
            case "context":
                return self.state.context.get(self.vertex.ordinal, {})
            case "port":
                return row.ports[0] if isinstance(row, Settled) and row.ports else MISSING
            case "error":
                return row.error.as_data() if row is not None and row.error is not None else MISSING
            case "runs":
                return [run.output for run in runs_of(self.seen, self.vertex.key)]
            case "ran":
                return row is not None
            case _:
                return MISSING

    def plain(self) -> Any:
        row = latest_completed(self.state, self.vertex)
        return {"output": None if row is None else row.output, "context": self.look_up("context")}


def visible_scope(seen: Seen, vertex: Vertex, scope: Scope) -> ScopeState | None:
    """Where a look-up from ``scope`` finds a node: in its own scope, outwards, or in the last item of one closed."""
    depth = len(vertex.home)
    graph = seen.execution_graph
    own = scope[:depth]
    owners = [graph.vertices[ordinal].key for ordinal in vertex.home]
    if owners == [step[0] for step in own]:
        return seen.scope_state(own)
    return seen.closed_scopes.get(graph.vertices[vertex.home[-1]].key)


def latest_completed(state: ScopeState, vertex: Vertex) -> Settled | Stopped | None:
    """The newest run of a node in a scope, if it completed."""
    row = state.latest[vertex.slot]
    if isinstance(row, Settled):
        return None if row.failed else row
    return row if isinstance(row, Stopped) else None


def runs_of(seen: Seen, key: NodeKey) -> list[Settled]:
    """Every completed run of a node, oldest first."""
    return [row for row in seen.history() if isinstance(row, Settled) and row.node == key and not row.failed]


def _workflow(names: ExecutionNames) -> Any:
    graph = names.seen.execution_graph
    return {"id": graph.workflow_id, "name": graph.workflow_name, "version": graph.workflow_version}


def _execution(names: ExecutionNames) -> Any:
    identity, activation = names.seen.identity, names.activation
    told: dict[str, Any] = {
        "id": identity.id,
        "mode": identity.execution_mode,
        "state": names.seen.state,
        "preparation": identity.preparation_data,
        "trigger_type": identity.trigger_type,
    }
    if activation is not None:
        told |= {
            "current_node_key": activation.vertex.key,
            "run_index": activation.run_index,
            "execution_index": activation.index if activation.index >= 0 else names.seen.next_index,
            "attempt": activation.attempt,
            "loopback": is_loopback(activation),
            "loop": {**_loop(names), **_place_in_loops(names.seen.execution_graph, activation)},
        }
    return told


def _place_in_loops(graph: ExecutionGraph, activation: Activation) -> dict[str, Any]:
    """How deep in loops a node is, which they are from the outside in, and what it is in the innermost."""
    vertex = activation.vertex
    owners = [f"loop_{graph.vertices[ordinal].key}" for ordinal in vertex.home]
    around = sorted(
        (cycle for cycle in graph.cycles if cycle.members & vertex.bit), key=lambda cycle: -cycle.members.bit_count()
    )
    ids = owners + [f"loop_{graph.vertices[cycle.head].key}" for cycle in around]
    role = "in_loop" if ids else "not_in_loop"
    if around and around[-1].head == vertex.ordinal:
        role = "start_loop"
    elif around and _leads_back(vertex, around[-1].index):
        role = "end_loop"
    return {"loop_level": len(ids), "loop_role": role, "loop_ids": ids, "loopback": is_loopback(activation)}


def _leads_back(vertex: Vertex, cycle: int) -> bool:
    return any(route.is_back and route.cycle == cycle for routes in vertex.routes.values() for route in routes)


def is_loopback(activation: Activation) -> bool:
    """The run was reached by going round a cycle."""
    return any(arrival.route is not None and arrival.route.is_back for arrival in activation.arrivals)


def _loop(names: ExecutionNames) -> Any:
    """``$loop``: the innermost item or round, or else how often the cycle around the node was gone round."""
    if names.scope:
        return _item(names.seen, names.scope)
    activation = names.activation
    if activation is None or not activation.vertex.in_loop:
        return {}
    state = names.seen.scope_state(names.scope)
    counts = () if state is None else state.iterations
    around = [c.index for c in names.seen.execution_graph.cycles if c.members & activation.vertex.bit]
    index = counts[around[-1]] if around and counts else 0
    return {"index": index, "first": index == 0}


def _item(seen: Seen, scope: Scope) -> dict[str, Any]:
    node, run, item = scope[-1]
    owner = seen.owners.get((node, scope[:-1], run))
    told: dict[str, Any] = {"index": item, "first": item == 0}
    if owner is not None and owner.vertex.spec.owner == "for_each":
        told |= {"item": owner.item(item), "count": owner.count, "last": owner.closed and item == owner.count - 1}
    if len(scope) > 1:
        told["parent"] = _item(seen, scope[:-1])
    return told


_MAKERS: Final[Mapping[str, Callable[[ExecutionNames], Any]]] = {
    "$nodes": lambda names: _Nodes(names.seen, names.scope),
    "$vars": lambda names: names.seen.identity.variables,
    "$env": lambda names: dict(names.seen.environment),
    "$state": lambda names: names.seen.state,
    "$workflow": _workflow,
    "$execution": _execution,
    "$loop": _loop,
    "$now": lambda names: as_datetime(names.now),
}
