"""When a cron expression matches the clock on a wall, also where that is put forward or back.

Fields are read as Debian's cron does. Whether a time is *fixed* – neither the minute nor the hour begins with a star –
decides what happens where the clock is changed: a fixed time fires once a day, as soon as the wall has shown it or has
left it out; any other one is a rhythm, which follows what the wall shows, twice where that is shown twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from prana_py.schedules.schedule import Cron
from prana_py.schedules.zones import change_between, first_second_of, offset_at, shown, wall, zone_of

if TYPE_CHECKING:
    from cronsim import CronSim

LONGEST_EXPRESSION: Final = 200

_SOME_TIME: Final = datetime(2000, 1, 1)  # noqa: DTZ001  # the clock on the wall
_SECOND: Final = timedelta(seconds=1)


def check_expression(expression: str) -> str | None:
    """What is wrong with an expression, if anything is."""
    if len(expression) > LONGEST_EXPRESSION:
        return f"is longer than {LONGEST_EXPRESSION} characters"
    from cronsim import CronSimError

    try:
        parsed = _parsed(expression)
    except CronSimError as error:
        what = str(error)
        reason = what[:1].lower() + what[1:]
        return f"{expression!r} is no cron expression of 5 fields, or 6 with seconds ({reason})"
    return f"{expression!r} never fires" if _next_shown(parsed, _SOME_TIME) is None else None


def next_second(cron: Cron, second: int) -> int | None:
    """The first second after ``second`` at which the expression fires; ``None`` when the next fifty years have none."""
    zone = zone_of(cron.zone)
    parsed = _parsed(cron.expression)
    return _next_fixed(parsed, zone, second) if _is_fixed(parsed) else _next_of_rhythm(parsed, zone, second)


def _is_fixed(parsed: CronSim) -> bool:
    _, minute, hour, *_ = parsed.parts
    return not (minute.startswith("*") or hour.startswith("*"))


def _next_fixed(parsed: CronSim, zone: tzinfo, second: int) -> int | None:
    for moment in _shown_after(parsed, wall(second, offset_at(zone, second))):
        fires = first_second_of(moment, zone)
        # While the wall shows an hour again, what it shows has fired already; so have several times of one gap.
        if fires > second:
            return fires
    return None


def _next_of_rhythm(parsed: CronSim, zone: tzinfo, second: int) -> int | None:
    """Goes from one change of the clock to the next: between them the wall is UTC, so many seconds apart."""
    earliest = second + 1
    while True:
        offset = offset_at(zone, earliest)
        moment = _next_shown(parsed, wall(earliest, offset) - _SECOND)
        if moment is None:
            return None
        fires = shown(moment) - offset
        change = change_between(zone, earliest, fires)
        if change is None:
            return fires
        earliest = change


def _next_shown(parsed: CronSim, after: datetime) -> datetime | None:
    return next(_shown_after(parsed, after), None)


def _shown_after(parsed: CronSim, after: datetime) -> Iterator[datetime]:
    """The times that match, after a time; all without a zone, so that a day has 24 hours."""
    matching = copy(parsed)
    matching.dt = after
    return matching


@lru_cache(maxsize=1024)
def _parsed(expression: str) -> CronSim:
    """The expression, read; never advanced itself, because it is shared."""
    # As only a program that has such expressions needs the library, it is imported here.
    from cronsim import CronSim

    return CronSim(expression, _SOME_TIME)
