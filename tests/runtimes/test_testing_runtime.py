"""The runtime for tests: scripted answers, errors and durations, in virtual time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from prana_py import (
    NodeFailure,
    Output,
    TransitionError,
    UsageError,
    Workflow,
    WorkflowBuilder,
    node,
    wait_for_interval,
)
from prana_py.builtin_nodes.all_nodes import with_builtin
from prana_py.driver.outcome import Waiting
from prana_py.testing import TestingRuntime


@node(outputs=("approved", "rejected"))
def approval(input: object) -> object:
    """Asks somebody."""
    raise AssertionError("nobody was to be asked")


@node
def ship(input: object) -> object:
    """Sends it."""
    return "sent"


@node
def nap() -> Waiting:
    """Waits a day."""
    return wait_for_interval(timedelta(days=1))


CATALOG = with_builtin(approval, ship, nap)


def orders(**settings: object) -> Workflow:
    flow = WorkflowBuilder("orders")
    ask = flow.add(approval, "approval")
    ask.then(flow.add(ship, "ship", settings=settings), port="approved")
    return flow.build()


def test_nodes_answer_and_fail_as_they_were_told_to():
    runtime = TestingRuntime(CATALOG)
    runtime.set_node_response("approval", Output({"id": 1}, "approved"))
    runtime.set_node_error("ship", ValueError("no boat"))

    execution = runtime.execute(orders(), {"id": 1})

    assert runtime.get_execution_order() == ["approval", "ship"]
    assert runtime.get_node_inputs("ship") == [{"id": 1}]
    assert execution.error is not None
    assert (execution.status, execution.error.message) == ("failed", "no boat")


def test_an_error_on_one_call_is_retried_and_each_call_has_its_own_answer():
    runtime = TestingRuntime(CATALOG)
    runtime.set_node_response("approval", Output(1, "approved"))
    runtime.set_node_error("ship", ValueError("no boat"), call=1)
    runtime.set_node_response("ship", ["never", "second", "third"])

    execution = runtime.execute(orders(retry={"max_attempts": 3, "delay": "500ms"}))

    assert execution.output == "second"
    assert runtime.get_node_call_count("ship") == 2


def test_durations_and_delays_pass_in_virtual_time():
    runtime = TestingRuntime(CATALOG)
    runtime.set_node_response("approval", Output(1, "approved"))
    runtime.set_node_duration("ship", timedelta(hours=2))
    before = runtime.clock.time

    execution = runtime.execute(orders(timeout="1h", on_error="continue"))

    assert runtime.clock.time - before == timedelta(hours=1)
    assert execution.output["code"] == "timeout"


def test_what_nothing_was_set_for_runs_or_fails():
    runs, fails = TestingRuntime(CATALOG), TestingRuntime(CATALOG, run_unscripted=False)
    for runtime in (runs, fails):
        runtime.set_node_response("approval", Output(1, "approved"))

    assert runs.execute(orders()).output == "sent"
    assert [error.code for error in fails.execute(orders()).errors] == ["not_scripted"]


def test_time_jumps_to_what_an_execution_waits_for():
    flow = WorkflowBuilder("nap")
    flow.add(nap, "nap").then(flow.add(ship, "ship"))
    runtime = TestingRuntime(CATALOG)

    execution = runtime.execute(flow.build())
    assert execution.status == "suspended"

    before = runtime.clock.time
    execution = runtime.jump(execution)

    assert execution.output == "sent"
    assert runtime.clock.time - before == timedelta(days=1)
    with pytest.raises(TransitionError):
        runtime.jump(execution)


def test_a_script_that_names_other_nodes_is_refused():
    runtime = TestingRuntime(CATALOG)
    runtime.set_node_error("shop", NodeFailure("closed", "closed"))

    with pytest.raises(UsageError, match="'shop'"):
        runtime.execute(orders())
