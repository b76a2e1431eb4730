"""The runtimes do the same: byte by byte one call at a time, and in what comes out when eight may go on at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Generator
from typing import Any

import pytest

from prana_py import Execution, LocalRuntime
from prana_py.driver.decide import next_due
from prana_py.execution.rows import Row
from prana_py.execution.storage import rows_of
from prana_py.identifiers import Instant
from prana_py.performing.clock import SystemClock
from prana_py.runtimes.async_local import AsyncLocalRuntime
from prana_py.runtimes.verbs import Verbs
from prana_py.testing import CountedIds, FakeClock, TestingRuntime
from tests.runtimes.parity_cases import CASES, CATALOG, DEPENDS_ON_TIMING, Case


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


class RunningClock:
    """The machine's clock, which can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0

    def now(self) -> Instant:
        return Instant(SystemClock().now() + self.ahead)

    def advance_to(self, instant: Instant) -> None:
        """Be there at once."""
        self.ahead += max(0, instant - self.now())

    def seconds_until(self, instant: Instant) -> float:
        return max(0, instant - self.now()) / 1e9


class Journals:
    """The rows of every execution, as they were committed."""

    def __init__(self) -> None:
        self.last: dict[str, Execution] = {}

    def append(self, execution: Execution, row: Row) -> None:
        """Remember the newest value."""
        self.last[execution.id] = execution


def made(kind: type[Verbs[Any]], case: Case, max_concurrency: int) -> tuple[Verbs[Any], Journals]:
    journals = Journals()
    runtime = kind(
        CATALOG,
        max_concurrency=max_concurrency,
        clock=FakeClock(jumps=True) if max_concurrency == 1 or kind is TestingRuntime else RunningClock(),
        ids=CountedIds(),
        workflows=case.children,
        journal=journals,
    )
    if isinstance(runtime, TestingRuntime):
        for key in case.endless:
            runtime.set_node_response(key, "told to stop")
            runtime.set_node_duration(key, 3_600)
    return runtime, journals


def lived(runtime: Verbs[Any], case: Case) -> Generator[Any, Any, None]:
    """Execute, ask what is to be asked, and jump through the time that is left; each step is something to await."""
    execution: Execution = yield runtime.execute(case.workflow, case.value)
    for ask in case.asks:
        execution = yield runtime.ask(execution, ask(execution) if callable(ask) else ask)
    while not execution.is_final:
        waiting = [live for live in (*runtime._kept.values(), execution) if not live.is_final]
        due = [(at, live) for live in waiting if (at := next_due(live)) is not None]
        if not due:
            return
        at, live = min(due, key=lambda pair: pair[0])
        runtime.clock.advance_to(at)  # type: ignore[attr-defined]  # all of these clocks can be moved
        woken = yield runtime.wake(live)
        execution = woken if live.id == execution.id else (runtime.kept(execution.id) or execution)


def in_plain(runtime: Verbs[Any], case: Case) -> None:
    steps = lived(runtime, case)
    step = next(steps, None)
    while step is not None:
        try:
            step = steps.send(step)
        except StopIteration:
            return


async def in_async(runtime: Verbs[Any], case: Case) -> None:
    steps = lived(runtime, case)
    step: Awaitable[Execution] | None = next(steps, None)
    while step is not None:
        try:
            step = steps.send(await step)
        except StopIteration:
            return


def sync_run(case: Case, max_concurrency: int) -> dict[str, Execution]:
    runtime, journals = made(LocalRuntime, case, max_concurrency)
    in_plain(runtime, case)
    return journals.last


def async_run(case: Case, max_concurrency: int) -> dict[str, Execution]:
    runtime, journals = made(AsyncLocalRuntime, case, max_concurrency)
    asyncio.run(in_async(runtime, case))
    return journals.last


def scripted_run(case: Case, max_concurrency: int) -> dict[str, Execution]:
    runtime, journals = made(TestingRuntime, case, max_concurrency)
    in_plain(runtime, case)
    return journals.last


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("timeout")])
@pytest.mark.parametrize("max_concurrency", [1, 8])
@pytest.mark.parametrize("run", [sync_run, async_run, scripted_run])
def test_a_node_that_takes_too_long_has_failed_whatever_its_port_timeout_is_connected_to(run, max_concurrency, name):
    (execution,) = run(CASES[name], max_concurrency).values()

    (late,) = execution.node_executions["late"]
    assert late.error is not None
    assert late.error.code == "timeout"
    assert "by_timeout" not in execution.node_executions
    assert execution.status == ("completed" if "by_error" in execution.node_executions else "failed")


@pytest.mark.parametrize("name", CASES)
def test_one_call_at_a_time_all_runtimes_store_the_same_bytes(name: str):
    case = CASES[name]

    plain = {key: rows_of(execution) for key, execution in sync_run(case, 1).items()}

    assert plain == {key: rows_of(execution) for key, execution in async_run(case, 1).items()}
    assert plain == {key: rows_of(execution) for key, execution in scripted_run(case, 1).items()}


def audit(executions: dict[str, Execution]) -> set[tuple[Any, ...]]:
    return {
        (key, run.node_key, run.scope, run.run, run.status, run.output_ports, repr(run.output), len(run.attempts))
        for key, execution in executions.items()
        for runs in execution.node_executions.values()
        for run in runs
    }


@pytest.mark.parametrize("name", [name for name in CASES if name not in DEPENDS_ON_TIMING])
def test_eight_at_a_time_all_runtimes_come_to_the_same(name: str):
    case = CASES[name]
    alone = sync_run(case, 1)

    for executions in (sync_run(case, 8), async_run(case, 8), scripted_run(case, 8)):
        assert {key: execution.status for key, execution in executions.items()} == {
            key: execution.status for key, execution in alone.items()
        }
        assert {key: execution.output for key, execution in executions.items()} == {
            key: execution.output for key, execution in alone.items()
        }
        assert audit(executions) == audit(alone)
