"""A handful of node types, and workflows written in a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prana_py.graph.compile import compile_workflow
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import NodeKey
from prana_py.model.connection import Connection
from prana_py.model.node import Node
from prana_py.model.node_spec import NodeSpec
from prana_py.model.settings import NodeSettings, WorkflowSettings
from prana_py.model.workflow import Workflow

SPECS = {
    spec.type: spec
    for spec in (
        NodeSpec(type="start", inputs=(), is_trigger=True),
        NodeSpec(type="step"),
        NodeSpec(type="if", outputs=("true", "false"), category="logic"),
        NodeSpec(type="switch", outputs=("*",), category="logic"),
        NodeSpec(type="merge", inputs=("*",)),
        NodeSpec(type="each", outputs=("loop", "done"), owner="for_each"),
        NodeSpec(type="typed", params_schema={"type": "object", "required": ["size"]}),
        NodeSpec(type="core.stop"),
        NodeSpec(type="workflow.set_state"),
        NodeSpec(type="wait.wait", outputs=("main", "timeout")),
    )
}


class Types:
    """The node types above; ``typed`` wants a number called size."""

    def spec(self, type_name: str) -> NodeSpec | None:
        return SPECS.get(type_name)

    def type_names(self) -> Iterable[str]:
        return SPECS

    def param_problems(
        self, type_name: str, params: Mapping[str, Any], templated: frozenset[str]
    ) -> Iterable[tuple[str, str]]:
        if type_name == "typed" and "size" not in templated and not isinstance(params.get("size"), int):
            yield "size", "is needed, and is a number"


def workflow(
    links: str,
    *,
    settings: WorkflowSettings | None = None,
    types: Mapping[NodeKey, str] | None = None,
    nodes: Mapping[NodeKey, NodeSettings] | None = None,
    params: Mapping[NodeKey, dict[str, Any]] | None = None,
    extra: Iterable[NodeKey] = (),
) -> Workflow:
    """A workflow from lines such as ``t > a``, ``a:error > b``, ``a > m:left``; nodes appear as they are named.

    A key's first letter tells its type: t is a trigger, i an if, s a switch, m a merge with any port, e a for-each
    owner, everything else a step.
    """
    connections = [_connection(line) for line in links.replace(";", "\n").splitlines() if line.strip()]
    keys = dict.fromkeys(key for connection in connections for key in (connection.from_node, connection.to_node))
    keys.update(dict.fromkeys(extra))
    letters = {"t": "start", "i": "if", "s": "switch", "m": "merge", "e": "each"}
    return Workflow(
        id="w",
        name="W",
        nodes=tuple(
            Node(
                key=key,
                type=(types or {}).get(key, letters.get(key[0], "step")),
                settings=(nodes or {}).get(key, NodeSettings()),
                params=(params or {}).get(key, {}),
            )
            for key in keys
        ),
        connections=tuple(connections),
        settings=settings or WorkflowSettings(),
    )


def graph(links: str, *, trigger: NodeKey | None = None, **options: Any) -> ExecutionGraph:
    """The compiled form of such a workflow."""
    return compile_workflow(workflow(links, **options), Types(), trigger=trigger)


def keys_of(graph: ExecutionGraph, bit_set: int) -> set[NodeKey]:
    """The nodes in a bit set."""
    return {vertex.key for vertex in graph.vertices if bit_set & vertex.bit}


def _connection(line: str) -> Connection:
    source, target = (part.strip().partition(":") for part in line.split(">"))
    return Connection(
        from_node=source[0], from_port=source[2] or "main", to_node=target[0], to_port=target[2] or "main"
    )
