"""The shortest way from a workflow to its result: run it here and now, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prana_py.execution.execution import Execution
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.model.workflow import Workflow
from prana_py.nodes.node_type import AnyNode, NodeType
from prana_py.runtimes.local import LocalRuntime


def run(
    workflow: Workflow | ExecutionGraph,
    value: Any = None,
    *,
    nodes: Iterable[AnyNode | type[NodeType]] = (),
    variables: Mapping[str, Any] | None = None,
    environment: Mapping[str, Any] | None = None,
    max_concurrency: int = 1,
) -> Execution:
    """Run a workflow until it has ended or waits. A failure is in the execution (``status``, ``error``), not raised."""
    runtime = LocalRuntime(nodes, max_concurrency=max_concurrency)
    return runtime.execute(workflow, value, variables=variables or {}, environment=environment or {})
