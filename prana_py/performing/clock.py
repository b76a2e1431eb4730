"""The only module that reads the clock, makes ids, or sleeps."""

from __future__ import annotations

import time
from typing import Protocol
from uuid import uuid4

from prana_py.identifiers import ExecutionId, Instant


class Clock(Protocol):
    """Tells the present instant."""

    def now(self) -> Instant: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> Instant:
        return Instant(time.time_ns())


def seconds_until(clock: Clock, instant: Instant) -> float:
    """How long to wait, never negative."""
    return max(0.0, (instant - clock.now()) / 1e9)


class IdSource(Protocol):
    """Makes execution ids."""

    def __call__(self) -> ExecutionId: ...


def random_id() -> ExecutionId:
    """A new execution id: 122 random bits."""
    return uuid4().hex
