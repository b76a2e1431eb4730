"""Going round: for_each, while, declared cycles, and what can be seen from inside and outside of them."""

from __future__ import annotations

from typing import Any

import pytest

from prana_py import (
    Execution,
    LocalRuntime,
    NodeContext,
    NodeFailure,
    Output,
    Workflow,
    WorkflowBuilder,
    node,
    wait_for_webhook,
)
from prana_py.builtin_nodes.all_nodes import with_builtin
from prana_py.driver.outcome import Waiting
from prana_py.driver.requests import AddItems, CancelBranch, Resume
from prana_py.execution.cycle_results import cycle_results
from prana_py.execution.rows import ScopeClosed
from prana_py.testing.fake_clock import FakeClock


@node
def echo(input: Any) -> Any:
    return input


@node
def ask() -> Waiting:
    return wait_for_webhook()


@node
def double(input: int) -> int:
    """Twice the input; three is more than it can bear."""
    if input == 3:
        raise NodeFailure("three", "not that")
    return 2 * input


@node
def add_one(input: int) -> int:
    return input + 1


@node
def tally(ctx: NodeContext, input: Any) -> Output:
    """Counts in the shared state, and in its own context."""
    return Output(
        input, state={"total": ctx.state.get("total", 0) + 1}, context={"seen": ctx.context.get("seen", 0) + 1}
    )


NODES = with_builtin(echo, ask, double, add_one, tally)
CONCURRENCIES = pytest.mark.parametrize("max_concurrency", [1, 4])


def run(workflow: Workflow, value: Any = None, *, max_concurrency: int = 1) -> Execution:
    return LocalRuntime(NODES, max_concurrency=max_concurrency, clock=FakeClock()).execute(workflow, value)


def outputs(execution: Execution, key: str) -> list[Any]:
    return [run.output for run in execution.node_executions.get(key, ()) if run.status == "completed"]


def wait_of_item(execution: Execution, item: int) -> str:
    """The open wait in the scope of this item."""
    (wait,) = [wait for wait in execution.suspensions.values() if wait.scope[-1][2] == item]
    return wait.wait_id


def for_each(body: Any, **params: Any) -> Workflow:
    """``each`` goes through its input with ``body``; ``after`` gets what comes of it."""
    flow = WorkflowBuilder("for_each")
    each = flow.add("core.for_each", "each", params={"items": "{{ $input }}", **params})
    each.then(flow.add(body, "body"), port="loop").then(each)
    each.then(flow.add(echo, "after"), port="done")
    return flow.build()


# ── for_each ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@CONCURRENCIES
@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_results_are_in_the_order_of_the_items(max_concurrency: int, at_once: int):
    execution = run(for_each(double, max_concurrency=at_once), [5, 1, 4], max_concurrency=max_concurrency)

    assert outputs(execution, "after") == [[10, 2, 8]]


def test_results_are_in_the_order_of_the_items_also_when_the_last_is_done_first():
    runtime = LocalRuntime(NODES)
    execution = runtime.execute(for_each(ask, max_concurrency=3), ["x", "y", "z"])

    for number in (2, 0, 1):
        execution = runtime.ask(execution, Resume(wait_of_item(execution, number), number))

    assert execution.output == [0, 1, 2]


def test_no_more_items_are_under_way_at_once_than_was_said():
    runtime = LocalRuntime(NODES)
    execution = runtime.execute(for_each(ask, max_concurrency=2), [1, 2, 3, 4, 5])
    open_at_once = []
    while execution.status == "suspended":
        open_at_once.append(len(execution.suspensions))
        execution = runtime.resume(execution, wait_id=min(execution.suspensions))

    assert open_at_once == [2, 2, 2, 2, 1]


def test_nothing_to_go_through_is_done_at_once():
    assert outputs(run(for_each(double), []), "after") == [[]]


def test_batches_go_through_as_lists():
    execution = run(for_each(echo, mode="batch", batch_size=2), [1, 2, 3, 4, 5])

    assert execution.output == [[1, 2], [3, 4], [5]]


@CONCURRENCIES
def test_an_item_that_fails_stops_them_all(max_concurrency: int):
    execution = run(for_each(double), [1, 3, 5], max_concurrency=max_concurrency)

    assert execution.status == "failed"
    assert execution.error is not None
    assert (execution.error.code, execution.error.node_key) == ("item_failed", "each")
    assert execution.error.cause is not None
    assert (execution.error.cause.code, execution.error.cause.node_key) == ("three", "body")
    assert outputs(execution, "body") == [2]


def test_an_item_that_fails_is_told_of_in_its_place_or_left_out():
    told = run(for_each(double, on_item_error="continue"), [1, 3, 5])
    skipped = run(for_each(double, on_item_error="skip"), [1, 3, 5])

    assert [result if isinstance(result, int) else result["code"] for result in told.output] == [2, "three", 10]
    assert skipped.output == [2, 10]
    assert told.status == skipped.status == "completed"


def test_items_that_failed_do_not_count_as_those_that_are_needed():
    execution = run(for_each(double, need=2, on_item_error="skip"), [3, 1, 3, 2, 4])

    assert execution.output == [2, 4]
    assert len(execution.node_executions["body"]) == 4


def test_it_is_enough_when_until_holds():
    execution = run(for_each(double, until="{{ $input >= 4 }}"), [1, 2, 5])

    assert execution.output == [2, 4]


def test_items_may_be_added_while_it_is_open():
    runtime = LocalRuntime(NODES)
    execution = runtime.execute(for_each(double, open=True), [1])
    assert execution.status == "suspended"

    execution = runtime.ask(execution, AddItems("each", (2, 4)))
    assert execution.status == "suspended"
    execution = runtime.ask(execution, AddItems("each", close=True))

    assert execution.output == [2, 4, 8]


def test_items_that_are_cancelled_at_once_end_in_their_order():
    each = for_each(ask, max_concurrency=12)
    runtime = LocalRuntime(NODES)

    execution = runtime.ask(runtime.execute(each, list(range(12))), CancelBranch(("body",)))

    assert execution.status == "completed"
    assert [row.item for row in execution.journal if isinstance(row, ScopeClosed)] == list(range(12))


def test_a_loop_that_is_under_way_is_told_of_with_the_number_of_its_run():
    flow = WorkflowBuilder("again")
    start = flow.add(echo, "start")
    each = flow.add("core.for_each", "each", items=[1], settings={"join": "each"})
    start.then(each)
    start.then(each)
    each.then(flow.add(ask, "ask"), port="loop")

    runtime = LocalRuntime(NODES)
    execution = runtime.resume(runtime.execute(flow.build()))

    runs = execution.node_executions["each"]
    assert [(run.run_index, run.status) for run in runs] == [(0, "completed"), (1, "running")]


def test_an_item_ends_where_its_path_ends_with_or_without_a_way_back():
    flow = WorkflowBuilder("no_way_back")
    each = flow.add("core.for_each", "each", items="{{ $input }}")
    each.then(flow.add(double, "body"), port="loop")
    each.then(flow.add(echo, "after"), port="done")

    assert outputs(run(flow.build(), [1, 2]), "after") == [[2, 4]]


@CONCURRENCIES
def test_a_for_each_within_another_goes_through_everything(max_concurrency: int):
    flow = WorkflowBuilder("nested")
    outer = flow.add("core.for_each", "outer", items="{{ $input }}", max_concurrency=2)
    inner = flow.add("core.for_each", "inner", items="{{ $input }}", max_concurrency=2)
    where = "{{ [$loop.parent.index, $loop.index, $input] }}"
    body = flow.add("data.set", "body", values={"at": where})
    outer.then(inner, port="loop").then(body, port="loop").then(inner)
    inner.then(outer, port="done")

    execution = run(flow.build(), [["a", "b"], [], ["c"]], max_concurrency=max_concurrency)

    assert execution.output == [[{"at": [0, 0, "a"]}, {"at": [0, 1, "b"]}], [], [{"at": [2, 0, "c"]}]]


def test_a_connection_that_leaves_the_body_carries_the_value_out_of_it():
    flow = WorkflowBuilder("leaves")
    each = flow.add("core.for_each", "each", items="{{ $input }}")
    choice = flow.add("logic.if", "choice", condition="{{ $input < 3 }}")
    outside = flow.add(echo, "outside", settings={"join": "each"})
    each.then(choice, port="loop").then(each, port="true")
    choice.then(outside, port="false")
    each.then(outside, port="done")

    execution = run(flow.build(), [1, 2, 3, 4])

    assert execution.status == "completed"
    assert [output for output in outputs(execution, "outside") if isinstance(output, int)] == [3, 4]
    assert {run.scope for run in execution.node_executions["outside"]} == {()}


# ── while ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def while_(condition: Any, *, settings: Any = None, **params: Any) -> Workflow:
    flow = WorkflowBuilder("while", settings=settings)
    loop = flow.add("core.while", "loop", params={"condition": condition, **params})
    loop.then(flow.add(add_one, "body"), port="loop").then(loop)
    loop.then(flow.add(echo, "after"), port="done")
    return flow.build()


@pytest.mark.parametrize(("start", "end"), [(0, 5), (4, 5), (5, 5), (9, 9)])
def test_while_looks_at_the_last_result_before_each_round(start: int, end: int):
    assert run(while_("{{ $input < 5 }}"), start).output == end


def test_while_ends_after_so_many_rounds_as_was_said():
    execution = run(while_(True, max_rounds=3), 0)

    assert (execution.status, execution.output) == ("completed", 3)


def test_while_without_a_limit_of_its_own_fails_at_that_of_the_workflow():
    execution = run(while_(True, settings={"max_iterations": 7}), 0)

    assert (execution.status, execution.error and execution.error.code) == ("failed", "loop_limit")
    assert len(outputs(execution, "body")) == 7


# ── plain and declared cycles ────────────────────────────────────────────────────────────────────────────────────────


def test_a_plain_cycle_fails_when_it_goes_round_too_often():
    flow = WorkflowBuilder("endless", settings={"max_iterations": 7})
    body = flow.add(add_one, "body", settings={"on_error": "continue"})
    body.then(body)

    execution = run(flow.build(), 0)

    assert (execution.status, execution.error and execution.error.code) == ("failed", "loop_limit")
    assert (len(outputs(execution, "body")), execution.iteration_count) == (8, 7)


@pytest.mark.parametrize(("limit", "runs", "converged"), [(100, 5, True), (5, 5, True), (4, 4, False), (1, 1, False)])
def test_a_declared_cycle_ends_when_it_converges_or_at_its_limit_and_both_are_well(
    limit: int, runs: int, converged: bool
):
    flow = WorkflowBuilder("declared")
    body = flow.add(add_one, "body")
    body.then(flow.add(echo, "after"))
    flow.create_cycle("up").connect(body, body).max_iterations(limit).converge_when("$input >= 5").build()

    execution = run(flow.build(), 0)

    assert execution.status == "completed"
    assert outputs(execution, "body") == list(range(1, runs + 1))
    assert outputs(execution, "after") == [runs]
    result = cycle_results(execution)["up"]
    assert (result.iterations, result.converged) == (runs, converged)


def test_a_declared_cycle_whose_last_node_fails_and_goes_on_ends_at_its_limit_like_any_other():
    flow = WorkflowBuilder("declared")
    first = flow.add(echo, "first")
    last = first.then(flow.add(double, "last", settings={"on_error": {"fallback": 3}}))
    flow.create_cycle("up").connect(last, first).max_iterations(2).build()

    execution = run(flow.build(), 3)

    result = cycle_results(execution)["up"]
    assert (result.iterations, result.converged) == (2, False)


def test_what_leads_out_of_a_declared_cycle_on_its_way_is_taken_in_each_round():
    flow = WorkflowBuilder("on_its_way")
    first, last = flow.add(add_one, "first"), flow.add(echo, "last")
    first.then(last).then(flow.add(echo, "at_the_end"))
    first.then(flow.add(echo, "each_time"))
    flow.create_cycle("up").connect(last, first).max_iterations(3).build()

    execution = run(flow.build(), 0)

    assert (outputs(execution, "each_time"), outputs(execution, "at_the_end")) == ([1, 2, 3], [3])


@pytest.mark.parametrize("outer_back", ["inner", "step"])
def test_a_declared_cycle_counts_anew_when_it_is_entered_again(outer_back: str):
    flow = WorkflowBuilder("nested")
    start = flow.add(echo, "start")
    inner = start.then(flow.add(add_one, "inner"))
    flow.create_cycle("inner").connect(inner, inner).max_iterations(2).build()
    step = inner.then(flow.add(echo, "step")) if outer_back == "step" else inner
    flow.create_cycle("outer").connect(step, start).max_iterations(3).build()
    step.then(flow.add(echo, "after"))

    execution = run(flow.build(), 0)

    assert execution.status == "completed"
    assert (outputs(execution, "start"), outputs(execution, "inner")) == ([0, 2, 4], [1, 2, 3, 4, 5, 6])
    assert outputs(execution, "after") == [6]
    results = cycle_results(execution)
    assert (results["inner"].iterations, results["inner"].times) == (2, 3)
    assert (results["outer"].iterations, results["outer"].times) == (3, 1)


# ── what can be seen ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_nodes_are_looked_up_in_the_own_item_first_and_then_outwards():
    flow = WorkflowBuilder("look_up")
    before = flow.add("data.set", "before", values={"x": "outside"})
    each = before.then(flow.add("core.for_each", "each", items=["a", "b", "c"], max_concurrency=3))
    first = each.then(flow.add(echo, "first"), port="loop")
    told = "{{ $nodes.before.output.x }} {{ $nodes.first.output }}"
    first.then(flow.add("data.set", "second", values={"told": told})).then(each)

    assert run(flow.build()).output == [{"told": f"outside {item}"} for item in "abc"]


def test_from_outside_the_last_item_is_seen():
    flow = WorkflowBuilder("from_outside")
    each = flow.add("core.for_each", "each", items=["a", "b", "c"])
    each.then(flow.add(echo, "body"), port="loop").then(each)
    each.then(flow.add("data.set", "after", values={"last": "{{ $nodes.body.output }}"}), port="done")

    assert run(flow.build()).output == {"last": "c"}


def test_loop_tells_where_it_is():
    flow = WorkflowBuilder("where")
    each = flow.add("core.for_each", "each", items=["a", "b", "c"])
    values = {name: f"{{{{ $loop.{name} }}}}" for name in ("index", "first", "last", "item", "count")}
    each.then(flow.add("data.set", "body", values=values), port="loop").then(each)

    assert run(flow.build()).output == [
        {"index": index, "first": index == 0, "last": index == 2, "item": "abc"[index], "count": 3}
        for index in range(3)
    ]


def test_state_is_shared_by_all_items_and_context_is_each_item_its_own():
    flow = WorkflowBuilder("state")
    each = flow.add("core.for_each", "each", items=[1, 2, 3])
    counted = each.then(flow.add(tally, "tally"), port="loop")
    values = {"total": "{{ $state.total }}", "seen": "{{ $nodes.tally.context.seen }}"}
    counted.then(flow.add("data.set", "body", values=values)).then(each)

    assert run(flow.build()).output == [{"total": number, "seen": 1} for number in (1, 2, 3)]


def test_context_is_kept_from_run_to_run():
    flow = WorkflowBuilder("context")
    counted = flow.add(tally, "tally")
    again = counted.then(flow.add("logic.if", "again", condition="{{ $nodes.tally.context.seen < 4 }}"))
    again.then(counted, port="true")

    execution = run(flow.build(), "x")

    assert execution.state == {"total": 4}
    assert execution.iteration_count == 3


def test_an_execution_in_the_middle_of_its_items_is_stored_and_goes_on_where_it_was():
    runtime = LocalRuntime(NODES)
    workflow = for_each(ask, max_concurrency=2)
    execution = runtime.execute(workflow, [1, 2, 3])
    execution = runtime.ask(execution, Resume(wait_of_item(execution, 1), "second"))

    execution = Execution.from_storage_format(execution.to_storage_format(), runtime.graph_of(workflow))
    for item, data in ((2, "third"), (0, "first")):
        execution = runtime.ask(execution, Resume(wait_of_item(execution, item), data))

    assert execution.output == ["first", "second", "third"]
