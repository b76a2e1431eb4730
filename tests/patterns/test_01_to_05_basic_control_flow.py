"""Patterns 1 to 5: one after another, side by side, together again, one of several, and one after any of them."""

from __future__ import annotations

import pytest

from prana_py import Workflow, WorkflowBuilder
from tests.patterns.nodes import ask, task
from tests.patterns.pattern import pattern
from tests.patterns.play import Stage


@pattern(1, "Sequence")
def sequence() -> Workflow:
    """Connect one node to the next."""
    flow = WorkflowBuilder("sequence")
    flow.add(task, "a").then(flow.add(task, "b")).then(flow.add(task, "c"))
    return flow.build()


def test_in_a_sequence_each_task_follows_the_one_before(stage: Stage):
    stage(sequence).shows("a b c")


@pattern(2, "Parallel split")
def parallel_split() -> Workflow:
    """Several connections from one port: each gets the value. A branch that waits holds up no other one."""
    flow = WorkflowBuilder("parallel_split")
    start = flow.add(task, "a")
    start.then(flow.add(ask, "b")).then(flow.add(task, "after_b"))
    start.then(flow.add(ask, "c")).then(flow.add(task, "after_c"))
    return flow.build()


@pytest.mark.parametrize(("first", "second"), [("b", "c"), ("c", "b")])
def test_after_a_parallel_split_both_branches_wait_at_once_and_go_on_in_any_order(
    stage: Stage, first: str, second: str
):
    play = stage(parallel_split)
    assert play.waiting == ["b", "c"]

    play.finish(first)
    play.shows(f"a {'b c:suspended' if first == 'b' else 'b:suspended c'} after_{first}")

    play.finish(second)
    play.shows(f"a b c after_{first} after_{second}")
    assert play.status == "completed"


@pattern(3, "Synchronization")
def synchronization() -> Workflow:
    """`join: "all"` waits for every connection. The default does so too where every branch will come."""
    flow = WorkflowBuilder("synchronization")
    start, end = flow.add(task, "a"), flow.add(task, "d", settings={"join": "all"})
    start.then(flow.add(ask, "b")).then(end)
    start.then(flow.add(ask, "c")).then(end)
    return flow.build()


@pytest.mark.parametrize("order", [("b", "c"), ("c", "b")])
def test_a_synchronization_waits_for_all_branches(stage: Stage, order: tuple[str, str]):
    play = stage(synchronization).finish(order[0])
    assert "d" not in play.execution.node_executions

    play.finish(order[1])

    play.shows("a b c d")


@pattern(4, "Exclusive choice")
def exclusive_choice() -> Workflow:
    """`logic.if` and `logic.switch` leave by one port, as any node of your own may. Connections may have conditions."""
    flow = WorkflowBuilder("exclusive_choice")
    choice = flow.add("logic.if", "choice", condition="{{ $input > 5 }}")
    choice.then(flow.add(task, "b"), port="true")
    choice.then(flow.add(task, "c"), port="false")
    return flow.build()


@pytest.mark.parametrize(("value", "chosen"), [(6, "b"), (5, "c")])
def test_an_exclusive_choice_goes_one_way(stage: Stage, value: int, chosen: str):
    stage(exclusive_choice, value).shows(f"choice {chosen}")


@pattern(5, "Simple merge")
def simple_merge() -> Workflow:
    """Nothing to do: arms of a choice that meet run what follows once."""
    flow = WorkflowBuilder("simple_merge")
    choice, end = flow.add("logic.if", "choice", condition="{{ $input > 5 }}"), flow.add(task, "d")
    choice.then(flow.add(task, "b"), port="true").then(end)
    choice.then(flow.add(task, "c"), port="false").then(end)
    return flow.build()


@pytest.mark.parametrize(("value", "chosen"), [(6, "b"), (5, "c")])
def test_a_simple_merge_goes_on_after_whichever_arm_was_taken(stage: Stage, value: int, chosen: str):
    stage(simple_merge, value).shows(f"choice {chosen} d")
