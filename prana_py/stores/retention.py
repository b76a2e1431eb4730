"""Throwing away executions that are over: a few in each transaction, and none whose parent or child still lives."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from prana_py.identifiers import ExecutionId, Instant, WorkflowId
from prana_py.stores.listing import END_OF_TIME, Place
from prana_py.stores.records import PLACES
from prana_py.stores.statements import Batch, Operation, Statement

BEGINNING: Final = Place(Instant(-1), 0)


class Pruned(msgspec.Struct, frozen=True):
    """How much was thrown away."""

    executions: int = 0
    rows: int = 0
    """Of their journals."""
    blobs: int = 0
    """Large values that nobody else uses."""

    def __add__(self, other: Pruned) -> Pruned:
        return Pruned(self.executions + other.executions, self.rows + other.rows, self.blobs + other.blobs)


class Old(msgspec.Struct, frozen=True, kw_only=True):
    """What may be thrown away: of one final status, and ended before an instant."""

    status: str
    ended_before: Instant = END_OF_TIME
    workflow_id: WorkflowId | None = None


class Chunk(NamedTuple):
    """What one transaction has thrown away, and where the next one goes on; ``None``: there is no more."""

    pruned: Pruned
    place: Place | None


class _Candidate(NamedTuple):
    number: int
    id: ExecutionId
    parent_id: ExecutionId | None
    created_at: Instant
    ended_at: Instant | None


def newest(workflow_id: WorkflowId | None, statuses: tuple[str, ...], count: int) -> Operation[Place | None]:
    """The place of the oldest of so many that are to be kept; ``None``: there are no more than that."""
    if not count:
        return Place(END_OF_TIME, 0)
    found = yield Batch(
        tuple(
            Statement("prune.newest", (status, count + 1))
            if workflow_id is None
            else Statement("prune.newest_of_workflow", (workflow_id, status, count + 1))
            for status in statuses
        )
    )
    places = sorted((Place(*row) for result in found for row in result.rows), reverse=True)
    return places[count - 1] if len(places) > count else None


def prune(old: Old, after: Place, upto: Place, limit: int) -> Operation[Chunk]:
    """Throw away what is old among the next few behind a place, and before another one."""
    range_ = (*after, old.ended_before, limit)
    if old.workflow_id is None:
        ask = Statement("prune.old", (old.status, *range_))
    else:
        ask = Statement("prune.old_of_workflow", (old.workflow_id, old.status, *range_))
    found = [_Candidate(*row) for row in (yield ask).rows]
    pruned = Pruned()
    hashes: set[bytes] = set()
    for one in found:
        is_old = one.ended_at is not None and one.ended_at < old.ended_before
        if is_old and Place(one.created_at, one.number) < upto and not (yield from _has_live_kin(one)):
            pruned += yield from _thrown_away(one.number, hashes)
    pruned += yield from _without_users(hashes)
    if len(found) < limit or Place(found[-1].created_at, found[-1].number) >= upto:
        return Chunk(pruned, None)
    return Chunk(pruned, Place(found[-1].created_at, found[-1].number))


def _has_live_kin(one: _Candidate) -> Operation[bool]:
    """Its parent, or a child of it, has not ended: that may still ask what became of it."""
    asks = [Statement("prune.live_child", (one.id,))]
    if one.parent_id is not None:
        asks.append(Statement("prune.live_parent", (one.parent_id,)))
    answers = yield Batch(tuple(asks))
    return any(answer.rows for answer in answers)


def _thrown_away(number: int, hashes: set[bytes]) -> Operation[Pruned]:
    """One execution, with all that belongs to it; the large values that it used are remembered."""
    first = number * PLACES
    gone = yield Batch(
        (
            Statement("prune.execution", (number,)),
            Statement("prune.blobs_of", (number,)),
            Statement("prune.journal", (first, first + PLACES)),
            Statement("prune.uses", (number,)),
            Statement("prune.waits", (number,)),
            Statement("prune.letters", (number,)),
            Statement("prune.deliveries", (number,)),
            Statement("prune.turns", (number,)),
        )
    )
    hashes.update(bytes(name) for (name,) in gone[1].rows)
    return Pruned(gone[0].touched, gone[2].touched)


def _without_users(hashes: set[bytes]) -> Operation[Pruned]:
    """Large values that nobody uses any more. Whoever begins to use one waits for its lock, and then writes it anew."""
    gone = 0
    for name in sorted(hashes):
        yield Statement("blob.lock", (name,))
        gone += (yield Statement("prune.blob", (name,))).touched
    return Pruned(blobs=gone)
