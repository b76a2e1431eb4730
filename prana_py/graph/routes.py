"""The connections of a graph, compiled, and what about each vertex depends on what arrives at it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from prana_py.graph.execution_graph import Route
from prana_py.graph.joins import join_of
from prana_py.graph.loops import Levels
from prana_py.graph.skeleton import Link, Skeleton
from prana_py.graph.texts import Compiled
from prana_py.model.join import Batch, Custom, FirstOf, Inclusive, Join
from prana_py.model.settings import NodeSettings


class Arrivals(msgspec.Struct, frozen=True):
    """For every vertex, by ordinal, how it takes arrivals."""

    links: list[list[int]]
    """The indices of the links that arrive, in definition order: those that end an item do not."""
    joins: list[Join]
    plain: list[bool]
    straight_in: list[bool]


def arrivals(skeleton: Skeleton, found: Levels, settings: Sequence[NodeSettings]) -> Arrivals:
    """Gather what leads to each of the vertices that have these settings."""
    links: list[list[int]] = [[] for _ in settings]
    for index, link in enumerate(skeleton.links):
        if index not in found.ends_item:
            links[link.target].append(index)
    joins = [
        join_of(own, [skeleton.links[index].connection.from_port for index in arriving])
        for own, arriving in zip(settings, links, strict=True)
    ]
    ordinary = [is_ordinary(own) for own in settings]
    plain = [
        is_so and len(arriving) < 2 and not isinstance(join, (Batch, Custom, FirstOf))
        for is_so, arriving, join in zip(ordinary, links, joins, strict=True)
    ]
    straight_in = [
        is_so and (is_plain or isinstance(join, Inclusive))
        for is_so, is_plain, join in zip(ordinary, plain, joins, strict=True)
    ]
    return Arrivals(links=links, joins=joins, plain=plain, straight_in=straight_in)


def is_ordinary(settings: NodeSettings) -> bool:
    """Nothing is asked for that the start of a run would have to look at."""
    return (
        settings.enabled_if is None
        and settings.mutex is None
        and settings.race is None
        and not settings.reentrant
        and settings.delivery == "at_least_once"
    )


def make_routes(
    skeleton: Skeleton, found: Levels, compiled: Compiled, closes: dict[int, int], arriving: Arrivals, heads: set[int]
) -> list[Route]:
    """A route for every link, in definition order."""
    feeds = {index: feed for links in arriving.links for feed, index in enumerate(links)}
    return [
        _route(link, index, found, compiled, closes.get(index, -1), feeds.get(index, -1), arriving, heads)
        for index, link in enumerate(skeleton.links)
    ]


def _route(
    link: Link,
    index: int,
    found: Levels,
    compiled: Compiled,
    cycle: int,
    feed: int,
    arriving: Arrivals,
    heads: set[int],
) -> Route:
    connection = link.connection
    place = link.place
    condition = compiled.conditions.get(place)
    mapping = compiled.mappings.get(place, ())
    leaves = found.leaves[index]
    is_plain = feed >= 0 and cycle < 0 and not leaves and condition is None and not mapping
    is_plain = is_plain and connection.contract is None
    target = link.target
    is_top = not found.homes[link.source] and not found.homes[target]
    return Route(
        key=link.key,
        connection=connection,
        rank=place,
        source=link.source,
        target=target,
        feed=feed,
        to_port=connection.to_port,
        condition=condition,
        converge_when=compiled.convergences.get(place) if cycle >= 0 else None,
        mapping=mapping,
        contract=compiled.contracts.get(place),
        is_back=cycle >= 0,
        cycle=cycle,
        leaves=leaves,
        ends_item=feed < 0,
        is_plain=is_plain,
        is_direct=is_plain and is_top and arriving.plain[target] and target not in heads,
    )
