"""An execution has a time; that in which all of it waits counts only if the workflow says so."""

from __future__ import annotations

from typing import Any

import pytest

from prana_py import Execution, LocalRuntime, Workflow, WorkflowBuilder, node
from prana_py.execution.history import fork
from prana_py.execution.storage import from_storage_format, to_storage_format
from prana_py.testing.fake_clock import FakeClock

HOUR = 3_600 * 10**9


def runtime_of(clock: FakeClock, **options: Any) -> LocalRuntime:
    @node
    def work(minutes: float) -> float:
        """Take so long."""
        clock.advance(minutes=minutes)
        return minutes

    return LocalRuntime([work], clock=clock, **options)


def working(*, before: float, after: float, **settings: Any) -> Workflow:
    """Work, wait for somebody, work."""
    flow = WorkflowBuilder("working", settings={"timeout": "1h", **settings})
    first = flow.add("work", key="before", minutes=before)
    waiting = first.then(flow.add("wait.wait", key="wait", mode="webhook"))
    waiting.then(flow.add("work", key="after", minutes=after)).then(flow.add("work", key="last", minutes=0))
    return flow.build()


def error_of(execution: Execution) -> str | None:
    return None if execution.error is None else execution.error.code


def test_an_execution_that_works_too_long_fails():
    execution = runtime_of(FakeClock()).execute(working(before=61, after=0))

    assert (execution.status, error_of(execution)) == ("failed", "execution_timeout")
    assert "wait" not in execution.node_executions


def test_waiting_does_not_count():
    clock = FakeClock()
    runtime = runtime_of(clock)
    execution = runtime.execute(working(before=30, after=20))
    clock.advance(hours=20)

    assert runtime.wake(execution).status == "suspended"
    assert runtime.resume(execution).status == "completed"


def test_what_is_left_of_the_time_is_what_it_was_before_the_wait():
    clock = FakeClock()
    runtime = runtime_of(clock)
    execution = runtime.execute(working(before=30, after=31))
    clock.advance(hours=20)

    assert error_of(runtime.resume(execution)) == "execution_timeout"


def test_waiting_counts_if_asked_for_and_the_execution_fails_when_it_is_woken():
    clock = FakeClock()
    runtime = runtime_of(clock)
    execution = runtime.execute(working(before=30, after=0, timeout_counts_waiting=True))
    clock.advance(minutes=29)
    assert runtime.wake(execution).status == "suspended"
    clock.advance(minutes=1)

    woken = runtime.wake(execution)

    assert (woken.status, error_of(woken)) == ("failed", "execution_timeout")


def test_a_branch_that_works_while_another_waits_uses_up_time():
    clock = FakeClock()
    runtime = runtime_of(clock)
    flow = WorkflowBuilder("two", settings={"timeout": "1h"})
    flow.add("wait.wait", key="wait", mode="webhook")
    flow.add("work", key="work", minutes=70)

    execution = runtime.execute(flow.build())

    assert error_of(execution) == "execution_timeout"


def test_signals_that_come_meanwhile_do_not_make_the_waiting_count():
    clock = FakeClock()
    runtime = runtime_of(clock)
    execution = runtime.execute(working(before=30, after=20))
    for _ in range(3):
        clock.advance(hours=5)
        execution = runtime.signal(execution, "hello")

    assert runtime.resume(execution).status == "completed"


@pytest.mark.parametrize("counts", [False, True])
def test_the_deadline_is_told_by_the_rows(counts: bool):
    clock = FakeClock()
    runtime = runtime_of(clock)
    execution = runtime.execute(working(before=10, after=20, timeout_counts_waiting=counts))
    clock.advance(minutes=15)
    execution = runtime.signal(execution, "hello")

    loaded = from_storage_format(to_storage_format(execution), execution.execution_graph)

    start = execution.identity.started_at
    assert loaded.identity.deadline == execution.identity.deadline == start + (HOUR if counts else HOUR * 5 // 4)


def test_a_fork_has_the_time_that_its_origin_had_left():
    clock = FakeClock()
    runtime = runtime_of(clock)
    origin = runtime.execute(working(before=30, after=20))
    clock.advance(hours=20)

    copy = fork(origin, execution_id="copy", now=clock.now())

    assert copy.identity.deadline == clock.now() + HOUR // 2
    assert runtime.resume(copy).status == "completed"
