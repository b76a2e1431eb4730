"""Whoever prefers exceptions asks for them."""

from __future__ import annotations

import pytest

from prana_py import ExecutionError, LocalRuntime, WorkflowBuilder, node


@node
def breaks() -> None:
    raise ValueError("no boat")


def test_a_failed_execution_is_raised_with_everything_in_it():
    flow = WorkflowBuilder("orders")
    flow.add("core.noop", key="first").then(flow.add(breaks))
    execution = LocalRuntime([breaks]).execute(flow.build(), 1)

    with pytest.raises(ExecutionError, match="no boat") as raised:
        execution.raise_for_status()

    assert raised.value.execution is execution
    assert raised.value.node_key == "breaks"
    assert raised.value.code == "execution_failed"
    assert raised.value.partial_results == {"trigger": 1, "first": 1}


def test_a_cancelled_execution_is_raised_too():
    flow = WorkflowBuilder("waits")
    flow.add("wait.wait", mode="webhook")
    runtime = LocalRuntime()
    execution = runtime.cancel(runtime.execute(flow.build()))

    with pytest.raises(ExecutionError) as raised:
        execution.raise_for_status()

    assert raised.value.code == "execution_cancelled"


def test_any_other_execution_is_given_back():
    flow = WorkflowBuilder("fine")
    flow.add("core.noop")

    execution = LocalRuntime().execute(flow.build(), 7)

    assert execution.raise_for_status() is execution
