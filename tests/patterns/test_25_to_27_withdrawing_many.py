"""Patterns 25 to 27: withdraw several tasks, or all instances of one, or be content with those that are done."""

from __future__ import annotations

from prana_py import Workflow, WorkflowBuilder
from prana_py.driver.requests import CancelBranch
from tests.patterns.nodes import ask, task
from tests.patterns.pattern import pattern
from tests.patterns.play import Stage


@pattern(25, "Cancel region")
def cancel_region() -> Workflow:
    """`cancels` names as many nodes as you like; what waits at their joins goes with them."""
    flow = WorkflowBuilder("cancel_region")
    start = flow.add(task, "a")
    end = flow.add(task, "end_of_region", settings={"join": "all"})
    for key in ("b1", "b2"):
        start.then(flow.add(ask, key)).then(end)
    region = ("b1", "b2", "end_of_region")
    start.then(flow.add(ask, "c", settings={"cancels": region})).then(flow.add(task, "after_c"))
    return flow.build()


def test_a_region_is_withdrawn_wherever_its_work_is(stage: Stage):
    stage(cancel_region).finish("c").shows("a b1:withdrawn b2:withdrawn c after_c")
    stage(cancel_region).finish("b1", "c").shows("a b1 b2:withdrawn c after_c")


def test_a_region_that_is_done_cannot_be_withdrawn(stage: Stage):
    stage(cancel_region).finish("b1", "b2", "c").shows("a b1 b2 c end_of_region after_c")


def test_a_region_may_be_begun_again_by_what_withdraws_it(stage: Stage):
    flow = WorkflowBuilder("begun_again")
    work = flow.add(task, "a").then(flow.add(ask, "b", settings={"join": "each"}))
    work.then(flow.add(task, "after_b"))
    flow.add(ask, "again", settings={"cancels": ("b", "after_b")}).then(work)

    play = stage(flow.build).finish("again", "b")

    play.shows("a b:withdrawn again b after_b")


def test_a_region_reaches_into_the_items_of_a_loop(stage: Stage):
    flow = WorkflowBuilder("items_of_a_loop")
    start = flow.add(task, "a")
    each = start.then(flow.add("core.for_each", "each", items=[1, 2], max_concurrency=2))
    each.then(flow.add(ask, "b"), port="loop").then(flow.add(task, "after_b"))
    each.then(flow.add(task, "done"), port="done")
    start.then(flow.add(ask, "c", settings={"cancels": ("b",)}))

    play = stage(flow.build).finish("c")

    play.shows("a each b:withdrawn b:withdrawn c done")
    assert play.status == "completed"


@pattern(26, "Cancel multiple instances")
def cancel_instances() -> Workflow:
    """`cancels` or `CancelBranch` with the scope owner: all of its items are withdrawn with it."""
    flow = WorkflowBuilder("cancel_instances")
    start = flow.add(task, "a")
    each = flow.add("core.for_each", "each", items=[1, 2, 3], max_concurrency=3)
    start.then(each).then(flow.add(ask, "b"), port="loop").then(each)
    each.then(flow.add(task, "done"), port="done")
    start.then(flow.add(ask, "c", settings={"cancels": ("each",)})).then(flow.add(task, "after_c"))
    return flow.build()


def test_all_instances_are_withdrawn_with_their_owner(stage: Stage):
    play = stage(cancel_instances).finish("b", "c")

    play.shows("a each:withdrawn b b:withdrawn b:withdrawn c after_c")
    assert play.status == "completed"


def test_all_instances_may_be_withdrawn_from_outside(stage: Stage):
    play = stage(cancel_instances).request(CancelBranch(("each",)))

    assert play.waiting == ["c"]


@pattern(27, "Complete multiple instances")
def complete_instances() -> Workflow:
    """`until` of a `core.for_each`: when it holds, the items that are under way are withdrawn, and `done` follows."""
    flow = WorkflowBuilder("complete_instances")
    each = flow.add("core.for_each", "each", items=[1, 2, 3, 4], max_concurrency=3, until="{{ $input == 'enough' }}")
    each.then(flow.add(ask, "b"), port="loop").then(each)
    each.then(flow.add(task, "c"), port="done")
    return flow.build()


def test_instances_are_over_as_soon_as_it_is_enough(stage: Stage):
    play = stage(complete_instances).finish("b", data="one").finish("b", data="enough")

    play.shows("each b b b:withdrawn b:withdrawn c")
    assert play.outputs("each") == [["one", "enough"]]
