"""Executions and workflows that leave a store as documents, and come into one from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from prana_py.driver.decide import next_due
from prana_py.driver.effects import ReadClock, Transact
from prana_py.driver.program import Program
from prana_py.engine.keeper import Journal
from prana_py.engine.looking import no_execution
from prana_py.errors import StorageError, UsageError
from prana_py.execution.execution import FINAL, Execution
from prana_py.execution.rows import Migrated, Started
from prana_py.graph.compile import compile_workflow
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.graph.fingerprint import fingerprint
from prana_py.identifiers import ExecutionId, Instant, WorkflowId
from prana_py.model.document import dump_workflow
from prana_py.model.json_text import read_json
from prana_py.model.reading import DEFAULT_LIMITS
from prana_py.model.workflow import Workflow
from prana_py.stores import transfer, workflows
from prana_py.stores.bodies import joined_rows
from prana_py.stores.documents import executions_document, read_document, workflow_document
from prana_py.stores.records import decode_submission
from prana_py.stores.statements import Operation, Statement
from prana_py.stores.transfer import Parcel

if TYPE_CHECKING:
    from prana_py.engine.operations import Operations

Versions = dict[tuple[WorkflowId, int], Workflow]


class Imported(msgspec.Struct, frozen=True):
    """What a document has brought into a store; what was there already, just the same, is not named."""

    executions: tuple[ExecutionId, ...] = ()
    workflows: tuple[tuple[WorkflowId, int], ...] = ()
    """With their versions."""


class _Delivery(msgspec.Struct, frozen=True):
    """An execution that may be put in: what became of it by its rows, if it has begun."""

    parcel: Parcel
    execution: Execution | None

    def wake_at(self, now: Instant) -> Instant | None:
        """From when on it is to be driven here."""
        if self.execution is None:
            is_over = self.parcel.header["status"] in FINAL
            is_in_line = self.parcel.header["schedule_id"] is not None
            return self.parcel.wake_at or (None if is_over or is_in_line else now)
        if self.execution.is_final:
            return None
        has_letters = any(refusal is None for _, _, _, refusal in self.parcel.letters)
        return now if has_letters or self.execution.status == "running" else next_due(self.execution)


class Transferring:
    """The programs that write documents, and read them."""

    def __init__(self, operations: Operations) -> None:
        self.keeper = operations.keeper
        self.looking = operations.looking

    # ── out ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def export(self, execution_id: ExecutionId) -> Program[dict[str, Any]]:
        """An execution, with its children and the workflows that they belong to."""
        parcels: list[Parcel] = yield Transact(lambda: transfer.take_out(execution_id), reads=True)
        if not parcels:
            raise no_execution(execution_id)
        wanted = dict.fromkeys(version for parcel in parcels for version in _versions(parcel))
        found = []
        for workflow_id, version in wanted:
            found.append((yield from self.looking.workflow(workflow_id, version)))
        return executions_document(parcels, found)

    def export_workflow(self, workflow_id: WorkflowId, version: int | None) -> Program[dict[str, Any]]:
        """One version of a workflow, the newest unless one is named."""
        return workflow_document((yield from self.looking.workflow(workflow_id, version)))

    # ── in ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def import_(self, document: Mapping[str, Any] | str | bytes) -> Program[Imported]:
        """Put in what a document holds: all of it, or nothing."""
        data = read_json(document, DEFAULT_LIMITS, "document") if isinstance(document, str | bytes) else document
        parcels, given = read_document(data)
        versions: Versions = {(workflow.id, workflow.version): workflow for workflow in given}
        deliveries: tuple[_Delivery, ...] = ()
        for parcel in parcels:
            deliveries = (*deliveries, _Delivery(parcel, (yield from self._told(parcel, versions))))
        if not parcels:
            for workflow in given:
                self._compiled(workflow, None)
        now: Instant = yield ReadClock()
        try:
            imported: Imported = yield Transact(partial(_put_in, deliveries, versions, now))
        except StorageError as error:
            if error.code != "conflict":
                raise
            raise UsageError(
                "an execution of this document has an idempotency key with which another one was started here",
                code="idempotency_key_taken",
            ) from error
        return imported

    def _told(self, parcel: Parcel, versions: Versions) -> Program[Execution | None]:
        """What the rows tell of, under the workflows that came with them or are here."""
        if not parcel.bodies:
            return None
        rows = joined_rows(parcel.bodies, parcel.blobs)
        graphs: tuple[ExecutionGraph, ...] = ()
        for workflow_id, version in _versions(parcel):
            first = rows[0]
            trigger = first.trigger if isinstance(first, Started) else None
            if (workflow_id, version) in versions:
                graph = self._compiled(versions[workflow_id, version], trigger)
            else:
                graph = yield from self.keeper.graph(workflow_id, version, trigger)
            graphs = (*graphs, graph)
        execution = Journal(rows, graphs[-1], graphs[:-1]).execution(self.keeper.environment)
        if (execution.id, execution.status) != (parcel.id, parcel.header["status"]):
            raise StorageError(
                f"the document says that execution {parcel.id!r} is {parcel.header['status']}, but its rows tell of "
                f"{execution.id!r} that is {execution.status}",
                code="document_damaged",
            )
        return execution

    def _compiled(self, workflow: Workflow, trigger: str | None) -> ExecutionGraph:
        cache = self.keeper.runtime.graph_cache
        return compile_workflow(workflow, cache.nodes, trigger=trigger, policies=cache.policies)


def _versions(parcel: Parcel) -> Sequence[tuple[WorkflowId, int]]:
    """The versions of workflows that an execution has belonged to, in order."""
    if not parcel.bodies:
        submission = parcel.header["submission"]
        version = None if submission is None else decode_submission(submission).version
        return () if version is None else ((parcel.header["workflow_id"], version),)
    rows = joined_rows(parcel.bodies, parcel.blobs)
    first = rows[0]
    if not isinstance(first, Started):
        raise StorageError(
            f"the journal of execution {parcel.id!r} does not begin with its start", code="journal_invalid"
        )
    return [
        (first.workflow_id, row.workflow_version)
        for row in (first, *(row for row in rows if isinstance(row, Migrated)))
        if isinstance(row, Started | Migrated)
    ]


def _put_in(deliveries: tuple[_Delivery, ...], versions: Versions, now: Instant) -> Operation[Imported]:
    imported = Imported()
    for version, workflow in versions.items():
        if (yield from _add_workflow(workflow, now)):
            imported = Imported(imported.executions, (*imported.workflows, version))
    for delivery in deliveries:
        if not (yield from _is_here(delivery.parcel)):
            waits = () if delivery.execution is None else delivery.execution.suspensions.values()
            yield from transfer.put_in(delivery.parcel, waits, delivery.wake_at(now))
            imported = Imported((*imported.executions, delivery.parcel.id), imported.workflows)
    return imported


def _add_workflow(workflow: Workflow, now: Instant) -> Operation[bool]:
    """Keep a version under its own number; false: it is here. Another one with this number is an error."""
    digest = fingerprint(msgspec.structs.replace(workflow, version=1))
    known = yield from workflows.definition(workflow.id, workflow.version)
    if known is None:
        row = (workflow.id, workflow.version, digest, workflow.name, dump_workflow(workflow), now)
        yield Statement("workflow.insert", row)
        return True
    if known.digest != digest:
        raise UsageError(
            f"version {workflow.version} of workflow {workflow.id!r} says something else here than in the document",
            code="workflow_differs",
            workflow_id=workflow.id,
            version=workflow.version,
        )
    return False


def _is_here(parcel: Parcel) -> Operation[bool]:
    """Whether the very same execution is here; another one with its id is an error."""
    rows = (yield Statement("execution.header", (parcel.id,))).rows
    if not rows:
        return False
    (here, *_) = yield from transfer.take_out(parcel.id)
    if (here.bodies, here.header["submission"]) == (parcel.bodies, parcel.header["submission"]):
        return True
    raise UsageError(
        f"there is an execution {parcel.id!r} here already, and it is not what the document says",
        code="execution_exists",
        execution_id=parcel.id,
    )
