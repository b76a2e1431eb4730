"""Where a graph that names no trigger is entered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prana_py.identifiers import NodeKey


def entries(
    keys: Sequence[NodeKey], edges: Iterable[tuple[NodeKey, NodeKey]], aside: frozenset[NodeKey] = frozenset()
) -> list[NodeKey]:
    """The nodes without an incoming connection, then the first node of each cycle that they do not lead into.

    Nodes ``aside`` (compensations) run for other reasons than an arrival, so nothing enters by them.
    """
    following: dict[NodeKey, list[NodeKey]] = {key: [] for key in keys}
    incoming: set[NodeKey] = set()
    for source, target in edges:
        if source in following and target in following:
            following[source].append(target)
            incoming.add(target)
    found = [key for key in following if key not in incoming and key not in aside]
    reached: set[NodeKey] = set()
    for key in [*found, *aside.intersection(following)]:
        _reach(key, following, reached)
    for key in following:
        if key not in reached:
            found.append(key)
            _reach(key, following, reached)
    return found


def _reach(start: NodeKey, following: dict[NodeKey, list[NodeKey]], reached: set[NodeKey]) -> None:
    waiting = [start]
    while waiting:
        key = waiting.pop()
        if key not in reached:
            reached.add(key)
            waiting.extend(following[key])
