"""Which firings are started when somebody looks at the clock again, perhaps long after they were due."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec

from prana_py.identifiers import Instant
from prana_py.schedules.firings import firings_between, last_firing, next_firing
from prana_py.schedules.schedule import CatchUp, Schedule, nanoseconds

MOST_AT_ONCE: Final = 100
"""How many missed firings are started in one go; those left are due at once again."""

WINDOWS: Final[dict[CatchUp, timedelta | None]] = {
    "none": timedelta(minutes=1),
    "latest": None,
    "all": timedelta(days=1),
}
"""How late a firing may be started when the schedule does not say. Within a minute it counts as on time."""


class Due(msgspec.Struct, frozen=True):
    """What is to be started now, and when to look again."""

    firings: tuple[Instant, ...]
    next: Instant | None


def missed(schedule: Schedule, last_fired: Instant, now: Instant, limit: int = MOST_AT_ONCE) -> Due:
    """What is due after ``last_fired``, as the schedule catches up.

    ``none`` starts the last firing if it is on time, ``latest`` the last one within the window, ``all`` every one
    within the window – at most ``limit``, and then the next one is due at once.
    """
    if now <= last_fired:
        return Due((), next_firing(schedule, last_fired))
    earliest = _earliest(schedule, last_fired, now)
    if schedule.catch_up != "all":
        last = last_firing(schedule, earliest, now)
        return Due(() if last is None else (last,), next_firing(schedule, now))
    firings = firings_between(schedule, earliest, now, limit)
    return Due(firings, next_firing(schedule, firings[-1] if len(firings) == limit else now))


def _earliest(schedule: Schedule, last_fired: Instant, now: Instant) -> Instant:
    """After which instant firings still count; one that is as late as the window is long does."""
    window = schedule.window if schedule.window is not None else WINDOWS[schedule.catch_up]
    if window is None:
        return last_fired
    return max(last_fired, Instant(now - nanoseconds(window) - 1))
