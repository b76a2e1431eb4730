"""The floor of compiling: the maps by key and the depth-first order, made plainly and unchecked."""

from __future__ import annotations

from typing import Any

from prana_py import Workflow


def plain_maps(workflow: Workflow) -> tuple[dict[str, Any], ...]:
    """Nodes by key, connections by port and by target, dependencies, and places in depth-first order."""
    nodes = {node.key: node for node in workflow.nodes}
    by_port: dict[Any, list[Any]] = {}
    by_target: dict[Any, list[Any]] = {}
    onward: dict[str, list[str]] = {}
    for connection in workflow.connections:
        by_port.setdefault((connection.from_node, connection.from_port), []).append(connection)
        by_target.setdefault(connection.to_node, []).append(connection)
        onward.setdefault(connection.from_node, []).append(connection.to_node)
    dependencies = {key: tuple(connection.from_node for connection in found) for key, found in by_target.items()}
    ordinals: dict[str, int] = {}
    ahead = [workflow.nodes[0].key]
    while ahead:
        key = ahead.pop()
        if key not in ordinals:
            ordinals[key] = len(ordinals)
            ahead.extend(reversed(onward.get(key, ())))
    return nodes, by_port, by_target, dependencies, ordinals
