"""What goes wrong in the original Prana by design, and does not here."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from prana_py import (
    CompileError,
    Execution,
    LocalRuntime,
    NodeContext,
    NodeFailure,
    Output,
    StorageError,
    TransitionError,
    WorkflowBuilder,
    node,
    wait_for_interval,
    wait_for_webhook,
)
from prana_py.builtin_nodes.all_nodes import with_builtin
from prana_py.driver.outcome import Waiting
from prana_py.testing.fake_clock import FakeClock
from tests.builders import diamond


@node
def who(ctx: NodeContext) -> str:
    return ctx.node_key


@node
def echo(input: Any) -> Any:
    return input


@node
def ask() -> Waiting:
    return wait_for_webhook()


@node(trigger=True)
def asking_trigger() -> Waiting:
    return wait_for_webhook()


@node
def fail(code: str = "broken", retryable: bool = True) -> None:
    raise NodeFailure(code, "it was to be", retryable=retryable)


@node
def leave() -> None:
    raise SystemExit(3)


def _answer(ctx: NodeContext, data: int) -> int:
    if ctx.attempt < data:
        raise NodeFailure("not_yet", f"attempt {ctx.attempt}")
    return ctx.attempt


@node(on_resume=_answer)
def ask_strictly() -> Waiting:
    return wait_for_webhook()


@node
def branches_wait(ctx: NodeContext) -> Any:
    return wait_for_webhook() if ctx.node_key.startswith("b") else ctx.node_key


NODES = with_builtin(who, echo, ask, asking_trigger, fail, leave, ask_strictly, branches_wait)


def runtime(**options: Any) -> LocalRuntime:
    return LocalRuntime(NODES, clock=FakeClock(jumps=True), **options)


def order(execution: Execution) -> list[str]:
    """Who ran, in order."""
    runs = [run for runs in execution.node_executions.values() for run in runs]
    return [run.node_key for run in sorted(runs, key=lambda run: run.execution_index) if run.node_key != "trigger"]


# ── joins and loops ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("value", "chosen"), [(9, "left"), (1, "right")])
def test_an_if_whose_arms_meet_in_a_merge_with_two_ports_completes(value: int, chosen: str):
    flow = WorkflowBuilder("arms_meet")
    choice = flow.add("logic.if", "choice", condition="{{ $input > 5 }}")
    merge = flow.add("data.merge", "merge", strategy="object")
    choice.then(flow.add(who, "left"), port="true").then(merge, to_port="input_a")
    choice.then(flow.add(who, "right"), port="false").then(merge, to_port="input_b")

    execution = runtime().execute(flow.build(), value)

    assert execution.status == "completed"
    assert list(execution.output.values()) == [chosen]


def test_twelve_diamonds_in_a_chain_run_every_node_once():
    flow = WorkflowBuilder("diamonds")
    top = flow.add(who, "n0")
    for number in range(12):
        left, right, bottom = (flow.add(who, f"{side}{number + 1}") for side in ("left", "right", "n"))
        for side in (left, right):
            top.then(side).then(bottom)
        top = bottom

    ran = order(runtime().execute(flow.build()))

    assert len(ran) == 37
    assert len(set(ran)) == 37


def test_a_merge_inside_a_loop_sees_only_this_round():
    flow = WorkflowBuilder("merge_in_loop")
    count = flow.add("data.set", "count", values={"n": "{{ $input.n + 1 }}"})
    left = count.then(flow.add("data.set", "left", values={"left": "{{ $input.n }}"}))
    right = count.then(flow.add("data.set", "right", values={"right": "{{ $input.n }}"}))
    merge = flow.add(echo, "merge", settings={"collect": "merge"})
    left.then(merge)
    right.then(merge)
    again = merge.then(flow.add("data.set", "result", values={"n": "{{ $nodes.count.output.n }}"})).then(
        flow.add("logic.if", "again", condition="{{ $input.n < 3 }}")
    )
    again.then(count, port="true")

    execution = runtime().execute(flow.build(), {"n": 0})

    assert execution.status == "completed"
    assert [run.output for run in execution.node_executions["merge"]] == [
        {"left": number, "right": number} for number in (1, 2, 3)
    ]


def test_branches_go_in_the_order_of_their_connections_whatever_their_names_are():
    names = [f"b{(number * 37) % 50}" for number in range(50)]
    flow = WorkflowBuilder("fan")
    start = flow.add(who, "start")
    for name in names:
        start.then(flow.add(who, name))

    assert order(runtime().execute(flow.build())) == ["start", *names]


def test_a_for_each_may_have_more_items_than_a_cycle_may_have_rounds():
    flow = WorkflowBuilder("many_items")
    each = flow.add("core.for_each", "each", items="{{ $input }}")
    each.then(flow.add(echo), port="loop").then(each)

    execution = runtime().execute(flow.build(), list(range(10_001)))

    assert execution.output == list(range(10_001))


def test_the_items_of_a_for_each_are_stored_once_however_far_it_is():
    flow = WorkflowBuilder("items_once")
    each = flow.add("core.for_each", "each", items="{{ $input }}")
    each.then(flow.add(ask), port="loop").then(each)
    here = runtime()
    execution = here.execute(flow.build(), [f"item number {number}" for number in range(20)])
    for _ in range(10):
        execution = here.resume(execution, "done")

    stored = json.dumps(execution.to_storage_format())

    # Once as the input, once as what the trigger gave, once as what the loop goes through (plan and parameter).
    assert stored.count("item number 15") <= 4


# ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}])
def test_what_is_nothing_much_passes_between_nodes_like_anything_else(value: Any):
    flow = WorkflowBuilder("nothing_much")
    first = flow.add("logic.if", "gate", condition=True)
    first.then(flow.add("logic.switch", "switch", cases=[], default_port="rest"), port="true").then(
        flow.add(echo, "last"), port="rest"
    )

    @node(trigger=True)
    def given() -> Any:
        return value

    flow.add(given, "given").then(first)
    execution = LocalRuntime(NODES.plus(given)).execute(flow.build())

    assert execution.status == "completed"
    assert execution.completed_nodes["last"] == value
    assert type(execution.completed_nodes["last"]) is type(value)


def test_data_by_a_port_that_was_not_declared_is_an_error_that_names_the_declared_ones():
    @node(outputs=("yes", "no"))
    def decide() -> Output:
        return Output(1, "maybe")

    flow = WorkflowBuilder("undeclared")
    flow.add(decide, "decide")
    execution = LocalRuntime([decide]).execute(flow.build())

    assert execution.error is not None
    assert execution.error.code == "port_undeclared"
    assert "'yes', 'no'" in execution.error.message


def test_a_choice_passes_its_input_on():
    flow = WorkflowBuilder("passes_on")
    flow.add("logic.if", "gate", condition="{{ $input.n }}").then(flow.add(echo, "last"), port="true")

    assert runtime().execute(flow.build(), {"n": 7}).output == {"n": 7}


@pytest.mark.parametrize("template", ["{{ $input. }}", "{{ 1 + }}", "{{ ( }}"])
def test_a_template_that_cannot_be_read_is_found_before_anything_runs(template: str):
    flow = WorkflowBuilder("unreadable")
    flow.add("data.set", "set", values={"x": template})

    with pytest.raises(CompileError, match="values"):
        runtime().execute(flow.build())


def test_a_template_that_cannot_be_evaluated_is_an_error_of_its_node_and_obeys_on_error():
    flow = WorkflowBuilder("unevaluable")
    broken = flow.add("data.set", "set", values={"x": "{{ 1 / 0 }}"}, settings={"on_error": "error_port"})
    broken.then(flow.add(echo, "handler"), port="error")

    execution = runtime().execute(flow.build())

    assert execution.status == "completed"
    assert execution.output["code"] == "template_failed"


# ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("answers", [("b0", "b1"), ("b1", "b0")])
def test_two_branches_wait_at_once_and_are_resumed_in_either_order(answers: tuple[str, str]):
    here = runtime()
    execution = here.execute(diamond(branches_wait))
    assert sorted(execution.suspensions) == ["b0#0", "b1#0"]

    for key in answers:
        execution = here.resume(execution, key, wait_id=f"{key}#0")

    assert execution.status == "completed"
    assert order(execution)[-1] == "end"


def test_a_trigger_may_suspend():
    flow = WorkflowBuilder("waiting_trigger")
    flow.add(asking_trigger, "begin").then(flow.add(echo, "go_on"))
    here = runtime()
    execution = here.execute(flow.build())
    assert (execution.status, list(execution.suspensions)) == ("suspended", ["begin#0"])

    execution = here.resume(execution, "now")

    assert (execution.status, execution.output) == ("completed", "now")


def test_a_wait_that_is_over_leaves_by_the_timeout_port():
    flow = WorkflowBuilder("times_out")
    flow.add("wait.wait", "wait", mode="webhook", timeout="1h").then(flow.add(who, "late"), port="timeout")
    clock = FakeClock()
    here = LocalRuntime(NODES, clock=clock)
    execution = here.execute(flow.build())

    clock.advance(hours=1)
    execution = here.wake(execution)

    assert (execution.left_by("wait"), execution.output) == ("timeout", "late")


def test_a_wait_is_resolved_once_and_the_execution_is_as_it_was_when_somebody_tries_again():
    here = runtime()
    flow = WorkflowBuilder("once")
    flow.add(ask, "one").then(flow.add(ask, "two"))
    execution = here.resume(here.execute(flow.build()), 1, wait_id="one#0")

    with pytest.raises(TransitionError) as refused:
        here.resume(execution, 2, wait_id="one#0")

    assert refused.value.code == "wait_not_open"
    assert here.resume(execution, 2).output == 2


def test_a_final_execution_cannot_be_resumed():
    here = runtime()
    flow = WorkflowBuilder("final")
    flow.add(ask, "one")
    execution = here.resume(here.execute(flow.build()), 1)

    with pytest.raises(TransitionError) as refused:
        here.resume(execution, 2, wait_id="one#0")

    assert refused.value.code == "execution_final"


def test_a_short_wait_holds_no_thread():
    @node
    def nap() -> Waiting:
        return wait_for_interval(timedelta(seconds=5))

    flow = WorkflowBuilder("nap")
    flow.add(nap, "nap").then(flow.add(who, "after"))
    clock = FakeClock()
    here = LocalRuntime([nap, who], clock=clock)
    execution = here.execute(flow.build())
    assert execution.status == "suspended"

    clock.advance(seconds=5)

    assert here.wake(execution).output == "after"


# ── failing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_while_one_branch_waits_for_its_next_attempt_the_others_go_on():
    flow = WorkflowBuilder("retrying")
    start = flow.add(who, "start")
    start.then(flow.add(fail, "flaky", settings={"retry": {"max_attempts": 2, "delay": "1m"}}))
    start.then(flow.add(who, "b")).then(flow.add(who, "c"))

    execution = LocalRuntime(NODES, clock=FakeClock()).execute(flow.build())

    assert execution.status == "suspended"
    assert execution.suspension is not None
    assert execution.suspension.type == "retry"
    assert {"b", "c"} <= execution.completed_nodes.keys()


def test_a_permanent_error_is_not_tried_again():
    flow = WorkflowBuilder("permanent")
    flow.add(fail, "fail", retryable=False, settings={"retry": {"max_attempts": 5, "delay": 0}})

    execution = runtime().execute(flow.build())

    assert execution.node_executions["fail"][0].attempt == 1


def test_a_resume_that_fails_is_tried_again_with_the_same_data():
    flow = WorkflowBuilder("resume_retries")
    flow.add(ask_strictly, "ask", settings={"retry": {"max_attempts": 3, "delay": 0}})
    here = runtime()

    execution = here.resume(here.execute(flow.build()), 3)

    assert (execution.status, execution.output) == ("completed", 3)
    assert [attempt.error.code for attempt in execution.node_executions["ask"][0].attempts] == ["not_yet", "not_yet"]


def test_a_resume_that_fails_for_good_obeys_on_error():
    flow = WorkflowBuilder("resume_on_error")
    asked = flow.add(ask_strictly, "ask", settings={"on_error": "error_port"})
    asked.then(flow.add(echo, "handler"), port="error")
    here = runtime()

    execution = here.resume(here.execute(flow.build()), 99)

    assert execution.status == "completed"
    assert execution.output["code"] == "not_yet"


@pytest.mark.parametrize("broken", [fail, leave])
def test_a_failure_leaves_an_execution_with_its_id_and_its_history(broken: Any):
    flow = WorkflowBuilder("fails")
    flow.add(who, "before").then(flow.add(broken, "broken")).then(flow.add(who, "after"))

    execution = runtime().execute(flow.build(), execution_id="the-one")

    assert (execution.status, execution.id) == ("failed", "the-one")
    assert order(execution) == ["before", "broken"]
    assert execution.completed_nodes["before"] == "before"
    assert execution.error is not None
    assert execution.error.node_key == "broken"


def test_a_preparation_that_fails_leaves_the_execution_with_its_id_and_one_that_is_not_needed_is_not_made():
    prepared: list[str] = []

    def prepare(ctx: NodeContext) -> None:
        prepared.append(ctx.node_key)
        raise NodeFailure("no_boat", "there is none")

    @node(prepare=prepare)
    def sail() -> None:
        """Never gets there."""

    flow = WorkflowBuilder("prepares")
    flow.add("manual.trigger", "trigger").then(flow.add(sail, "reachable"))
    flow.add(sail, "unreachable")
    execution = LocalRuntime([sail]).execute(flow.build(), execution_id="the-one")

    assert (execution.status, execution.id, prepared) == ("failed", "the-one", ["reachable"])
    assert execution.error is not None
    assert (execution.error.code, execution.error.node_key) == ("preparation_failed", "reachable")
    assert execution.error.cause is not None
    assert execution.error.cause.code == "no_boat"


# ── what is kept ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Kept:
    """A journal in memory."""

    def __init__(self) -> None:
        self.statuses: list[str] = []

    def append(self, execution: Execution, row: Any) -> None:
        self.statuses.append(execution.status)


def test_every_single_step_can_be_made_durable():
    journal = Kept()
    flow = WorkflowBuilder("durable")
    flow.add(who, "a").then(flow.add(who, "b"))

    execution = LocalRuntime(NODES, journal=journal).execute(flow.build())

    assert len(journal.statuses) == execution.position
    assert journal.statuses == ["running"] * (execution.position - 1) + ["completed"]


def test_what_is_stored_has_no_graph_and_no_secrets_of_the_environment_and_comes_back():
    flow = WorkflowBuilder("stored")
    flow.add(fail, "flaky", settings={"retry": {"max_attempts": 2, "delay": "1m"}})
    here = runtime()
    graph = here.graph_of(flow.build())
    moment = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    execution = LocalRuntime(NODES, clock=FakeClock()).execute(
        graph, {"at": moment}, environment={"token": "swordfish"}
    )
    assert execution.suspension is not None
    assert execution.suspension.type == "retry"

    stored = json.dumps(execution.to_storage_format())
    loaded = Execution.from_storage_format(json.loads(stored), graph, environment={"token": "swordfish"})

    assert "swordfish" not in stored
    assert "connections" not in stored
    assert loaded.trigger_data == {"at": moment}
    assert loaded.suspensions == execution.suspensions


@pytest.mark.parametrize("broken", [{"format": 99}, {"format": 1, "rows": [{"nonsense": 1}]}])
def test_what_cannot_be_read_back_is_a_typed_error(broken: dict[str, Any]):
    flow = WorkflowBuilder("broken")
    flow.add(who, "a")

    with pytest.raises(StorageError):
        Execution.from_storage_format(broken, runtime().graph_of(flow.build()))


def test_the_history_tells_inputs_attempts_and_every_run_of_a_loop():
    flow = WorkflowBuilder("audit")
    first = flow.add(who, "first", settings={"join": "each"})
    flaky = first.then(
        flow.add(fail, "flaky", settings={"retry": {"max_attempts": 3, "delay": 0}, "on_error": "continue"})
    )
    again = flaky.then(flow.add("logic.if", "again", condition="{{ $execution.run_index < 4 }}"))
    again.then(first, port="true")

    runs = runtime().execute(flow.build()).node_executions

    assert [run.run_index for run in runs["flaky"]] == [0, 1, 2, 3, 4]
    assert [len(run.attempts) for run in runs["flaky"]] == [2] * 5
    assert [run.inputs[0][0] for run in runs["flaky"]] == [run.execution_index for run in runs["first"]]
