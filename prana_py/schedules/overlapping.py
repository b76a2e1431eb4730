"""What firings do while executions of earlier ones have not ended."""

from __future__ import annotations

from typing import Final

import msgspec

from prana_py.identifiers import Instant
from prana_py.schedules.schedule import Overlap

MOST_IN_LINE: Final = 1000
"""How many executions of a schedule wait for their turn; firings beyond are left out."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of each firing, and of the executions that go on."""

    start: tuple[Instant, ...] = ()
    line_up: tuple[Instant, ...] = ()
    """Started later, one after the other."""
    skip: tuple[Instant, ...] = ()
    cancels: bool = False
    """The executions that go on are asked to end."""


def plan(overlap: Overlap, active: int, in_line: int, firings: tuple[Instant, ...]) -> Plan:
    """What to do with firings when so many executions of the schedule go on, and so many wait for their turn."""
    if not firings:
        return Plan()
    free = 0 if active or in_line else 1
    match overlap:
        case "allow":
            return Plan(start=firings)
        case "skip":
            return Plan(start=firings[:free], skip=firings[free:])
        case "queue":
            full = free + max(0, MOST_IN_LINE - in_line)
            return Plan(start=firings[:free], line_up=firings[free:full], skip=firings[full:])
        case "cancel_previous":
            return Plan(start=firings[-1:], skip=firings[:-1], cancels=not free)
