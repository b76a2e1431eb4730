"""From a workflow to its graph: checked whole, laid out, every text compiled, every question about reach answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from prana_py.errors import CompileError, Problem
from prana_py.graph.advice import advise
from prana_py.graph.checks import (
    Inventory,
    check_connections,
    check_names,
    check_policies,
    find_trigger,
    take_inventory,
    value_problems,
)
from prana_py.graph.confluence import is_confluent
from prana_py.graph.execution_graph import ExecutionGraph, LoopCycle, Route, Vertex
from prana_py.graph.fingerprint import fingerprint
from prana_py.graph.joins import Meetings, meetings, waits_for_others
from prana_py.graph.loop_checks import check_loops
from prana_py.graph.loops import Levels, cycles, homes, innermost_owners, levels, ways_back
from prana_py.graph.policy import policy_of
from prana_py.graph.routes import Arrivals, arrivals, make_routes
from prana_py.graph.skeleton import Skeleton, skeleton
from prana_py.graph.texts import Compiled, compile_texts
from prana_py.graph.vertices import Parts, effective_settings, make_vertices, with_history
from prana_py.identifiers import NodeKey, PortName
from prana_py.model.connection import Connection, Cycle
from prana_py.model.join import Custom, FirstOf, Inclusive
from prana_py.model.join_policy import JoinPolicy
from prana_py.model.node import Node
from prana_py.model.node_spec import NodeSpec, NodeTypes
from prana_py.model.settings import NodeSettings
from prana_py.model.workflow import Workflow

NO_POLICIES: Mapping[str, JoinPolicy] = {}


def compile_workflow(
    workflow: Workflow,
    types: NodeTypes,
    *,
    trigger: NodeKey | None = None,
    policies: Mapping[str, JoinPolicy] = NO_POLICIES,
) -> ExecutionGraph:
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
    problems += check_policies(inventory, policies)
    root = find_trigger(inventory, trigger)
    if isinstance(root, Problem):
        problems.append(root)
    can_be_laid_out = not problems
    compiled = compile_texts(inventory, problems)
    if isinstance(root, Problem) or not can_be_laid_out:
        raise CompileError(problems)
    graph = _Layout(inventory, root, compiled, problems).graph()
    named = {vertex.join.name for vertex in graph.vertices if isinstance(vertex.join, Custom)}
    if not named:
        return graph
    return msgspec.structs.replace(graph, policies={name: policies[name] for name in sorted(named)})


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
        inventory, skeleton = self.inventory, self.skeleton
        found = self.levels()
        back = ways_back(skeleton, found)
        self.problems += check_loops(inventory, skeleton, found, back)
        nodes = [inventory.node(key) for key in self.keys]
        specs = [inventory.specs[key] for key in self.keys]
        settings = self.settings(nodes, specs, found)
        arriving = arrivals(skeleton, found, settings)
        self.problems += _check_counts(inventory, self.keys, arriving)
        if self.problems:
            raise CompileError(self.problems)
        loop_cycles, closes = cycles(skeleton, found, back, self.limit)
        heads = {cycle.head for cycle in loop_cycles}
        routes = make_routes(skeleton, found, self.compiled, closes, arriving, heads)
        vertices, top_slots = make_vertices(
            Parts(
                nodes=nodes,
                specs=specs,
                settings=settings,
                skeleton=skeleton,
                found=found,
                compiled=self.compiled,
                arriving=arriving,
                routes=routes,
                met=_meetings(skeleton, found, arriving),
                cycles=loop_cycles,
            )
        )
        return self.finished(vertices, routes, loop_cycles, top_slots)

    def settings(self, nodes: list[Node], specs: list[NodeSpec], found: Levels) -> list[NodeSettings]:
        """Every node's own, with what the type and the workflow add."""
        of_workflow = self.workflow.settings
        filled = [effective_settings(node.settings, spec, of_workflow) for node, spec in zip(nodes, specs, strict=True)]
        if of_workflow.history is not None:
            for number, home in enumerate(found.homes):
                if home or found.on_cycle >> number & 1:
                    filled[number] = with_history(filled[number], of_workflow)
        return filled

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

    def finished(
        self,
        vertices: tuple[Vertex, ...],
        routes: list[Route],
        loop_cycles: tuple[LoopCycle, ...],
        top_slots: int,
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
            policy=policy_of(workflow.settings),
            vertices=vertices,
            ordinals={key: number for number, key in enumerate(self.keys)},
            route_list={route.key: route for route in routes},
            cycles=loop_cycles,
            top_slots=top_slots,
            reachable=len(self.skeleton.keys),
            bounds_history=any(
                vertex.settings.history is not None and (vertex.in_loop or vertex.spec.owner is not None)
                for vertex in vertices
            )
            or workflow.settings.history is not None,
            has_global_mutex=any(
                vertex.settings.mutex is not None and vertex.settings.mutex_reach == "global" for vertex in vertices
            ),
            has_prepare=any(vertex.spec.has_prepare for vertex in vertices[: len(self.skeleton.keys)]),
            has_guards=any(vertex.enabled_if is not None for vertex in vertices),
            has_compensation=any(vertex.settings.compensate_with is not None for vertex in vertices),
            has_joins=any(vertex.upstream for vertex in vertices),
            entangled=_entangled(vertices),
            demanding=sum(v.bit for v in vertices if not v.plain and not isinstance(v.join, Inclusive)),
        )
        return msgspec.structs.replace(
            graph, is_confluent=is_confluent(graph), warnings=tuple(advise(self.inventory, graph))
        )


def _meetings(skeleton: Skeleton, found: Levels, arriving: Arrivals) -> Meetings:
    count = len(found.homes)
    waiting = 0
    for number in range(count):
        if waits_for_others(arriving.joins[number], len(arriving.links[number])):
            waiting |= 1 << number
    return meetings(skeleton, found, arriving.joins[:count], waiting)


def _entangled(vertices: tuple[Vertex, ...]) -> int:
    """The waiting joins that have another both before and behind them."""
    return sum(vertex.bit for vertex in vertices if vertex.upstream & vertex.joins_ahead)


def _check_counts(inventory: Inventory, keys: tuple[NodeKey, ...], arriving: Arrivals) -> Iterable[Problem]:
    """A join cannot wait for more connections than lead to it."""
    for number, join in enumerate(arriving.joins):
        possible = len(arriving.links[number])
        if isinstance(join, FirstOf) and join.n > max(possible, 1):
            key = keys[number]
            message = f"node {key!r} runs on arrival {join.n} of a wave, but only {possible} connections lead to it"
            place = f"nodes[{inventory.places[key]}].settings.join.n"
            yield Problem(code="settings_invalid", message=message, place=place, node_key=key)
