"""Executions that move: to another version of their workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from prana_py.driver.drive import run_to_rest
from prana_py.driver.effects import Commit, ReadClock
from prana_py.driver.program import Program
from prana_py.errors import CompileError, Problem, TransitionError
from prana_py.execution.execution import Execution
from prana_py.execution.migrating import migrate, obstacles, refused
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import ExecutionId, Instant
from prana_py.stores.records import Claimed

if TYPE_CHECKING:
    from prana_py.engine.operations import Operations


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an execution that was to be moved, or would become of it."""

    execution: Execution
    """As it is now."""
    reasons: tuple[Problem, ...] = ()
    """Why it cannot be moved."""


class Moving:
    """The programs that move executions."""

    def __init__(self, operations: Operations) -> None:
        self.operations = operations
        self.keeper = operations.keeper

    def looked_into(self, execution_id: ExecutionId, version: int) -> Program[Migration]:
        """What keeps an execution from moving to a version of its workflow; nothing is moved."""
        execution = yield from self.operations.known(execution_id)
        now: Instant = yield ReadClock()
        graph = yield from self._graph(execution, version)
        reasons = obstacles(execution, graph, now) if isinstance(graph, ExecutionGraph) else graph
        return Migration(execution=execution, reasons=reasons)

    def migrate(self, execution_id: ExecutionId, version: int) -> Program[Migration]:
        """Move an execution to another version of its workflow, and drive it on there."""
        claimed = yield from self.keeper.claim(execution_id)
        if claimed is not None:
            moved = yield from self.operations.driven(execution_id, self._migrated(claimed, version))
            return Migration(execution=moved)
        execution = yield from self.operations.known(execution_id)
        if execution.is_final:
            raise refused(execution, version, obstacles(execution, execution.execution_graph, execution.last_at))
        raise TransitionError(
            f"execution {execution_id!r} is driven elsewhere just now; move it when it is at rest",
            code="execution_busy",
            execution_id=execution_id,
        )

    def _migrated(self, claimed: Claimed, version: int) -> Program[Execution]:
        execution, letters = yield from self.operations.taken_up(claimed)
        now: Instant = yield ReadClock()
        graph = yield from self._graph(execution, version)
        if not isinstance(graph, ExecutionGraph):
            raise refused(execution, version, graph)
        moved, row = migrate(execution, graph, now)
        yield Commit(moved, row)
        return (yield from run_to_rest(moved, self.operations.runtime.options, requests=letters))

    def _graph(self, execution: Execution, version: int) -> Program[ExecutionGraph | tuple[Problem, ...]]:
        """The version's graph from the same trigger, or why there is none."""
        trigger = execution.execution_graph.trigger_node_key
        try:
            return (yield from self.keeper.graph(execution.workflow_id, version, trigger))
        except CompileError as error:
            return error.problems
