"""The instants at which schedules fire, and which of those that were missed are started."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from prana_py.execution.suspension import as_instant
from prana_py.identifiers import Instant
from prana_py.schedules.catching_up import Due, missed
from prana_py.schedules.checks import check_schedule
from prana_py.schedules.firings import firings_between, last_firing, next_firing
from prana_py.schedules.overlapping import MOST_IN_LINE, Plan, plan
from prana_py.schedules.schedule import SECOND_NS, CatchUp, Cron, Interval, Schedule

MINUTE = 60 * SECOND_NS
HOURLY = Schedule(timing=Cron("0 * * * *"))


def at(text: str) -> Instant:
    return as_instant(datetime.fromisoformat(text).replace(tzinfo=UTC))


def hours(*numbers: int) -> tuple[Instant, ...]:
    return tuple(at(f"2030-01-01T{number:02}:00") for number in numbers)


def hourly(catch_up: CatchUp, window: timedelta | None = None) -> Schedule:
    return Schedule(timing=Cron("0 * * * *"), catch_up=catch_up, window=window)


def test_a_firing_is_later_than_what_it_is_asked_after():
    assert next_firing(HOURLY, at("2030-01-01T05:00")) == at("2030-01-01T06:00")
    assert next_firing(HOURLY, Instant(at("2030-01-01T05:00") - 1)) == at("2030-01-01T05:00")


def test_an_interval_fires_at_multiples_from_its_anchor_in_both_directions():
    schedule = Schedule(timing=Interval(timedelta(minutes=90), at("2030-01-01T12:10")))

    assert firings_between(schedule, at("2030-01-01T10:40"), at("2030-01-01T15:10"), 9) == (
        at("2030-01-01T12:10"),
        at("2030-01-01T13:40"),
        at("2030-01-01T15:10"),
    )
    assert next_firing(schedule, at("1960-01-01")) is not None


def test_nothing_fires_before_the_start_or_from_the_end_on():
    schedule = Schedule(timing=HOURLY.timing, starts_at=hours(3)[0], ends_at=hours(6)[0])

    assert firings_between(schedule, at("2029-01-01"), at("2031-01-01"), 99) == hours(3, 4, 5)
    assert next_firing(schedule, hours(5)[0]) is None


def test_only_as_many_firings_are_told_as_are_asked_for():
    assert firings_between(HOURLY, at("2030-01-01"), at("2040-01-01"), 2) == hours(1, 2)


def test_the_last_firing_of_years_of_seconds_is_found_at_once():
    for timing in (Cron("* * * * * *"), Interval(timedelta(seconds=1)), Cron("0 0 29 2 *", "America/New_York")):
        schedule = Schedule(timing=timing)
        after, until = at("2010-01-01"), at("2030-01-01T00:00:07")
        last = last_firing(schedule, after, until)

        assert last is not None
        assert last <= until
        following = next_firing(schedule, last)
        assert following is not None
        assert following > until
    assert last_firing(HOURLY, hours(1)[0], Instant(hours(2)[0] - 1)) is None


def test_a_leap_day_is_waited_for_over_a_century_without_one():
    assert next_firing(Schedule(timing=Cron("0 0 29 2 *")), at("2096-03-01")) == at("2104-02-29")


# ── missed firings ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("catch_up", "window", "started"),
    [
        ("none", None, ()),
        ("latest", None, (5,)),
        ("all", None, (2, 3, 4, 5)),
        ("none", timedelta(minutes=30), (5,)),
        ("latest", timedelta(minutes=29), ()),
        ("all", timedelta(hours=2), (4, 5)),
    ],
)
def test_after_an_outage_is_started_what_the_schedule_says(
    catch_up: CatchUp, window: timedelta | None, started: tuple[int, ...]
):
    due = missed(hourly(catch_up, window), hours(1)[0], at("2030-01-01T05:30"))

    assert due == Due(hours(*started), hours(6)[0])


@pytest.mark.parametrize("catch_up", ["none", "latest", "all"])
def test_a_firing_that_is_noticed_a_moment_late_is_on_time(catch_up: CatchUp):
    assert missed(hourly(catch_up), hours(1)[0], Instant(hours(2)[0] + MINUTE)) == Due(hours(2), hours(3)[0])


def test_what_is_too_much_for_one_go_is_due_again_at_once():
    first = missed(hourly("all"), hours(0)[0], at("2030-01-01T05:30"), limit=2)
    second = missed(hourly("all"), hours(2)[0], at("2030-01-01T05:30"), limit=2)

    assert (first, second) == (Due(hours(1, 2), hours(3)[0]), Due(hours(3, 4), hours(5)[0]))


def test_a_clock_that_was_put_back_fires_nothing_again():
    assert missed(HOURLY, hours(5)[0], hours(2)[0]) == Due((), hours(6)[0])


def test_a_schedule_that_has_ended_is_due_no_more():
    schedule = Schedule(timing=HOURLY.timing, ends_at=hours(3)[0])

    assert missed(schedule, hours(1)[0], hours(9)[0]) == Due(hours(2), None)


# ── meeting an execution that has not ended ──────────────────────────────────────────────────────────────────────────


def test_what_overlaps_is_started_left_out_lined_up_or_takes_over():
    firings = hours(1, 2, 3)

    assert plan("allow", 5, 0, firings) == Plan(start=firings)
    assert plan("skip", 0, 0, firings) == Plan(start=firings[:1], skip=firings[1:])
    assert plan("skip", 1, 0, firings) == Plan(skip=firings)
    assert plan("queue", 0, 0, firings) == Plan(start=firings[:1], line_up=firings[1:])
    assert plan("queue", 0, 1, firings) == Plan(line_up=firings)
    assert plan("queue", 1, 0, firings) == Plan(line_up=firings)
    assert plan("cancel_previous", 1, 0, firings) == Plan(start=firings[-1:], skip=firings[:-1], cancels=True)
    assert plan("cancel_previous", 0, 0, firings) == Plan(start=firings[-1:], skip=firings[:-1])


@pytest.mark.parametrize("overlap", ["skip", "queue", "allow", "cancel_previous"])
def test_no_firing_is_no_plan(overlap: str):
    assert plan(overlap, 1, 0, ()) == Plan()  # type: ignore[arg-type]  # parametrized by its values


def test_a_line_is_no_longer_than_its_limit():
    assert plan("queue", 1, MOST_IN_LINE - 1, hours(1, 2)) == Plan(line_up=hours(1), skip=hours(2))


# ── what is no schedule ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "wrong number of fields"),
        ("* * * *", "wrong number of fields"),
        ("61 * * * *", "bad minute"),
        ("* 24 * * *", "bad hour"),
        ("* * * 13 *", "bad month"),
        ("0 0 31 2 *", "bad day-of-month"),
        ("0 0 * * MON#6", "bad day-of-week"),
        ("*/0 * * * *", "bad minute"),
        ("@daily", "wrong number of fields"),
        ("0 0 LW * */7", "never fires"),
        ("1" * 201 + " * * * *", "longer than 200 characters"),
    ],
)
def test_an_expression_that_cannot_be_is_told_with_the_reason(expression: str, said: str):
    ((field, message),) = check_schedule(Schedule(timing=Cron(expression)))

    assert field == "expression"
    assert said in message


def test_all_that_is_wrong_with_a_schedule_is_told_at_once():
    cron = Schedule(timing=Cron("x", "Mars/Base"), window=timedelta(), starts_at=hours(2)[0], ends_at=hours(1)[0])
    short, long = (Schedule(timing=Interval(every)) for every in (timedelta(milliseconds=999), timedelta(days=40_000)))

    assert [field for field, _ in check_schedule(cron)] == ["expression", "zone", "window", "ends_at"]
    assert [message for _, message in check_schedule(short)] == ["is shorter than a second"]
    assert [message for _, message in check_schedule(long)] == ["is longer than 36500 days"]
    assert list(check_schedule(HOURLY)) == []
