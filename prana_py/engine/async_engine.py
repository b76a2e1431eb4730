"""The engine for event loops: the same verbs, to be awaited, and any number of executions at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, Literal, TypeVar

from prana_py.driver.effects import AwaitNews, Commit, ReadNews, Transact
from prana_py.driver.invocation import Invocation
from prana_py.driver.program import Program
from prana_py.engine.keeper import Durability
from prana_py.engine.verbs import Awaiting, EngineVerbs
from prana_py.identifiers import ExecutionId
from prana_py.nodes.node_type import AnyNode, NodeType
from prana_py.performing.loops import perform_async
from prana_py.runtimes.async_local import AsyncLocalRuntime
from prana_py.stores.opening import open_for_tasks
from prana_py.stores.places import place_of

Value = TypeVar("Value")

Handlers = dict[Any, Callable[[Any], Any]]


class AsyncEngine(EngineVerbs, Awaiting):
    """Keeps workflows and executions in a store, and drives them on an event loop."""

    def __init__(
        self,
        url: str = "sqlite://",
        *,
        nodes: Iterable[AnyNode | type[NodeType]] = (),
        runtime: AsyncLocalRuntime | None = None,
        durability: Durability = "each_node",
        synchronous: Literal["normal", "full"] = "normal",
        environment: Mapping[str, Any] | None = None,
        base_url: str = "",
        lease: timedelta = timedelta(seconds=15),
        migrate: bool = True,
    ) -> None:
        place = place_of(url)
        self.database, plain = open_for_tasks(place, synchronous=synchronous, migrate=migrate)
        self.local = AsyncLocalRuntime() if runtime is None else runtime
        super().__init__(
            place,
            self.local,
            nodes,
            plain=plain,
            durability=durability,
            environment=environment,
            lease=lease,
            base_url=base_url,
            current=_this_task,
        )
        self._meet_effects()

    def _meet_effects(self) -> None:
        transact = self.database.transact

        def performed(effect: Transact) -> Coroutine[Any, Any, Any]:
            return transact(effect.make, reads=effect.reads, single=effect.single)

        self.store: Handlers = {Transact: performed}
        handlers = self.local.store_handlers
        for kind, program in self.keeper.programs().items():
            handlers[kind] = _performing(program, self.store)
        handlers.update(self.store)
        handlers[Commit] = self.keeper.commit
        self.local.flush = self._flush
        handlers[ReadNews] = lambda _: self.news.count
        handlers[AwaitNews] = lambda effect: self.news.wait_async(
            effect.execution_id, effect.read, self.runtime.clock.seconds_until(effect.until)
        )

    def _flush(self, execution_id: ExecutionId, invocations: Sequence[Invocation]) -> Coroutine[Any, Any, None] | None:
        held = self.keeper.due(execution_id, invocations)
        return None if held is None else perform_async(self.keeper.flush(held), self.store)

    # ── living ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def close(self) -> None:
        """Give back what is held, and close the store."""
        await asyncio.to_thread(self.leave)
        await self.database.close()
        if self.plain is not getattr(self.database, "plain", None):
            await asyncio.to_thread(self.plain.close)

    async def __aenter__(self) -> AsyncEngine:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def perform(self, make: Callable[[], Program[Value]], *, drives: bool) -> Value:
        """Perform the program of a verb; what it held when it is broken off is given back."""
        if not drives:
            return await self.local.do(make())
        if not self.heartbeat.is_on:
            await asyncio.to_thread(self.heartbeat.ensure)
        task = _this_task()
        try:
            return await self.local.do(make())
        except asyncio.CancelledError:
            await asyncio.shield(self.local.do(self.operations.give_back_all_of(task)))
            raise


def _this_task() -> object:
    """The task that runs; none in a thread of its own."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _performing(
    program: Callable[[Any], Program[Any]], handlers: Handlers
) -> Callable[[Any], Coroutine[Any, Any, Any]]:
    return lambda effect: perform_async(program(effect), handlers)
