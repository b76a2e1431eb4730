"""A schedule as data: at which instants it fires, and what is to be done when firings meet or were missed."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal, TypeAlias

import msgspec

from prana_py.identifiers import Instant, NodeKey

Overlap: TypeAlias = Literal["skip", "queue", "allow", "cancel_previous"]
"""What a firing does while an execution of an earlier one has not ended."""

CatchUp: TypeAlias = Literal["none", "latest", "all"]
"""Which of the firings that nobody was there for are started afterwards."""

SECOND_NS: Final = 1_000_000_000


class Cron(msgspec.Struct, frozen=True, tag="cron"):
    """Fires when the clock on the wall of a zone matches an expression of five fields, or of six with seconds first."""

    expression: str
    zone: str = "UTC"


class Interval(msgspec.Struct, frozen=True, tag="interval"):
    """Fires at the anchor, and at whole multiples of a duration before and after it."""

    every: timedelta
    anchor: Instant = Instant(0)


class Schedule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a workflow is started by the clock."""

    timing: Cron | Interval
    starts_at: Instant | None = None
    """No firing is earlier."""
    ends_at: Instant | None = None
    """Every firing is earlier."""
    overlap: Overlap = "allow"
    catch_up: CatchUp = "latest"
    window: timedelta | None = None
    """How late a firing may be started; each way of catching up has its own default."""


class Scheduled(msgspec.Struct, frozen=True):
    """A schedule of a workflow: the trigger node it starts, and its place among those of that node."""

    node_key: NodeKey
    position: int
    schedule: Schedule


def nanoseconds(duration: timedelta) -> int:
    """A duration in the unit of instants."""
    return (duration // timedelta(microseconds=1)) * 1000
