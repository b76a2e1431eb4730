"""The live part of a workflow as numbers: its vertices in depth-first preorder, and its links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from prana_py.graph.analysis import Walk, depth_first
from prana_py.identifiers import ConnectionKey, NodeKey, PortName
from prana_py.model.connection import Connection


class Link(msgspec.Struct, frozen=True, gc=False):
    """One connection between live vertices."""

    place: int
    """Its index in the workflow's connections."""
    key: ConnectionKey
    connection: Connection
    source: int
    target: int


class Skeleton(msgspec.Struct, frozen=True):
    """Who leads where, by ordinal; the root is 0."""

    keys: tuple[NodeKey, ...]
    links: tuple[Link, ...]
    """In definition order."""
    order: tuple[int, ...]
    """Reverse postorder: but for ways back, every vertex stands before those that it leads to."""
    retreating: frozenset[int]
    """Indices in ``links`` of those that lead back in the walk; without them the links have no cycle."""

    def leaving(self) -> list[dict[PortName, list[int]]]:
        """For every vertex its links by port, as indices, in definition order."""
        found: list[dict[PortName, list[int]]] = [{} for _ in self.keys]
        for index, link in enumerate(self.links):
            found[link.source].setdefault(link.connection.from_port, []).append(index)
        return found


def skeleton(root: NodeKey, connections: Sequence[Connection], skipped: frozenset[int]) -> Skeleton:
    """Number what can be reached from ``root`` over the connections whose index is not in ``skipped``.

    A connection that declares a cycle is taken for the way back that it says it is: the walk goes round it, unless
    nothing else leads to its target.
    """
    names = connection_keys(connections)
    by_source: dict[NodeKey, dict[PortName, list[int]]] = {}
    for place, connection in enumerate(connections):
        if place not in skipped:
            by_source.setdefault(connection.from_node, {}).setdefault(connection.from_port, []).append(place)
    numbers = _numbers(root, connections, skipped)
    leaving = [[place for port in by_source.get(key, {}).values() for place in port] for key in numbers]
    walk, held = _walk(numbers, leaving, connections)

    keys = tuple(numbers)
    ordinals = {vertex: ordinal for ordinal, vertex in enumerate(walk.preorder)}
    links: list[Link] = []
    retreating: set[int] = set()
    for place, connection in enumerate(connections):
        source = numbers.get(connection.from_node, -1)
        if place in skipped or source not in ordinals:
            continue
        target = numbers[connection.to_node]
        if place in held or (source, target) in walk.ways_back:
            retreating.add(len(links))
        links.append(Link(place, names[place], connection, ordinals[source], ordinals[target]))
    return Skeleton(
        keys=tuple(keys[vertex] for vertex in walk.preorder),
        links=tuple(links),
        order=tuple(ordinals[vertex] for vertex in reversed(walk.postorder)),
        retreating=frozenset(retreating),
    )


def connection_keys(connections: Sequence[Connection]) -> list[ConnectionKey]:
    """A name for every connection, ``from:port->to:port``, with ``#2``, ``#3`` … for repetitions."""
    keys: list[ConnectionKey] = []
    used: dict[ConnectionKey, int] = {}
    for connection in connections:
        text = f"{connection.from_node}:{connection.from_port}->{connection.to_node}:{connection.to_port}"
        key = text
        while key in used:
            used[text] += 1
            key = f"{text}#{used[text]}"
        used[key] = 1
        keys.append(key)
    return keys


def _numbers(root: NodeKey, connections: Sequence[Connection], skipped: frozenset[int]) -> dict[NodeKey, int]:
    numbers = {root: 0}
    for place, connection in enumerate(connections):
        if place not in skipped:
            numbers.setdefault(connection.from_node, len(numbers))
            numbers.setdefault(connection.to_node, len(numbers))
    return numbers


def _walk(
    numbers: Mapping[NodeKey, int], leaving: Sequence[Sequence[int]], connections: Sequence[Connection]
) -> tuple[Walk, frozenset[int]]:
    """The walk, and the declared ways back that it went round."""
    declared = frozenset(place for places in leaving for place in places if connections[place].loop is not None)

    def successors(held: frozenset[int]) -> list[list[int]]:
        return [[numbers[connections[place].to_node] for place in places if place not in held] for places in leaving]

    walk = depth_first(0, successors(declared))
    met = frozenset(walk.preorder)
    held = frozenset(place for place in declared if numbers[connections[place].to_node] in met)
    if held != declared:
        walk = depth_first(0, successors(held))
    return walk, held
