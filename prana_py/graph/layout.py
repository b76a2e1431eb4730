"""Where the nodes of a graph are drawn: in layers, with few crossings."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Mapping, Sequence

import msgspec

from prana_py.graph.execution_graph import ExecutionGraph, Route

MOST_BENDS = 20_000
"""Connections over several layers bend around what lies between; when there are more bends, they run straight."""

_SWEEPS = 6
_SETTLINGS = 8


class Strand(msgspec.Struct, frozen=True):
    """What leads from one vertex down to another: the spots it passes, and the connections drawn by it."""

    spots: tuple[int, ...]
    routes: tuple[Route, ...]


class Layout(msgspec.Struct, frozen=True):
    """Spots are vertices, by ordinal, and above them the bends of strands."""

    layers: tuple[tuple[int, ...], ...]
    """The spots of every layer from left to right, the first layer on top."""
    strands: tuple[Strand, ...]
    returning: tuple[Route, ...]
    """Ways back, which are drawn aside."""


def lay_out(graph: ExecutionGraph) -> Layout:
    """Layers by the longest way from the top; within a layer, near to what is connected."""
    count = len(graph.vertices)
    returning = tuple(route for route in graph.route_list.values() if route.is_back or route.ends_item)
    together: dict[tuple[int, int], list[Route]] = {}
    for route in graph.route_list.values():
        if not (route.is_back or route.ends_item):
            together.setdefault((route.source, route.target), []).append(route)
    layer_of = _layers(count, together)
    layers: list[list[int]] = [[] for _ in range(max(layer_of, default=-1) + 1)]
    for vertex in range(count):
        layers[layer_of[vertex]].append(vertex)

    bends = count
    strands = []
    for (source, target), routes in together.items():
        between = range(layer_of[source] + 1, layer_of[target])
        spots = [source]
        if bends - count + len(between) <= MOST_BENDS:
            for layer in between:
                layers[layer].append(bends)
                spots.append(bends)
                bends += 1
        strands.append(Strand(spots=(*spots, target), routes=tuple(routes)))
    return Layout(layers=_with_few_crossings(layers, strands), strands=tuple(strands), returning=returning)


def centres(layout: Layout, width: Callable[[int], int], gap: int) -> dict[int, int]:
    """The horizontal middle of every spot, so that no two of a layer touch and connected spots are near."""
    above, below = _neighbours(layout.strands)
    found: dict[int, float] = {}
    for layer in layout.layers:
        found.update(_pushed(layer, dict.fromkeys(layer, 0.0), width, gap))
    for round_number in range(_SETTLINGS):
        downwards = round_number % 2 == 0
        near = above if downwards else below
        for layer in layout.layers if downwards else reversed(layout.layers):
            wanted = {spot: _mean([found[other] for other in near.get(spot, ())], found[spot]) for spot in layer}
            found.update(_pushed(layer, wanted, width, gap))
    left = min((found[spot] - width(spot) / 2 for spot in found), default=0.0)
    rounded: dict[int, int] = {}
    for layer in layout.layers:
        edge = 0
        for spot in layer:
            half = width(spot) // 2
            rounded[spot] = max(round(found[spot] - left), edge + half)
            edge = rounded[spot] + width(spot) - half + gap
    return rounded


def _layers(count: int, links: Mapping[tuple[int, int], object]) -> list[int]:
    """For every vertex the length of the longest way to it."""
    after: list[list[int]] = [[] for _ in range(count)]
    missing = [0] * count
    for source, target in links:
        after[source].append(target)
        missing[target] += 1
    layer_of = [0] * count
    ready = [vertex for vertex in range(count) if not missing[vertex]]
    while ready:
        vertex = ready.pop()
        for child in after[vertex]:
            layer_of[child] = max(layer_of[child], layer_of[vertex] + 1)
            missing[child] -= 1
            if not missing[child]:
                ready.append(child)
    return layer_of


def _with_few_crossings(layers: list[list[int]], strands: list[Strand]) -> tuple[tuple[int, ...], ...]:
    """Sort every layer by the mean place of its neighbours, down and up by turns, and keep the best."""
    above, below = _neighbours(strands)
    best, fewest = tuple(map(tuple, layers)), _crossings(layers, below)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        near = above if downwards else below
        order = range(1, len(layers)) if downwards else range(len(layers) - 2, -1, -1)
        for index in order:
            beside = layers[index - 1 if downwards else index + 1]
            place = {spot: number for number, spot in enumerate(beside)}
            wanted = {
                spot: _mean([place[other] for other in near.get(spot, ()) if other in place], number)
                for number, spot in enumerate(layers[index])
            }
            layers[index].sort(key=wanted.__getitem__)
        crossings = _crossings(layers, below)
        if crossings < fewest:
            best, fewest = tuple(map(tuple, layers)), crossings
    return best


def _crossings(layers: Sequence[Sequence[int]], below: Mapping[int, Sequence[int]]) -> int:
    """How many pairs of lines between neighbouring layers cross."""
    crossings = 0
    for index in range(len(layers) - 1):
        place = {spot: number for number, spot in enumerate(layers[index + 1])}
        passed: list[int] = []
        for spot in layers[index]:
            ends = sorted(place[other] for other in below.get(spot, ()) if other in place)
            crossings += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return crossings


def _neighbours(strands: Sequence[Strand]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    above: dict[int, list[int]] = {}
    below: dict[int, list[int]] = {}
    for strand in strands:
        for upper, lower in zip(strand.spots, strand.spots[1:], strict=False):
            above.setdefault(lower, []).append(upper)
            below.setdefault(upper, []).append(lower)
    return above, below


def _pushed(
    layer: Sequence[int], wanted: Mapping[int, float], width: Callable[[int], int], gap: int
) -> dict[int, float]:
    """As near as can be to what is wanted without touching: the mean of pushing to the right and to the left."""
    right: dict[int, float] = {}
    edge = -float("inf")
    for spot in layer:
        half = width(spot) / 2
        right[spot] = max(wanted[spot], edge + half)
        edge = right[spot] + half + gap
    left: dict[int, float] = {}
    edge = float("inf")
    for spot in reversed(layer):
        half = width(spot) / 2
        left[spot] = min(wanted[spot], edge - half)
        edge = left[spot] - half - gap
    return {spot: (left[spot] + right[spot]) / 2 for spot in layer}


def _mean(numbers: Sequence[float], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise
