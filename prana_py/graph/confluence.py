"""Whether every order of events must end in the same outputs."""

from __future__ import annotations

from prana_py.graph.execution_graph import ExecutionGraph, Vertex
from prana_py.identifiers import ERROR, TIMEOUT
from prana_py.model.join import Batch, Custom, FirstOf

_ENDS_THE_CASE = "core.stop"
_WRITES_STATE = "workflow.set_state"
_ONE_PORT_ONLY = "logic"
"""The category of types that choose one port of theirs."""


def is_confluent(graph: ExecutionGraph) -> bool:
    """Nothing in the graph asks for a race; in doubt the answer is no.

    A race is asked for by joins that do not wait for all, race groups, mutexes, guards, cancel regions, nodes that
    may run several times at once, loops that are done with some of their items, entangled joins, waits for signals,
    and – where branches may run side by side – by nodes that write the shared state or end the execution. State that
    a node of one's own writes is not seen.
    """
    if graph.entangled or any(_races(vertex) for vertex in graph.vertices):
        return False
    sensitive = any(vertex.spec.type in (_ENDS_THE_CASE, _WRITES_STATE) for vertex in graph.vertices)
    return not (sensitive and any(_forks(vertex) for vertex in graph.vertices))


def _races(vertex: Vertex) -> bool:
    settings = vertex.settings
    return bool(
        isinstance(vertex.join, (Batch, Custom, FirstOf))
        or settings.race
        or settings.mutex
        or settings.enabled_if is not None
        or settings.cancels
        or settings.reentrant
        or _waits_for_a_signal(vertex)
        or _is_done_with_some(vertex)
    )


def _is_done_with_some(vertex: Vertex) -> bool:
    """Items that go on side by side, and the first of them to end are enough."""
    if vertex.spec.owner != "for_each" or not _forks(vertex):
        return False
    return any(vertex.node.params.get(name) is not None for name in ("need", "until"))


def _waits_for_a_signal(vertex: Vertex) -> bool:
    if not vertex.spec.type.startswith("wait."):
        return False
    mode = vertex.node.params.get("mode")
    return mode == "signal" or "mode" in vertex.params.templated or vertex.spec.type == "wait.race"


def _forks(vertex: Vertex) -> bool:
    """More than one successor of a run may become active at once."""
    if any(len(routes) > 1 for routes in vertex.routes.values()):
        return True
    if vertex.spec.owner == "for_each":
        return bool(vertex.node.params.get("max_concurrency", 1) != 1)
    ports = [port for port in vertex.routes if port not in (ERROR, TIMEOUT)]
    return len(ports) > 1 and vertex.spec.category != _ONE_PORT_ONLY
