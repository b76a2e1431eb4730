"""What became of the declared cycles of an execution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from prana_py.execution.row_graphs import with_graphs
from prana_py.execution.rows import Settled

if TYPE_CHECKING:
    from prana_py.execution.execution import Execution


class CycleResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a declared cycle ended when it was gone through last."""

    name: str
    iterations: int
    converged: bool
    """Its condition held; else it came to its limit, or its time was up."""
    seconds: float
    """From when it was entered to when it ended."""
    times: int = 1
    """How often it has been gone through: once for each time it was entered."""


def cycle_results(execution: Execution) -> dict[str, CycleResult]:
    """By name, the declared cycles that have ended."""
    results: dict[str, CycleResult] = {}
    for row, graph in with_graphs(execution.history(), execution.execution_graph, execution.identity.earlier_graphs):
        ends = row.converged if isinstance(row, Settled) else ()
        routes = graph.route_list
        ended = {declared.name: end for end in ends if (declared := routes[end[0]].connection.loop) is not None}
        for name, (_, iterations, converged, took_ns) in ended.items():
            before = results.get(name)
            results[name] = CycleResult(
                name=name,
                iterations=iterations,
                converged=converged,
                seconds=took_ns / 1e9,
                times=1 if before is None else before.times + 1,
            )
    return results
