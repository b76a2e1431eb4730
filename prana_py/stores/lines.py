"""Executions of a schedule that start one after the other: when one has ended, the next one has its turn."""

from __future__ import annotations

from prana_py.identifiers import Instant
from prana_py.stores.statements import Statement


def after_end(number: int, now: Instant) -> tuple[Statement, ...]:
    """What belongs to the end of an execution that a schedule has started, after its status was written."""
    return Statement("schedule.take_turns", (number,)), next_in_line(number, now)


def next_in_line(number: int, now: Instant) -> Statement:
    """The first one that waits for its turn is woken, unless another one of the same schedule goes on."""
    return Statement("schedule.next_in_line", (now, number, number))
