"""The nodes of a graph with everything about each of them behind one number."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from prana_py.expressions.template import Params
from prana_py.graph.execution_graph import LoopCycle, Route, Vertex
from prana_py.graph.joins import Meetings, collect_of
from prana_py.graph.loops import Levels
from prana_py.graph.routes import Arrivals, is_ordinary
from prana_py.graph.skeleton import Skeleton
from prana_py.graph.texts import Compiled
from prana_py.identifiers import NodeKey
from prana_py.model.join import Batch, Custom, Join
from prana_py.model.node import Node
from prana_py.model.node_spec import NodeSpec
from prana_py.model.settings import NodeSettings, WorkflowSettings

_NO_PARAMS = Params(source={})


class Parts(msgspec.Struct, frozen=True):
    """What vertices are put together from; lists go by ordinal, compensation nodes last."""

    nodes: Sequence[Node]
    specs: Sequence[NodeSpec]
    settings: Sequence[NodeSettings]
    skeleton: Skeleton
    found: Levels
    compiled: Compiled
    arriving: Arrivals
    routes: Sequence[Route]
    met: Meetings
    cycles: Sequence[LoopCycle]


def effective_settings(own: NodeSettings, spec: NodeSpec, of_workflow: WorkflowSettings) -> NodeSettings:
    """A node's settings with the type's and the workflow's defaults filled in."""
    retry = own.retry or spec.retry or of_workflow.retry
    timeout = spec.timeout if own.timeout is None else own.timeout
    if retry is own.retry and timeout is own.timeout:
        return own
    return msgspec.structs.replace(own, retry=retry, timeout=timeout)


def with_history(own: NodeSettings, of_workflow: WorkflowSettings) -> NodeSettings:
    """The settings of a node that may run many times: the workflow says how many of its runs are kept."""
    if own.history is not None or of_workflow.history is None:
        return own
    return msgspec.structs.replace(own, history=of_workflow.history)


def make_vertices(parts: Parts) -> tuple[tuple[Vertex, ...], int]:
    """Every vertex, and how many of them lie in no scope."""
    found = parts.found
    live = len(found.homes)
    homes = [found.homes[number] if number < live else () for number in range(len(parts.nodes))]
    slots: list[int] = []
    sizes: dict[tuple[int, ...], int] = {}
    for home in homes:
        slots.append(sizes.get(home, 0))
        sizes[home] = slots[-1] + 1
    heads: dict[int, list[int]] = {}
    for cycle in parts.cycles:
        heads.setdefault(cycle.head, []).append(cycle.index)
    leaving = parts.skeleton.leaving()
    vertices = []
    for number, home in enumerate(homes):
        by_port = leaving[number] if number < live else {}
        routes = {port: tuple(parts.routes[index] for index in indices) for port, indices in by_port.items()}
        inside = sizes.get((*home, number), 0) if number in found.bodies else 0
        cycles = tuple(heads.get(number, ()))
        vertices.append(_vertex(parts, number, routes, home=home, slot=slots[number], inside=inside, heads=cycles))
    return tuple(vertices), sizes.get((), 0)


def _vertex(
    parts: Parts,
    number: int,
    routes: dict[str, tuple[Route, ...]],
    *,
    home: tuple[int, ...],
    slot: int,
    inside: int,
    heads: tuple[int, ...],
) -> Vertex:
    node, spec, settings, met = parts.nodes[number], parts.specs[number], parts.settings[number], parts.met
    key: NodeKey = node.key
    params = parts.compiled.params.get(key, _NO_PARAMS)
    names_resume_url = any(path[0] == "resume_url" for path in params.paths)
    is_live = number < len(parts.found.homes)
    feeds = tuple([parts.routes[index] for index in parts.arriving.links[number]])
    decides = any(_decides(route) for leaving in routes.values() for route in leaving)
    return Vertex(
        ordinal=number,
        bit=1 << number,
        key=key,
        node=node,
        spec=spec,
        settings=settings,
        params=params,
        routes=routes,
        feeds=feeds,
        join=parts.arriving.joins[number],
        collect=collect_of(settings, feeds),
        plain=parts.arriving.plain[number],
        decides=decides,
        home=home,
        slot=slot,
        upstream=met.upstream[number] if is_live else 0,
        downstream=met.downstream[number] if is_live else 0,
        captive=met.captive[number] if is_live else 0,
        joins_ahead=met.joins_ahead[number] if is_live else 0,
        body=parts.found.bodies.get(number, 0),
        body_slots=inside,
        enabled_if=parts.compiled.guards.get(key),
        heads=heads,
        default_port=spec.default_port,
        takes_one=_takes_one(settings, feeds, parts.arriving.joins[number]),
        has_mapping=_are_mapped(feeds),
        straight=_is_straight(settings, spec, decides) and not names_resume_url and not parts.compiled.guards,
        names_resume_url=names_resume_url,
        straight_in=parts.arriving.straight_in[number],
        in_loop=bool(home) or bool(parts.found.on_cycle >> number & 1),
    )


def _takes_one(settings: NodeSettings, feeds: tuple[Route, ...], join: Join) -> bool:
    """A single arrival is the node's input as it is."""
    return collect_of(settings, feeds) != "list" and not isinstance(join, Batch | Custom) and not _are_mapped(feeds)


def _are_mapped(feeds: tuple[Route, ...]) -> bool:
    return any(feed.mapping for feed in feeds)


def _is_straight(settings: NodeSettings, spec: NodeSpec, decides: bool) -> bool:
    """Calling the node and handing on its answer needs nothing special."""
    unhurried = settings.timeout is None and not settings.cancels and settings.cache is None
    return unhurried and spec.owner is None and not decides and is_ordinary(settings)


def _decides(route: Route) -> bool:
    if route.is_plain:
        return False
    special = (route.condition, route.contract, route.converge_when)
    return any(part is not None for part in special) or (route.is_back and route.connection.loop is not None)
