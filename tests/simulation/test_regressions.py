"""What random simulations once found, each as the smallest workflow that shows it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from prana_py import Execution, WorkflowBuilder
from prana_py.driver.requests import Cancel, CancelBranch, Resume
from prana_py.testing.simulate import Ask, Pass, simulate
from tests.simulation.scenario_nodes import CATALOG, ask, fail, several, sleep, step, undo_when_allowed

BATCH = {"join": {"batch": 9, "within": "1h"}}


def test_the_time_of_a_batch_ends_with_the_withdrawal_of_what_has_gathered():
    flow = WorkflowBuilder("batch")
    flow.add(ask, "ask").then(flow.add(step, "later"))
    gathered = flow.add(step, "gathered", settings=BATCH)
    flow.add(step, "first").then(gathered)
    flow.add(ask, "second").then(gathered)

    calm = simulate(
        flow.build(),
        nodes=CATALOG,
        requests=[
            Ask(CancelBranch(("gathered",))),
            Pass(timedelta(hours=2)),
            Ask(Resume("ask#0")),
            Ask(Resume("second#0")),
        ],
    )

    assert calm.execution.status == "completed"
    assert len(calm.execution.node_executions["gathered"]) == 1


@pytest.mark.parametrize("on_item_error", ["continue", "skip"])
def test_the_time_of_a_batch_ends_with_the_scope_it_is_in(on_item_error: str):
    flow = WorkflowBuilder("batch")
    each = flow.add("core.for_each", "each", on_item_error=on_item_error)
    first = each.then(flow.add(step, "first"), port="loop")
    gathered = flow.add(step, "gathered", settings=BATCH)
    first.then(gathered)
    each.then(flow.add(sleep, "second", seconds=60), port="loop").then(flow.add(fail, "fail")).then(gathered)
    each.then(flow.add(sleep, "end", seconds=7200), port="done")

    calm = simulate(flow.build(), ["a"], nodes=CATALOG)

    assert calm.execution.status == "completed"


def test_a_batch_begins_to_gather_when_the_one_before_is_done():
    flow = WorkflowBuilder("batch")
    gathered = flow.add(step, "gathered", settings={"join": {"batch": 2, "within": "1ms"}})
    flow.add(several, "several", count=3).then(gathered)
    flow.add(sleep, "later", seconds=60).then(gathered)

    for seed in range(20):
        calm = simulate(flow.build(), nodes=CATALOG, seed=seed, max_concurrency=2)

        runs = calm.execution.node_executions["gathered"]
        assert [run.run for run in runs] == list(range(len(runs)))


def test_scopes_within_scopes_end_with_the_outermost():
    flow = WorkflowBuilder("scopes")
    outer = flow.add("core.for_each", "outer", max_concurrency=3)
    inner = outer.then(flow.add("core.for_each", "inner", items="{{ [1, 2, 3] }}", max_concurrency=3), port="loop")
    inner.then(flow.add(ask, "ask"), port="loop")
    last = outer.then(flow.add(step, "last"), port="loop")
    last.then(flow.add(fail, "fail"))

    calm = simulate(flow.build(), [1, 2, 3], nodes=CATALOG)

    assert calm.execution.status == "failed"
    assert not calm.execution.suspensions


def test_a_second_cancel_is_refused_while_the_first_is_obeyed():
    flow = WorkflowBuilder("cancel")
    flow.add(undo_when_allowed, "undo")
    flow.add(step, "done", settings={"compensate_with": "undo"}).then(flow.add(ask, "ask"))

    calm = simulate(flow.build(), nodes=CATALOG, requests=[Ask(Cancel("once")), Ask(Cancel("twice")), Ask(_first_wait)])

    assert calm.execution.status == "cancelled"
    assert [refusal.code for refusal in calm.refusals] == ["execution_ending"]


def _first_wait(execution: Execution) -> Any:
    return Resume(min(execution.suspensions))


@pytest.mark.parametrize("max_concurrency", [1, 3])
def test_waits_and_children_have_the_same_names_whichever_item_comes_first(max_concurrency: int):
    flow, child = WorkflowBuilder("parent"), WorkflowBuilder("child")
    each = flow.add("core.for_each", "each", max_concurrency=3)
    sleep_first = each.then(flow.add(step, "first"), port="loop")
    sleep_first.then(flow.add("workflow.execute", "call", workflow_id="child"))
    child.add(step, "work")

    families = [
        simulate(
            flow.build(),
            ["a", "b", "c"],
            nodes=CATALOG,
            workflows=[child.build()],
            seed=seed,
            max_concurrency=max_concurrency,
        ).audit()
        for seed in range(10)
    ]

    assert len(set(families)) == 1
