"""The compiled form of a workflow: immutable, shared by every execution of it, never stored with one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from prana_py.errors import Problem
from prana_py.expressions.template import Params, Template
from prana_py.graph.contracts import Contract
from prana_py.graph.policy import Policy
from prana_py.identifiers import MAIN, ConnectionKey, NodeKey, PortName, WorkflowId
from prana_py.model.connection import Connection, Cycle
from prana_py.model.join import Join
from prana_py.model.join_policy import JoinPolicy
from prana_py.model.node import Node
from prana_py.model.node_spec import NodeSpec
from prana_py.model.settings import Collect, NodeSettings, WorkflowSettings


class Route(msgspec.Struct, frozen=True, gc=False, eq=False, kw_only=True):
    """One connection, compiled: where it leads and what is special about it."""

    key: ConnectionKey
    """``from:port->to:port``, with ``#2``, ``#3`` … for repetitions: its name in the journal."""
    connection: Connection
    rank: int = 0
    """Its place among all connections, in definition order."""
    source: int
    target: int
    feed: int
    """Its place among the target's feeds; −1 for a way back to a scope owner, which is no arrival."""
    to_port: PortName
    condition: Template | None = None
    converge_when: Template | None = None
    mapping: tuple[tuple[tuple[str, ...], str], ...] = ()
    """Pairs of (path in the value, parameter of the target)."""
    contract: Contract | None = None
    """What may pass, compiled."""
    is_back: bool = False
    """It closes a plain cycle: taking it counts as an iteration."""
    cycle: int = -1
    """The index in ``ExecutionGraph.cycles`` of the cycle that it closes."""
    leaves: int = 0
    """How many scopes an arrival on it leaves: 0 for nearly all."""
    ends_item: bool = False
    """It leads from an owner's body back to the owner: the item's path ends, and the value is its result."""
    is_direct: bool = False
    """It is plain, stays at the top and leads to a plain node that heads no cycle: the arrival is the next run."""
    is_plain: bool = True
    """Nothing of the above holds and there is no condition: the arrival is simply handed on."""


class LoopCycle(msgspec.Struct, frozen=True, gc=False, eq=False, kw_only=True):
    """One cycle of the graph that can be gone round: its head, its members, its limit."""

    index: int
    head: int
    members: int
    """Bit set of the vertices on it."""
    max_iterations: int | None
    declared: Cycle | None = None


class Vertex(msgspec.Struct, frozen=True, gc=False, eq=False, kw_only=True):
    """Everything about one node behind one index."""

    ordinal: int
    bit: int
    key: NodeKey
    node: Node
    spec: NodeSpec
    settings: NodeSettings
    """The node's own, with the type's and the workflow's defaults filled in."""
    params: Params
    routes: dict[PortName, tuple[Route, ...]]
    """Connections by the port they leave, in definition order."""
    feeds: tuple[Route, ...]
    """Incoming connections in definition order, without ways back to an owner."""
    join: Join
    collect: Collect
    plain: bool
    """An arrival is at once an activation: one feed at most, an inclusive, all or each join, no guard, mutex or race,
    one run at a time, delivered at least once."""
    decides: bool = True
    """Some connection out of it has a condition, a contract or a declared cycle, so that an answer must be routed."""
    home: tuple[int, ...] = ()
    """Ordinals of the scope owners around the node, outermost first; its depth is their number."""
    slot: int = 0
    """Its place among the nodes with the same home."""
    upstream: int = 0
    """Joins that wait only: who can reach it without passing through it (nodes of its own home; a scope owner stands
    for its body). A join that runs once per arrival waits for nobody."""
    downstream: int = 0
    """Joins that block only: the nodes of its own home that it can reach."""
    captive: int = 0
    """``first`` joins with ``on_rest: cancel`` only: upstream nodes all of whose paths pass through the join."""
    joins_ahead: int = 0
    """The joins that have this node upstream."""
    body: int = 0
    """Owners only: bit set of the nodes of the body, inner bodies included."""
    body_slots: int = 0
    """Owners only: how many nodes have exactly this owner as their innermost."""
    enabled_if: Template | None = None
    heads: tuple[int, ...] = ()
    """The cycles of which it is the head."""
    default_port: PortName = MAIN
    takes_one: bool = False
    """A single arrival is its input as it is: no mapping, no list, no batch."""
    has_mapping: bool = False
    """Some connection into it carries a mapping."""
    straight: bool = False
    """Calling it and handing on its answer needs nothing special: no owner, decisions, timeout, race or region; and
    no guard in the graph, which any answer may open."""
    names_resume_url: bool = False
    """Its parameters call ``resume_url``, so that what is kept of them differs from what the call gets."""
    straight_in: bool = False
    """Arrivals at it need nothing special: it is plain, or an inclusive join without guard, mutex or reentrance."""
    in_loop: bool = False
    """It lies on a cycle or in a scope, so that it may run many times."""


class ExecutionGraph(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A compiled workflow: the four maps by key for people, the vertices by number for the engine."""

    workflow_id: WorkflowId
    workflow_name: str
    workflow_version: int
    digest: str
    trigger_node_key: NodeKey
    nodes: dict[NodeKey, Node]
    connection_map: dict[tuple[NodeKey, PortName], tuple[Connection, ...]]
    reverse_connection_map: dict[NodeKey, tuple[Connection, ...]]
    dependency_graph: dict[NodeKey, tuple[NodeKey, ...]]
    variables: dict[str, Any]
    settings: WorkflowSettings
    policy: Policy = Policy()
    """What executions keep of the settings."""
    vertices: tuple[Vertex, ...]
    """In depth-first preorder from the trigger; compensation nodes come last."""
    ordinals: dict[NodeKey, int]
    route_list: dict[ConnectionKey, Route]
    cycles: tuple[LoopCycle, ...] = ()
    top_slots: int = 0
    has_joins: bool = False
    entangled: int = 0
    """Joins that have another join both upstream and downstream: only these can ever need the release."""
    reachable: int = 0
    """How many vertices can be reached from the trigger; the others are compensation nodes."""
    bounds_history: bool = False
    """Some node that may run many times keeps only its last runs."""
    has_prepare: bool = False
    """Some node that can be reached wants to prepare before the first one runs."""
    has_guards: bool = False
    has_global_mutex: bool = False
    has_compensation: bool = False
    demanding: int = 0
    """Joins that need more than the absence of other work: all, each, first, batch, custom."""
    is_confluent: bool = True
    """Nothing in it asks for a race, so every order of events ends in the same outputs."""
    warnings: tuple[Problem, ...] = ()
    policies: Mapping[str, JoinPolicy] = {}
    """The join policies that its nodes name; functions of the host, which the digest says nothing about."""

    def __repr__(self) -> str:
        return f"<ExecutionGraph {self.workflow_id} v{self.workflow_version}: {len(self.vertices)} nodes>"

    @property
    def trigger(self) -> Vertex:
        return self.vertices[self.ordinals[self.trigger_node_key]]

    def vertex(self, key: NodeKey) -> Vertex:
        """The vertex of a node key; ``KeyError`` when the graph has no such node."""
        return self.vertices[self.ordinals[key]]
