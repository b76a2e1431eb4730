"""Patterns 34 to 36: some of many instances are enough."""

from __future__ import annotations

from prana_py import Workflow, WorkflowBuilder
from prana_py.driver.requests import AddItems
from tests.patterns.nodes import ask, split, task
from tests.patterns.pattern import pattern
from tests.patterns.play import Stage


@pattern(34, "Static partial join for multiple instances")
def partial_join_for_instances() -> Workflow:
    """`Each([…])` into a `reentrant` node, then an if on `$execution.run_index`: the n-th goes on, the others end."""
    flow = WorkflowBuilder("partial_join_for_instances")
    instances = flow.add(split, "a").then(flow.add(ask, "b", settings={"reentrant": True}))
    enough = instances.then(flow.add("logic.if", "second", condition="{{ $execution.run_index == 1 }}"))
    enough.then(flow.add(task, "c"), port="true")
    return flow.build()


def test_the_second_instance_to_finish_goes_on_and_the_others_finish_without_consequence(stage: Stage):
    play = stage(partial_join_for_instances, [1, 2, 3])
    assert play.waiting == ["b", "b", "b"]
    play.finish("b")
    assert play.outputs("c") == []
    play.finish("b")
    assert play.outputs("c") == ["c"]

    play.finish("b")

    assert play.outputs("b") == ["b", "b", "b"]
    assert play.outputs("c") == ["c"]
    assert play.status == "completed"


@pattern(35, "Cancelling partial join for multiple instances")
def cancelling_partial_join_for_instances() -> Workflow:
    """`need` of a `core.for_each`: when so many items are completed the others are withdrawn, and `done` follows."""
    flow = WorkflowBuilder("cancelling_partial_join_for_instances")
    each = flow.add("core.for_each", "each", items="{{ $input }}", max_concurrency=3, need=2)
    each.then(flow.add(ask, "b"), port="loop").then(each)
    each.then(flow.add(task, "c"), port="done")
    return flow.build()


def test_the_instances_that_are_not_needed_are_withdrawn(stage: Stage):
    play = stage(cancelling_partial_join_for_instances, [1, 2, 3]).finish("b")
    assert play.waiting == ["b", "b"]

    play.finish("b").shows("each b b b:withdrawn c")
    assert play.status == "completed"


@pattern(36, "Dynamic partial join for multiple instances")
def dynamic_partial_join_for_instances() -> Workflow:
    """`core.for_each` with `open: true` and `until`: instances may be added as long as it does not hold."""
    flow = WorkflowBuilder("dynamic_partial_join_for_instances")
    each = flow.add(
        "core.for_each",
        "each",
        items="{{ $input }}",
        max_concurrency=9,
        open=True,
        until="{{ $results | length == 3 }}",
    )
    each.then(flow.add(ask, "b"), port="loop").then(each)
    each.then(flow.add(task, "c"), port="done")
    return flow.build()


def test_instances_may_be_added_until_enough_are_completed(stage: Stage):
    play = stage(dynamic_partial_join_for_instances, [1, 2]).finish("b", "b")
    assert play.status == "suspended"

    play.request(AddItems("each", (3, 4))).finish("b")

    play.shows("each b b b b:withdrawn c")
    assert play.status == "completed"
