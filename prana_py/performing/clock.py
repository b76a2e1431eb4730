"""The only module that reads the clock, makes ids, or sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from os import urandom
from typing import Protocol

from prana_py.identifiers import ExecutionId, Instant


class Clock(Protocol):
    """Tells the present instant, and how long it is until another one."""

    def now(self) -> Instant: ...

    def seconds_until(self, instant: Instant) -> float:
        """How long whoever waits for this instant must wait before looking again; never negative."""


class SystemClock:
    """The machine's own clock."""

    now: Callable[[], Instant] = staticmethod(time.time_ns)  # type: ignore[assignment]  # an int is one, without a call

    def seconds_until(self, instant: Instant) -> float:
        return max(0.0, (instant - self.now()) / 1e9)


class IdSource(Protocol):
    """Makes execution ids."""

    def __call__(self) -> ExecutionId: ...


def random_id() -> ExecutionId:
    """A new execution id: 128 random bits."""
    return urandom(16).hex()


def sleep(seconds: float) -> None:
    """Let this thread wait."""
    time.sleep(seconds)


async def sleep_async(seconds: float) -> None:
    """Let this task wait."""
    from asyncio import sleep

    await sleep(seconds)
