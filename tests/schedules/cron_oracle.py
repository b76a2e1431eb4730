"""When cron expressions fire, found by looking at the wall at every single step; reads expressions by itself."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache

_NAMES = {
    "SUN": 0, "MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6,
    "JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6,
    "JUL": 7, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11, "DEC": 12,
}  # fmt: skip

_RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7))

LAST_DAY = 99


class Expression:
    """An expression with a set of numbers for each field."""

    def __init__(self, text: str) -> None:
        fields = text.upper().split()
        self.step = timedelta(seconds=1) if len(fields) == 6 else timedelta(minutes=1)
        fields = fields if len(fields) == 6 else ["0", *fields]
        sets = [_numbers(field, *_RANGES[place]) for place, field in enumerate(fields)]
        self.seconds, self.minutes, self.hours, self.days, self.months, weekdays = sets
        self.weekdays = {day % 7 for day in weekdays}
        self.both_days = fields[3][0] == "*" or fields[5][0] == "*"
        self.is_fixed = fields[1][0] != "*" and fields[2][0] != "*"

    def matches(self, wall: datetime) -> bool:
        """Whether it names what the wall shows."""
        if wall.minute not in self.minutes or wall.hour not in self.hours or wall.second not in self.seconds:
            return False
        return wall.month in self.months and self._matches_day(wall)

    def _matches_day(self, wall: datetime) -> bool:
        last = LAST_DAY in self.days and wall.day == calendar.monthrange(wall.year, wall.month)[1]
        by_date = wall.day in self.days or last
        by_weekday = wall.isoweekday() % 7 in self.weekdays
        return by_date and by_weekday if self.both_days else by_date or by_weekday


def walls(zone: tzinfo, begin: datetime, end: datetime, step: timedelta) -> list[tuple[datetime, datetime]]:
    """Every step, with what the wall shows then."""
    found = []
    moment = begin
    while moment < end:
        found.append((moment, moment.astimezone(zone).replace(tzinfo=None, fold=0)))
        moment += step
    return found


def firings(expression: Expression, seen: list[tuple[datetime, datetime]]) -> Iterator[datetime]:
    """The instants of those steps, but for the first, at which the expression fires."""
    highest = seen[0][1]
    for moment, wall in seen[1:]:
        if not expression.is_fixed:
            if expression.matches(wall):
                yield moment
            continue
        # Whatever the wall has reached for the first time, shown or left out, is due now, and only now.
        fires = False
        while highest < wall:
            highest += expression.step
            fires = fires or expression.matches(highest)
        if fires:
            yield moment


@cache
def changes(zone: tzinfo, first_year: int, last_year: int) -> tuple[tuple[datetime, timedelta, timedelta], ...]:
    """Every hour before which the offset was another one: the hour, the offset before it, the offset at it."""
    found = []
    moment, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    before = moment.astimezone(zone).utcoffset()
    while moment < end:
        day = moment + timedelta(days=1)
        if day.astimezone(zone).utcoffset() != before:
            while moment < day:
                moment += timedelta(hours=1)
                offset = moment.astimezone(zone).utcoffset()
                if offset != before:
                    assert before is not None
                    assert offset is not None
                    found.append((moment, before, offset))
                    before = offset
        moment = day
    return tuple(found)


def _numbers(field: str, lowest: int, highest: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "L":
            numbers = range(LAST_DAY, LAST_DAY + 1)
        elif span == "*":
            numbers = range(lowest, highest + 1)
        elif dash:
            numbers = range(_number(first), _number(last) + 1)
        else:
            numbers = range(_number(first), (highest if step else _number(first)) + 1)
        found.update(numbers[:: int(step or 1)])
    return found


def _number(text: str) -> int:
    return _NAMES[text] if text in _NAMES else int(text)
