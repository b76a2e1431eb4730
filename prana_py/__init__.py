"""prana_py: an embeddable, durable workflow engine. These are its public names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prana_py.driver.outcome import Waiting
from prana_py.errors import (
    CompileError,
    DocumentError,
    ExecutionError,
    InvariantError,
    NotFoundError,
    PranaError,
    Problem,
    StorageError,
    TemplateError,
    TransitionError,
    UsageError,
)
from prana_py.execution.node_error import NodeError
from prana_py.execution.suspension import Suspension
from prana_py.model.builder import WorkflowBuilder
from prana_py.model.connection import Connection
from prana_py.model.document import dump_workflow, load_workflow, workflow_from_dict, workflow_to_dict
from prana_py.model.node import Node
from prana_py.model.prototypes import NodePrototype, WorkflowPrototype, clone
from prana_py.model.retry import Retry
from prana_py.model.settings import NodeSettings, WorkflowSettings
from prana_py.model.workflow import Workflow
from prana_py.nodes.catalog import Catalog
from prana_py.nodes.context import NodeContext
from prana_py.nodes.definition import node
from prana_py.nodes.node_type import NodeType
from prana_py.nodes.returns import (
    Each,
    NodeFailure,
    Output,
    Outputs,
    race,
    stop,
    stop_with_error,
    wait_for_interval,
    wait_for_signal,
    wait_for_webhook,
    wait_for_workflow,
    wait_until,
)

if TYPE_CHECKING:
    from prana_py.engine.async_engine import AsyncEngine
    from prana_py.engine.compiling import compile_workflow
    from prana_py.engine.engine import Engine
    from prana_py.engine.graph_executor import GraphExecutor
    from prana_py.engine.run import run
    from prana_py.engine.worker import Worker
    from prana_py.execution.execution import Execution
    from prana_py.execution.history import Difference, diff, fork
    from prana_py.execution.legacy import from_legacy
    from prana_py.execution.node_execution import NodeExecution
    from prana_py.graph.execution_graph import ExecutionGraph
    from prana_py.runtimes.async_local import AsyncLocalRuntime
    from prana_py.runtimes.interceptors import Change, Veto
    from prana_py.runtimes.local import LocalRuntime
    from prana_py.testing.testing_runtime import TestingRuntime

__all__ = [
    "AsyncEngine",
    "AsyncLocalRuntime",
    "Catalog",
    "Change",
    "CompileError",
    "Connection",
    "Difference",
    "DocumentError",
    "Each",
    "Engine",
    "Execution",
    "ExecutionError",
    "ExecutionGraph",
    "GraphExecutor",
    "InvariantError",
    "LocalRuntime",
    "Node",
    "NodeContext",
    "NodeError",
    "NodeExecution",
    "NodeFailure",
    "NodePrototype",
    "NodeSettings",
    "NodeType",
    "NotFoundError",
    "Output",
    "Outputs",
    "PranaError",
    "Problem",
    "Retry",
    "StorageError",
    "Suspension",
    "TemplateError",
    "TestingRuntime",
    "TransitionError",
    "UsageError",
    "Veto",
    "Waiting",
    "Worker",
    "Workflow",
    "WorkflowBuilder",
    "WorkflowPrototype",
    "WorkflowSettings",
    "clone",
    "compile_workflow",
    "diff",
    "dump_workflow",
    "fork",
    "from_legacy",
    "load_workflow",
    "node",
    "race",
    "run",
    "stop",
    "stop_with_error",
    "wait_for_interval",
    "wait_for_signal",
    "wait_for_webhook",
    "wait_for_workflow",
    "wait_until",
    "workflow_from_dict",
    "workflow_to_dict",
]

_LATER = {
    "AsyncEngine": "prana_py.engine.async_engine",
    "Engine": "prana_py.engine.engine",
    "AsyncLocalRuntime": "prana_py.runtimes.async_local",
    "Change": "prana_py.runtimes.interceptors",
    "Difference": "prana_py.execution.history",
    "Execution": "prana_py.execution.execution",
    "ExecutionGraph": "prana_py.graph.execution_graph",
    "GraphExecutor": "prana_py.engine.graph_executor",
    "LocalRuntime": "prana_py.runtimes.local",
    "NodeExecution": "prana_py.execution.node_execution",
    "TestingRuntime": "prana_py.testing.testing_runtime",
    "Veto": "prana_py.runtimes.interceptors",
    "Worker": "prana_py.engine.worker",
    "compile_workflow": "prana_py.engine.compiling",
    "diff": "prana_py.execution.history",
    "fork": "prana_py.execution.history",
    "from_legacy": "prana_py.execution.legacy",
    "run": "prana_py.engine.run",
}
"""Names that are imported when they are asked for: who only writes nodes and workflows does not wait for the engine."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
