"""Compiling with node types given as they are written, without a catalog at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prana_py.builtin_nodes.all_nodes import builtin_catalog
from prana_py.errors import UsageError
from prana_py.graph.compile import NO_POLICIES
from prana_py.graph.compile import compile_workflow as compile_with
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import NodeKey
from prana_py.model.join_policy import JoinPolicy
from prana_py.model.workflow import Workflow
from prana_py.nodes.catalog import Catalog
from prana_py.nodes.node_type import AnyNode, NodeType


def compile_workflow(
    workflow: Workflow,
    nodes: Catalog | Iterable[AnyNode | type[NodeType]] = (),
    *,
    trigger: NodeKey | None = None,
    policies: Mapping[str, JoinPolicy] = NO_POLICIES,
) -> ExecutionGraph:
    """The graph of a workflow, checked whole. ``nodes`` are your own types; the built-in ones are known anyway.

    ``policies`` are the functions that nodes name with ``join: {"policy": name}``.
    """
    if not isinstance(workflow, Workflow):
        raise UsageError(
            f"compile_workflow takes a Workflow, not {type(workflow).__name__}; a builder gives one by build(), "
            "a document by load_workflow()",
            code="workflow_unusable",
        )
    catalog = nodes if isinstance(nodes, Catalog) else builtin_catalog().plus(*nodes)
    return compile_with(workflow, catalog, trigger=trigger, policies=policies)
