"""Who may write: an execution has one owner at a time, and an owner holds it for as long as he says that he lives."""

from __future__ import annotations

from typing import Final, NamedTuple

from prana_py.errors import StorageError
from prana_py.identifiers import ExecutionId, Instant
from prana_py.stores.executions import release
from prana_py.stores.inbox import letters_of
from prana_py.stores.records import PLACES, Claimed, Contents, Header
from prana_py.stores.statements import Batch, Operation, Statement


class Holder(NamedTuple):
    """Somebody who drives executions."""

    id: str
    until: Instant
    process: str
    """Which process of which machine it is."""


def now_here() -> Operation[Instant]:
    """What the database's clock says: leases go by it, because their holders' clocks may differ."""
    return Instant((yield Statement("clock.now")).rows[0][0])


def renew(holder_id: str, process: str, ttl_ns: int) -> Operation[None]:
    """Say that one lives, or still does. Who was given up for dead is there again, but without what he held."""
    now = yield from now_here()
    renewed = yield Statement("holder.renew", (now + ttl_ns, holder_id))
    if not renewed.touched:
        yield Statement("holder.insert", (holder_id, now + ttl_ns, process))


def leave(holder_id: str) -> Operation[None]:
    """Say that one does not live any more: whatever one holds is free at once."""
    yield Statement("holder.delete", (holder_id,))


def bury(holder_id: str) -> Operation[None]:
    """Say of somebody else that he does not live any more."""
    yield Statement("holder.bury", (holder_id,))


def forget_the_dead() -> Operation[None]:
    """Those who have not said for a while that they live, and of whom nothing is left, are forgotten."""
    now = yield from now_here()
    yield Statement("holder.forget", (now,))


def holder_of(execution_id: ExecutionId) -> Operation[Holder | None]:
    """Who drives an execution."""
    rows = (yield Statement("holder.of", (execution_id,))).rows
    return Holder(*rows[0]) if rows else None


def holders() -> Operation[list[Holder]]:
    """Everybody who has said that he lives, and has not left."""
    return [Holder(*row) for row in (yield Statement("holder.all")).rows]


def claim(execution_id: ExecutionId, holder_id: str) -> Operation[Claimed | None]:
    """Take an execution that nobody drives, or whose owner is dead."""
    rows = (yield Statement("execution.claim", (holder_id, execution_id))).rows
    return Claimed(execution_id, *rows[0]) if rows else None


def claim_and_read(execution_id: ExecutionId, holder_id: str) -> Operation[tuple[Claimed, Contents] | None]:
    """Take an execution, and what is in it."""
    claimed = yield from claim(execution_id, holder_id)
    return None if claimed is None else (claimed, (yield from contents(claimed.number)))


def look(execution_id: ExecutionId) -> Operation[tuple[Claimed, Contents] | None]:
    """An execution that is free, at rest and without letters: what is in it, and the lease that is next."""
    found, journal, blobs, letters = yield Batch(
        (
            Statement("execution.header", (execution_id,)),
            Statement("journal.rows_of_free", (execution_id,)),
            Statement("blob.all_of", (execution_id,)),
            Statement("inbox.has_for", (execution_id,)),
        )
    )
    header = Header(*found.rows[0]) if found.rows else None
    if header is None or header.is_final or header.status == "pending":
        return None
    if header.owner is not None or header.quarantine is not None or letters.rows:
        return None
    next_one = Claimed(
        execution_id, header.number, header.epoch + 1, header.status, header.crashes, header.workflow_version
    )
    return next_one, Contents([body for (body,) in journal.rows], dict(blobs.rows), [])


def claim_as(claimed: Claimed, holder_id: str, status: str | None = None) -> Operation[None]:
    """Take the lease that was next when somebody looked; if it is not any more, nothing is to be done."""
    taken = yield Statement("execution.claim_next", (holder_id, status, claimed.number, claimed.epoch - 1))
    if not taken.touched:
        raise StorageError(f"execution {claimed.id!r} was taken by somebody else in the meantime", code="claim_lost")


def contents(number: int) -> Operation[Contents]:
    """The journal of an execution, its large values, and the letters to it."""
    first = number * PLACES
    journal, blobs, letters = yield Batch(
        (
            Statement("journal.rows", (first, first + PLACES)),
            Statement("blob.of", (number,)),
            Statement("inbox.of", (number, 0)),
        )
    )
    return Contents([body for (body,) in journal.rows], dict(blobs.rows), letters_of(letters.rows))


ANY_CRASHES: Final = 1 << 30
"""More often than anything crashes."""


def claim_due(holder_id: str, now: Instant, limit: int, crashes_below: int = ANY_CRASHES) -> Operation[list[Claimed]]:
    """Take executions whose time has come by ``now``, and then those that dead owners have left.

    With ``crashes_below``, what has brought down its drivers so often before waits for its turn.
    One who has not said for too long that he lives still drives what nobody has taken from him: he takes it not again.
    """
    due = (yield Statement("execution.due", (now, crashes_below, limit))).rows
    if len(due) < limit:
        due = due + (yield Statement("execution.orphaned", (holder_id, limit - len(due)))).rows
    claimed = []
    for execution_id, left_by in due:
        mine = yield from claim(execution_id, holder_id)
        if mine is not None:
            claimed.append(mine._replace(left_by=left_by))
    return claimed


def own(claimed: Claimed, holder_id: str) -> Operation[Claimed | None]:
    """A lease, if the holder has it: he may have taken it, and not been told so."""
    rows = (yield Statement("execution.header", (claimed.id,))).rows
    header = Header(*rows[0]) if rows else None
    if header is None or header.owner != holder_id or header.epoch != claimed.epoch:
        return None
    return Claimed(claimed.id, header.number, header.epoch, header.status)


def owned(holder_id: str) -> Operation[list[Claimed]]:
    """All that a holder has."""
    return [Claimed(*row) for row in (yield Statement("execution.owned", (holder_id,))).rows]


def give_back(claimed: Claimed, holder_id: str, wake_at: Instant, now: Instant) -> Operation[None]:
    """Let others have it, from ``wake_at`` on. Of an execution that was begun the number may not be known: 0."""
    mine = yield from own(claimed, holder_id)
    if mine is not None:
        yield Batch(release(mine.number, mine.epoch, wake_at, now))


def quarantine(claimed: Claimed, evidence: str) -> Operation[None]:
    """Let nobody have it, until somebody has looked at it."""
    yield Statement("execution.quarantine", (evidence, claimed.number, claimed.epoch))
    yield Statement("notify", (claimed.id,))


def tell_more(execution_id: ExecutionId, evidence: str) -> Operation[None]:
    """Say better why somebody has to look at it."""
    yield Statement("execution.tell_more", (evidence, execution_id))


def release_from_quarantine(execution_id: ExecutionId, now: Instant) -> Operation[bool]:
    """Try again."""
    freed = yield Statement("execution.unquarantine", (now, execution_id))
    yield Statement("notify", (execution_id,))
    return bool(freed.touched)


def next_due(crashes_below: int = ANY_CRASHES) -> Operation[Instant | None]:
    """When the next execution has to be driven."""
    due: Instant | None = (yield Statement("execution.next_due", (crashes_below,))).rows[0][0]
    return due
