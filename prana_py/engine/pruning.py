"""Throwing away what is over, by age and by number."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

import msgspec

from prana_py.driver.effects import ReadClock, Transact
from prana_py.driver.program import Program
from prana_py.errors import UsageError
from prana_py.execution.suspension import as_instant, nanoseconds
from prana_py.identifiers import Instant, WorkflowId
from prana_py.stores import retention
from prana_py.stores.listing import END_OF_TIME, Place
from prana_py.stores.retention import BEGINNING, Chunk, Old, Pruned

FINAL = ("completed", "failed", "cancelled")


class Pruning(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be thrown away."""

    older_than: timedelta | datetime | None
    """What ended so long ago, or before then; ``None``: whenever it ended."""
    keep: int | None
    """So many of the newest stay, however old they are."""
    statuses: tuple[str, ...]
    workflow_id: WorkflowId | None
    limit: int
    """How many executions one transaction looks at."""


def pruning_of(
    older_than: timedelta | datetime | None,
    keep: int | None,
    status: str | Iterable[str],
    workflow: WorkflowId | None,
    limit: int,
) -> Pruning:
    """What is to be thrown away, if that makes sense."""
    statuses = (status,) if isinstance(status, str) else tuple(dict.fromkeys(status))
    for one in statuses:
        if one not in FINAL:
            raise UsageError(f"executions that are {one} are never thrown away; only those {', '.join(FINAL)}")
    if older_than is None and keep is None:
        raise UsageError("say what is to be thrown away: what is `older_than` something, or all but so many to `keep`")
    if isinstance(older_than, datetime) and older_than.tzinfo is None:
        raise UsageError(f"{older_than!r} has no zone; give it one, for example tzinfo=datetime.UTC")
    if keep is not None and keep < 0:
        raise UsageError(f"{keep} executions cannot be kept; 0 is the least")
    if limit < 1:
        raise UsageError(f"a transaction must look at one execution at least, not {limit}")
    return Pruning(older_than=older_than, keep=keep, statuses=statuses, workflow_id=workflow, limit=limit)


def prune(pruning: Pruning) -> Program[Pruned]:
    """Throw it away, in many small transactions, so that nobody has to wait for long."""
    now: Instant = yield ReadClock()
    upto: Place | None = Place(END_OF_TIME, 0)
    if pruning.keep:
        kept = pruning.keep
        upto = yield Transact(lambda: retention.newest(pruning.workflow_id, pruning.statuses, kept), reads=True)
    pruned = Pruned()
    if upto is None:
        return pruned
    for status in pruning.statuses:
        old = Old(status=status, ended_before=_ended_before(pruning, now), workflow_id=pruning.workflow_id)
        pruned += yield from _all(old, upto, pruning.limit)
    return pruned


def _all(old: Old, upto: Place, limit: int) -> Program[Pruned]:
    pruned, place = Pruned(), BEGINNING
    while True:
        chunk: Chunk = yield Transact(partial(retention.prune, old, place, upto, limit))
        pruned += chunk.pruned
        if chunk.place is None:
            return pruned
        place = chunk.place


def _ended_before(pruning: Pruning, now: Instant) -> Instant:
    age = pruning.older_than
    if age is None:
        return END_OF_TIME
    return as_instant(age) if isinstance(age, datetime) else Instant(now - nanoseconds(age))
