"""What is allowed but probably not meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from prana_py.errors import Problem, nearest
from prana_py.expressions.names import ROOTS
from prana_py.graph.analysis import bits
from prana_py.graph.checks import ALWAYS_ALLOWED, Inventory
from prana_py.graph.execution_graph import ExecutionGraph, Route, Vertex
from prana_py.identifiers import PortName
from prana_py.model.join import All, Inclusive
from prana_py.model.node_spec import ANY_PORT

FARTHEST = 256
"""How far back is looked for the choice that separates two connections; beyond that no advice is given."""


def advise(inventory: Inventory, graph: ExecutionGraph) -> list[Problem]:
    """Every warning, in the order of the document, those about cycles last."""
    advice: list[Problem] = []
    for index, node in enumerate(inventory.workflow.nodes):
        number = graph.ordinals.get(node.key)
        if number is None:
            message = f"node {node.key!r} cannot be reached from {graph.trigger_node_key!r} and is left out"
            advice.append(_warning("unreachable_node", message, f"nodes[{index}]", node.key))
            continue
        vertex = graph.vertices[number]
        place = f"nodes[{index}]"
        advice += _unconnected(vertex, place)
        advice += _unknown_names(graph, vertex, place)
        if len(vertex.feeds) > 1:
            advice += _starving(graph, vertex, place)
            advice += _ambiguous(graph, vertex, place)
        if graph.entangled & vertex.bit:
            advice.append(_entangled(graph, vertex, place))
    advice += _endless(inventory, graph)
    return advice


def _unknown_names(graph: ExecutionGraph, vertex: Vertex, place: str) -> Iterator[Problem]:
    """Names in a node's templates that nothing will ever answer to."""
    for path in sorted(vertex.params.paths):
        root = path[0]
        if root[:1] == "$" and root not in ROOTS:
            message = f"node {vertex.key!r} looks up {root}, which does not exist{nearest(root, ROOTS)}"
        elif root == "$nodes" and len(path) > 1 and path[1] not in graph.nodes:
            message = f"node {vertex.key!r} looks up $nodes.{path[1]}, which is no node{nearest(path[1], graph.nodes)}"
        else:
            continue
        yield _warning("name_unknown", message, f"{place}.params", vertex.key)


def _unconnected(vertex: Vertex, place: str) -> Iterator[Problem]:
    """Ports that lead nowhere although others of the node do."""
    spec = vertex.spec
    if not vertex.routes or spec.outputs == ANY_PORT:
        return
    idle = [port for port in spec.outputs if port not in vertex.routes and port not in ALWAYS_ALLOWED]
    if idle:
        message = f"nothing is connected to {_listing(idle)} of node {vertex.key!r}: what leaves there ends"
        yield _warning("output_unconnected", message, place, vertex.key)


def _starving(graph: ExecutionGraph, vertex: Vertex, place: str) -> Iterator[Problem]:
    if not isinstance(vertex.join, All):
        return
    for one, other in _pairs(vertex.feeds):
        choice = _parting(graph, one, other)
        if choice is not None and choice[1] != choice[2] and not _enters_body(choice):
            message = (
                f"node {vertex.key!r} waits for all of its connections, but {choice[0].key!r} leaves by "
                f"{choice[1]!r} or by {choice[2]!r}, so they may never all deliver – an inclusive join would not wait"
            )
            yield _warning("all_join_behind_choice", message, f"{place}.settings.join", vertex.key)
            return


def _ambiguous(graph: ExecutionGraph, vertex: Vertex, place: str) -> Iterator[Problem]:
    """Two arrivals on one port in one activation, of which only the last is seen."""
    if vertex.collect != "last" or not isinstance(vertex.join, (All, Inclusive)):
        return
    ports: dict[PortName, list[Route]] = {}
    for feed in vertex.feeds:
        if not feed.is_back:
            ports.setdefault(feed.to_port, []).append(feed)
    for port, feeds in ports.items():
        for one, other in _pairs(tuple(feeds)):
            choice = _parting(graph, one, other)
            if choice is not None and choice[1] == choice[2] and one.condition is None and other.condition is None:
                message = (
                    f"both {graph.vertices[one.source].key!r} and {graph.vertices[other.source].key!r} feed the port "
                    f"{port!r} of {vertex.key!r}, which sees only the last – set collect to merge or list, or to last "
                    "if that is meant"
                )
                if vertex.node.settings.collect is None:
                    yield _warning("collect_ambiguous", message, place, vertex.key)
                return


def _entangled(graph: ExecutionGraph, vertex: Vertex, place: str) -> Problem:
    others = [graph.vertices[other].key for other in bits(vertex.upstream & vertex.joins_ahead)]
    message = f"the join {vertex.key!r} and {_listing(others)} wait for each other, so one may have to go first"
    around = [cycle for cycle in graph.cycles if cycle.members & vertex.bit and cycle.head != vertex.ordinal]
    if vertex.heads and around:
        outer = graph.vertices[around[0].head].key
        message += (
            f' – {vertex.key!r} heads a loop within that of {outer!r}: join "each" takes what comes round at once'
        )
    return _warning("joins_upstream_of_each_other", message, place, vertex.key)


def _endless(inventory: Inventory, graph: ExecutionGraph) -> Iterator[Problem]:
    """Cycles that no connection, port or condition leads out of."""
    for cycle in graph.cycles:
        members = [graph.vertices[number] for number in bits(cycle.members)]
        if cycle.declared is None and not any(_may_leave(vertex, cycle.members) for vertex in members):
            head = graph.vertices[cycle.head].key
            message = f"nothing leads out of the cycle through {head!r}: it ends by an error or at its limit"
            yield _warning("cycle_without_exit", message, f"nodes[{inventory.places[head]}]", head)


def _may_leave(vertex: Vertex, members: int) -> bool:
    if len(vertex.spec.outputs) != 1 or vertex.spec.outputs == ANY_PORT or vertex.settings.enabled_if is not None:
        return True
    return any(
        route.condition is not None or not members >> route.target & 1
        for routes in vertex.routes.values()
        for route in routes
    )


def _pairs(feeds: tuple[Route, ...]) -> Iterable[tuple[Route, Route]]:
    """Neighbours are enough: advice needs one example."""
    return pairwise(feeds)


def _parting(graph: ExecutionGraph, one: Route, other: Route) -> tuple[Vertex, PortName, PortName] | None:
    """The last vertex from which straight ways lead to both, and the ports they leave it by."""
    ports_by_vertex: dict[int, PortName] = {}
    for route in _straight_back(graph, one):
        ports_by_vertex.setdefault(route.source, route.connection.from_port)
    for route in _straight_back(graph, other):
        if route.source in ports_by_vertex:
            vertex = graph.vertices[route.source]
            return vertex, ports_by_vertex[route.source], route.connection.from_port
    return None


def _straight_back(graph: ExecutionGraph, route: Route) -> Iterator[Route]:
    """The route, and those before it up to where ways meet."""
    for _ in range(FARTHEST):
        yield route
        feeds = graph.vertices[route.source].feeds
        if len(feeds) != 1:
            return
        route = feeds[0]


def _enters_body(choice: tuple[Vertex, PortName, PortName]) -> bool:
    """A scope owner uses both of its ports, one after the other."""
    return choice[0].spec.owner is not None


def _listing(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names[:5]) + (" …" if len(names) > 5 else "")


def _warning(code: str, message: str, place: str, key: str) -> Problem:
    return Problem(code=code, message=message, place=place, node_key=key, severity="warning")
