"""A node may be spared a call that is equal to one that was answered not long ago; nothing else differs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from prana_py import LocalRuntime, Output, Workflow, WorkflowBuilder, node, wait_for_webhook
from prana_py.driver.lifecycle import LifecycleEvent
from prana_py.errors import UsageError
from prana_py.execution.storage import to_storage_format
from prana_py.runtimes.async_local import AsyncLocalRuntime
from prana_py.runtimes.output_cache import OutputCache
from prana_py.testing.fake_clock import FakeClock


class World:
    """Node types that count how often they are called, and a runtime whose clock stands still."""

    def __init__(self, runtime: Any = LocalRuntime, **options: Any) -> None:
        self.calls: list[Any] = []
        self.clock = FakeClock()
        self.events: list[str] = []

        @node
        def fetch(input: Any, page: Any = 0) -> Any:
            """What is on a page."""
            self.calls.append(page)
            return {"page": page, "call": len(self.calls)}

        @node
        async def fetch_async(page: Any = 0) -> Any:
            """The same, awaited."""
            self.calls.append(page)
            return [page, len(self.calls)]

        @node
        def stateful() -> Any:
            """More than a value."""
            self.calls.append(0)
            return Output(len(self.calls), state={"calls": len(self.calls)})

        @node
        def failing() -> Any:
            """No value."""
            self.calls.append(0)
            raise ValueError("no")

        @node
        def asking() -> Any:
            """Wait."""
            self.calls.append(0)
            return wait_for_webhook()

        nodes: Any = [fetch, fetch_async, stateful, failing, asking]
        self.runtime = runtime(nodes, clock=self.clock, observers=[self.watch], ids=lambda: "e", **options)

    def watch(self, event: LifecycleEvent) -> None:
        self.events.append(event.kind)

    def output(self, type: str = "fetch", value: Any = None, **params: Any) -> Any:
        return self.runtime.execute(calling(type, **params), value).output


def calling(type: str = "fetch", cache: str | None = "1m", **params: Any) -> Workflow:
    flow = WorkflowBuilder("calling")
    flow.add(type, key="call", settings={} if cache is None else {"cache": cache}, **params)
    return flow.build()


def test_an_equal_call_is_not_made_again():
    world = World()

    assert [world.output(page=1), world.output(page=1)] == [{"page": 1, "call": 1}] * 2
    assert world.calls == [1]
    assert world.events.count("node_cached") == 1


def test_a_call_with_other_params_or_another_input_is_made():
    world = World()

    world.output(page=1)
    world.output(page=2)
    world.output(value="other", page=1)

    assert world.calls == [1, 2, 1]


def test_an_output_that_is_too_old_is_not_used():
    world = World()
    world.output()
    world.clock.advance(seconds=59)
    world.output()
    world.clock.advance(seconds=1)

    world.output()

    assert len(world.calls) == 2


def test_a_node_that_does_not_ask_for_it_is_called_every_time():
    world = World()

    world.output(cache=None)
    world.output(cache=None)

    assert len(world.calls) == 2
    assert len(world.runtime.output_cache) == 0


@pytest.mark.parametrize("type", ["stateful", "failing", "asking"])
def test_only_plain_completions_are_kept(type: str):
    world = World()

    world.output(type)
    world.output(type)

    assert len(world.calls) == 2


def test_what_is_stored_does_not_tell_whether_the_call_was_made():
    world = World()

    first, second = (to_storage_format(world.runtime.execute(calling(page=1))) for _ in range(2))

    assert first == second


def test_nobody_can_change_what_others_will_get():
    world = World()
    world.output(page=1)["page"] = "spoilt"

    assert world.output(page=1)["page"] == 1


def test_a_call_whose_input_differs_only_in_the_order_of_its_fields_is_equal():
    world = World()

    world.output(page={"a": 1, "b": 2})
    world.output(page={"b": 2, "a": 1})

    assert len(world.calls) == 1


def test_async_nodes_are_spared_too():
    world = World(AsyncLocalRuntime)

    async def twice() -> list[Any]:
        return [(await world.runtime.execute(calling("fetch_async", page=3))).output for _ in range(2)]

    assert asyncio.run(twice()) == [[3, 1], [3, 1]]


def test_async_nodes_are_spared_in_a_plain_runtime_and_in_its_threads():
    for concurrency in (1, 3):
        world = World(max_concurrency=concurrency)

        assert [world.output("fetch_async", page=3) for _ in range(2)] == [[3, 1], [3, 1]]


def test_the_output_that_was_used_longest_ago_makes_room():
    world = World(max_cached_outputs=2)

    for page in (1, 2, 1, 3, 1, 2):
        world.output(page=page)

    assert world.calls == [1, 2, 3, 2]
    world.runtime.output_cache.clear()
    assert len(world.runtime.output_cache) == 0


def test_a_cache_without_room_is_refused():
    with pytest.raises(UsageError, match="at least 1"):
        OutputCache(0)
