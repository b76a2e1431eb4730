"""The layout that this engine replaces, as a straightforward port to Python would have it.

It follows the original's plan of refactoring, which lists what is kept more than once: a node in the workflow, in the
graph's workflow, in the node map and by references; a connection in three maps; outputs in the audit trail and again
in the runtime part; and fields that nothing reads. Where the plan leaves a choice, the smaller form is taken: records
have slots, and payloads are shared by reference.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

_BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class LegacySettings:
    retry_on_failed: bool = False
    max_retries: int = 1
    retry_delay_ms: int = 1000
    on_error: str = "stop_workflow"


@dataclass(slots=True)
class LegacyNode:
    key: str
    name: str
    type: str
    params: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)
    settings: LegacySettings = field(default_factory=LegacySettings)


@dataclass(slots=True)
class LegacyConnection:
    from_node: str
    from_port: str
    to_node: str
    to_port: str


@dataclass(slots=True)
class LegacyWorkflow:
    id: str
    name: str
    version: int
    nodes: list[LegacyNode]
    connections: dict[str, dict[str, list[LegacyConnection]]]
    variables: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class LegacyGraph:
    workflow: LegacyWorkflow
    trigger_node_key: str
    dependency_graph: dict[str, list[str]]
    connection_map: dict[tuple[str, str], list[LegacyConnection]]
    reverse_connection_map: dict[str, list[LegacyConnection]]
    node_map: dict[str, LegacyNode]


@dataclass(slots=True)
class LegacyNodeExecution:
    node_key: str
    status: str
    params: dict[str, Any]
    output_data: Any
    output_port: str | None
    error_data: Any
    started_at: datetime
    completed_at: datetime | None
    duration_ms: int | None
    suspension_type: str | None
    suspension_data: Any
    execution_index: int
    run_index: int


@dataclass(slots=True)
class LegacyExecution:
    id: str
    workflow_id: str
    workflow_version: int
    parent_execution_id: str | None
    root_execution_id: str | None
    execution_mode: str
    status: str
    trigger_type: str
    trigger_data: dict[str, Any]
    vars: dict[str, Any]
    context_data: dict[str, Any]
    node_executions: dict[str, list[LegacyNodeExecution]]
    current_execution_index: int
    preparation_data: dict[str, Any]
    output_data: Any
    error_data: Any
    suspended_node_id: str | None
    suspension_type: str | None
    suspension_data: dict[str, Any] | None
    suspended_at: datetime | None
    resume_token: str | None
    started_at: datetime
    completed_at: datetime | None
    metadata: dict[str, Any]
    runtime: dict[str, Any]


@dataclass(slots=True)
class Held:
    """What a host of the original holds for one execution: it passes both to every function."""

    workflow: LegacyWorkflow
    graph: LegacyGraph
    execution: LegacyExecution


def legacy_workflow(size: int) -> LegacyWorkflow:
    """A chain whose last node waits, as it is written."""
    nodes = [LegacyNode(f"n{number}", f"N {number}", "bench.step", {"by": 1}) for number in range(size)]
    links = [LegacyConnection(f"n{number}", "main", f"n{number + 1}", "main") for number in range(size - 1)]
    return LegacyWorkflow("chain", "chain", 1, nodes, {link.from_node: {link.from_port: [link]} for link in links})


def legacy_graph(workflow: LegacyWorkflow) -> LegacyGraph:
    """The compiled form: nodes and connections copied into each of its maps."""
    links = [link for ports in workflow.connections.values() for found in ports.values() for link in found]
    pruned = LegacyWorkflow(
        workflow.id,
        workflow.name,
        workflow.version,
        [replace(node) for node in workflow.nodes],
        {link.from_node: {link.from_port: [replace(link)]} for link in links},
    )
    return LegacyGraph(
        pruned,
        workflow.nodes[0].key,
        {link.to_node: [link.from_node] for link in links},
        {(link.from_node, link.from_port): [replace(link)] for link in links},
        {link.to_node: [replace(link)] for link in links},
        {node.key: replace(node, metadata={}) for node in workflow.nodes},
    )


def legacy_execution(number: int, graph: LegacyGraph, outputs: list[Any]) -> LegacyExecution:
    """An execution whose last node is suspended; ``outputs`` are those of the nodes before it."""
    begun = _BEGIN + timedelta(seconds=number)
    runs = {
        node.key: [_completed(node, index, output, begun)]
        for index, (node, output) in enumerate(zip(graph.workflow.nodes, outputs, strict=False))
    }
    last = graph.workflow.nodes[-1]
    token = f"token-{number}"
    waits = {"type": "webhook", "wait_till": begun + timedelta(days=3)}
    suspended = LegacyNodeExecution(
        last.key, "suspended", {**last.params}, None, None, None, begun, None, None, "webhook", waits, len(outputs), 0
    )
    runs[last.key] = [suspended]
    runtime = {
        "nodes": {key: {"output": found[0].output_data, "context": {}} for key, found in runs.items()},
        "env": {},
        "active_nodes": set(),
        "node_depth": {},
        "executed_nodes": [],
        "iteration_count": 0,
        "max_iterations": 100,
    }
    return LegacyExecution(
        id=f"execution-{number}",
        workflow_id=graph.workflow.id,
        workflow_version=1,
        parent_execution_id=None,
        root_execution_id=None,
        execution_mode="async",
        status="suspended",
        trigger_type="graph_executor",
        trigger_data={},
        vars={},
        context_data={"workflow": {}, "node": {}},
        node_executions=runs,
        current_execution_index=len(outputs) + 1,
        preparation_data={},
        output_data=None,
        error_data=None,
        suspended_node_id=last.key,
        suspension_type="webhook",
        suspension_data={**waits},
        suspended_at=begun,
        resume_token=token,
        started_at=begun,
        completed_at=None,
        metadata={},
        runtime=runtime,
    )


def _completed(node: LegacyNode, index: int, output: Any, begun: datetime) -> LegacyNodeExecution:
    started_at = begun + timedelta(milliseconds=index)
    completed_at = started_at + timedelta(microseconds=300)
    return LegacyNodeExecution(
        node.key,
        "completed",
        {**node.params},  # as they were rendered for this run
        output,
        "main",
        None,
        started_at,
        completed_at,
        0,
        None,
        None,
        index,
        0,
    )
