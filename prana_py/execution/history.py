"""Time travel: an execution as it was, a fork of it that goes another way, and how two differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from prana_py.errors import NotFoundError, UsageError, nearest
from prana_py.execution.execution import Execution
from prana_py.execution.node_execution import NodeExecution
from prana_py.execution.queries import runs_of
from prana_py.execution.rows import Forked, Origin
from prana_py.execution.storable import NotStorableError, storable
from prana_py.execution.transitions import advance, fold
from prana_py.identifiers import ExecutionId, Instant, NodeKey, Scope


def at(execution: Execution, position: int) -> Execution:
    """The execution as it was when its journal had ``position`` rows; look at it, or fork from it."""
    if execution.trail.dropped:
        raise UsageError(
            f"execution {execution.id!r} keeps only a part of its history (setting 'history'), "
            "so it cannot be shown as it was; load its journal from a store that keeps it whole",
            code="history_not_kept",
        )
    if not 1 <= position <= execution.position:
        raise UsageError(
            f"execution {execution.id!r} has {execution.position} rows; position {position} is not one of 1 … "
            f"{execution.position}",
            code="position_unknown",
        )
    rows = [row for row, _ in zip(execution.trail, range(position), strict=False)]
    return fold(execution.execution_graph, rows, execution.environment, execution.identity.earlier_graphs)


def fork(
    execution: Execution,
    *,
    execution_id: ExecutionId,
    now: Instant,
    position: int | None = None,
    inputs: Mapping[NodeKey, Any] | None = None,
    outputs: Mapping[NodeKey, Any] | None = None,
    keys: Literal["new", "same"] = "new",
    how: str = "fork",
) -> Execution:
    """Another execution with the same past up to ``position``, which may go another way from there.

    ``inputs`` replace what is on its way into nodes, ``outputs`` what nodes have given. Open waits are open again,
    children that were under way are started anew, and kept signals are copied. Idempotency keys are made from the new
    id; ``keys="same"`` keeps the old ones, for repairs.
    """
    past = at(execution, execution.position if position is None else position)
    if past.is_final:
        past = at(execution, (execution.position if position is None else position) - 1)
    for key in (*(inputs or ()), *(outputs or ())):
        if key not in past.execution_graph.ordinals:
            message = f"the workflow has no node {key!r}{nearest(key, past.execution_graph.ordinals)}"
            raise NotFoundError(message, code="node_unknown")
    try:
        new_inputs, new_outputs = storable(dict(inputs or {})), storable(dict(outputs or {}))
    except NotStorableError as error:
        raise UsageError(f"the fork cannot be made: {error}", code="input_not_storable") from error
    row = Forked(
        now,
        execution_id,
        Origin(execution.id, past.position, how),
        execution_id if keys == "new" else execution.identity.key_seed,
        new_outputs,
        new_inputs,
    )
    return advance(past, row)[0]


class RunDifference(msgspec.Struct, frozen=True):
    """A run that two executions tell differently of; ``None`` where one of them has it not."""

    node_key: NodeKey
    scope: Scope
    run: int
    left: NodeExecution | None
    right: NodeExecution | None


class Difference(msgspec.Struct, frozen=True):
    """How two executions differ: where their journals part, and which runs are not alike."""

    common_rows: int
    """So many rows at the beginning are the same."""
    runs: tuple[RunDifference, ...]
    status: tuple[str, str]
    output: tuple[Any, Any]

    @property
    def is_empty(self) -> bool:
        """Nothing that a user can see differs."""
        return not self.runs and self.status[0] == self.status[1] and self.output[0] == self.output[1]


def diff(left: Execution, right: Execution) -> Difference:
    """How two executions of a workflow differ: a fork and its origin, two versions, two runs."""
    common = 0
    for ours, theirs in zip(left.trail, right.trail, strict=False):
        if ours != theirs:
            break
        common += 1
    runs_left = {(r.node_key, r.scope, r.run): r for r in runs_of(left)}
    runs_right = {(r.node_key, r.scope, r.run): r for r in runs_of(right)}
    differing = [
        RunDifference(*key, runs_left.get(key), runs_right.get(key))
        for key in dict.fromkeys((*runs_left, *runs_right))
        if _told(runs_left.get(key)) != _told(runs_right.get(key))
    ]
    return Difference(common, tuple(differing), (left.status, right.status), (left.output, right.output))


def _told(run: NodeExecution | None) -> Any:
    """What of a run is compared: not when it was, but what it was."""
    if run is None:
        return None
    error = None if run.error is None else (run.error.code, run.error.message)
    return run.status, run.output, run.output_ports, run.params, run.inputs, error, run.attempt
