"""Where arrivals meet: which join a vertex has, and who can still reach it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from prana_py.graph.analysis import bits, closure, spread
from prana_py.graph.execution_graph import Route
from prana_py.graph.loops import LOOP, Levels
from prana_py.graph.skeleton import Skeleton
from prana_py.identifiers import ERROR, TIMEOUT, PortName
from prana_py.model.join import Batch, Custom, Every, FirstOf, Inclusive, Join
from prana_py.model.settings import Collect, NodeSettings

TROUBLE_PORTS = frozenset({ERROR, TIMEOUT, "expired"})
"""By these a node leaves when something went wrong or nothing came."""


class Meetings(msgspec.Struct, frozen=True):
    """For every vertex, by ordinal, what the fields of the same name in ``Vertex`` promise."""

    upstream: list[int]
    downstream: list[int]
    captive: list[int]
    joins_ahead: list[int]


def join_of(settings: NodeSettings, ports: Sequence[PortName]) -> Join:
    """The join that was asked for, else each for handlers of trouble and inclusive for everything else.

    ``ports`` are those that the connections into the node leave by.
    """
    if settings.join is not None:
        return settings.join
    if ports and TROUBLE_PORTS.issuperset(ports):
        return Every()
    return Inclusive()


def collect_of(settings: NodeSettings, feeds: Sequence[Route]) -> Collect:
    """What was asked for, else merge where connections carry mappings, and the last for everything else."""
    if settings.collect is not None:
        return settings.collect
    return "merge" if any(feed.mapping for feed in feeds) else "last"


def waits_for_others(join: Join, feeds: int) -> bool:
    """Arrivals may be kept here until others have come, so it matters who can still reach the vertex."""
    if isinstance(join, (Batch, Custom, FirstOf)):
        return True
    return feeds > 1 and not isinstance(join, Every)


def meetings(skeleton: Skeleton, found: Levels, joins: Sequence[Join], waiting: int) -> Meetings:
    """Work out the reach of every join in ``waiting``, a bit set."""
    count = len(joins)
    upstream, downstream, captive, ahead = [0] * count, [0] * count, [0] * count, [0] * count
    if waiting:
        reaching = closure(found.groups, found.before, marked=lambda vertex: 1 << vertex, count=count)
        met = closure(reversed(found.groups), found.after, marked=lambda vertex: waiting & 1 << vertex, count=count)
        for vertex in bits(waiting):
            upstream[vertex] = reaching[vertex] & ~(1 << vertex)
        for vertex in range(count):
            ahead[vertex] = met[vertex] & ~(1 << vertex)
        _of_first_joins(skeleton, found, joins, upstream, downstream, captive)
    return Meetings(upstream, downstream, captive, ahead)


def _of_first_joins(
    skeleton: Skeleton,
    found: Levels,
    joins: Sequence[Join],
    upstream: list[int],
    downstream: list[int],
    captive: list[int],
) -> None:
    quitting = 0
    for vertex, join in enumerate(joins):
        if not isinstance(join, FirstOf):
            continue
        if join.block:
            downstream[vertex] = spread(found.after[vertex], found.after) & ~(1 << vertex)
        if join.on_rest == "cancel":
            quitting = quitting or _ends_elsewhere(skeleton, found)
            captive[vertex] = _captive(found, vertex, upstream[vertex], quitting)


def _captive(found: Levels, join: int, upstream: int, quitting: int) -> int:
    """Of those upstream, the ones that cannot come to any end but through the join."""
    free = [
        vertex
        for vertex in bits(upstream)
        if quitting >> vertex & 1 or any(not (upstream >> child & 1 or child == join) for child in found.after[vertex])
    ]
    return upstream & ~_spread_within(free, found.before, upstream)


def _spread_within(start: list[int], neighbours: Sequence[Sequence[int]], within: int) -> int:
    reached = 0
    waiting = list(start)
    while waiting:
        vertex = waiting.pop()
        if within >> vertex & 1 and not reached >> vertex & 1:
            reached |= 1 << vertex
            waiting.extend(neighbours[vertex])
    return reached


def _ends_elsewhere(skeleton: Skeleton, found: Levels) -> int:
    """Whose paths may leave the home or end an item of it, and the owners that lead nowhere after their items."""
    quitting = 0
    goes_on = 0
    for link in skeleton.links:
        if link.connection.from_port != LOOP:
            goes_on |= 1 << link.source
        if found.homes[link.source] != found.homes[link.target]:
            for depth in range(len(found.homes[link.target]), len(found.homes[link.source])):
                inner = found.homes[link.source][depth + 1 :]
                quitting |= 1 << (inner[0] if inner else link.source)
    for owner in found.bodies:
        if not goes_on >> owner & 1:
            quitting |= 1 << owner
    return quitting
