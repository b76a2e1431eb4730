"""Executions in a store: how they begin, what a transition writes, who may write, and how they are read again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import msgspec

from prana_py.driver.decide import next_due
from prana_py.driver.effects import ChildEnded, ChildStart, Deliver, ErrorStart
from prana_py.execution.execution import NO_SUSPENSIONS, Execution
from prana_py.execution.rows import Migrated, Parent, Row
from prana_py.execution.suspension import Suspension
from prana_py.identifiers import ExecutionId, Instant
from prana_py.stores.bodies import split_body
from prana_py.stores.lines import after_end
from prana_py.stores.records import PLACES, Header, Stored, Submission, encode
from prana_py.stores.statements import Batch, MakeOperation, Many, Operation, Statement


class Idempotency(msgspec.Struct, frozen=True):
    """What makes a start the same start as another one, and what it was to be started with."""

    key: str
    digest: str


Driver: TypeAlias = tuple[str, int]
"""The holder of an execution, with his epoch."""

NOBODY: Final[Driver] = ("", -1)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What one transaction writes about one execution: some rows, and all that goes with them."""

    number: int
    epoch: int
    before: Execution | None
    """As it is in the store; ``None``: it has no rows there."""
    after: Execution
    begins_claimed: bool = False
    """It was pending: its header is in the store, and says so."""
    rows: tuple[Row, ...] = ()
    met: tuple[int, ...] = ()
    starts: tuple[ChildStart | ErrorStart, ...] = ()
    letters: tuple[Deliver, ...] = ()
    tells_parent: bool = False
    """It has ended, and its parent waits for that."""
    unless_driven_by: Driver = NOBODY
    """Who sees that by himself, as long as the parent is his."""
    claims: bool = False
    """The lease is taken in the same transaction, and the status changed with it."""
    releases: bool = False
    now: Instant


# ── beginning ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def begin(change: Change, owner: str, idempotency: Idempotency | None = None) -> Operation[int]:
    """A new execution, with all of its rows so far, under the lease of its owner. Its number."""
    execution = change.after
    parent = execution.identity.parent
    start = Statement(
        "execution.start",
        (
            execution.id,
            execution.workflow_id,
            execution.workflow_version,
            execution.execution_graph.digest,
            execution.status,
            change.rows[0].at if execution.identity.origin is None else execution.last_at,
            None if parent is None else parent.execution_id,
            None if parent is None else parent.wait_id,
            execution.trigger_type,
            None if idempotency is None else idempotency.key,
            None if idempotency is None else idempotency.digest,
            owner,
        ),
    )
    number: int = (yield start).rows[0][0]
    yield Batch(tuple(statements_of(msgspec.structs.replace(change, number=number))))
    return number


def submit(
    execution_id: ExecutionId,
    submission: Submission,
    now: Instant,
    *,
    wake_at: Instant | None = None,
    idempotency: Idempotency | None = None,
    schedule_id: str | None = None,
) -> Statement:
    """An execution that is to be started by whoever claims it; one that is known already stays as it is."""
    parent = submission.parent
    return Statement(
        "execution.submit",
        (
            execution_id,
            submission.workflow_id,
            submission.version,
            now,
            None if parent is None else parent.execution_id,
            None if parent is None else parent.wait_id,
            submission.trigger_type,
            schedule_id,
            None if idempotency is None else idempotency.key,
            None if idempotency is None else idempotency.digest,
            encode(submission),
            now if wake_at is None else wake_at,
        ),
    )


# ── a transition ──────────────────────────────────────────────────────────────────────────────────────────────────────


def write(change: Change) -> Operation[None]:
    """Make a change durable, if the lease still holds."""
    yield Batch(tuple(statements_of(change)))


def only_row(number: int, epoch: int, position: int, row: Row) -> MakeOperation[None] | None:
    """The operation that writes one row with which nothing goes; none if it holds large values."""
    body, apart = split_body(row)
    if apart:
        return None
    batch = Batch((Statement("journal.append", (number * PLACES + position, body, number, epoch)),))

    def operation() -> Operation[None]:
        yield batch

    return operation


def statements_of(change: Change) -> list[Statement | Many]:
    """All that a change writes, in the order in which it is to be written."""
    before, after = change.before, change.after
    asks: list[Statement | Many] = []
    if change.rows:
        _add_journal(asks, change)
    # Most changes have nothing of the following.
    if after.suspensions is not (NO_SUSPENSIONS if before is None else before.suspensions):
        asks.extend(_waits(change))
    if change.met:
        asks.extend(Statement("inbox.met", (number,)) for number in change.met)
    if change.starts or change.letters:
        asks.extend(_asked_of_others(change))
    asks.extend(_header(change))
    parent = after.identity.parent
    if change.tells_parent and parent is not None:
        asks.extend(_end_told(after.id, parent, change.now, change.unless_driven_by))
    return asks


def _add_journal(asks: list[Statement | Many], change: Change) -> None:
    """The rows, the first of them fenced; and the large values in them."""
    rows, number = change.rows, change.number
    first = number * PLACES + change.after.position - len(rows)
    split = [split_body(row) for row in rows]
    asks.append(Statement("journal.append", (first, split[0][0], number, change.epoch)))
    if len(split) == 2:
        asks.append(Statement("journal.append_more", (first + 1, split[1][0])))
    elif len(split) > 2:
        asks.append(Many("journal.append_more", [(first + place, split[place][0]) for place in range(1, len(split))]))
    for _, apart in split:
        for name, body in apart.items():
            asks.append(Statement("blob.insert", (name, body)))
            asks.append(Statement("blob.use", (number, name)))


def _waits(change: Change) -> Iterator[Statement]:
    before = NO_SUSPENSIONS if change.before is None else change.before.suspensions
    after = change.after.suspensions
    if before and not after:
        yield Statement("wait.close_all", (change.number,))
        return
    for wait_id, suspension in before.items():
        if after.get(wait_id) is not suspension:
            yield Statement("wait.close", (change.number, wait_id))
    for wait_id, suspension in after.items():
        if before.get(wait_id) is not suspension:
            yield Statement("wait.open", (change.number, wait_id, *wait_columns(suspension)))


def wait_columns(suspension: Suspension) -> tuple[Any, ...]:
    """What the index of open waits says of one."""
    wait = suspension.wait
    name = getattr(wait, "name", None)
    return suspension.type, suspension.node_key, name, wait.wait_till, suspension.suspended_at


def _asked_of_others(change: Change) -> Iterator[Statement]:
    sender = change.after.id
    position = change.after.position
    for start in change.starts:
        wake_at = Instant(change.now + (start.delay_ns if isinstance(start, ChildStart) else 0))
        yield submit(start.execution_id, submission_of(start), change.now, wake_at=wake_at)
        yield Statement("notify", (start.execution_id,))
    for number, letter in enumerate(change.letters):
        key = f"from {sender} at {position}.{number}"
        yield from post(letter.execution_id, key, encode(letter.request), change.now)


def _end_told(child_id: ExecutionId, parent: Parent, now: Instant, unless: Driver) -> Iterator[Statement]:
    """The parent is told of the end of the last of the children that it waits for, unless its driver sees it."""
    key = f"end of {child_id}"
    payload = encode(ChildEnded(child_id))
    yield Statement("execution.lock", (parent.execution_id,))
    yield Statement("inbox.post_as_last", (key, payload, now, parent.execution_id, *unless, parent.wait_id))
    yield Statement("execution.wake_to_letter", (now, parent.execution_id, now, key))
    yield Statement("notify", (parent.execution_id,))


def submission_of(start: ChildStart | ErrorStart) -> Submission:
    """How a child, or an error workflow, is started by whoever claims it."""
    if isinstance(start, ErrorStart):
        return Submission(workflow_id=start.workflow_id, input=start.input, trigger_type="error")
    return Submission(
        workflow_id=start.workflow_id,
        version=start.version,
        input=start.input,
        mode=start.mode,
        trigger_type="workflow",
        parent=start.parent,
        is_one_of_many=start.is_one_of_many,
    )


def _header(change: Change) -> Iterator[Statement]:
    """The header, where an indexed column of it changes; and the lease, where that is given back."""
    before, after, number = change.before, change.after, change.number
    if change.begins_claimed:
        digest = after.execution_graph.digest
        yield Statement("execution.begin", (after.status, after.workflow_version, digest, number, change.epoch))
    for row in change.rows:
        if type(row) is Migrated:
            yield Statement("execution.migrated", (row.workflow_version, row.digest, number))
    if after.is_final:
        if before is None or not before.is_final:
            error = None if after.error is None else f"{after.error.code}: {after.error.message}"[:500]
            yield Statement("execution.ended", (after.status, after.last_at, error, number))
            if after.trigger_type == "schedule":
                yield from after_end(number, change.now)
            yield Statement("notify", (after.id,))
        return
    if change.releases:
        yield from release(number, change.epoch, next_due(after), change.now, after.status)
    elif before is not None and before.status != after.status and not change.claims:
        yield Statement("execution.status", (after.status, number))
    if change.met or change.releases:
        yield Statement("notify", (after.id,))


def release(
    number: int, epoch: int, wake_at: Instant | None, now: Instant, status: str | None = None
) -> tuple[Statement, ...]:
    """The lease is given back, until the next timer is due or somebody has sent a letter."""
    return (
        Statement("execution.release", (status, now, wake_at, number, epoch)),
        Statement("execution.release_to_letters", (now, number)),
    )


# ── letters ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def post(execution_id: ExecutionId, dedupe_key: str, payload: bytes, now: Instant) -> tuple[Statement, ...]:
    """Put a letter into an execution's inbox, and have it driven; to one that has ended nothing can be sent."""
    return (
        Statement("inbox.post", (dedupe_key, payload, now, execution_id)),
        Statement("execution.wake", (now, execution_id, now)),
        Statement("notify", (execution_id,)),
    )


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def header(execution_id: ExecutionId) -> Operation[Header | None]:
    """What is known of an execution without its journal."""
    rows = (yield Statement("execution.header", (execution_id,))).rows
    return Header(*rows[0]) if rows else None


def read(execution_id: ExecutionId) -> Operation[Stored | None]:
    """An execution as it is kept."""
    found = yield from header(execution_id)
    if found is None:
        return None
    first = found.number * PLACES
    rows = Statement("journal.rows", (first, first + PLACES))
    journal, blobs = yield Batch((rows, Statement("blob.of", (found.number,))))
    return Stored(found, [body for (body,) in journal.rows], dict(blobs.rows))


def rows_at(number: int, position: int, count: int) -> Operation[list[bytes]]:
    """Some rows of a journal, as they are kept."""
    first = number * PLACES + position
    return [body for (body,) in (yield Statement("journal.rows", (first, first + count))).rows]
