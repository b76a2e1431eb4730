"""How two workflows differ, as data: which nodes and connections are new, gone or changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from prana_py.identifiers import NodeKey
from prana_py.model.connection import Connection
from prana_py.model.node import Node
from prana_py.model.workflow import Workflow

Part = TypeVar("Part")


class NodeChange(msgspec.Struct, frozen=True, kw_only=True):
    """A node that both have, and that is not the same."""

    key: NodeKey
    before: Node
    after: Node

    @property
    def fields(self) -> tuple[str, ...]:
        """What of it differs: ``type``, ``params``, ``settings`` …"""
        return _fields(self.before, self.after)


class ConnectionChange(msgspec.Struct, frozen=True, kw_only=True):
    """A connection between the same ports, with another condition, mapping, contract or cycle."""

    key: str
    before: Connection
    after: Connection

    @property
    def fields(self) -> tuple[str, ...]:
        """What of it differs."""
        return _fields(self.before, self.after)


class WorkflowDifference(msgspec.Struct, frozen=True, kw_only=True):
    """How one workflow becomes the other."""

    added_nodes: tuple[Node, ...] = ()
    removed_nodes: tuple[Node, ...] = ()
    changed_nodes: tuple[NodeChange, ...] = ()
    added_connections: tuple[Connection, ...] = ()
    removed_connections: tuple[Connection, ...] = ()
    changed_connections: tuple[ConnectionChange, ...] = ()
    changed_fields: tuple[str, ...] = ()
    """What differs of the workflow itself: ``name``, ``variables``, ``settings``, ``metadata``."""
    is_reordered: bool = False
    """Nodes or connections that both have stand in another order, which may mean something."""

    @property
    def is_empty(self) -> bool:
        """Both say the same; at most their versions differ."""
        return self == WorkflowDifference()


def workflow_difference(before: Workflow, after: Workflow) -> WorkflowDifference:
    """How two workflows differ; their ids and versions are not looked at."""
    nodes = {node.key: node for node in before.nodes}, {node.key: node for node in after.nodes}
    connections = _by_name(before), _by_name(after)
    return WorkflowDifference(
        added_nodes=_missing(nodes[1], nodes[0]),
        removed_nodes=_missing(*nodes),
        changed_nodes=tuple(NodeChange(key=key, before=a, after=b) for key, a, b in _unequal(*nodes)),
        added_connections=_missing(connections[1], connections[0]),
        removed_connections=_missing(*connections),
        changed_connections=tuple(ConnectionChange(key=key, before=a, after=b) for key, a, b in _unequal(*connections)),
        changed_fields=tuple(
            name
            for name in ("name", "variables", "settings", "metadata")
            if getattr(before, name) != getattr(after, name)
        ),
        is_reordered=_is_reordered(*nodes) or _is_reordered(*connections),
    )


def _by_name(workflow: Workflow) -> dict[str, Connection]:
    """Connections by the ports they join; several between the same ones are numbered."""
    named: dict[str, Connection] = {}
    for connection in workflow.connections:
        ports = f"{connection.from_node}:{connection.from_port}->{connection.to_node}:{connection.to_port}"
        key, number = ports, 1
        while key in named:
            number += 1
            key = f"{ports}#{number}"
        named[key] = connection
    return named


def _missing(here: Mapping[str, Part], there: Mapping[str, Part]) -> tuple[Part, ...]:
    return tuple(part for key, part in here.items() if key not in there)


def _unequal(before: Mapping[str, Part], after: Mapping[str, Part]) -> list[tuple[str, Part, Part]]:
    return [(key, part, after[key]) for key, part in before.items() if key in after and after[key] != part]


def _is_reordered(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return [key for key in before if key in after] != [key for key in after if key in before]


def _fields(before: msgspec.Struct, after: msgspec.Struct) -> tuple[str, ...]:
    return tuple(name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name))
