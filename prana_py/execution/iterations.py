"""How often the cycles of a scope have been gone round and since when, and whether that is too often."""

from __future__ import annotations

from prana_py.execution.activation import Arrival
from prana_py.graph.execution_graph import ExecutionGraph, Vertex
from prana_py.graph.policy import Policy
from prana_py.identifiers import Instant


def count_iteration(
    graph: ExecutionGraph,
    policy: Policy,
    counts: tuple[int, ...],
    head: Vertex,
    arrivals: tuple[Arrival, ...],
    at: Instant,
) -> tuple[tuple[int, ...], int, int]:
    """The counts when this head of cycles runs again, whether that is a further round, and the cycle over its limit.

    A cycle that is entered from outside is counted anew. A declared cycle ends at its limit by itself, and behind the
    counts stands when it was entered.
    """
    back = [arrival.route.cycle for arrival in arrivals if arrival.route is not None and arrival.route.is_back]
    new = list(counts) if counts else [0] * len(graph.cycles) * 2
    over = -1
    for index in head.heads:
        cycle = graph.cycles[index]
        new[index] = new[index] + 1 if index in back else 0
        if cycle.declared is not None and index not in back:
            new[len(graph.cycles) + index] = at
        limit = policy.max_iterations
        if cycle.declared is None and limit is not None and new[index] > limit:
            over = index
    return tuple(new), int(bool(back) and over < 0), over


def entered_at(graph: ExecutionGraph, counts: tuple[int, ...], cycle: int) -> Instant | None:
    """When a declared cycle was entered from outside; ``None``: it has not been."""
    return Instant(counts[len(graph.cycles) + cycle]) if counts else None
