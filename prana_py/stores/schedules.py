"""Schedules in a store: published, paused, due – and fired, each firing once, however many look at the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from prana_py.driver.requests import Cancel
from prana_py.identifiers import ExecutionId, Instant, NodeKey, WorkflowId, key_text
from prana_py.schedules.catching_up import missed
from prana_py.schedules.firings import next_firing
from prana_py.schedules.overlapping import MOST_IN_LINE, Plan, plan
from prana_py.schedules.schedule import SECOND_NS, Schedule, Scheduled
from prana_py.stores.executions import Idempotency, post, submit
from prana_py.stores.lines import after_end
from prana_py.stores.records import Submission, encode
from prana_py.stores.statements import Batch, Operation, Statement

AHEAD_NS: Final = 3600 * SECOND_NS
"""Clocks differ. One that is farther back than this, compared with when a schedule was fired, has been put back."""

MOST_CANCELLED: Final = 1000

_SCHEDULES: Final = msgspec.json.Decoder(Schedule)


class Kept(NamedTuple):
    """A schedule as it is kept."""

    id: str
    workflow_id: WorkflowId
    version: int
    node_key: NodeKey
    position: int
    schedule: Schedule
    next_at: Instant | None
    """The next firing; ``None`` when there will be none."""
    last_at: Instant | None
    """The last firing that was due."""
    seen_at: Instant
    """When that was dealt with, or when the schedule was published or resumed."""
    paused: bool


class Fired(NamedTuple):
    """What came of a firing."""

    started: tuple[ExecutionId, ...] = ()
    lined_up: tuple[ExecutionId, ...] = ()
    """They start one after the other, each when the one before it has ended."""
    skipped: tuple[Instant, ...] = ()
    cancelled: tuple[ExecutionId, ...] = ()
    """They were asked to end."""


def schedule_id(workflow_id: WorkflowId, scheduled: Scheduled) -> str:
    """The name of a schedule: the same in every version of the workflow."""
    return f"{key_text(workflow_id)}/{key_text(scheduled.node_key)}/{scheduled.position}"


def execution_id(schedule: str, firing: Instant) -> ExecutionId:
    """The id of the execution that a firing starts: whoever starts it again finds that it is there."""
    return blake2b(_key(schedule, firing).encode(), digest_size=16).hexdigest()


# ── what there is ─────────────────────────────────────────────────────────────────────────────────────────────────────


def replace(workflow_id: WorkflowId, version: int, scheduled: tuple[Scheduled, ...], now: Instant) -> Operation[None]:
    """A version was published: these are the schedules of the workflow now, and they start that version.

    What has not changed goes on as it was; what is paused stays paused.
    """
    known = {kept.id: kept for kept in (yield from listed(workflow_id))}
    for one in scheduled:
        name = schedule_id(workflow_id, one)
        kept = known.pop(name, None)
        text = msgspec.json.encode(one.schedule).decode()
        following = next_firing(one.schedule, now)
        if kept is None:
            place = (name, workflow_id, version, one.node_key, one.position)
            yield Statement("schedule.insert", (*place, text, following, now))
        elif kept.schedule == one.schedule:
            yield Statement("schedule.same_again", (version, name))
        else:
            yield Statement("schedule.change", (version, text, following, now, name))
    for name in known:
        yield Statement("schedule.delete", (name,))


def pause(name: str) -> Operation[bool]:
    """Let it fire no more; false if it is not there, or paused already."""
    return bool((yield Statement("schedule.pause", (name,))).touched)


def resume(name: str, now: Instant) -> Operation[bool]:
    """Let it fire again, from now on: what would have fired meanwhile was not missed."""
    kept = yield from find(name)
    if kept is None:
        return False
    return bool((yield Statement("schedule.resume", (next_firing(kept.schedule, now), now, name))).touched)


def find(name: str) -> Operation[Kept | None]:
    """A schedule by its name."""
    rows = (yield Statement("schedule.one", (name,))).rows
    return _kept(*rows[0]) if rows else None


def listed(workflow_id: WorkflowId | None = None) -> Operation[list[Kept]]:
    """The schedules of a workflow, or of all."""
    asks = Statement("schedule.all") if workflow_id is None else Statement("schedule.of_workflow", (workflow_id,))
    return [_kept(*row) for row in (yield asks).rows]


def due(now: Instant, limit: int) -> Operation[list[Kept]]:
    """Schedules to fire, those due longest first; then those that were left behind when the clock was put back."""
    found, ahead = yield Batch(
        (Statement("schedule.due", (now, limit)), Statement("schedule.ahead", (now + AHEAD_NS, limit)))
    )
    rows = {row[0]: row for row in (*found.rows, *ahead.rows)}
    return [_kept(*row) for row in list(rows.values())[:limit]]


def next_due() -> Operation[Instant | None]:
    """When the next schedule fires."""
    found: Instant | None = (yield Statement("schedule.next_due")).rows[0][0]
    return found


# ── firing ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def fire(kept: Kept, now: Instant) -> Operation[Fired]:
    """Start what is due of a schedule, as it catches up and overlaps; nothing, if somebody else was quicker.

    ``kept`` is as it was read: only who still finds it like that moves it on, and starts what it was moved over.
    """
    if kept.seen_at > now + AHEAD_NS:
        yield _advance(kept, next_firing(kept.schedule, now), None, now)
        return Fired()
    if kept.next_at is None or kept.next_at > now:
        return Fired()
    found = missed(kept.schedule, Instant(kept.next_at - 1), now)
    moved = yield _advance(kept, found.next, found.firings[-1] if found.firings else None, now)
    if not moved.touched or not found.firings:
        return Fired()
    going_on = yield from _going_on(kept)
    active = [one for one, _, waits in going_on if not waits]
    in_line = [number for _, number, waits in going_on if waits]
    chosen = plan(kept.schedule.overlap, len(active), len(in_line), found.firings)
    if chosen.cancels:
        yield from _cancel(kept, active, chosen, now)
    started = yield from _submitted(kept, chosen.start, now)
    lined_up = yield from _submitted(kept, chosen.line_up, now)
    for one in lined_up:
        yield Statement("schedule.line_up", (one,))
    if in_line and not active:
        yield Batch(after_end(in_line[0], now))
    return Fired(started, lined_up, chosen.skip, tuple(active) if chosen.cancels else ())


def _advance(kept: Kept, following: Instant | None, last: Instant | None, now: Instant) -> Statement:
    return Statement("schedule.advance", (following, last, now, kept.id, -1 if kept.next_at is None else kept.next_at))


def _going_on(kept: Kept) -> Operation[list[tuple[ExecutionId, int, int]]]:
    """Executions of this schedule that have not ended: the id, the number, and whether it waits for its turn."""
    if kept.schedule.overlap == "allow":
        return []
    limit = MOST_CANCELLED + MOST_IN_LINE
    found: list[tuple[ExecutionId, int, int]] = (yield Statement("schedule.going_on", (kept.id, limit))).rows
    return found


def _cancel(kept: Kept, active: list[ExecutionId], chosen: Plan, now: Instant) -> Operation[None]:
    (firing,) = chosen.start
    letter = encode(Cancel("the schedule has fired again"))
    for one in active:
        yield Batch(post(one, _key(kept.id, firing), letter, now))


def _submitted(kept: Kept, firings: tuple[Instant, ...], now: Instant) -> Operation[tuple[ExecutionId, ...]]:
    """Pending executions, but for those that were started before: those are there."""
    new = []
    for firing in firings:
        name = execution_id(kept.id, firing)
        submission = Submission(
            workflow_id=kept.workflow_id,
            version=kept.version,
            trigger=kept.node_key,
            trigger_type="schedule",
            input={"scheduled_for": _datetime(firing), "fired_at": _datetime(now), "schedule": kept.id},
        )
        idempotency = Idempotency(_key(kept.id, firing), kept.id)
        asked = yield submit(name, submission, now, idempotency=idempotency, schedule_id=kept.id)
        if asked.touched:
            new.append(name)
            yield Statement("notify", (name,))
    return tuple(new)


def _key(name: str, firing: Instant) -> str:
    return f"schedule:{name}:{firing}"


def _datetime(instant: Instant) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=instant // 1000)


def _kept(
    name: str,
    workflow_id: WorkflowId,
    version: int,
    node_key: NodeKey,
    position: int,
    schedule: str,
    next_at: Instant | None,
    last_at: Instant | None,
    seen_at: Instant,
    paused: int,
) -> Kept:
    written = _SCHEDULES.decode(schedule)
    return Kept(name, workflow_id, version, node_key, position, written, next_at, last_at, seen_at, bool(paused))
