"""How often the cycles of a scope have been gone round, and whether that is too often."""

from __future__ import annotations

from prana_py.execution.activation import Arrival
from prana_py.execution.rows import Policy
from prana_py.graph.execution_graph import ExecutionGraph, Vertex


def count_iteration(
    graph: ExecutionGraph, policy: Policy, counts: tuple[int, ...], head: Vertex, arrivals: tuple[Arrival, ...]
) -> tuple[tuple[int, ...], int, int]:
    """The counts when this head of cycles runs again, whether that is a further round, and the cycle over its limit.

    A cycle that is entered from outside is counted anew. A declared cycle ends at its limit by itself.
    """
    back = [arrival.route.cycle for arrival in arrivals if arrival.route is not None and arrival.route.is_back]
    new = list(counts) if counts else [0] * len(graph.cycles)
    over = -1
    for index in head.heads:
        cycle = graph.cycles[index]
        new[index] = new[index] + 1 if index in back else 0
        limit = policy.max_iterations
        if cycle.declared is None and limit is not None and new[index] > limit:
            over = index
    return tuple(new), int(bool(back) and over < 0), over
