"""From a workflow to its graph: checked whole, laid out, every text compiled, every question about reach answered."""

from __future__ import annotations

import msgspec

from prana_py.errors import CompileError, Problem
from prana_py.expressions.template import Params
from prana_py.graph.advice import advise
from prana_py.graph.checks import (
    Inventory,
    check_connections,
    check_names,
    find_trigger,
    take_inventory,
    value_problems,
)
from prana_py.graph.confluence import is_confluent
from prana_py.graph.execution_graph import ExecutionGraph, LoopCycle, Route, Vertex
from prana_py.graph.fingerprint import fingerprint
from prana_py.graph.joins import Meetings, collect_of, join_of, meetings, waits_for_others
from prana_py.graph.loop_checks import check_loops
from prana_py.graph.loops import Levels, cycles, homes, innermost_owners, levels, ways_back
from prana_py.graph.skeleton import skeleton
from prana_py.graph.texts import Compiled, compile_texts
from prana_py.identifiers import NodeKey, PortName
from prana_py.model.connection import Connection, Cycle
from prana_py.model.join import Batch, Custom, FirstOf, Inclusive, Join
from prana_py.model.node_spec import NodeSpec, NodeTypes
from prana_py.model.settings import NodeSettings, WorkflowSettings
from prana_py.model.workflow import Workflow

_NO_PARAMS = Params(source={})


def compile_workflow(workflow: Workflow, types: NodeTypes, *, trigger: NodeKey | None = None) -> ExecutionGraph:
    """The graph of a workflow that starts with ``trigger``, else with its only trigger node.

    ``CompileError`` tells of all problems at once. What cannot be reached from the trigger is left out, with a
    warning in the graph's ``warnings``.
    """
    problems, safe = value_problems(workflow)
    if not safe:
        raise CompileError(problems)
    inventory = take_inventory(workflow, types)
    problems += inventory.problems
    problems += check_connections(inventory)
    problems += check_names(inventory)
    root = find_trigger(inventory, trigger)
    if isinstance(root, Problem):
        problems.append(root)
    can_be_laid_out = not problems
    compiled = compile_texts(inventory, problems)
    if isinstance(root, Problem) or not can_be_laid_out:
        raise CompileError(problems)
    return _Layout(inventory, root, compiled, problems).graph()


class _Layout:
    """The steps of laying out one workflow, whose names are known to be right."""

    def __init__(self, inventory: Inventory, root: NodeKey, compiled: Compiled, problems: list[Problem]) -> None:
        self.inventory = inventory
        self.workflow = inventory.workflow
        self.compiled = compiled
        self.problems = problems
        self.root = root
        self.skeleton = skeleton(root, self.workflow.connections, frozenset())
        self.keys = (*self.skeleton.keys, *(key for key in inventory.compensators if key not in self.skeleton.keys))

    def graph(self) -> ExecutionGraph:
        """The graph, or ``CompileError``."""
        found = self.levels()
        back = ways_back(self.skeleton, found)
        self.problems += check_loops(self.inventory, self.skeleton, found, back)
        if self.problems:
            raise CompileError(self.problems)
        loop_cycles, closes = cycles(self.skeleton, found, back, self.limit)
        routes = [self.route(index, found, closes) for index in range(len(self.skeleton.links))]
        feeds = self.feeds(found, routes)
        joins = [join_of(self.inventory.node(key).settings, feeds[number]) for number, key in enumerate(self.keys)]
        waiting = 0
        for number, join in enumerate(joins):
            if waits_for_others(join, feeds[number]):
                waiting |= 1 << number
        met = meetings(self.skeleton, found, joins[: len(self.skeleton.keys)], waiting)
        self.problems += _check_counts(self.inventory, self.keys, joins, feeds)
        if self.problems:
            raise CompileError(self.problems)
        return self.assemble(found, loop_cycles, routes, feeds, joins, met)

    def levels(self) -> Levels:
        """The scopes; nesting too deep is an error at once, for nothing that follows would be bounded."""
        owners = frozenset(
            number for number, key in enumerate(self.skeleton.keys) if self.inventory.specs[key].owner is not None
        )
        home_of = homes(innermost_owners(self.skeleton, owners), len(self.skeleton.keys))
        if home_of is None:
            message = "scope owners lie too deep in each other's bodies – move the inner ones into a sub-workflow"
            raise CompileError([*self.problems, Problem(code="graph_too_large", message=message, place="nodes")])
        return levels(self.skeleton, owners, home_of)

    def limit(self, declared: Cycle | None) -> int | None:
        """How often a cycle may be gone round."""
        own = None if declared is None else declared.max_iterations
        return self.workflow.settings.max_iterations if own is None else own

    def route(self, index: int, found: Levels, closes: dict[int, int]) -> Route:
        """One connection, compiled; its place among the target's feeds is given later."""
        link = self.skeleton.links[index]
        connection = link.connection
        ends_item = index in found.ends_item
        cycle = closes.get(index, -1)
        condition = self.compiled.conditions.get(link.place)
        convergence = self.compiled.convergences.get(link.place) if cycle >= 0 else None
        mapping = self.compiled.mappings.get(link.place, ())
        leaves = found.leaves[index]
        special = (condition, convergence, mapping or None, connection.contract)
        return Route(
            key=link.key,
            connection=connection,
            rank=link.place,
            source=link.source,
            target=link.target,
            feed=-1,
            to_port=connection.to_port,
            condition=condition,
            converge_when=convergence,
            mapping=mapping,
            contract=self.compiled.contracts.get(link.place),
            is_back=cycle >= 0,
            cycle=cycle,
            leaves=leaves,
            ends_item=ends_item,
            is_plain=not (ends_item or leaves or cycle >= 0 or any(part is not None for part in special)),
        )

    def feeds(self, found: Levels, routes: list[Route]) -> list[tuple[Route, ...]]:
        """The routes that arrive at each vertex, which from here on know their place among them."""
        arriving: list[list[Route]] = [[] for _ in self.keys]
        for index, route in enumerate(routes):
            if index not in found.ends_item:
                placed = msgspec.structs.replace(route, feed=len(arriving[route.target]))
                routes[index] = placed
                arriving[route.target].append(placed)
        return [tuple(found_routes) for found_routes in arriving]

    def assemble(
        self,
        found: Levels,
        loop_cycles: tuple[LoopCycle, ...],
        routes: list[Route],
        feeds: list[tuple[Route, ...]],
        joins: list[Join],
        met: Meetings,
    ) -> ExecutionGraph:
        """Put everything in its place."""
        slots: dict[tuple[int, ...], int] = {}
        leaving = self.skeleton.leaving()
        vertices = []
        for number in range(len(self.keys)):
            live = number < len(found.homes)
            home = found.homes[number] if live else ()
            slot = slots.get(home, 0)
            slots[home] = slot + 1
            by_port = leaving[number] if live else {}
            vertex = self.vertex(number, feeds[number], joins[number], home=home, slot=slot)
            if live:
                in_loop = bool(home) or bool(found.on_cycle >> number & 1)
                vertex = msgspec.structs.replace(
                    vertex,
                    routes={port: tuple(routes[index] for index in indices) for port, indices in by_port.items()},
                    decides=any(_decides(routes[index]) for indices in by_port.values() for index in indices),
                    settings=_with_history(vertex.settings, self.workflow.settings) if in_loop else vertex.settings,
                    upstream=met.upstream[number],
                    downstream=met.downstream[number],
                    captive=met.captive[number],
                    joins_ahead=met.joins_ahead[number],
                    body=found.bodies.get(number, 0),
                    in_loop=in_loop,
                )
            vertices.append(vertex)
        for owner in found.bodies:
            inside = slots.get((*found.homes[owner], owner), 0)
            vertices[owner] = msgspec.structs.replace(vertices[owner], body_slots=inside)
        vertices = [_with_short_ways(vertex, loop_cycles) for vertex in vertices]
        direct = {vertex.ordinal for vertex in vertices if vertex.plain and vertex.straight_in and not vertex.heads}
        vertices = [_with_direct_routes(vertex, direct) for vertex in vertices]
        return self.finished(tuple(vertices), routes, loop_cycles, slots.get((), 0), met)

    def vertex(self, number: int, feeds: tuple[Route, ...], join: Join, *, home: tuple[int, ...], slot: int) -> Vertex:
        """What is known of a vertex by itself."""
        key = self.keys[number]
        node = self.inventory.node(key)
        spec = self.inventory.specs[key]
        settings = _effective(node.settings, spec, self.workflow.settings)
        guard = self.compiled.guards.get(key)
        return Vertex(
            ordinal=number,
            bit=1 << number,
            key=key,
            node=node,
            spec=spec,
            settings=settings,
            params=self.compiled.params.get(key, _NO_PARAMS),
            routes={},
            feeds=feeds,
            join=join,
            collect=collect_of(settings, feeds),
            plain=_is_plain(settings, feeds, join),
            home=home,
            slot=slot,
            enabled_if=guard,
            decides=False,
        )

    def finished(
        self,
        vertices: tuple[Vertex, ...],
        routes: list[Route],
        loop_cycles: tuple[LoopCycle, ...],
        top_slots: int,
        met: Meetings,
    ) -> ExecutionGraph:
        """The graph around its vertices."""
        workflow = self.workflow
        live = set(self.keys)
        by_port: dict[tuple[NodeKey, PortName], list[Connection]] = {}
        by_target: dict[NodeKey, list[Connection]] = {}
        for route in routes:
            connection = route.connection
            by_port.setdefault((connection.from_node, connection.from_port), []).append(connection)
            by_target.setdefault(connection.to_node, []).append(connection)
        graph = ExecutionGraph(
            workflow_id=workflow.id,
            workflow_name=workflow.name,
            workflow_version=workflow.version,
            digest=fingerprint(workflow, self.root),
            trigger_node_key=self.root,
            nodes={node.key: node for node in workflow.nodes if node.key in live},
            connection_map={key: tuple(found) for key, found in by_port.items()},
            reverse_connection_map={key: tuple(found) for key, found in by_target.items()},
            dependency_graph={
                key: tuple(dict.fromkeys(connection.from_node for connection in found))
                for key, found in by_target.items()
            },
            variables=workflow.variables,
            settings=workflow.settings,
            vertices=vertices,
            ordinals={key: number for number, key in enumerate(self.keys)},
            route_list={route.key: route for route in routes},
            cycles=loop_cycles,
            top_slots=top_slots,
            reachable=len(self.skeleton.keys),
            has_guards=any(vertex.enabled_if is not None for vertex in vertices),
            has_compensation=any(vertex.settings.compensate_with is not None for vertex in vertices),
            has_joins=any(met.upstream),
            entangled=met.entangled,
            demanding=sum(v.bit for v in vertices if not v.plain and not isinstance(v.join, Inclusive)),
        )
        return msgspec.structs.replace(
            graph, is_confluent=is_confluent(graph), warnings=tuple(advise(self.inventory, graph))
        )


def _effective(own: NodeSettings, spec: NodeSpec, of_workflow: WorkflowSettings) -> NodeSettings:
    retry = own.retry or spec.retry or of_workflow.retry
    timeout = spec.timeout if own.timeout is None else own.timeout
    if retry is own.retry and timeout is own.timeout:
        return own
    return msgspec.structs.replace(own, retry=retry, timeout=timeout)


def _with_history(own: NodeSettings, of_workflow: WorkflowSettings) -> NodeSettings:
    if own.history is not None or of_workflow.history is None:
        return own
    return msgspec.structs.replace(own, history=of_workflow.history)


def _decides(route: Route) -> bool:
    special = (route.condition, route.contract, route.converge_when)
    return any(part is not None for part in special) or (route.is_back and route.connection.loop is not None)


def _is_plain(settings: NodeSettings, feeds: tuple[Route, ...], join: Join) -> bool:
    special = (settings.enabled_if, settings.mutex, settings.race)
    return (
        len(feeds) < 2
        and not isinstance(join, (Batch, Custom, FirstOf))
        and all(part is None for part in special)
        and not settings.reentrant
        and settings.delivery == "at_least_once"
    )


def _with_direct_routes(vertex: Vertex, direct: set[int]) -> Vertex:
    """The vertex with its connections to plain nodes marked, if it stands at the top (and so do they)."""
    if vertex.home or not any(route.target in direct and route.is_plain for r in vertex.routes.values() for route in r):
        return vertex
    routes = {
        port: tuple(
            msgspec.structs.replace(route, is_direct=True) if route.target in direct and route.is_plain else route
            for route in leaving
        )
        for port, leaving in vertex.routes.items()
    }
    return msgspec.structs.replace(vertex, routes=routes)


def _with_short_ways(vertex: Vertex, loop_cycles: tuple[LoopCycle, ...]) -> Vertex:
    """The vertex with what the engine may do the short way."""
    settings = vertex.settings
    nothing_special = (
        settings.enabled_if is None
        and settings.mutex is None
        and settings.race is None
        and not settings.reentrant
        and settings.delivery == "at_least_once"
    )
    return msgspec.structs.replace(
        vertex,
        heads=tuple(cycle.index for cycle in loop_cycles if cycle.head == vertex.ordinal),
        has_mapping=any(route.mapping for route in vertex.feeds),
        straight=nothing_special
        and vertex.spec.owner is None
        and not vertex.decides
        and not settings.cancels
        and settings.timeout is None,
        straight_in=nothing_special and (vertex.plain or isinstance(vertex.join, Inclusive)),
    )


def _check_counts(
    inventory: Inventory, keys: tuple[NodeKey, ...], joins: list[Join], feeds: list[tuple[Route, ...]]
) -> list[Problem]:
    """A join cannot wait for more connections than lead to it."""
    problems = []
    for number, join in enumerate(joins):
        possible = len(feeds[number])
        if isinstance(join, FirstOf) and join.n > max(possible, 1):
            key = keys[number]
            message = f"node {key!r} runs on arrival {join.n} of a wave, but only {possible} connections lead to it"
            place = f"nodes[{inventory.places[key]}].settings.join.n"
            problems.append(Problem(code="settings_invalid", message=message, place=place, node_key=key))
    return problems
