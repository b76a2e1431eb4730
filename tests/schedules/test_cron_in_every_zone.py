"""Cron in every zone and at every change of the clock from 2020 to 2040, against looking at the wall all the time.

Zones whose clocks are changed at the same instants in the same way are looked at once; ``PRANA_LONG_TESTS=1`` looks at
each of them, with every expression.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from zoneinfo import ZoneInfo, available_timezones

import pytest

from prana_py.identifiers import Instant
from prana_py.schedules.firings import firings_between, next_firing
from prana_py.schedules.schedule import SECOND_NS, Cron, Schedule
from tests.schedules.cron_oracle import Expression, changes, firings, walls

LONG = os.environ.get("PRANA_LONG_TESTS") == "1"

FIRST, LAST = 2020, 2040

FIXED = (
    "30 2 * * *", "0 0 * * *", "0,30 0-3 * * *", "5-59/10 1,2,3 * * SUN", "59 23 L * *", "0 1 1-15 * MON",
    "45 1-4/2 * 3-11 *", "7 9 * * 1-5", "0 0 1,8,29 * 0", "15,45 23 * * 6,7",
)  # fmt: skip

RHYTHMS = (
    "*/15 * * * *", "30 * * * *", "*/20 2 * * *", "*/30 0 * * *", "10 */2 * * *", "*/10 3 * * *", "* 1 * * SUN",
    "*/7 23 * * *", "*/15 0-4 L * *", "0 */3 * APR-OCT *",
)  # fmt: skip

WITH_SECONDS = ("30 30 2 * * *", "*/20 59 1,2 * * *", "15 */5 * * * *", "*/45 0,30 0-3 * * *")

AROUND = timedelta(hours=16)


def zones() -> dict[object, list[str]]:
    """The names of zones by how their clocks are changed; each by itself where there is time for that."""
    found: dict[object, list[str]] = {}
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        rule = (datetime(FIRST, 1, 1, tzinfo=zone).utcoffset(), changes(zone, FIRST, LAST))
        found.setdefault(name if LONG else rule, []).append(name)
    return found


def spans(name: str) -> Iterator[tuple[datetime, datetime]]:
    """What is looked at: the hours before and after each change, and where nothing changes the beginning of March."""
    around = [moment for moment, _, _ in changes(ZoneInfo(name), FIRST, LAST)] or [datetime(2024, 3, 1, tzinfo=UTC)]
    for moment in around:
        yield moment - AROUND, moment + AROUND


def instant(moment: datetime) -> Instant:
    return Instant(round(moment.timestamp()) * SECOND_NS)


def differences(name: str, text: str, seen: Sequence[tuple[datetime, datetime]]) -> Iterator[str]:
    """Where the firings of a schedule are not those that the wall told of, from wherever one begins to look."""
    schedule = Schedule(timing=Cron(text, name))
    begin, end = instant(seen[0][0]), instant(seen[-1][0])
    expected = [instant(moment) for moment in firings(Expression(text), list(seen))]
    if list(firings_between(schedule, begin, end, len(expected) + 1)) != expected:
        yield f"{text} in {name} from {seen[0][0]} on"
    for moment, _ in seen[:: len(seen) // 12]:
        after = instant(moment)
        place = bisect_right(expected, after)
        if place < len(expected) and next_firing(schedule, after) != expected[place]:
            yield f"{text} in {name} after {moment}"


def test_no_firing_differs_from_what_the_wall_shows(capsys: pytest.CaptureFixture[str]):
    groups = zones()
    expressions = cycle((*FIXED, *RHYTHMS))
    each_time = len(FIXED) + len(RHYTHMS) if LONG else 3
    compared = 0
    found: list[str] = []

    for names in groups.values():
        for begin, end in spans(names[0]):
            seen = walls(ZoneInfo(names[0]), begin, end, timedelta(minutes=1))
            for text in islice(expressions, each_time):
                compared += 1
                found += differences(names[0], text, seen)

    with capsys.disabled():
        count = sum(len(names) for names in groups.values())
        print(f"\ncron: {count} zones, {len(groups)} looked at, {compared} comparisons, {len(found)} differences")
    assert found == []


@pytest.mark.parametrize("name", ["Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll", "Africa/Cairo", "UTC"])
@pytest.mark.parametrize("text", WITH_SECONDS)
def test_seconds_follow_the_same_rule(name: str, text: str):
    found: list[str] = []
    for moment in [span[0] + AROUND for span in islice(spans(name), 2)]:
        seen = walls(ZoneInfo(name), moment - timedelta(hours=4), moment + timedelta(hours=4), timedelta(seconds=1))
        found += differences(name, text, seen)

    assert found == []


@pytest.mark.parametrize("text", [*FIXED, *RHYTHMS, "0 12 31 * *", "0 0 29 2 *", "0 6 13 * FRI", "1/7 5 * */3 *"])
def test_a_year_is_read_as_its_fields_say(text: str):
    begin = datetime(2027, 12, 31, tzinfo=UTC)
    seen = walls(UTC, begin, begin + timedelta(days=63), timedelta(minutes=1))

    assert list(differences("UTC", text, seen)) == []
