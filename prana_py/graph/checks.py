"""What must hold of a workflow before it is laid out: every problem is found, with its code and its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from prana_py.errors import Problem, nearest
from prana_py.identifiers import ERROR, TIMEOUT, NodeKey, PortName
from prana_py.model.connection import Connection
from prana_py.model.document import check_workflow_values
from prana_py.model.join import Custom
from prana_py.model.join_policy import JoinPolicy
from prana_py.model.node import Node
from prana_py.model.node_spec import ANY_PORT, NodeSpec, NodeTypes
from prana_py.model.workflow import Workflow

LARGEST = 10_000
"""The nodes of a workflow; who can reach whom is kept as bit sets, which grow with their square."""

ALWAYS_ALLOWED: tuple[PortName, ...] = (ERROR, TIMEOUT)
"""The ports that every node may leave by, declared or not."""

_SAFE_TO_GO_ON = frozenset({"duplicate_key", "out_of_range"})


class Inventory(msgspec.Struct, frozen=True):
    """What the names in a workflow stand for."""

    workflow: Workflow
    types: NodeTypes
    places: dict[NodeKey, int]
    """The index of the first node with each key."""
    specs: dict[NodeKey, NodeSpec]
    """Nodes whose type is unknown have none."""
    compensators: tuple[NodeKey, ...]
    """The nodes that undo others, in the order in which they are first named."""
    problems: list[Problem]

    def node(self, key: NodeKey) -> Node:
        """The node with this key."""
        return self.workflow.nodes[self.places[key]]


def value_problems(workflow: Workflow) -> tuple[list[Problem], bool]:
    """What is wrong with the values themselves, and whether the rest can be looked at all the same."""
    count = len(workflow.nodes)
    if count > LARGEST:
        message = f"the workflow has {count:,} nodes; at most {LARGEST:,} are possible – move parts into sub-workflows"
        return [Problem(code="graph_too_large", message=message, place="nodes")], False
    problems = check_workflow_values(workflow)
    return problems, all(problem.code in _SAFE_TO_GO_ON for problem in problems)


def take_inventory(workflow: Workflow, types: NodeTypes) -> Inventory:
    """Look up every node's type, and who undoes whom."""
    places: dict[NodeKey, int] = {}
    specs: dict[NodeKey, NodeSpec] = {}
    problems: list[Problem] = []
    for index, node in enumerate(workflow.nodes):
        first = places.setdefault(node.key, index)
        spec = types.spec(node.type)
        if spec is None:
            message = f"node {node.key!r} has the unknown type {node.type!r}"
            message += (
                nearest(node.type, types.type_names()) or "; types of your own are known where they are handed in"
            )
            problems.append(_of_node("node_type_unknown", message, index, node, "type"))
        elif first == index:
            specs[node.key] = spec
    compensators = dict.fromkeys(
        name for node in workflow.nodes if (name := node.settings.compensate_with) is not None and name in places
    )
    return Inventory(
        workflow=workflow,
        types=types,
        places=places,
        specs=specs,
        compensators=tuple(compensators),
        problems=problems,
    )


def check_names(inventory: Inventory) -> Iterable[Problem]:
    """Settings that name other nodes name nodes that exist."""
    for index, node in enumerate(inventory.workflow.nodes):
        undone_by = node.settings.compensate_with
        if undone_by is not None and undone_by not in inventory.places:
            message = f"node {node.key!r} is to be undone by {undone_by!r}, which does not exist"
            message += nearest(undone_by, inventory.places)
            yield _of_node("compensator_unknown", message, index, node, "settings.compensate_with")
        for number, name in enumerate(node.settings.cancels):
            if name not in inventory.places:
                message = f"node {node.key!r} cancels {name!r}, which does not exist{nearest(name, inventory.places)}"
                yield _of_node("cancels_unknown", message, index, node, f"settings.cancels[{number}]")


def check_policies(inventory: Inventory, policies: Mapping[str, JoinPolicy]) -> Iterable[Problem]:
    """The join policies that nodes name have been registered."""
    for index, node in enumerate(inventory.workflow.nodes):
        join = node.settings.join
        if isinstance(join, Custom) and join.name not in policies:
            message = f"node {node.key!r} joins by the policy {join.name!r}, which is not registered"
            message += nearest(join.name, policies) or " – give it to the compiler: policies={'name': function}"
            yield _of_node("policy_unknown", message, index, node, "settings.join.policy")


def check_connections(inventory: Inventory) -> Iterable[Problem]:
    """Every connection leaves a port that exists and leads into one."""
    for place, connection in enumerate(inventory.workflow.connections):
        yield from _check_source(inventory, place, connection)
        yield from _check_target(inventory, place, connection)
        for key in dict.fromkeys((connection.from_node, connection.to_node)):
            if key in inventory.compensators:
                message = f"node {key!r} undoes another node when an execution fails, so it can have no connections"
                yield _of_connection("compensator_connected", message, place, key)


def find_trigger(inventory: Inventory, asked: NodeKey | None) -> NodeKey | Problem:
    """Where executions start: the node that was asked for, else the only trigger."""
    if asked is not None:
        return _asked_trigger(inventory, asked)
    triggers = [key for key, spec in inventory.specs.items() if spec.is_trigger]
    if len(triggers) == 1:
        return triggers[0]
    if not triggers:
        message = "the workflow has no trigger node, so nothing says where it starts – add a manual.trigger"
        return Problem(code="trigger_missing", message=message, place="nodes")
    names = ", ".join(repr(key) for key in triggers)
    message = f"the workflow has {len(triggers)} triggers ({names}) – say by which one it starts"
    return Problem(code="trigger_ambiguous", message=message, place="nodes")


def _asked_trigger(inventory: Inventory, asked: NodeKey) -> NodeKey | Problem:
    if asked not in inventory.places:
        message = f"the trigger {asked!r} does not exist{nearest(asked, inventory.places)}"
        return Problem(code="trigger_unknown", message=message, place="nodes", node_key=asked)
    spec = inventory.specs.get(asked)
    if spec is not None and not spec.is_trigger:
        message = f"node {asked!r} is a {spec.type!r}, which is no trigger, so nothing can start with it"
        return _of_node("trigger_not_trigger", message, inventory.places[asked], inventory.node(asked), "type")
    return asked


def _check_source(inventory: Inventory, place: int, connection: Connection) -> Iterable[Problem]:
    key, port = connection.from_node, connection.from_port
    if key not in inventory.places:
        yield _dangling(inventory, place, key, "from")
        return
    spec = inventory.specs.get(key)
    if spec is not None and not (_declares(spec.outputs, port) or port in ALWAYS_ALLOWED):
        message = f"node {key!r} has no output port {port!r}{nearest(port, spec.outputs)}; {_listing(spec.outputs)}"
        yield _of_connection("port_unknown", message, place, key, "from_port")


def _check_target(inventory: Inventory, place: int, connection: Connection) -> Iterable[Problem]:
    key, port = connection.to_node, connection.to_port
    if key not in inventory.places:
        yield _dangling(inventory, place, key, "to")
        return
    spec = inventory.specs.get(key)
    if spec is None:
        return
    if spec.is_trigger:
        message = f"node {key!r} is a trigger, where an execution starts, so nothing can lead into it"
        yield _of_connection("trigger_has_inputs", message, place, key, "to")
    elif not _declares(spec.inputs, port):
        message = f"node {key!r} has no input port {port!r}{nearest(port, spec.inputs)}; {_listing(spec.inputs)}"
        yield _of_connection("port_unknown", message, place, key, "to_port")


def _declares(ports: tuple[PortName, ...], port: PortName) -> bool:
    return port in ports or ports == ANY_PORT


def _listing(ports: tuple[PortName, ...]) -> str:
    return "it declares " + (", ".join(repr(port) for port in ports) if ports else "none")


def _dangling(inventory: Inventory, place: int, key: NodeKey, field: str) -> Problem:
    direction = "from" if field == "from" else "to"
    message = f"the connection leads {direction} {key!r}, which does not exist{nearest(key, inventory.places)}"
    return _of_connection("connection_dangling", message, place, key, field)


def _of_node(code: str, message: str, index: int, node: Node, field: str) -> Problem:
    return Problem(code=code, message=message, place=f"nodes[{index}].{field}", node_key=node.key)


def _of_connection(code: str, message: str, place: int, key: NodeKey, field: str = "") -> Problem:
    where = f"connections[{place}].{field}" if field else f"connections[{place}]"
    return Problem(code=code, message=message, place=where, node_key=key)
