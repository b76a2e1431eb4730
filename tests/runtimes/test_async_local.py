"""The async runtime: what goes on beside what, and what is given up."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from prana_py import Execution, NodeContext, Workflow, WorkflowBuilder, node
from prana_py.builtin_nodes.all_nodes import with_builtin
from prana_py.driver.requests import Cancel
from prana_py.runtimes.async_local import AsyncLocalRuntime
from tests.builders import fan_out


@node
async def which_task() -> str:
    """Names the task it runs in."""
    task = asyncio.current_task()
    return "" if task is None else task.get_name()


@node
def which_thread() -> str:
    """Names the thread it runs in."""
    return threading.current_thread().name


@node
async def forever(ctx: NodeContext) -> None:
    """Does not end by itself."""
    await asyncio.Event().wait()


CATALOG = with_builtin(which_task, which_thread, forever)


def one(node_type: Any, **settings: Any) -> Workflow:
    flow = WorkflowBuilder("one")
    flow.add(node_type, "node", settings=settings)
    return flow.build()


def test_an_async_node_runs_in_the_task_that_drives_and_a_plain_one_in_a_thread():
    async def drive() -> tuple[Execution, Execution, str]:
        runtime = AsyncLocalRuntime(CATALOG)
        task = asyncio.current_task()
        assert task is not None
        return await runtime.execute(one(which_task)), await runtime.execute(one(which_thread)), task.get_name()

    in_task, in_thread, name = asyncio.run(drive())

    assert in_task.output == name
    assert in_thread.output.startswith("prana")


def test_async_nodes_wait_for_each_other_when_several_may_go_on_at_once():
    barrier_of: list[asyncio.Barrier] = []

    @node
    async def meet(input: Any) -> Any:
        await barrier_of[0].wait()
        return input

    async def drive() -> Execution:
        barrier_of.append(asyncio.Barrier(3))
        runtime = AsyncLocalRuntime([meet], max_concurrency=3)
        flow = WorkflowBuilder("meeting")
        for key in ("a", "b", "c"):
            flow.add(meet, key)
        return await runtime.execute(flow.build())

    assert asyncio.run(drive()).status == "completed"


def test_a_call_that_takes_too_long_is_given_up_and_its_task_cancelled():
    async def drive() -> tuple[Execution, int]:
        runtime = AsyncLocalRuntime(CATALOG, grace=0)
        execution = await runtime.execute(one(forever, timeout="10ms", on_error="continue"))
        return execution, runtime.abandoned_calls

    execution, abandoned = asyncio.run(drive())

    assert execution.output["code"] == "timeout"
    assert abandoned == 1


@pytest.mark.parametrize("from_a_thread", [False, True])
def test_a_cancel_that_comes_meanwhile_ends_what_is_under_way(from_a_thread: bool):
    begun: list[asyncio.Event] = []

    @node
    async def endless() -> None:
        begun[0].set()
        await asyncio.Event().wait()

    async def drive() -> Execution:
        begun.append(asyncio.Event())
        runtime = AsyncLocalRuntime([endless], max_concurrency=2, grace=0)
        driving = asyncio.create_task(runtime.execute(one(endless), execution_id="mine"))
        await begun[0].wait()
        if from_a_thread:
            await asyncio.to_thread(runtime.send, "mine", Cancel("enough"))
        else:
            assert runtime.send("mine", Cancel("enough"))
        return await driving

    assert asyncio.run(drive()).status == "cancelled"


@pytest.mark.parametrize("max_concurrency", [1, 2])
def test_cancelling_the_task_that_drives_is_no_failure_of_the_node(max_concurrency: int):
    begun: list[asyncio.Event] = []

    @node
    async def endless() -> None:
        begun[0].set()
        await asyncio.Event().wait()

    async def drive() -> None:
        begun.append(asyncio.Event())
        runtime = AsyncLocalRuntime([endless], max_concurrency=max_concurrency)
        driving = asyncio.create_task(runtime.execute(one(endless)))
        await begun[0].wait()
        driving.cancel()
        await driving

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(drive())


def test_many_executions_go_on_at_once():
    async def drive() -> list[Execution]:
        runtime = AsyncLocalRuntime(CATALOG, max_concurrency=4)
        graph = runtime.graph_of(fan_out(3, which_thread))
        return await asyncio.gather(*(runtime.execute(graph, number) for number in range(20)))

    assert {execution.status for execution in asyncio.run(drive())} == {"completed"}
