"""What is wrong with a schedule, told by the field."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from prana_py.model.durations import LONGEST
from prana_py.schedules.cron import check_expression
from prana_py.schedules.schedule import Cron, Interval, Schedule
from prana_py.schedules.zones import zone_of

SHORTEST: Final = timedelta(seconds=1)


def check_schedule(schedule: Schedule) -> Iterator[tuple[str, str]]:
    """Pairs of the field and what is wrong with it."""
    match schedule.timing:
        case Cron(expression=expression, zone=zone):
            yield from _expression(expression)
            yield from _zone(zone)
        case Interval(every=every):
            yield from _every(every)
    if schedule.window is not None and not timedelta() < schedule.window <= LONGEST:
        yield "window", "is a duration longer than zero, such as '2h'"
    starts_at, ends_at = schedule.starts_at, schedule.ends_at
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        yield "ends_at", "is not later than starts_at, so that nothing would ever fire"


def _expression(expression: str) -> Iterator[tuple[str, str]]:
    message = check_expression(expression)
    if message is not None:
        yield "expression", message


def _zone(zone: str) -> Iterator[tuple[str, str]]:
    try:
        zone_of(zone)
    except ValueError as error:
        yield "zone", f"is unknown: {error}"


def _every(every: timedelta) -> Iterator[tuple[str, str]]:
    if every < SHORTEST:
        yield "every", "is shorter than a second"
    elif every > LONGEST:
        yield "every", f"is longer than {LONGEST.days} days"
