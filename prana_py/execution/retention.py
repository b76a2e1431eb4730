"""How much of its history an execution keeps in memory: all of it, or the last n runs of nodes that run many times."""

from __future__ import annotations

from typing import Final

from pyrsistent import pvector

from prana_py.execution.execution import Execution
from prana_py.execution.rows import (
    AttemptFailed,
    Begun,
    Cancelled,
    Expired,
    Resumed,
    Row,
    RunKey,
    ScopeClosed,
    ScopeOpened,
    Settled,
    SignalTaken,
    Stopped,
    Suspended,
)
from prana_py.execution.scope_state import ScopeState
from prana_py.execution.trail import CHUNK, Chunk, Trail
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import NodeKey, Scope, WaitId

FIRST_LOOK: Final = 256
"""A trail is looked through when it has so many rows, and then whenever it has doubled: cheap on average."""

RUN_ROWS: Final = (Settled, AttemptFailed, Suspended, Cancelled, Stopped)


def within_bounds(execution: Execution) -> Trail:
    """The trail without the runs that are older than the history that their nodes keep."""
    trail = execution.trail
    if len(trail) < max(FIRST_LOOK, trail.look_at):
        return trail
    bounds = _Bounds(execution)
    kept = [row for row in trail if bounds.keeps(row)]
    whole = len(kept) // CHUNK * CHUNK
    chunks = [Chunk(tuple(kept[start : start + CHUNK])) for start in range(0, whole, CHUNK)]
    dropped = trail.dropped + len(trail) - len(kept)
    return Trail(pvector(chunks), tuple(kept[whole:]), dropped, 2 * len(kept))


class _Bounds:
    """What is needed still, whatever its age: the latest row of each node, and the rows of runs that are live."""

    def __init__(self, execution: Execution) -> None:
        self.graph: ExecutionGraph = execution.execution_graph
        states = (execution.top, *execution.scopes.values(), *execution.closed_scopes.values())
        self.latest = {id(row) for state in states for row in _rows_of(state)}
        self.live: set[RunKey] = {a.key for a in (*execution.frontier, *execution.parked.values())}
        self.newest_run: dict[NodeKey, int] = {}
        self.newest_item: dict[RunKey, int] = {}
        self.gone: set[WaitId] = set()
        for row in execution.trail:
            if isinstance(row, RUN_ROWS):
                self.newest_run[row.node] = max(self.newest_run.get(row.node, 0), row.run_index)
            elif isinstance(row, ScopeOpened):
                self.newest_item[(row.node, row.scope, row.run)] = row.item

    def keeps(self, row: Row) -> bool:
        match row:
            case Settled() | AttemptFailed() | Suspended() | Cancelled() | Stopped():
                kept = id(row) in self.latest or not self._is_old(row.node, row.scope, row.run, row.run_index)
                if not kept and isinstance(row, Suspended):
                    self.gone.update(suspension.wait_id for suspension in row.waits)
                return kept
            case Begun():
                return (row.node, row.scope, row.run) in self.live or self._bound(row.node) is None
            case Resumed() | Expired() | SignalTaken():
                return row.wait_id not in self.gone
            case ScopeOpened() | ScopeClosed():
                bound = self._bound(row.node)
                newest = self.newest_item.get((row.node, row.scope, row.run), 0)
                return bound is None or row.item > newest - bound
            case _:
                return True

    def _is_old(self, node: NodeKey, scope: Scope, run: int, run_index: int) -> bool:
        bound = self._bound(node)
        if bound is None or (node, scope, run) in self.live:
            return False
        return run_index <= self.newest_run.get(node, 0) - bound

    def _bound(self, node: NodeKey) -> int | None:
        vertex = self.graph.vertex(node)
        if vertex.in_loop or vertex.spec.owner is not None:
            return vertex.settings.history if vertex.settings.history is not None else self.graph.settings.history
        return None


def _rows_of(state: ScopeState) -> list[Row]:
    return [row for row in state.latest if row is not None]
