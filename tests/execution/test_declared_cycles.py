"""Declared cycles end when they converge, at their limit, or when their time is up; all three are normal ends."""

from __future__ import annotations

from typing import Any

import pytest

from prana_py import Execution, LocalRuntime, Workflow, WorkflowBuilder, node
from prana_py.execution.cycle_results import CycleResult
from prana_py.execution.storage import from_storage_format, to_storage_format
from prana_py.testing.fake_clock import FakeClock


def runtime_of(clock: FakeClock, *, step_seconds: float = 10) -> LocalRuntime:
    @node
    def improve(input: Any) -> Any:
        """One more, and it takes its time."""
        clock.advance(seconds=step_seconds)
        return (input or 0) + 1

    @node
    def plain(input: Any) -> Any:
        """Hand on."""
        return input

    return LocalRuntime([improve, plain], clock=clock)


def improving(**cycle: Any) -> Workflow:
    flow = WorkflowBuilder("improving")
    flow.add("improve", key="improve")
    back = flow.create_cycle("better").connect("improve", "improve")
    for name, value in cycle.items():
        getattr(back, name)(value)
    back.build()
    flow.connect("improve", flow.add("plain", key="after"))
    return flow.build()


def result_of(execution: Execution) -> CycleResult:
    assert execution.status == "completed", execution.error
    return execution.cycle_results["better"]


def test_a_cycle_that_converges_says_after_how_many_rounds_and_seconds():
    execution = runtime_of(FakeClock()).execute(improving(converge_when="$input >= 3"))

    assert result_of(execution) == CycleResult(name="better", iterations=3, converged=True, seconds=30.0)


def test_a_cycle_at_its_limit_has_not_converged():
    execution = runtime_of(FakeClock()).execute(improving(max_iterations=4))

    assert result_of(execution) == CycleResult(name="better", iterations=4, converged=False, seconds=40.0)


@pytest.mark.parametrize(("timeout", "rounds"), [("25s", 3), ("30s", 3), ("31s", 4), ("1ms", 1)])
def test_a_cycle_whose_time_is_up_ends_with_the_round(timeout: str, rounds: int):
    execution = runtime_of(FakeClock()).execute(improving(timeout=timeout))

    assert (result_of(execution).iterations, result_of(execution).converged) == (rounds, False)


def test_the_time_runs_anew_each_time_the_cycle_is_entered():
    flow = WorkflowBuilder("nested")
    flow.add("plain", key="outer")
    flow.connect("outer", flow.add("improve", key="improve"))
    flow.create_cycle("better").connect("improve", "improve").timeout("25s").build()
    flow.connect("improve", flow.add("plain", key="last"), condition="$input % 3 == 0")
    flow.create_cycle("again").connect("last", "outer").max_iterations(2).build()

    execution = runtime_of(FakeClock()).execute(flow.build())
    results = execution.cycle_results

    assert results["better"] == CycleResult(name="better", iterations=3, converged=False, seconds=30.0, times=2)
    assert (results["again"].iterations, results["again"].seconds) == (2, 60.0)


def test_a_cycle_that_is_still_going_has_no_result():
    flow = WorkflowBuilder("waiting")
    flow.add("wait.wait", key="wait", mode="webhook")
    flow.create_cycle("again").connect("wait", "wait").max_iterations(2).build()

    execution = LocalRuntime().execute(flow.build())

    assert execution.cycle_results == {}


def test_time_spent_waiting_counts_and_survives_being_stored():
    clock = FakeClock()
    flow = WorkflowBuilder("waiting")
    flow.add("wait.wait", key="wait", mode="webhook")
    flow.create_cycle("again").connect("wait", "wait").timeout("1h").build()
    runtime = LocalRuntime(clock=clock)
    execution = runtime.execute(flow.build())
    clock.advance(hours=2)
    loaded = from_storage_format(to_storage_format(execution), execution.execution_graph)

    ended = runtime.resume(loaded, 1)

    assert (ended.status, ended.cycle_results["again"].seconds) == ("completed", 7200.0)
    assert to_storage_format(from_storage_format(to_storage_format(ended), ended.execution_graph)) == to_storage_format(
        ended
    )
