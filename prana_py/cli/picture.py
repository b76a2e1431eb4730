"""The picture of a workflow, with what became of each node."""

from __future__ import annotations

from prana_py.cli.screen import Screen
from prana_py.errors import PranaError
from prana_py.execution.execution import Execution
from prana_py.graph.diagram import draw

_MOST_NODES = 60


def states(execution: Execution) -> dict[str, str]:
    """The state of each node that had work: that of its newest run. After the end, the others were skipped."""
    told = {key: runs[-1].status for key, runs in execution.node_executions.items() if runs}
    if execution.is_final:
        return {key: told.get(key, "skipped") for key in execution.execution_graph.nodes}
    return told


def show_picture(screen: Screen, execution: Execution) -> None:
    """Draw the run, if the screen is wide enough for it."""
    if len(execution.execution_graph.nodes) > _MOST_NODES:
        return
    try:
        lines = draw(execution.execution_graph, "ascii", states=states(execution)).splitlines()
    except PranaError:
        return
    if max(map(len, lines), default=0) <= screen.width:
        screen.line()
        for line in lines:
            screen.line(f"  {line}".rstrip())
        screen.line()
