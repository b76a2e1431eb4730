"""What `prana_py` exports is a list that somebody chose."""

from __future__ import annotations

import prana_py
from tests.house.sources import PACKAGE

PUBLIC_NAMES = {
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
}


def test_the_public_names_are_the_chosen_ones():
    assert set(prana_py.__all__) == PUBLIC_NAMES


def test_every_public_name_exists():
    assert [name for name in prana_py.__all__ if not hasattr(prana_py, name)] == []


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").exists()
