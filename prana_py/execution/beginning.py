"""The first value of an execution: made from a graph, an input and what the caller says about the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from prana_py.errors import UsageError
from prana_py.execution.execution import Execution
from prana_py.execution.rows import Parent, Started
from prana_py.execution.storable import NotStorableError, storable
from prana_py.execution.transitions import start
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.graph.policy import policy_of
from prana_py.identifiers import ExecutionId, Instant
from prana_py.model.settings import WorkflowSettings


class StartOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller may say about one execution when it starts."""

    execution_id: ExecutionId | None = None
    variables: Mapping[str, Any] = {}
    environment: Mapping[str, Any] = {}
    settings: WorkflowSettings | None = None
    """Overrides the workflow's own settings as a whole."""
    mode: str = "async"
    trigger_type: str = "manual"
    parent: Parent | None = None
    metadata: Mapping[str, Any] = {}


DEFAULT_START = StartOptions()


def started_row(
    graph: ExecutionGraph, value: Any, execution_id: ExecutionId, now: Instant, options: StartOptions = DEFAULT_START
) -> Started:
    """The first row of an execution. Input that cannot be stored is refused before anything has begun."""
    try:
        stored = storable(value)
        given = {**graph.variables, **options.variables}
        variables = storable(given) if given else given
        metadata = storable(dict(options.metadata)) if options.metadata else {}
    except NotStorableError as error:
        raise UsageError(f"the execution cannot start: {error}", code="input_not_storable") from error
    return Started(
        now,
        execution_id,
        graph.workflow_id,
        graph.workflow_version,
        graph.digest,
        graph.trigger_node_key,
        stored,
        variables,
        graph.policy if options.settings is None else policy_of(options.settings),
        options.mode,
        options.trigger_type,
        options.parent,
        metadata=metadata,
    )


def new_execution(
    graph: ExecutionGraph,
    value: Any = None,
    *,
    execution_id: ExecutionId,
    now: Instant,
    options: StartOptions = DEFAULT_START,
) -> Execution:
    """The first value of an execution, for those who drive it themselves."""
    return start(graph, started_row(graph, value, execution_id, now, options), options.environment)
