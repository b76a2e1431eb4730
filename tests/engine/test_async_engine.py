"""The async engine has the verbs of the plain one, and leaves the same in the store."""

import asyncio
import inspect
from concurrent.futures import Future
from datetime import timedelta
from functools import wraps
from typing import Any

import pytest

from prana_py import AsyncLocalRuntime, LocalRuntime, TransitionError, WorkflowBuilder, node, wait_for_webhook
from prana_py.engine.async_engine import AsyncEngine
from prana_py.engine.engine import Engine
from prana_py.execution.storage import rows_of
from prana_py.testing.counted_ids import CountedIds
from prana_py.testing.fake_clock import FakeClock


def done() -> Future[None]:
    future: Future[None] = Future()
    future.set_result(None)
    return future


@node
def approval(question: str):
    return wait_for_webhook(timeout=timedelta(days=1))


@node
async def ship(input):
    await asyncio.wrap_future(done())
    return {"shipped": input}


NODES: list[Any] = [approval, ship]


def in_a_loop(test: Any) -> Any:
    """The test is run to its end on an event loop of its own."""

    @wraps(test)
    def plainly(*arguments: Any, **options: Any) -> None:
        asyncio.run(test(*arguments, **options))

    return plainly


def orders():
    flow = WorkflowBuilder("orders")
    flow.add(approval, question="Ship {{ $input.id }}?").then(flow.add(ship))
    return flow.build()


@pytest.fixture
def address(tmp_path):
    return f"sqlite:///{tmp_path / 'orders.db'}"


@in_a_loop
async def test_what_one_engine_starts_another_one_resumes(address):
    async with AsyncEngine(address, nodes=NODES) as first:
        await first.publish(orders())
        execution = await first.start("orders", {"id": 7})
        token = first.token(execution)
    async with AsyncEngine(address, nodes=NODES) as second:
        ended = await second.resume(token, {"ok": True})

        assert ended.output == {"shipped": {"ok": True}}
        with pytest.raises(TransitionError):
            await second.resume(token, {"ok": True})


@in_a_loop
async def test_many_executions_go_on_at_once(address):
    async with AsyncEngine(address, nodes=NODES) as engine:
        await engine.publish(orders())
        waiting = await asyncio.gather(*(engine.start("orders", {"id": number}) for number in range(100)))
        ended = await asyncio.gather(*(engine.resume(engine.token(one), number) for number, one in enumerate(waiting)))

    assert [one.output for one in ended] == [{"shipped": number} for number in range(100)]


@in_a_loop
async def test_both_engines_leave_the_same_bytes(tmp_path):
    async with AsyncEngine(
        f"sqlite:///{tmp_path / 'a.db'}", nodes=NODES, runtime=AsyncLocalRuntime(clock=FakeClock(), ids=CountedIds())
    ) as awaited:
        await awaited.publish(orders())
        one = await awaited.start("orders", {"id": 7})
        one = await awaited.resume(one.id, {"ok": True})

    def plainly():
        with Engine(
            f"sqlite:///{tmp_path / 'b.db'}", nodes=NODES, runtime=LocalRuntime(clock=FakeClock(), ids=CountedIds())
        ) as plain:
            plain.publish(orders())
            other = plain.start("orders", {"id": 7})
            return plain.resume(other.id, {"ok": True})

    other = await asyncio.to_thread(plainly)
    assert rows_of(one) == rows_of(other)


@in_a_loop
async def test_a_task_that_is_cancelled_leaves_its_execution_to_others(address):
    begun = asyncio.Event()

    @node
    async def endless(ctx) -> str:
        begun.set()
        await asyncio.Event().wait()
        return "never"

    @node(type="endless")
    async def quick() -> str:
        return "done"

    flow = WorkflowBuilder("long")
    flow.add(endless)
    async with AsyncEngine(address, nodes=[endless]) as engine:
        await engine.publish(flow.build())
        task = asyncio.create_task(engine.start("long", execution_id="one"))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        async with AsyncEngine(address, nodes=[quick]) as other:
            assert [one.output for one in await other.wake_due()] == ["done"]


def test_the_two_engines_are_opened_alike():
    plain, awaited = inspect.signature(Engine.__init__), inspect.signature(AsyncEngine.__init__)

    assert [*awaited.parameters] == [name for name in plain.parameters if name != "database"]
