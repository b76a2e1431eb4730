"""What is allowed but probably not meant."""

from __future__ import annotations

from collections.abc import Iterable

from prana_py.errors import Problem
from prana_py.graph.checks import Inventory
from prana_py.graph.execution_graph import ExecutionGraph


def advise(inventory: Inventory, graph: ExecutionGraph) -> Iterable[Problem]:
    """Every warning, in the order of the document."""
    for index, node in enumerate(inventory.workflow.nodes):
        if node.key not in graph.ordinals:
            message = f"node {node.key!r} cannot be reached from {graph.trigger_node_key!r} and is left out"
            yield Problem(
                code="unreachable_node", message=message, place=f"nodes[{index}]", node_key=node.key, severity="warning"
            )
