"""A clock that stands still until it is told to go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from prana_py.errors import UsageError
from prana_py.execution.suspension import as_datetime, as_instant, nanoseconds
from prana_py.identifiers import Instant

BEGINNING: Final = datetime(2030, 1, 1, tzinfo=UTC)

LOOK_AGAIN_S: Final = 0.002
"""How soon whoever waits looks at a standing clock again, since another thread may have moved it."""


class FakeClock:
    """Stands still until ``advance`` moves it. With ``jumps`` it is at once where anybody awaits it.

    A clock that jumps is for one call at a time: beside a call in a thread it would jump before that is answered.
    """

    def __init__(self, start: datetime = BEGINNING, *, jumps: bool = False) -> None:
        self._now = as_instant(start)
        self.jumps = jumps

    def __repr__(self) -> str:
        return f"<fake clock at {self.time.isoformat()}>"

    def now(self) -> Instant:
        return self._now

    @property
    def time(self) -> datetime:
        """The present as people write it."""
        return as_datetime(self._now)

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0, milliseconds: float = 0
    ) -> None:
        """Let so much time pass."""
        step = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)
        if step < timedelta():
            raise UsageError(f"a clock cannot go back, and {step} is negative")
        self._now = Instant(self._now + nanoseconds(step))

    def advance_to(self, moment: datetime | Instant) -> None:
        """Let time pass up to this instant; one that is past changes nothing."""
        instant = as_instant(moment) if isinstance(moment, datetime) else moment
        self._now = max(self._now, instant)

    def seconds_until(self, instant: Instant) -> float:
        if self.jumps:
            self.advance_to(instant)
        return 0.0 if instant <= self._now else LOOK_AGAIN_S
