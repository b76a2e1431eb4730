"""The instants at which a schedule fires."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from prana_py.identifiers import Instant
from prana_py.schedules.cron import next_second
from prana_py.schedules.schedule import SECOND_NS, Cron, Interval, Schedule, nanoseconds


def next_firing(schedule: Schedule, after: Instant) -> Instant | None:
    """The first firing later than ``after``; ``None`` when there will be none."""
    if schedule.starts_at is not None and after < schedule.starts_at:
        after = Instant(schedule.starts_at - 1)
    firing = _next(schedule.timing, after)
    if firing is None or firing > _LAST or (schedule.ends_at is not None and firing >= schedule.ends_at):
        return None
    return Instant(firing)


def firings_between(schedule: Schedule, after: Instant, until: Instant, limit: int) -> tuple[Instant, ...]:
    """The firings later than ``after`` and not later than ``until``, the first ``limit`` of them."""
    return tuple(islice(_firings(schedule, after, until), limit))


def last_firing(schedule: Schedule, after: Instant, until: Instant) -> Instant | None:
    """The last firing later than ``after`` and not later than ``until``, however many there are."""
    last = next_firing(schedule, after)
    if last is None or last > until:
        return None
    # Halving what lies between the last one known and the end takes some 25 steps for a year.
    # No two firings are closer than a second.
    low, high = last, until
    while high - low >= SECOND_NS:
        middle = Instant((low + high) // 2)
        firing = next_firing(schedule, middle)
        if firing is None or firing > until:
            high = middle
        else:
            low = last = firing
    return last


_LAST = (1 << 63) - 1
"""Instants have 64 bits wherever they are kept."""


def _next(timing: Cron | Interval, after: Instant) -> int | None:
    if isinstance(timing, Cron):
        second = next_second(timing, after // SECOND_NS)
        return None if second is None else second * SECOND_NS
    every = nanoseconds(timing.every)
    return timing.anchor + ((after - timing.anchor) // every + 1) * every


def _firings(schedule: Schedule, after: Instant, until: Instant) -> Iterator[Instant]:
    firing = next_firing(schedule, after)
    while firing is not None and firing <= until:
        yield firing
        firing = next_firing(schedule, firing)
