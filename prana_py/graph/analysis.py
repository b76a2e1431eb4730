"""Questions about directed graphs of small numbers: walks, dominators, components, closures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    import networkx

Neighbours: TypeAlias = Sequence[Sequence[int]]
"""For every vertex the vertices next to it, in order."""


class Walk(msgspec.Struct, frozen=True):
    """A depth-first walk: the vertices in the order they were met and left, and the steps that lead back."""

    preorder: tuple[int, ...]
    postorder: tuple[int, ...]
    ways_back: frozenset[tuple[int, int]]
    """Pairs (from, to) where ``to`` is an ancestor of ``from`` in the walk, or ``from`` itself."""


def depth_first(root: int, successors: Neighbours) -> Walk:
    """Walk everything that can be reached from ``root``, children in the order given."""
    preorder, postorder = [root], []
    ways_back: set[tuple[int, int]] = set()
    is_open = bytearray(len(successors))
    is_met = bytearray(len(successors))
    is_open[root] = is_met[root] = 1
    path: list[tuple[int, Iterator[int]]] = [(root, iter(successors[root]))]
    while path:
        vertex, rest = path[-1]
        for child in rest:
            if is_open[child]:
                ways_back.add((vertex, child))
            elif not is_met[child]:
                is_open[child] = is_met[child] = 1
                preorder.append(child)
                path.append((child, iter(successors[child])))
                break
        else:
            path.pop()
            is_open[vertex] = 0
            postorder.append(vertex)
    return Walk(preorder=tuple(preorder), postorder=tuple(postorder), ways_back=frozenset(ways_back))


def immediate_dominators(root: int, links: Iterable[tuple[int, int]]) -> dict[int, int]:
    """For every vertex but the root the last one that all paths from the root to it pass through."""
    import networkx

    graph = _graph(links)
    graph.add_node(root)
    found = networkx.immediate_dominators(graph, root)
    return {vertex: dominator for vertex, dominator in found.items() if vertex != root}


def components(order: Sequence[int], successors: Neighbours, *, acyclic: bool) -> list[list[int]]:
    """Strongly connected components, each before those that it leads to.

    ``order`` is a reverse postorder of the vertices; a component's place is that of its first member, which is a
    topological order. Known to be acyclic, the graph has one component a vertex and nothing is searched.
    """
    if acyclic:
        return [[vertex] for vertex in order]
    import networkx

    graph = _graph((vertex, child) for vertex in order for child in successors[vertex])
    graph.add_nodes_from(order)
    place = {vertex: index for index, vertex in enumerate(order)}
    found = [sorted(component, key=place.__getitem__) for component in networkx.strongly_connected_components(graph)]
    found.sort(key=lambda component: place[component[0]])
    return found


def closure(
    groups: Iterable[list[int]], neighbours: Neighbours, *, marked: Callable[[int], int], count: int
) -> list[int]:
    """For every vertex the bit set of marks it can reach over ``neighbours`` in one step or more.

    ``groups`` are the components, each after those that its neighbours lie in. ``marked`` gives a vertex's own mark,
    a bit or 0. A vertex on a cycle reaches itself: every member of its component is a neighbour of another.
    """
    reached = [0] * count
    for group in groups:
        collected = 0
        for vertex in group:
            for neighbour in neighbours[vertex]:
                collected |= reached[neighbour] | marked(neighbour)
        for vertex in group:
            reached[vertex] = collected
    return reached


def spread(start: Iterable[int], neighbours: Neighbours, *, barrier: int = -1) -> int:
    """The bit set of what can be reached from ``start``, itself included, without passing ``barrier``, which is not."""
    reached = {barrier}
    waiting = list(start)
    while waiting:
        vertex = waiting.pop()
        if vertex not in reached:
            reached.add(vertex)
            waiting.extend(neighbours[vertex])
    return bit_set(reached - {barrier})


def bit_set(numbers: Iterable[int]) -> int:
    """The set with a bit for every number; made at once, for each change of a large one copies it."""
    found = sorted(numbers)
    flags = bytearray(found[-1] // 8 + 1 if found else 0)
    for number in found:
        flags[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(flags, "little")


def bits(bit_set: int) -> Iterator[int]:
    """The numbers in a bit set, ascending."""
    while bit_set:
        lowest = bit_set & -bit_set
        yield lowest.bit_length() - 1
        bit_set ^= lowest


def _graph(links: Iterable[tuple[int, int]]) -> networkx.DiGraph[Any]:
    import networkx

    graph: networkx.DiGraph[Any] = networkx.DiGraph()
    graph.add_edges_from(links)
    return graph
