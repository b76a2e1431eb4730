"""The original's face: a few verbs over graphs and executions, for those who come from there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import UNSET, UnsetType

from prana_py.errors import UsageError, nearest
from prana_py.execution.beginning import StartOptions, new_execution
from prana_py.execution.execution import Execution
from prana_py.execution.node_execution import NodeExecution
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import NodeKey
from prana_py.nodes.catalog import Catalog
from prana_py.nodes.node_type import AnyNode, NodeType
from prana_py.runtimes.local import LocalRuntime

_CONTEXT: Final = {"env": "environment", "environment": "environment", "variables": "variables", "metadata": "metadata"}


class GraphExecutor:
    """Executes graphs one call at a time; each call gives the execution as it is afterwards, and keeps nothing."""

    def __init__(
        self,
        nodes: Catalog | Iterable[AnyNode | type[NodeType]] = (),
        *,
        runtime: LocalRuntime | None = None,
    ) -> None:
        self.runtime: Final = runtime or LocalRuntime(nodes)

    def initialize_execution(self, graph: ExecutionGraph, context: Mapping[str, Any] | None = None) -> Execution:
        """An execution in which nothing has run; ``context`` may hold ``variables``, ``environment``, ``metadata``."""
        return new_execution(
            graph, execution_id=self.runtime.ids(), now=self.runtime.clock.now(), options=_options(context)
        )

    def execute_workflow(
        self, what: Execution | ExecutionGraph, value: Any = None, context: Mapping[str, Any] | None = None
    ) -> Execution:
        """Run a graph, or an execution in which nothing has run, until it has ended or waits; ``status`` says which."""
        if isinstance(what, ExecutionGraph):
            return self.runtime.run(self.runtime.starting(what, value, _options(context)))
        if context is not None:
            raise UsageError("an execution has its context already; give it to initialize_execution")
        if what.position > 1:
            raise UsageError(
                f"execution {what.id!r} is {what.status} and has begun already; resume it, or execute its graph anew"
            )
        start = StartOptions(
            execution_id=what.id,
            variables=what.variables,
            environment=what.environment,
            mode=what.execution_mode,
            trigger_type=what.trigger_type,
            metadata=what.metadata,
        )
        return self.runtime.run(self.runtime.starting(what.execution_graph, value, start))

    def resume_workflow(self, execution: Execution, data: Any = None, *, wait_id: str | None = None) -> Execution:
        """Resolve the open wait (name it, if there are several) and go on."""
        return self.runtime.resume(execution, data, wait_id=wait_id)

    def execute_node(
        self, execution: Execution, key: NodeKey, value: Any | UnsetType = UNSET
    ) -> tuple[NodeExecution, Execution]:
        """Run one node, with ``value`` or what is on its way into it: its record, and the execution afterwards."""
        after = self.runtime.run_node(execution, key, value=value)
        return after.node_executions[key][-1], after

    def execute_from_node(
        self,
        execution: Execution,
        key: NodeKey,
        value: Any | UnsetType = UNSET,
        *,
        outputs: Mapping[NodeKey, Any] | None = None,
    ) -> Execution:
        """Run a node and all that follows; ``outputs`` stand for what nodes before it would have given."""
        return self.runtime.run_from(execution, key, value=value, outputs=outputs or {})


def _options(context: Mapping[str, Any] | None) -> StartOptions:
    given: dict[str, Any] = {}
    for name, value in (context or {}).items():
        if name not in _CONTEXT:
            raise UsageError(
                f"a context has no {name!r}{nearest(name, _CONTEXT)}; it may hold {', '.join(_CONTEXT)}",
                code="context_invalid",
            )
        given[_CONTEXT[name]] = value
    return StartOptions(**given)
