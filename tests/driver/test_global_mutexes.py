"""A mutex that reaches beyond its execution is held by one run at a time in a runtime; first come, first served."""

from __future__ import annotations

from threading import Barrier, Lock
from typing import Any

import pytest

from prana_py import Execution, LocalRuntime, Workflow, WorkflowBuilder, node, wait_for_webhook
from prana_py.execution.storage import from_storage_format, to_storage_format


@node
def ask() -> Any:
    """Hold whatever is held until somebody answers."""
    return wait_for_webhook()


def holding(*, reach: str = "global", then: bool = False) -> Workflow:
    flow = WorkflowBuilder("holding")
    held = flow.add(ask, key="hold", settings={"mutex": "printer", "mutex_reach": reach})
    if then:
        held.then(flow.add("wait.wait", key="after", mode="webhook"))
    return flow.build()


def waits(execution: Execution) -> list[str]:
    return [suspension.type for suspension in execution.suspensions.values()]


def now_of(runtime: LocalRuntime, execution: Execution) -> Execution:
    found = runtime.kept(execution.id)
    assert found is not None
    return found


def test_a_second_execution_waits_until_the_first_has_let_go():
    runtime = LocalRuntime([ask])
    first, second = runtime.execute(holding()), runtime.execute(holding())

    assert (waits(first), waits(second)) == (["webhook"], ["mutex"])
    runtime.resume(first)

    assert waits(now_of(runtime, second)) == ["webhook"]


def test_turns_go_by_who_came_first():
    runtime = LocalRuntime([ask])
    first, *others = [runtime.execute(holding()) for _ in range(4)]

    runtime.resume(first)
    assert [waits(now_of(runtime, other)) for other in others] == [["webhook"], ["mutex"], ["mutex"]]
    runtime.resume(now_of(runtime, others[0]))

    assert [waits(now_of(runtime, other)) for other in others[1:]] == [["webhook"], ["mutex"]]


def test_the_mutex_is_free_when_its_run_has_settled_though_the_execution_goes_on():
    runtime = LocalRuntime([ask])
    first, second = runtime.execute(holding(then=True)), runtime.execute(holding())

    first = runtime.resume(first)

    assert first.status == "suspended"
    assert waits(now_of(runtime, second)) == ["webhook"]


def test_the_mutex_is_free_when_its_execution_is_cancelled():
    runtime = LocalRuntime([ask])
    first, second, third = (runtime.execute(holding()) for _ in range(3))

    runtime.cancel(second)
    runtime.cancel(first)

    assert waits(now_of(runtime, third)) == ["webhook"]


def test_a_mutex_of_the_execution_does_not_reach_further():
    runtime = LocalRuntime([ask])

    assert [waits(runtime.execute(holding(reach="execution"))) for _ in range(2)] == [["webhook"]] * 2


def test_an_execution_that_waits_for_its_turn_is_stored_and_woken_in_another_runtime():
    runtime = LocalRuntime([ask])
    runtime.execute(holding())
    second = runtime.execute(holding())
    loaded = from_storage_format(to_storage_format(second), second.execution_graph)

    woken = LocalRuntime([ask]).wake(loaded)

    assert waits(woken) == ["webhook"]
    assert to_storage_format(from_storage_format(to_storage_format(woken), woken.execution_graph)) == to_storage_format(
        woken
    )


def test_the_token_of_a_run_that_waited_for_its_turn_is_the_one_that_was_foretold():
    runtime = LocalRuntime([ask])
    first, second = runtime.execute(holding()), runtime.execute(holding())
    runtime.resume(first)

    ended = runtime.resume_with_token(runtime.token(now_of(runtime, second)), "done")

    assert ended.output == "done"


@pytest.mark.parametrize("concurrency", [1, 4])
def test_two_runs_never_hold_it_at_once(concurrency: int):
    inside, most, guard = [0], [0], Lock()

    @node
    def work() -> None:
        """Be alone."""
        with guard:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        with guard:
            inside[0] -= 1

    flow = WorkflowBuilder("working")
    for number in range(4):
        flow.add(work, key=f"work{number}", settings={"mutex": "m", "mutex_reach": "global"})
    runtime = LocalRuntime([work], max_concurrency=concurrency)
    together = Barrier(3)

    def run_one(_: int) -> str:
        together.wait(timeout=10)
        return runtime.execute(flow.build()).id

    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run_one, range(3)))

    assert most == [1]
