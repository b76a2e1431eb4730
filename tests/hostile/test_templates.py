"""Templates that fail: at compile time where that can be known, else in the right run, with template and position."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from prana_py import CompileError, Execution, LocalRuntime, WorkflowBuilder, node, wait_for_webhook
from prana_py.execution.storage import load_rows, rows_of
from prana_py.nodes.node_type import AnyNode


@node
def echo(x: Any = None) -> Any:
    return x


@node
def ask() -> Any:
    return wait_for_webhook()


NODES: list[AnyNode] = [echo, ask]
Make = Callable[[WorkflowBuilder, str], Any]


def param(flow: WorkflowBuilder, text: str) -> None:
    flow.add(echo, "here", x=[{"y": text}])


def condition(flow: WorkflowBuilder, text: str) -> None:
    flow.add("core.noop", "here").then(flow.add("core.noop", "there"), condition=text)


def condition_after_a_wait(flow: WorkflowBuilder, text: str) -> None:
    flow.add(ask, "here").then(flow.add("core.noop", "there"), condition=text)


def condition_at_the_error_port(flow: WorkflowBuilder, text: str) -> None:
    here = flow.add(echo, "here", x="{{ 1 / 0 }}", settings={"on_error": "error_port"})
    here.then(flow.add("core.noop", "there"), port="error", condition=text)


def guard(flow: WorkflowBuilder, text: str) -> None:
    flow.add("core.noop", "first").then(flow.add("core.noop", "here", settings={"enabled_if": text}))


def items(flow: WorkflowBuilder, text: str) -> None:
    here = flow.add("core.for_each", "here", items=text)
    here.then(flow.add("core.noop", "body"), port="loop").then(here)


def until(flow: WorkflowBuilder, text: str) -> None:
    here = flow.add("core.for_each", "here", items=[1, 2], until=text)
    here.then(flow.add("core.noop", "body"), port="loop").then(here)


def while_condition(flow: WorkflowBuilder, text: str) -> None:
    here = flow.add("core.while", "here", condition=text)
    here.then(flow.add("core.noop", "body"), port="loop").then(here)


def condition_when_done(flow: WorkflowBuilder, text: str) -> None:
    here = flow.add("core.for_each", "here", items=[1])
    here.then(flow.add("core.noop", "body"), port="loop").then(here)
    here.then(flow.add("core.noop", "there"), port="done", condition=text)


def converge_when(flow: WorkflowBuilder, text: str) -> None:
    first, here = flow.add("core.noop", "first"), flow.add("core.noop", "here")
    first.then(here)
    flow.create_cycle("round").connect(here, first).max_iterations(3).converge_when(text).build()


PLACES: list[Make] = [
    param, condition, condition_after_a_wait, condition_at_the_error_port, guard, items, until, while_condition,
    condition_when_done, converge_when,
]  # fmt: skip


def run(make: Make, text: str, **start: Any) -> Execution:
    """An execution of a workflow with the template in that place, resumed where it waits; it survives storage."""
    flow = WorkflowBuilder("w")
    make(flow, text)
    runtime = LocalRuntime(NODES)
    graph = runtime.graph_of(flow.build())
    execution = runtime.execute(graph, {"a": 1}, **start)
    if execution.status == "suspended":
        execution = runtime.resume(execution, 1)
    assert load_rows(graph, rows_of(execution)).to_storage_format() == execution.to_storage_format()
    return execution


@pytest.mark.parametrize("make", PLACES)
@pytest.mark.parametrize(
    ("text", "position"), [("{{ 1 / 0 }}", 5), ("{{ 'a' < 1 }}", 7), ("{{ $input.missing * 2 }}", 18)]
)
def test_a_template_that_fails_fails_the_run_it_is_evaluated_for(make: Make, text: str, position: int):
    execution = run(make, text)

    assert execution.status == "failed"
    assert execution.error is not None
    assert (execution.error.code, execution.error.node_key) == ("template_failed", "here")
    assert (execution.error.details["template"], execution.error.details["position"]) == (text, position)
    assert not execution.error.retryable


@pytest.mark.parametrize("make", PLACES)
@pytest.mark.parametrize("text", ["{{ 1 +", "{{ 1 | nope }}", "{{ nope(1) }}", "{{ }}", "{% if %}"])
def test_a_template_that_cannot_mean_anything_is_found_when_it_is_compiled(make: Make, text: str):
    with pytest.raises(CompileError) as caught:
        run(make, text)

    assert {problem.code for problem in caught.value.problems} <= {"template_invalid", "params_invalid"}
    assert all(problem.place for problem in caught.value.problems)


def test_what_an_error_was_handed_on_for_is_the_cause():
    error = run(condition_at_the_error_port, "{{ 'a' < 1 }}").error

    assert error is not None
    assert error.cause is not None
    assert error.cause.details["template"] == "{{ 1 / 0 }}"


def test_a_template_that_fails_in_an_item_fails_that_item():
    flow = WorkflowBuilder("w")
    each = flow.add("core.for_each", "each", items=[0, 1, 2], on_item_error="skip")
    each.then(flow.add(echo, "here", x="{{ 6 / $input }}"), port="loop").then(each)

    execution = LocalRuntime(NODES).execute(flow.build())

    assert execution.output == [6, 3]


@pytest.mark.parametrize("value", [object(), len, "\ud800", 2**70], ids=lambda value: type(value).__name__)
def test_params_that_cannot_be_recorded_fail_the_run(value: Any):
    execution = run(param, "{{ $env.x }}", environment={"x": value})

    assert execution.status == "failed"
    assert execution.error is not None
    assert (execution.error.code, execution.error.node_key) == ("params_not_storable", "here")


def test_a_number_too_large_to_be_recorded_fails_the_run():
    execution = run(param, "{{ 99999999999 * 99999999999 }}")

    assert execution.error is not None
    assert execution.error.code == "params_not_storable"
