"""A net as a workflow: compiled for the engine, with nodes that answer as a behaviour says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import count
from typing import Any, Final

from prana_py.driver.invocation import Invocation
from prana_py.driver.outcome import Completed, CompletedPorts, Opened, Outcome, Waiting, failed
from prana_py.execution.suspension import WebhookRequest
from prana_py.graph.compile import compile_workflow
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import Scope
from prana_py.model.connection import Connection
from prana_py.model.join import All, Batch, Every, FirstOf, Inclusive, Join
from prana_py.model.node import Node
from prana_py.model.node_spec import ANY_PORT, NodeSpec
from prana_py.model.settings import NodeSettings, WorkflowSettings
from prana_py.model.workflow import Workflow
from tests.reference_interpreter import Behaviour, Each, Edge, Fail, Net, NetNode, Suspend
from tests.reference_interpreter import net as nets
from tests.reference_interpreter.net import Owner

KINDS: Final[Mapping[Owner | None, str]] = {None: "play", "for_each": "play.for_each", "while": "play.while"}
SPECS: Final = {
    spec.type: spec
    for owner, kind in KINDS.items()
    for spec in (
        NodeSpec(type=kind, inputs=ANY_PORT, outputs=ANY_PORT, owner=owner, has_resume=True),
        NodeSpec(type=f"{kind}.start", inputs=(), outputs=ANY_PORT, owner=owner, has_resume=True, is_trigger=True),
    )
}


def with_a_start(net: Net) -> Net:
    """The net, with a start of its own before a trigger that something leads into: workflows have no such triggers."""
    if not any(edge.target == net.trigger for edge in net.edges):
        return net
    nodes = {"start": NetNode(), **net.nodes}
    return Net(nodes, (*net.edges, Edge("start", nets.MAIN_PORT, net.trigger)), "start", net.max_iterations)


class PlayedTypes:
    """The node types of nets: one for plain nodes, one for each kind of scope owner."""

    def spec(self, type_name: str) -> NodeSpec | None:
        return SPECS.get(type_name)

    def type_names(self) -> Iterable[str]:
        return SPECS

    def param_problems(
        self, type_name: str, params: Mapping[str, Any], templated: frozenset[str]
    ) -> Iterator[tuple[str, str]]:
        return iter(())


def compiled(net: Net) -> ExecutionGraph:
    """The net as the engine knows it. Connections keep their places, so a route's rank is the edge's index."""
    workflow = Workflow(
        id="net",
        name="Net",
        nodes=tuple(_node(key, node, is_start=key == net.trigger) for key, node in net.nodes.items()),
        connections=tuple(
            Connection(from_node=edge.source, from_port=edge.port, to_node=edge.target, to_port=edge.to_port)
            for edge in net.edges
        ),
        settings=WorkflowSettings(max_iterations=net.max_iterations),
    )
    return compile_workflow(workflow, PlayedTypes(), trigger=net.trigger)


def _node(key: str, node: NetNode, *, is_start: bool) -> Node:
    kind = KINDS[node.owner]
    return Node(key=key, type=f"{kind}.start" if is_start else kind, settings=_settings(node))


@lru_cache
def _settings(node: NetNode) -> NodeSettings:
    return NodeSettings(join=_join(node.join), collect=node.collect, reentrant=node.reentrant)


def _join(join: nets.Join | None) -> Join | None:
    match join:
        case None:
            return None
        case "inclusive":
            return Inclusive()
        case "all":
            return All()
        case "each":
            return Every()
        case ("first", n, on_rest, block):
            return FirstOf(n=n, on_rest=on_rest, block=block)
        case ("batch", size):
            return Batch(size=size)
        case _:
            raise AssertionError(join)


def told_scope(scope: Scope) -> Scope:
    """A scope as the reference interpreter names it: runs count from 1 there."""
    return tuple((owner, run + 1, item) for owner, run, item in scope)


def answer(net: Net, behaviour: Behaviour, call: Invocation) -> Outcome:
    """What the behaviour answers to a call of the engine."""
    key, scope, run = call.node_key, told_scope(call.scope), call.run + 1
    owner = net.nodes[key].owner
    asked = (*scope, (key, run, 0)) if owner == "while" else scope
    said = behaviour(key, asked, run, call.inputs)
    if isinstance(said, Suspend):
        if call.call == "execute":
            return Waiting(WebhookRequest())
        said = said.then or {}
    if isinstance(said, Fail):
        return failed("planned", "this run was to fail", retryable=False)
    if owner and nets.LOOP_PORT in said:
        if owner == "for_each":
            return Opened(items=list(said[nets.LOOP_PORT]), max_concurrency=net.nodes[key].item_concurrency)
        return Opened(items=[call.input], max_rounds=_rounds(behaviour, key, scope, run))
    return _ports(dict(said))


def _rounds(behaviour: Behaviour, key: str, scope: Scope, run: int) -> int:
    """How many rounds a while goes: asked in advance, since a behaviour's answer does not depend on what it is told."""
    for item in count(1):
        said = behaviour(key, (*scope, (key, run, item)), run, {})
        if not isinstance(said, Mapping) or nets.LOOP_PORT not in said:
            return item
    raise AssertionError("a behaviour that never ends")


def _ports(said: dict[str, Any]) -> Outcome:
    """The answer with its ports in an order of its own: only the order of connections may count."""
    if len(said) == 1:
        port, value = next(iter(said.items()))
        if not isinstance(value, Each):
            return Completed(value, port)
    each = tuple(port for port, value in said.items() if isinstance(value, Each))
    values = {port: list(value.values) if isinstance(value, Each) else value for port, value in said.items()}
    return CompletedPorts(dict(reversed(values.items())), each=each)
