"""The graph under which each row was written: an execution may be moved from one version of its workflow to another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prana_py.execution.rows import Migrated, Row
from prana_py.graph.execution_graph import ExecutionGraph


def with_graphs(
    rows: Iterable[Row], graph: ExecutionGraph, earlier: tuple[ExecutionGraph, ...]
) -> Iterator[tuple[Row, ExecutionGraph]]:
    """Each row, with the graph under which it was written; ``graph`` is that of the last one."""
    if not earlier:
        yield from ((row, graph) for row in rows)
        return
    kept = list(rows)
    versions = (*earlier, graph)
    place = max(len(versions) - 1 - sum(type(row) is Migrated for row in kept), 0)
    for row in kept:
        if type(row) is Migrated:
            place += 1
        yield row, versions[min(place, len(versions) - 1)]
