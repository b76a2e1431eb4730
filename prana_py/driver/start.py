"""How an execution begins to be driven: its first row, and then the loop."""

from __future__ import annotations

from typing import Any

from prana_py.driver.drive import Options, run_to_rest
from prana_py.driver.effects import Commit, MakeId, Notify, ReadClock
from prana_py.driver.lifecycle import events_between
from prana_py.driver.program import Program
from prana_py.execution.beginning import StartOptions, started_row
from prana_py.execution.execution import Execution
from prana_py.execution.transitions import start
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import Instant


def start_to_rest(
    graph: ExecutionGraph, value: Any, start_options: StartOptions, options: Options
) -> Program[Execution]:
    """Start an execution, and drive it until it has ended or only waits."""
    now: Instant = yield ReadClock()
    execution_id = start_options.execution_id
    if execution_id is None:
        execution_id = yield MakeId()
    row = started_row(graph, value, execution_id, now, start_options)
    execution = start(graph, row, start_options.environment)
    if options.commits:
        yield Commit(execution, row)
    if options.observed:
        yield Notify(events_between(None, row, execution))
    return (yield from run_to_rest(execution, options, now=now))
