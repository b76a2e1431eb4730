"""Workflows in a word: a chain, a fan-out, a diamond, a loop."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from prana_py.model.builder import NodeHandle, WorkflowBuilder
from prana_py.model.workflow import Workflow

STEP = "core.noop"


def chain(length: int, node_type: Any = STEP, **settings: Any) -> Workflow:
    """``n0`` to ``n<length - 1>``, one after another."""
    flow = WorkflowBuilder("chain")
    handles = [flow.add(node_type, f"n{number}", settings=settings or None) for number in range(length)]
    for before, after in pairwise(handles):
        before.then(after)
    return flow.build()


def fan_out(width: int, node_type: Any = STEP, *, join: Any = None) -> Workflow:
    """``start``, then ``b0`` to ``b<width - 1>`` side by side, then ``end``."""
    flow = WorkflowBuilder("fan_out")
    end = _fan(flow, flow.add(node_type, "start"), width, node_type, join)
    assert end.key == "end"
    return flow.build()


def diamond(node_type: Any = STEP, *, join: Any = None) -> Workflow:
    """``start``, then ``b0`` and ``b1`` side by side, then ``end``."""
    return fan_out(2, node_type, join=join)


def loop(rounds: int, node_type: Any = STEP) -> Workflow:
    """``work``, as often as ``rounds``: a ``gate`` sends back what is less; ``after`` gets the rest."""
    flow = WorkflowBuilder("loop")
    work, gate, after = (
        flow.add(node_type, "work"),
        flow.add("logic.if", "gate", condition=f"{{{{ $execution.run_index < {rounds - 1} }}}}"),
        flow.add(STEP, "after"),
    )
    work.then(gate)
    gate.then(work, port="true")
    gate.then(after, port="false")
    return flow.build()


def _fan(flow: WorkflowBuilder, start: NodeHandle, width: int, node_type: Any, join: Any) -> NodeHandle:
    branches = [start.then(flow.add(node_type, f"b{number}")) for number in range(width)]
    end = flow.add(node_type, "end", settings=None if join is None else {"join": join})
    for branch in branches:
        branch.then(end)
    return end
