"""A join by a policy of the host's own: what the policy is told, and what comes of its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec

from prana_py.execution.activation import Arrival
from prana_py.execution.joins import feed_of, oldest_per_feed
from prana_py.execution.scope_state import Queue
from prana_py.execution.suspension import as_datetime, as_instant
from prana_py.graph.execution_graph import Vertex
from prana_py.identifiers import Instant
from prana_py.model.join_policy import Consume, JoinPolicy, Queues, WaitUntil


class Firing(msgspec.Struct, frozen=True):
    """The join runs with these arrivals; with a fault it only runs to fail."""

    taken: tuple[Arrival, ...]
    fault: str = ""


class Holding(msgspec.Struct, frozen=True):
    """The join waits on, at most until this instant."""

    until: Instant | None


Outcome: TypeAlias = Firing | Holding


class _Nonsense(Exception):
    """The policy answered something that cannot be done."""


def ask_policy(
    policy: JoinPolicy, vertex: Vertex, queue: Queue, state: Mapping[str, Any], now: Instant, *, more_can_come: bool
) -> Outcome:
    """What the policy wants. One that raises, or wants what cannot be, makes the join's run fail."""
    waiting: dict[str, list[Arrival]] = {route.key: [] for route in vertex.feeds} or {"": []}
    keys = list(waiting)
    for arrival in queue:
        waiting[keys[feed_of(arrival)]].append(arrival)
    values = {key: tuple(arrival.value for arrival in arrivals) for key, arrivals in waiting.items()}
    queues = Queues(values, more_can_come=more_can_come)
    try:
        verdict: object = policy(queues, MappingProxyType(state), as_datetime(now))
        return _outcome(verdict, queue, waiting, now)
    except _Nonsense as fault:
        return Firing(oldest_per_feed(queue), str(fault))
    except Exception as error:  # noqa: BLE001  # a policy's own code
        return Firing(oldest_per_feed(queue), f"it raised {type(error).__name__}: {error}")


def _outcome(verdict: object, queue: Queue, waiting: Mapping[str, list[Arrival]], now: Instant) -> Outcome:
    match verdict:
        case Consume(counts=None):
            return Firing(oldest_per_feed(queue))
        case Consume(counts=counts):
            return Firing(_taken(counts, waiting))
        case WaitUntil(until=until):
            return Holding(None if until is None else _later(until, now))
        case _:
            raise _Nonsense(f"it answered {verdict!r}, which is neither Consume(…) nor WaitUntil(…)")


def _taken(counts: Any, waiting: Mapping[str, list[Arrival]]) -> tuple[Arrival, ...]:
    """The oldest arrivals of each connection, as many as were asked for."""
    if not isinstance(counts, Mapping):
        raise _Nonsense(f"it wants to consume {counts!r}, which is no map from connections to numbers")
    taken: list[Arrival] = []
    for key, count in counts.items():
        arrivals = waiting.get(key)
        if arrivals is None:
            raise _Nonsense(f"it wants to consume from {key!r}, which does not lead to the node")
        if type(count) is not int or not 0 <= count <= len(arrivals):
            raise _Nonsense(f"it wants to consume {count!r} of {len(arrivals)} from {key!r}")
        taken += arrivals[:count]
    if not taken:
        raise _Nonsense("it wants to consume nothing")
    return tuple(taken)


def _later(until: object, now: Instant) -> Instant:
    if not isinstance(until, datetime) or until.tzinfo is None:
        raise _Nonsense(f"it wants to wait until {until!r}, which is no datetime with a zone")
    instant = as_instant(until)
    if instant <= now:
        raise _Nonsense(f"it wants to wait until {until.isoformat()}, which is not to come any more")
    return instant
