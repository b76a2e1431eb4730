"""Patterns 10 and 11: cycles of any shape, and an end when nothing is left."""

from __future__ import annotations

import pytest

from prana_py import Workflow, WorkflowBuilder
from tests.patterns.nodes import ask, hop, task
from tests.patterns.pattern import pattern
from tests.patterns.play import Stage


@pattern(10, "Arbitrary cycles")
def arbitrary_cycles() -> Workflow:
    """Connect as you like: a cycle may be entered and left at several places."""
    flow = WorkflowBuilder("arbitrary_cycles")
    start = flow.add("logic.if", "start", condition="{{ $input % 2 == 0 }}")
    b, c = flow.add(hop, "b"), flow.add(hop, "c")
    start.then(b, port="true")
    start.then(c, port="false")
    b.then(c, port="on").then(b, port="on")
    b.then(flow.add(task, "after_b"), port="out")
    c.then(flow.add(task, "after_c"), port="out")
    return flow.build()


@pytest.mark.parametrize(
    ("hops", "trace"),
    [(1, "c after_c"), (2, "b c after_c"), (3, "c b c after_c"), (4, "b c b c after_c"), (5, "c b c b c after_c")],
)
def test_a_cycle_is_entered_and_left_at_several_places(stage: Stage, hops: int, trace: str):
    stage(arbitrary_cycles, hops).shows(f"start {trace}")


@pattern(11, "Implicit termination")
def implicit_termination() -> Workflow:
    """Nothing to do: an execution is completed when nothing runs, nothing can start, and nobody waits."""
    flow = WorkflowBuilder("implicit_termination")
    start = flow.add(task, "a")
    start.then(flow.add(task, "b"))
    start.then(flow.add(ask, "c")).then(flow.add(task, "d"))
    return flow.build()


def test_an_execution_ends_when_nothing_is_left_of_it(stage: Stage):
    play = stage(implicit_termination)
    assert play.status == "suspended"

    play.finish("c")

    assert play.status == "completed"
    assert play.output == {"b": "b", "d": "d"}
