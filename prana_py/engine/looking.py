"""What can be seen in a store: lists of executions, their waits and histories, and the workflows they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import msgspec

from prana_py.driver.effects import Transact
from prana_py.driver.program import Program
from prana_py.engine.keeper import Keeper
from prana_py.errors import NotFoundError, PranaError, TransitionError, UsageError, nearest
from prana_py.execution.execution import Execution
from prana_py.execution.node_execution import NodeExecution
from prana_py.execution.rows import Row
from prana_py.execution.suspension import as_instant
from prana_py.identifiers import ExecutionId, Instant, NodeKey, WorkflowId
from prana_py.model.difference import WorkflowDifference, workflow_difference
from prana_py.model.document import load_workflow
from prana_py.model.workflow import Workflow
from prana_py.stores import executions, listing, workflows
from prana_py.stores.listing import END_OF_TIME, STATUSES, TOP, ExecutionSummary, Filter, Place, WaitSummary
from prana_py.stores.records import Header, WorkflowVersion

LARGEST_PAGE: Final = 1000


class ExecutionPage(msgspec.Struct, frozen=True):
    """Some executions, newest first, and where the next ones are."""

    executions: tuple[ExecutionSummary, ...]
    next: str | None = None
    """What to give as ``after`` for the next page; ``None``: there is none."""

    def __iter__(self) -> Iterator[ExecutionSummary]:
        return iter(self.executions)

    def __len__(self) -> int:
        return len(self.executions)


class Step(msgspec.Struct, frozen=True):
    """One row of a journal, and the position of the execution with it: ``get(id, at=position)`` shows it."""

    position: int
    row: Row


class History(msgspec.Struct, frozen=True, kw_only=True):
    """All that happened to an execution."""

    execution_id: ExecutionId
    steps: tuple[Step, ...]
    """What happened, in order."""
    node_executions: tuple[NodeExecution, ...]
    """What came of it: every run of a node, in the order in which they began."""

    def of(self, node: NodeKey) -> tuple[NodeExecution, ...]:
        """The runs of one node."""
        return tuple(run for run in self.node_executions if run.node_key == node)


def filter_of(
    workflow: WorkflowId | None,
    status: str | Iterable[str] | None,
    parent: ExecutionId | None,
    trigger_type: str | None,
    started_after: datetime | None,
    started_before: datetime | None,
    quarantined: bool | None,
) -> Filter:
    """Which executions are meant, in the words of the store."""
    wanted = () if status is None else (status,) if isinstance(status, str) else tuple(dict.fromkeys(status))
    for one in wanted:
        if one not in STATUSES:
            known = ", ".join(STATUSES)
            raise UsageError(f"there is no status {one!r}{nearest(one, STATUSES)}; there are {known}")
    return Filter(
        workflow_id=workflow,
        statuses=wanted,
        parent_id=parent,
        trigger_type=trigger_type,
        since=_instant(started_after, Instant(0)),
        before=_instant(started_before, END_OF_TIME),
        quarantined=quarantined,
    )


def _instant(moment: datetime | None, otherwise: Instant) -> Instant:
    if moment is None:
        return otherwise
    if moment.tzinfo is None:
        raise UsageError(f"{moment!r} has no zone; give it one, for example tzinfo=datetime.UTC")
    return as_instant(moment)


def cursor_place(cursor: str | None) -> Place:
    """Where a page ended that gave this cursor."""
    if cursor is None:
        return TOP
    created_at, separator, number = cursor.partition(".")
    if not (separator and created_at.isdecimal() and number.isdecimal() and len(cursor) <= 40):
        raise UsageError(
            f"{cursor!r} is not where a page ended; give the `next` of a page as `after`", code="cursor_invalid"
        )
    return min(Place(Instant(int(created_at)), int(number)), TOP)


class Looking:
    """The programs that only look."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper

    # ── executions ────────────────────────────────────────────────────────────────────────────────────────────────

    def page(self, wanted: Filter, limit: int, after: Place) -> Program[ExecutionPage]:
        """The next executions of a kind."""
        if not 1 <= limit <= LARGEST_PAGE:
            raise UsageError(f"a page has 1 to {LARGEST_PAGE} executions, not {limit}")
        headers = yield Transact(lambda: listing.page(wanted, limit + 1, after), reads=True)
        shown = headers[:limit]
        more = f"{shown[-1].created_at}.{shown[-1].number}" if len(headers) > limit else None
        return ExecutionPage(tuple(listing.summaries(shown)), more)

    def count(self, wanted: Filter) -> Program[int]:
        """How many executions of a kind there are."""
        number: int = yield Transact(lambda: listing.count(wanted), reads=True)
        return number

    def waits(self, execution_id: ExecutionId) -> Program[list[WaitSummary]]:
        """What an execution waits for, the oldest first."""
        found: list[WaitSummary] | None = yield Transact(lambda: listing.waits_of(execution_id), reads=True)
        if found is None:
            raise no_execution(execution_id)
        return found

    def at(self, execution_id: ExecutionId, position: int) -> Program[Execution]:
        """An execution as it was when its journal had so many rows."""
        execution = yield from self.keeper.stored(execution_id, upto=position)
        if execution is None:
            raise (yield from self._nothing_of(execution_id))
        if execution.position != position or position < 1:
            raise UsageError(
                f"execution {execution_id!r} has no position {position}: its journal has {execution.position} rows",
                code="position_unknown",
            )
        return execution

    def history(self, execution_id: ExecutionId) -> Program[History]:
        """All that happened to an execution, also what it does not keep in memory."""
        journal = yield from self.keeper.journal(execution_id)
        if journal is None:
            raise (yield from self._nothing_of(execution_id))
        return History(
            execution_id=execution_id,
            steps=tuple(Step(position, row) for position, row in enumerate(journal.rows, 1)),
            node_executions=tuple(journal.runs()),
        )

    def _nothing_of(self, execution_id: ExecutionId) -> Program[PranaError]:
        """Why there is no journal: nobody knows it, or it has not begun."""
        header: Header | None = yield Transact(lambda: executions.header(execution_id), reads=True)
        if header is None:
            return no_execution(execution_id)
        why = header.error or "no worker has started it yet"
        return TransitionError(
            f"execution {execution_id!r} has not begun: {why}", code="not_started", execution_id=execution_id
        )

    # ── workflows ─────────────────────────────────────────────────────────────────────────────────────────────────

    def workflows(self) -> Program[list[WorkflowVersion]]:
        """The newest version of every workflow."""
        newest: list[WorkflowVersion] = yield Transact(workflows.newest_of_all, reads=True)
        return newest

    def versions(self, workflow_id: WorkflowId) -> Program[list[WorkflowVersion]]:
        """All versions of a workflow, the oldest first."""
        found: list[WorkflowVersion] = yield Transact(lambda: workflows.versions(workflow_id), reads=True)
        if not found:
            raise (yield from self._no_workflow(workflow_id, None))
        return found

    def workflow(self, workflow_id: WorkflowId, version: int | None) -> Program[Workflow]:
        """What a version of a workflow says; the newest, unless one is named."""
        text = yield from self.definition(workflow_id, version)
        return load_workflow(text)

    def definition(self, workflow_id: WorkflowId, version: int | None) -> Program[str]:
        """The text of a version."""
        if version is None:
            version = yield Transact(lambda: workflows.newest_version(workflow_id), reads=True)
        found = None
        if version is not None:
            wanted = version
            found = yield Transact(lambda: workflows.definition(workflow_id, wanted), reads=True)
        if found is None:
            raise (yield from self._no_workflow(workflow_id, version))
        text: str = found.text
        return text

    def difference(self, workflow_id: WorkflowId, before: int, after: int) -> Program[WorkflowDifference]:
        """How two versions of a workflow differ."""
        older = yield from self.workflow(workflow_id, before)
        newer = yield from self.workflow(workflow_id, after)
        return workflow_difference(older, newer)

    def _no_workflow(self, workflow_id: WorkflowId, version: int | None) -> Program[NotFoundError]:
        known: list[WorkflowVersion] = yield Transact(lambda: workflows.versions(workflow_id), reads=True)
        if known:
            numbers = ", ".join(str(one.version) for one in known)
            message = f"workflow {workflow_id!r} has no version {version}; it has {numbers}"
        else:
            others: list[WorkflowVersion] = yield Transact(workflows.newest_of_all, reads=True)
            guess = nearest(workflow_id, (one.id for one in others))
            message = f"there is no workflow {workflow_id!r} in this store{guess}; publish it first"
        return NotFoundError(message, code="workflow_not_found", workflow_id=workflow_id, version=version)


def no_execution(execution_id: ExecutionId) -> NotFoundError:
    """Nobody here knows it."""
    return NotFoundError(
        f"there is no execution {execution_id!r} in this store", code="execution_not_found", execution_id=execution_id
    )
