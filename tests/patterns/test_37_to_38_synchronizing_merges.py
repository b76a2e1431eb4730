"""Patterns 37 and 38: a join that waits for all that can still come, in graphs of any shape."""

from __future__ import annotations

import pytest

from prana_py import Workflow, WorkflowBuilder
from tests.patterns.nodes import ask, task
from tests.patterns.pattern import pattern
from tests.patterns.play import Stage


@pattern(37, "Local synchronizing merge")
def local_synchronizing_merge() -> Workflow:
    """Nothing to do: the branches need not come together as they parted."""
    flow = WorkflowBuilder("local_synchronizing_merge")
    start = flow.add(task, "a")
    b, c = flow.add(ask, "b"), flow.add(ask, "c")
    x, y, end = flow.add(task, "x"), flow.add(ask, "y"), flow.add(task, "end")
    choice = flow.add("logic.if", "choice", condition="{{ $input == 'to y' }}")
    start.then(b).then(choice)
    start.then(c).then(x).then(end)
    choice.then(y, port="true").then(end)
    choice.then(x, port="false")
    return flow.build()


def test_branches_that_cross_are_waited_for_where_they_can_come(stage: Stage):
    play = stage(local_synchronizing_merge).finish("c")
    assert play.outputs("x") == []  # b may still lead there

    play.finish("b", data="to y")
    assert (play.outputs("x"), play.outputs("end")) == (["x"], [])  # y may still lead to the end

    play.finish("y").shows("a b c choice y x end")


def test_branches_that_meet_early_run_what_follows_once(stage: Stage):
    stage(local_synchronizing_merge).finish("c").finish("b", data="to x").shows("a b c choice x end")


@pattern(38, "General synchronizing merge")
def general_synchronizing_merge() -> Workflow:
    """A branch that goes round and round is waited for. The head of a cycle in another one takes `join: "each"`."""
    flow = WorkflowBuilder("general_synchronizing_merge")
    start = flow.add(task, "a")
    b, c, merge = flow.add(ask, "b", settings={"join": "each"}), flow.add(ask, "c"), flow.add(task, "merge")
    again = flow.add("logic.if", "again", condition="{{ $input == 'again' }}")
    start.then(b).then(again)
    again.then(b, port="true")
    again.then(merge, port="false")
    start.then(c).then(merge)
    more = merge.then(flow.add(ask, "more")).then(flow.add("logic.if", "all_again", condition="{{ $input }}"))
    more.then(start, port="true")
    return flow.build()


@pytest.mark.parametrize("c_first", [True, False])
def test_a_merge_waits_for_a_branch_that_is_still_going_round(stage: Stage, c_first: bool):
    play = stage(general_synchronizing_merge)
    if c_first:
        play.finish("c")
    play.finish("b", data="again").finish("b", data="again")
    assert play.outputs("merge") == []

    play.finish("b", data="that was all")
    if not c_first:
        play.finish("c")

    assert play.outputs("merge") == ["merge"]


def test_a_merge_on_a_cycle_sees_only_this_round(stage: Stage):
    play = stage(general_synchronizing_merge)

    for again in (True, True, False):
        play.finish("c").finish("b", data="no").finish("more", data=again)

    assert play.outputs("merge") == ["merge"] * 3
    assert play.status == "completed"
