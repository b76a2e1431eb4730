"""When a failed run is tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec

from prana_py.model.bounds import Count, Factor, Name, Period, Share

Backoff = Literal["fixed", "linear", "exponential"]


class Retry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How often and how soon a failed run is attempted again; ``max_attempts`` counts the first one too."""

    max_attempts: Count = 3
    delay: timedelta = timedelta(seconds=1)
    backoff: Backoff = "fixed"
    factor: Factor = 2.0
    max_delay: Period | None = None
    jitter: Share = 0.0
    """Share of the delay (0 … 1) that varies from run to run; taken from the run's key, so it is reproducible."""
    retry_on: tuple[Name, ...] = ()
    """Error codes that are retried; empty means every retryable error."""
    never_on: tuple[Name, ...] = ()
    """Error codes that are never retried."""
