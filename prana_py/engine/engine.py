"""The engine for plain Python: call it, and get the execution back when it has ended or only waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from threading import get_ident
from types import TracebackType
from typing import Any, Literal, TypeVar

from prana_py.driver.effects import AwaitNews, Commit, ReadNews, Transact
from prana_py.driver.invocation import Invocation
from prana_py.driver.program import Program
from prana_py.engine.keeper import Durability
from prana_py.engine.verbs import EngineVerbs, Plain
from prana_py.identifiers import ExecutionId
from prana_py.nodes.node_type import AnyNode, NodeType
from prana_py.performing.loops import perform
from prana_py.runtimes.local import LocalRuntime
from prana_py.stores.database import Database
from prana_py.stores.opening import open_database
from prana_py.stores.places import place_of

Value = TypeVar("Value")

Handlers = dict[Any, Callable[[Any], Any]]


def _performing(program: Callable[[Any], Program[Any]], handlers: Handlers) -> Callable[[Any], Any]:
    return lambda effect: perform(program(effect), handlers)


class Engine(EngineVerbs, Plain):
    """Keeps workflows and executions in a store, and drives them. Safe to use from any thread."""

    def __init__(
        self,
        url: str = "sqlite://",
        *,
        nodes: Iterable[AnyNode | type[NodeType]] = (),
        runtime: LocalRuntime | None = None,
        durability: Durability = "each_node",
        synchronous: Literal["normal", "full"] = "normal",
        environment: Mapping[str, Any] | None = None,
        base_url: str = "",
        lease: timedelta = timedelta(seconds=15),
        migrate: bool = True,
        database: Database | None = None,
    ) -> None:
        """``database``: one that was opened elsewhere, at ``url``, to be used instead of opening it there."""
        place = place_of(url)
        self.database: Database = database or open_database(place, synchronous=synchronous, migrate=migrate)
        self.local = LocalRuntime() if runtime is None else runtime
        super().__init__(
            place,
            self.local,
            nodes,
            plain=self.database,
            durability=durability,
            environment=environment,
            lease=lease,
            base_url=base_url,
            current=get_ident,
        )
        self._meet_effects()

    def _meet_effects(self) -> None:
        transact = self.database.transact

        def performed(effect: Transact) -> Any:
            return transact(effect.make, reads=effect.reads, single=effect.single)

        self.store: Handlers = {Transact: performed}
        handlers = self.local.store_handlers
        for kind, program in self.keeper.programs().items():
            handlers[kind] = _performing(program, self.store)
        handlers.update(self.store)
        handlers[Commit] = self.keeper.commit
        self.local.flush = self._flush
        handlers[ReadNews] = lambda _: self.news.count
        handlers[AwaitNews] = lambda effect: self.news.wait(
            effect.execution_id, effect.read, self.runtime.clock.seconds_until(effect.until)
        )

    def _flush(self, execution_id: ExecutionId, invocations: Sequence[Invocation]) -> None:
        held = self.keeper.due(execution_id, invocations)
        if held is not None:
            perform(self.keeper.flush(held), self.store)

    # ── living ────────────────────────────────────────────────────────────────────────────────────────────────────

    def close(self) -> None:
        """Give back what is held, and close the store."""
        self.leave()
        self.database.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def perform(self, make: Callable[[], Program[Value]], *, drives: bool) -> Value:
        """Perform the program of a verb; what it held when it is broken off is given back."""
        if not drives:
            return self.local.do(make())
        self.heartbeat.ensure()
        try:
            return self.local.do(make())
        except Exception:
            raise
        except BaseException:
            self.local.do(self.operations.give_back_all_of(get_ident()))
            raise
