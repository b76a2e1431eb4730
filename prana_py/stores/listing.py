"""Which executions there are: a page at a time, newest first, by what their headers say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec

from prana_py.execution.suspension import as_datetime
from prana_py.identifiers import ExecutionId, Instant, NodeKey, WaitId, WorkflowId
from prana_py.stores.records import Header
from prana_py.stores.sql.listing import statement_name
from prana_py.stores.statements import Batch, Operation, Statement

STATUSES: Final = ("pending", "running", "suspended", "completed", "failed", "cancelled")

END_OF_TIME: Final = Instant((1 << 63) - 1)


class ExecutionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a list says of an execution."""

    id: ExecutionId
    workflow_id: WorkflowId
    workflow_version: int | None
    """``None``: it is pending, and will begin with the newest."""
    status: str
    created_at: datetime
    ended_at: datetime | None = None
    parent_id: ExecutionId | None = None
    trigger_type: str
    schedule_id: str | None = None
    is_driven: bool = False
    """Somebody has it in hand just now."""
    wake_at: datetime | None = None
    """When it goes on by itself; ``None``: it does not, or is driven, or has ended."""
    crashes: int = 0
    """How often in a row whoever drove it died at the same place."""
    quarantine: str | None = None
    """Why nobody may drive it."""
    error: str | None = None


class WaitSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An open wait of an execution."""

    wait_id: WaitId
    type: str
    node_key: NodeKey
    name: str | None = None
    """Of the signal or the mutex it waits for."""
    wait_till: datetime | None = None
    opened_at: datetime


class Place(NamedTuple):
    """A place in the list: behind the execution that has this time and number."""

    created_at: Instant
    number: int


TOP: Final = Place(END_OF_TIME, 0)


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which executions are meant: those of which all of this holds."""

    workflow_id: WorkflowId | None = None
    statuses: tuple[str, ...] = ()
    """One of these; none: whichever."""
    parent_id: ExecutionId | None = None
    trigger_type: str | None = None
    since: Instant = Instant(0)
    before: Instant = END_OF_TIME
    quarantined: bool | None = None

    def statements(self, verb: str, rest: tuple[Any, ...]) -> tuple[Statement, ...]:
        """What to ask for: a statement for each status, where an index is in order only within one."""
        given: dict[str, tuple[Any, ...]] = {}
        if self.parent_id is not None:
            given["parent"] = (self.parent_id,)
        if self.quarantined is not None:
            given["quarantined" if self.quarantined else "sound"] = ()
        if self.workflow_id is not None:
            given["workflow"] = (self.workflow_id,)
        if self.trigger_type is not None:
            given |= {"manual": ()} if self.trigger_type == "manual" else {"trigger": (self.trigger_type,)}
        is_narrow = not {"parent", "quarantined", "trigger"}.isdisjoint(given)
        statuses = self.statuses or (() if is_narrow else STATUSES)
        return tuple(_statement(verb, given, status, rest) for status in statuses or (None,))


def _statement(verb: str, given: dict[str, tuple[Any, ...]], status: str | None, rest: tuple[Any, ...]) -> Statement:
    if status == "completed" and "trigger" in given:
        given = {**given, "completed": ()}
    elif status is not None:
        given = {**given, "status": (status,)}
    name = statement_name(verb, given)
    wanted = (given[condition] for condition in name.split(".")[1:])
    return Statement(name, (*(parameter for parameters in wanted for parameter in parameters), *rest))


def page(wanted: Filter, limit: int, after: Place = TOP) -> Operation[list[Header]]:
    """The newest executions of a kind, behind a place in the list."""
    start = min(after, Place(wanted.before, 0))
    found = yield Batch(wanted.statements("list", (wanted.since, *start, limit)))
    lists = [[Header(*row) for row in result.rows] for result in found]
    newest_first = merge(*lists, key=attrgetter("created_at", "number"), reverse=True)
    return list(islice(newest_first, limit))


def count(wanted: Filter) -> Operation[int]:
    """How many executions of a kind there are."""
    found = yield Batch(wanted.statements("count", (wanted.since, wanted.before)))
    return sum(result.rows[0][0] for result in found)


def waits_of(execution_id: ExecutionId) -> Operation[list[WaitSummary] | None]:
    """The open waits of an execution, the oldest first; ``None``: there is no such execution."""
    known = (yield Statement("execution.number", (execution_id,))).rows
    if not known:
        return None
    rows = (yield Statement("wait.of", known[0])).rows
    return sorted(map(_wait, rows), key=attrgetter("opened_at", "wait_id"))


def _wait(row: tuple[Any, ...]) -> WaitSummary:
    wait_id, kind, node_key, name, wake_at, opened_at = row
    return WaitSummary(
        wait_id=wait_id,
        type=kind,
        node_key=node_key,
        name=name,
        wait_till=_moment(wake_at),
        opened_at=as_datetime(opened_at),
    )


def summaries(headers: list[Header]) -> Iterator[ExecutionSummary]:
    """What a list says of these."""
    for header in headers:
        yield ExecutionSummary(
            id=header.id,
            workflow_id=header.workflow_id,
            workflow_version=header.workflow_version,
            status=header.status,
            created_at=as_datetime(header.created_at),
            ended_at=_moment(header.ended_at),
            parent_id=header.parent_id,
            trigger_type=header.trigger_type,
            schedule_id=header.schedule_id,
            is_driven=header.owner is not None,
            wake_at=_moment(header.wake_at),
            crashes=header.crashes,
            quarantine=header.quarantine,
            error=header.error,
        )


def _moment(instant: Instant | None) -> datetime | None:
    return None if instant is None else as_datetime(instant)
