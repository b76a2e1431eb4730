"""Patterns 19 and 20: one task is withdrawn, or the whole case."""

from __future__ import annotations

import pytest

from prana_py import Workflow, WorkflowBuilder
from prana_py.driver.requests import Cancel, CancelBranch
from tests.patterns.nodes import ask, task
from tests.patterns.pattern import pattern
from tests.patterns.play import Stage


@pattern(19, "Cancel task")
def cancel_task() -> Workflow:
    """`cancels` names the nodes that a node withdraws when it completes; from outside it is `CancelBranch`."""
    flow = WorkflowBuilder("cancel_task")
    start = flow.add(task, "a")
    start.then(flow.add(ask, "b")).then(flow.add(task, "after_b"))
    start.then(flow.add(ask, "c", settings={"cancels": ("b",)})).then(flow.add(task, "after_c"))
    return flow.build()


def test_a_task_withdraws_another_when_it_completes(stage: Stage):
    stage(cancel_task).finish("c").shows("a b:withdrawn c after_c")


def test_a_task_may_be_withdrawn_from_outside_and_the_rest_goes_on(stage: Stage):
    play = stage(cancel_task).request(CancelBranch(("b",)))
    assert play.waiting == ["c"]

    play.finish("c").shows("a b:withdrawn c after_c")
    assert play.status == "completed"


@pattern(20, "Cancel case")
def cancel_case() -> Workflow:
    """`runtime.cancel(execution)`; what has been done is undone where nodes say so with `compensate_with`."""
    flow = WorkflowBuilder("cancel_case")
    start = flow.add(task, "a", settings={"compensate_with": "undo_a"})
    flow.add(task, "undo_a")
    start.then(flow.add(ask, "b")).then(flow.add(task, "after_b"))
    start.then(flow.add(ask, "c"))
    return flow.build()


@pytest.mark.parametrize("before", [(), ("b",), ("c",)])
def test_a_case_that_is_cancelled_starts_nothing_any_more_and_undoes_what_was_done(
    stage: Stage, before: tuple[str, ...]
):
    play = stage(cancel_case).finish(*before).request(Cancel("not wanted any more"))

    assert play.status == "cancelled"
    assert play.waiting == []
    assert [run.status for run in play.runs if run.node_key in ("b", "c") and run.node_key not in before] == [
        "withdrawn"
    ] * (2 - len(before))
    assert play.outputs("undo_a") == ["undo_a"]
