"""Patterns 16 to 18: what happens depends on what happens elsewhere."""

from __future__ import annotations

import pytest

from prana_py import TransitionError, Workflow, WorkflowBuilder
from prana_py.driver.requests import Resume
from tests.patterns.nodes import ask, put, task
from tests.patterns.pattern import pattern
from tests.patterns.play import Stage


@pattern(16, "Deferred choice")
def deferred_choice() -> Workflow:
    """`wait.race`, or `race(…)` in a node of your own: what comes first decides by which port the node leaves."""
    flow = WorkflowBuilder("deferred_choice")
    waits = {"paid": {"mode": "webhook"}, "called_off": {"mode": "signal", "signal": "called_off"}}
    race = flow.add("wait.race", "choice", waits=waits)
    race.then(flow.add(task, "b"), port="paid")
    race.then(flow.add(task, "c"), port="called_off")
    return flow.build()


def test_in_a_deferred_choice_the_first_event_decides(stage: Stage):
    stage(deferred_choice).request(Resume("choice#0:paid")).shows("choice b")
    stage(deferred_choice).signal("called_off").shows("choice c")


def test_after_a_deferred_choice_the_other_event_comes_too_late(stage: Stage):
    play = stage(deferred_choice).signal("called_off")

    with pytest.raises(TransitionError):
        play.runtime.resume(play.execution, wait_id="choice#0:paid")


@pattern(17, "Interleaved parallel routing")
def interleaved_parallel_routing() -> Workflow:
    """The same `mutex` on every node: the branches keep their own order, and no two nodes are under way at once."""
    flow = WorkflowBuilder("interleaved")
    start = flow.add(task, "a")
    b1, b2, c = (flow.add(ask, key, settings={"mutex": "ours"}) for key in ("b1", "b2", "c"))
    start.then(b1).then(b2)
    start.then(c)
    return flow.build()


def test_interleaved_tasks_are_under_way_one_at_a_time_each_branch_in_its_order(stage: Stage):
    play = stage(interleaved_parallel_routing)
    order = []
    while play.status == "suspended":
        (only,) = play.waiting
        order.append(only)
        play.finish(only)

    assert sorted(order) == ["b1", "b2", "c"]
    assert order.index("b1") < order.index("b2")


@pattern(18, "Milestone")
def milestone() -> Workflow:
    """`enabled_if` over `$state` or `$nodes`: the node waits until it holds, and is withdrawn if it ceases to."""
    flow = WorkflowBuilder("milestone")
    start = flow.add(task, "start")
    start.then(flow.add(ask, "before")).then(flow.add(put, "reach", name="reached", value=True)).then(
        flow.add(ask, "meanwhile")
    ).then(flow.add(put, "leave", name="reached", value=False))
    start.then(flow.add(ask, "ready")).then(flow.add(task, "b", settings={"enabled_if": "$state.reached"}))
    return flow.build()


def test_a_task_behind_a_milestone_waits_until_it_is_reached(stage: Stage):
    play = stage(milestone).finish("ready")
    assert play.outputs("b") == []

    play.finish("before")

    assert play.outputs("b") == ["b"]


def test_a_task_behind_a_milestone_that_has_been_left_does_not_run(stage: Stage):
    play = stage(milestone).finish("before", "meanwhile", "ready")

    assert play.outputs("b") == []
    assert play.status == "suspended"
