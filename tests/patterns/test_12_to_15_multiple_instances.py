"""Patterns 12 to 15: one task many times at once, however many times it turns out to be."""

from __future__ import annotations

from typing import Any

from prana_py import Workflow, WorkflowBuilder
from prana_py.driver.requests import AddItems
from tests.patterns.nodes import ask, task
from tests.patterns.pattern import pattern
from tests.patterns.play import Stage


def for_each_asking(name: str, **params: Any) -> Workflow:
    """A ``for_each`` whose items take their time, three of them at once, and what comes after it."""
    flow = WorkflowBuilder(name)
    each = flow.add("core.for_each", "each", max_concurrency=3, **params)
    each.then(flow.add(ask, "b"), port="loop").then(each)
    each.then(flow.add(task, "c"), port="done")
    return flow.build()


def child() -> Workflow:
    """A workflow that waits."""
    flow = WorkflowBuilder("child")
    flow.add(ask, "b")
    return flow.build()


@pattern(12, "Multiple instances without synchronization")
def instances_without_synchronization() -> Workflow:
    """`workflow.execute` with `mode: fire_and_forget`, and `batch: single` for one child for each item."""
    flow = WorkflowBuilder("no_synchronization")
    start = flow.add("workflow.execute", "start", workflow_id="child", mode="fire_and_forget", batch="single")
    start.then(flow.add(task, "c"))
    return flow.build()


def test_instances_that_nobody_waits_for_outlive_the_one_who_started_them(stage: Stage):
    play = stage(instances_without_synchronization, ["x", "y", "z"], workflows=(child(),))

    play.shows("start c")
    assert play.status == "completed"
    children = [play.runtime.kept(key) for key in play.outputs("start")[0]["execution_ids"]]
    assert [(execution.trigger_data, execution.status) for execution in children if execution is not None] == [
        ("x", "suspended"),
        ("y", "suspended"),
        ("z", "suspended"),
    ]


@pattern(13, "Multiple instances, their number known when written")
def instances_known_when_written() -> Workflow:
    """`core.for_each` over a list in its parameters; `max_concurrency` of them go on at once."""
    return for_each_asking("known_when_written", items=["x", "y", "z"])


def test_a_number_of_instances_that_was_written_down_is_waited_for(stage: Stage):
    play = stage(instances_known_when_written)
    assert play.waiting == ["b", "b", "b"]

    play.finish("b", "b", "b")

    play.shows("each b b b c")


@pattern(14, "Multiple instances, their number known when they start")
def instances_known_at_start() -> Workflow:
    """`core.for_each` over its input, or over whatever a template gives."""
    return for_each_asking("known_at_start", items="{{ $input.orders }}")


def test_a_number_of_instances_that_the_input_says_is_waited_for(stage: Stage):
    play = stage(instances_known_at_start, {"orders": [1, 2]}).finish("b", "b")

    play.shows("each b b c")
    assert stage(instances_known_at_start, {"orders": []}).outputs("each") == [[]]


@pattern(15, "Multiple instances, their number not known before the end")
def instances_not_known() -> Workflow:
    """`core.for_each` with `open: true`: `AddItems` adds more until one of them says `close`."""
    return for_each_asking("not_known", items="{{ $input }}", open=True)


def test_instances_may_be_added_until_it_is_said_that_there_are_no_more(stage: Stage):
    play = stage(instances_not_known, ["x"])
    play.request(AddItems("each", ("y",))).finish("b", "b")
    assert play.status == "suspended"

    play.request(AddItems("each", ("z",), close=True)).finish("b")

    play.shows("each b b b c")
    assert play.status == "completed"
