"""Schedules in a store: each firing starts one execution, however many look at the clock, and whatever it shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from prana_py.driver.requests import Cancel
from prana_py.execution.suspension import as_instant
from prana_py.identifiers import Instant
from prana_py.schedules.schedule import SECOND_NS, CatchUp, Cron, Interval, Overlap, Schedule, Scheduled
from prana_py.stores import executions, inbox, leases, schedules
from prana_py.stores.leases import ANY_CRASHES
from prana_py.stores.lines import after_end
from prana_py.stores.records import Claimed, decode_submission
from prana_py.stores.schedules import AHEAD_NS, Fired, Kept
from prana_py.stores.statements import Batch, Operation, Statement
from tests.databases import Asked

HOUR = 3600 * SECOND_NS
NAME = "w/clock/0"


def hour(number: float) -> Instant:
    return Instant(as_instant(datetime(2030, 1, 1, tzinfo=UTC)) + round(number * HOUR))


def hourly(overlap: Overlap = "allow", catch_up: CatchUp = "latest") -> Schedule:
    return Schedule(timing=Cron("0 * * * *"), overlap=overlap, catch_up=catch_up)


class Clockwork:
    """A workflow ``w`` whose trigger ``clock`` has schedules, in some database."""

    def __init__(self, database: Asked) -> None:
        self.database = database

    def publish(self, *given: Schedule, version: int = 1, now: float = 0.5) -> None:
        found = tuple(Scheduled("clock", position, schedule) for position, schedule in enumerate(given))
        self.database.transact(lambda: schedules.replace("w", version, found, hour(now)))

    def kept(self, name: str = NAME) -> Kept:
        found = self.database.transact(lambda: schedules.find(name))
        assert found is not None
        return found

    def due(self, now: float) -> list[Kept]:
        return self.database.transact(lambda: schedules.due(hour(now), 10))

    def fire(self, now: float) -> Fired:
        kept = self.kept()
        return self.database.transact(lambda: schedules.fire(kept, hour(now)))

    def started(self) -> list[int]:
        """For which hours there are executions that go on, in the order in which they came."""
        hours = {schedules.execution_id(NAME, hour(number)): number for number in range(24)}

        def read() -> Operation[list[int]]:
            return [hours[name] for name, *_ in (yield Statement("schedule.going_on", (NAME, 1000))).rows]

        return self.database.transact(read)

    def claimed(self, execution_id: str) -> Claimed:
        found = self.database.transact(lambda: leases.claim(execution_id, "h"))
        assert found is not None
        return found

    def due_executions(self, now: float) -> list[str]:
        def read() -> Operation[list[str]]:
            return [row[0] for row in (yield Statement("execution.due", (hour(now), ANY_CRASHES, 100))).rows]

        return self.database.transact(read)

    def end(self, execution_id: str, now: float) -> None:
        def ended() -> Operation[None]:
            header = yield from executions.header(execution_id)
            assert header is not None
            over = Statement("execution.ended", ("completed", hour(now), None, header.number))
            yield Batch((over, *after_end(header.number, hour(now))))

        self.database.transact(ended)


@pytest.fixture
def clockwork(any_database: Asked) -> Clockwork:
    return Clockwork(any_database)


# ── publishing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_published_schedule_is_due_at_its_next_firing(clockwork: Clockwork):
    clockwork.publish(hourly())

    assert clockwork.due(0.9) == []
    (kept,) = clockwork.due(1)
    assert (kept.id, kept.next_at, kept.last_at, kept.version) == (NAME, hour(1), None, 1)
    assert kept.schedule == hourly()
    assert clockwork.database.transact(schedules.next_due) == hour(1)


def test_what_a_new_version_does_not_change_is_still_due_and_starts_that_version(clockwork: Clockwork):
    clockwork.publish(hourly(), Schedule(timing=Interval(timedelta(hours=2))), hourly("skip"))
    clockwork.publish(hourly(), Schedule(timing=Interval(timedelta(hours=3))), version=2, now=5.5)

    same, changed = clockwork.database.transact(lambda: schedules.listed("w"))

    assert (same.version, same.next_at) == (2, hour(1))
    assert (changed.version, changed.next_at) == (2, hour(6))
    assert clockwork.database.transact(schedules.listed) == [same, changed]
    assert clockwork.database.transact(lambda: schedules.listed("other")) == []


def test_names_keep_their_parts_apart():
    one = schedules.schedule_id("a/b", Scheduled("c", 0, hourly()))
    other = schedules.schedule_id("a", Scheduled("b/c", 0, hourly()))

    assert one != other


def test_a_paused_schedule_does_not_fire_and_has_missed_nothing(clockwork: Clockwork):
    clockwork.publish(hourly(catch_up="all"))
    read_before = clockwork.kept()

    assert clockwork.database.transact(lambda: schedules.pause(NAME))
    assert not clockwork.database.transact(lambda: schedules.pause(NAME))
    assert clockwork.due(5) == []
    assert clockwork.database.transact(lambda: schedules.fire(read_before, hour(5))) == Fired()
    clockwork.publish(hourly(catch_up="all"), version=2, now=5)
    assert clockwork.due(5) == []
    assert clockwork.database.transact(lambda: schedules.resume(NAME, hour(5.5)))

    assert clockwork.kept().next_at == hour(6)
    assert not clockwork.database.transact(lambda: schedules.resume(NAME, hour(5.5)))
    assert not clockwork.database.transact(lambda: schedules.resume("nobody", hour(5.5)))


# ── firing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_firing_starts_the_workflow_by_its_trigger_with_what_fired(clockwork: Clockwork):
    clockwork.publish(hourly(), version=3)

    fired = clockwork.fire(1.01)

    assert fired == Fired(started=(schedules.execution_id(NAME, hour(1)),))
    assert clockwork.due_executions(2) == list(fired.started)
    submission = decode_submission(bytes(clockwork.claimed(fired.started[0]).submission or b""))
    assert (submission.trigger, submission.version) == ("clock", 3)
    assert submission.input == {
        "scheduled_for": datetime(2030, 1, 1, 1, tzinfo=UTC),
        "fired_at": datetime(2030, 1, 1, 1, 0, 36, tzinfo=UTC),
        "schedule": NAME,
    }
    header = clockwork.database.transact(lambda: executions.header(fired.started[0]))
    assert header is not None
    assert (header.trigger_type, header.schedule_id, header.workflow_version) == ("schedule", NAME, 3)
    kept = clockwork.kept()
    assert (kept.next_at, kept.last_at) == (hour(2), hour(1))


def test_nothing_fires_before_its_time(clockwork: Clockwork):
    clockwork.publish(hourly())

    assert clockwork.fire(0.99) == Fired()
    assert clockwork.kept().next_at == hour(1)


def test_who_comes_second_starts_nothing(clockwork: Clockwork):
    clockwork.publish(hourly(catch_up="all"))
    read_by_all = clockwork.kept()

    told = clockwork.database.at_once(*[lambda: schedules.fire(read_by_all, hour(3.5)) for _ in range(4)])

    fired = [one for one in told if isinstance(one, Fired)]
    assert sorted(len(one.started) for one in fired) == [0, 0, 0, 3]
    assert clockwork.started() == [1, 2, 3]


@pytest.mark.parametrize(("catch_up", "expected"), [("none", []), ("latest", [5]), ("all", [1, 2, 3, 4, 5])])
def test_after_an_outage_it_catches_up(clockwork: Clockwork, catch_up: CatchUp, expected: list[int]):
    clockwork.publish(hourly(catch_up=catch_up))

    clockwork.fire(5.5)

    assert clockwork.started() == expected
    assert clockwork.kept().next_at == hour(6)


def test_a_schedule_that_has_ended_is_due_no_more(clockwork: Clockwork):
    clockwork.publish(Schedule(timing=Cron("0 * * * *"), ends_at=hour(2)))

    clockwork.fire(3)

    assert clockwork.kept().next_at is None
    assert clockwork.due(99) == []
    assert clockwork.fire(99) == Fired()
    assert clockwork.database.transact(schedules.next_due) is None


# ── what overlaps ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_allowed_ones_go_on_side_by_side(clockwork: Clockwork):
    clockwork.publish(hourly("allow"))

    clockwork.fire(1)
    clockwork.fire(2)

    assert len(clockwork.due_executions(2)) == 2


def test_a_skipped_firing_starts_nothing_and_the_one_after_the_end_does(clockwork: Clockwork):
    clockwork.publish(hourly("skip"))
    (first,) = clockwork.fire(1).started

    assert clockwork.fire(2) == Fired(skipped=(hour(2),))
    clockwork.end(first, 2.5)

    assert len(clockwork.fire(3).started) == 1


def test_those_in_line_start_one_after_the_other(clockwork: Clockwork):
    clockwork.publish(hourly("queue", "all"))
    (first,) = clockwork.fire(1).started
    second, third = clockwork.fire(3).lined_up

    assert clockwork.due_executions(9) == [first]
    clockwork.end(first, 3.5)
    assert clockwork.due_executions(9) == [second]
    (fourth,) = clockwork.fire(4).lined_up
    clockwork.end(second, 4.5)
    assert clockwork.due_executions(9) == [third]
    clockwork.end(third, 4.6)
    clockwork.end(fourth, 4.7)
    assert len(clockwork.fire(5).started) == 1


def test_a_line_that_nobody_called_goes_on_with_the_next_firing(clockwork: Clockwork):
    clockwork.publish(hourly("queue", "all"))
    (first,) = clockwork.fire(1).started
    (second,) = clockwork.fire(2).lined_up

    def ended_without_a_word() -> Operation[None]:
        header = yield from executions.header(first)
        assert header is not None
        yield Statement("execution.ended", ("completed", hour(2.5), None, header.number))

    clockwork.database.transact(ended_without_a_word)
    clockwork.fire(3)

    assert clockwork.due_executions(9) == [second]


def test_an_earlier_execution_is_asked_to_end_and_the_new_one_starts(clockwork: Clockwork):
    clockwork.publish(hourly("cancel_previous"))
    (first,) = clockwork.fire(1).started

    fired = clockwork.fire(3)

    assert (len(fired.started), fired.cancelled) == (1, (first,))
    claimed = clockwork.claimed(first)
    (letter,) = clockwork.database.transact(lambda: inbox.unread(claimed.number))
    assert isinstance(letter.content, Cancel)


def test_what_is_quarantined_stands_in_nobodys_way(clockwork: Clockwork):
    clockwork.publish(hourly("skip"))
    (first,) = clockwork.fire(1).started
    claimed = clockwork.claimed(first)
    clockwork.database.transact(lambda: leases.quarantine(claimed, "it kills whoever drives it"))

    assert len(clockwork.fire(2).started) == 1


# ── clocks that jump ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_clock_that_jumps_back_a_little_fires_nothing_again(clockwork: Clockwork):
    clockwork.publish(hourly(catch_up="all"))
    clockwork.fire(2)

    assert clockwork.due(1.2) == []
    clockwork.fire(1.2)
    clockwork.fire(2.1)
    clockwork.fire(3)

    assert clockwork.started() == [1, 2, 3]


def test_a_clock_that_was_far_ahead_leaves_nothing_out_and_starts_nothing_twice(clockwork: Clockwork):
    clockwork.publish(hourly())
    clockwork.fire(1)
    clockwork.fire(12.5)
    assert clockwork.kept().next_at == hour(13)

    (left_behind,) = clockwork.due(2.5)
    assert left_behind.seen_at > hour(2.5) + AHEAD_NS
    assert clockwork.fire(2.5) == Fired()
    assert clockwork.kept().next_at == hour(3)
    for number in range(3, 14):
        clockwork.fire(number)

    assert sorted(clockwork.started()) == [1, *range(3, 14)]
    assert clockwork.due(13.5) == []


def test_a_clock_that_jumps_about_starts_each_firing_at_most_once(clockwork: Clockwork):
    clockwork.publish(hourly(catch_up="all"))

    for now in (1.1, 7.2, 2.0, 2.9, 9.5, 1.0, 3.3, 10.0, 9.9, 10.1):
        for kept in clockwork.due(now):
            clockwork.database.transact(lambda kept=kept, now=now: schedules.fire(kept, hour(now)))  # type: ignore[misc]

    found = clockwork.started()
    assert sorted(found) == list(range(1, 11))
    assert len(found) == len(set(found))
