"""What outlives a crash in a simulation: journals as encoded rows, and what executions have asked of each other."""

from __future__ import annotations

from typing import NamedTuple

from prana_py.driver.effects import ChildStart
from prana_py.driver.requests import AddItems, Cancel, CancelBranch, MutexFree, Request, Resume, Signal
from prana_py.driver.sub_workflows import children_of, orphans
from prana_py.execution.execution import Execution
from prana_py.execution.rows import ArrivalsDropped, CancelRequested, ItemsAdded, Resumed, Row, SignalKept, Suspended
from prana_py.execution.storage import encode_row
from prana_py.identifiers import ExecutionId


class Letter(NamedTuple):
    """A request on its way to an execution."""

    number: int
    execution_id: ExecutionId
    request: Request


class MemoryStore:
    """Keeps each commit whole: the row, what it asks of others, and that the request which caused it is met."""

    def __init__(self) -> None:
        self.journals: dict[ExecutionId, list[bytes]] = {}
        self.inbox: list[Letter] = []
        self.starts: list[ChildStart] = []
        self._letters = 0

    def commit(self, before: Execution | None, execution: Execution, row: Row) -> None:
        """One transaction."""
        self.journals.setdefault(execution.id, []).append(encode_row(row))
        met = next((letter for letter in self.of(execution.id) if causes(letter.request, row)), None)
        if met is not None:
            self.inbox.remove(met)
        if isinstance(row, Suspended):
            self.starts.extend(start for start in children_of(execution, row) if start.mode != "sync")
        if before is not None and before.suspensions:
            for effect in orphans(before, execution, row):
                self.post(effect.execution_id, effect.request)

    def post(self, execution_id: ExecutionId, request: Request) -> Letter:
        """Keep a request until it has been met or refused."""
        self._letters += 1
        letter = Letter(self._letters, execution_id, request)
        self.inbox.append(letter)
        return letter

    def of(self, execution_id: ExecutionId) -> list[Letter]:
        """The requests to one execution, oldest first."""
        return [letter for letter in self.inbox if letter.execution_id == execution_id]

    def settle(self, execution_id: ExecutionId, request: Request) -> None:
        """A request has been met or refused."""
        for letter in self.of(execution_id):
            if letter.request is request:
                self.inbox.remove(letter)

    def children_to_start(self) -> list[ChildStart]:
        """Children that were asked for and have no journal yet."""
        self.starts = [start for start in self.starts if start.execution_id not in self.journals]
        return list(self.starts)


def causes(request: Request, row: Row) -> bool:
    """Whether the row is what the request becomes."""
    match request:
        case Resume(wait_id=wait_id):
            return isinstance(row, Resumed) and row.wait_id == wait_id
        case Signal(name=name):
            return isinstance(row, Resumed) or (isinstance(row, SignalKept) and row.name == name)
        case Cancel():
            return isinstance(row, CancelRequested) and row.reason == request.reason
        case CancelBranch():
            return isinstance(row, ArrivalsDropped) and row.why == request.reason
        case AddItems(node=node):
            return isinstance(row, ItemsAdded) and row.node == node
        case MutexFree():
            return isinstance(row, Resumed) and row.wait_id.endswith(".mutex")
