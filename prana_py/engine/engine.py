"""The engine for plain Python: call it, and get the execution back when it has ended or only waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import get_ident
from types import TracebackType
from typing import Any, Literal, TypeVar

from msgspec import UNSET

from prana_py.driver.debugging import Entry
from prana_py.driver.effects import AwaitNews, Commit, ReadNews, Transact
from prana_py.driver.invocation import Invocation
from prana_py.driver.program import Program
from prana_py.driver.requests import AddItems, Cancel, CancelBranch, Request, Signal
from prana_py.engine.base import EngineBase, begin_of
from prana_py.engine.keeper import Durability
from prana_py.engine.looking import ExecutionPage, History, cursor_place, filter_of
from prana_py.execution.execution import Execution
from prana_py.execution.suspension import nanoseconds
from prana_py.identifiers import ExecutionId, NodeKey, WaitId, WorkflowId
from prana_py.model.difference import WorkflowDifference
from prana_py.model.workflow import Workflow
from prana_py.nodes.node_type import AnyNode, NodeType
from prana_py.performing.loops import perform
from prana_py.runtimes.local import LocalRuntime
from prana_py.stores.database import Database
from prana_py.stores.listing import WaitSummary
from prana_py.stores.opening import open_database
from prana_py.stores.places import place_of
from prana_py.stores.records import Header, WorkflowVersion

Value = TypeVar("Value")

Handlers = dict[Any, Callable[[Any], Any]]


def _performing(program: Callable[[Any], Program[Any]], handlers: Handlers) -> Callable[[Any], Any]:
    return lambda effect: perform(program(effect), handlers)


WAIT = timedelta(seconds=30)
"""How long a request waits for whoever drives the execution just now."""


class Engine(EngineBase):
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

    # ── workflows ─────────────────────────────────────────────────────────────────────────────────────────────────

    def publish(self, workflow: Workflow) -> WorkflowVersion:
        """Keep a version of a workflow; the same one twice is one version."""
        return self._do(self.operations.publish(workflow))

    # ── starting ──────────────────────────────────────────────────────────────────────────────────────────────────

    def start(
        self,
        workflow: WorkflowId,
        input: Any = None,
        *,
        version: int | None = None,
        trigger: NodeKey | None = None,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> Execution:
        """Start an execution and drive it to rest. With a key that was used before, the execution of then is given."""
        begin = begin_of(workflow, input, version, trigger, idempotency_key, options)
        return self._drive(self.operations.start(begin))

    def submit(
        self,
        workflow: WorkflowId,
        input: Any = None,
        *,
        version: int | None = None,
        trigger: NodeKey | None = None,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> ExecutionId:
        """Leave it to a worker to start an execution."""
        return self._do(self.operations.submit(begin_of(workflow, input, version, trigger, idempotency_key, options)))

    # ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────

    def token(self, execution: Execution, wait_id: WaitId | None = None) -> str:
        """The token that resolves an open wait: the only one, unless one is named."""
        return self.token_of(execution, wait_id)

    def resume(
        self, wait: str, data: Any = None, *, wait_id: WaitId | None = None, timeout: timedelta = WAIT
    ) -> Execution:
        """Resolve a wait and drive on: the one of a token, or, by an execution's id, its only one or a named one."""
        return self._drive(self.operations.resume(self.target(wait, wait_id), data, nanoseconds(timeout)))

    def signal(
        self,
        execution_id: ExecutionId,
        name: str,
        data: Any = None,
        *,
        buffer: bool = True,
        ttl: timedelta | None = None,
        timeout: timedelta = WAIT,
    ) -> Execution:
        """Send a named signal: to whoever waits for it, or to be kept until somebody does."""
        ttl_ns = None if ttl is None else nanoseconds(ttl)
        return self.ask(execution_id, Signal(name, data, buffer, ttl_ns), timeout=timeout)

    def cancel(self, execution_id: ExecutionId, reason: str = "cancelled", *, timeout: timedelta = WAIT) -> Execution:
        """End an execution: nothing new starts, what is under way is asked to stop, completed nodes are compensated."""
        return self.ask(execution_id, Cancel(reason), timeout=timeout)

    def cancel_branch(
        self,
        execution_id: ExecutionId,
        nodes: Iterable[NodeKey],
        reason: str = "cancelled",
        *,
        timeout: timedelta = WAIT,
    ) -> Execution:
        """Withdraw the live work of some nodes; the rest goes on."""
        return self.ask(execution_id, CancelBranch(tuple(nodes), reason), timeout=timeout)

    def add_items(
        self,
        execution_id: ExecutionId,
        node: NodeKey,
        items: Iterable[Any] = (),
        *,
        close: bool = False,
        timeout: timedelta = WAIT,
    ) -> Execution:
        """Give an open for_each more items, or tell it that there will be no more."""
        return self.ask(execution_id, AddItems(node, tuple(items), close), timeout=timeout)

    def ask(self, execution_id: ExecutionId, request: Request, *, timeout: timedelta = WAIT) -> Execution:
        """Have a request met, here or by whoever drives the execution just now; ``TransitionError`` if it cannot be."""
        return self._drive(self.operations.ask(execution_id, request, nanoseconds(timeout)))

    # ── going on ──────────────────────────────────────────────────────────────────────────────────────────────────

    def wake_due(self, limit: int = 100) -> Sequence[Execution]:
        """Drive what has come due: timers, what was submitted, letters, and what engines that died have left."""
        return self._drive(self.operations.drive_due(limit))

    # ── new executions from old ones ──────────────────────────────────────────────────────────────────────────────

    def retry(self, execution_id: ExecutionId) -> Execution:
        """A new execution with the past of one that failed or was cancelled, which goes on from there."""
        return self._drive(self.operations.retry(execution_id))

    def fork(
        self,
        execution_id: ExecutionId,
        *,
        at: int | None = None,
        inputs: Mapping[NodeKey, Any] | None = None,
        outputs: Mapping[NodeKey, Any] | None = None,
    ) -> Execution:
        """A new execution with the past of another up to a position, which may go another way from there."""
        return self._drive(self.operations.fork(execution_id, at, inputs or {}, outputs or {}))

    def run_node(
        self,
        execution_id: ExecutionId,
        node: NodeKey,
        *,
        value: Any = UNSET,
        outputs: Mapping[NodeKey, Any] | None = None,
    ) -> Execution:
        """Run one node by hand; what follows may start, but does not. One that has ended stays, and a new one runs."""
        entry = Entry(node=node, value=value, outputs=outputs or {})
        return self._drive(self.operations.run_by_hand(execution_id, entry, onwards=False))

    def run_from(
        self,
        execution_id: ExecutionId,
        node: NodeKey,
        *,
        value: Any = UNSET,
        outputs: Mapping[NodeKey, Any] | None = None,
    ) -> Execution:
        """Run a node by hand, and all that follows."""
        entry = Entry(node=node, value=value, outputs=outputs or {})
        return self._drive(self.operations.run_by_hand(execution_id, entry, onwards=True))

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, execution_id: ExecutionId, *, at: int | None = None) -> Execution:
        """An execution as it is in the store; or as it was, ``at`` so many rows of its journal."""
        if at is not None:
            return self._do(self.operations.looking.at(execution_id, at))
        return self._do(self.operations.get(execution_id))

    def history(self, execution_id: ExecutionId) -> History:
        """All that happened to an execution: its rows with their positions, and the runs of its nodes."""
        return self._do(self.operations.looking.history(execution_id))

    def list(
        self,
        *,
        workflow: WorkflowId | None = None,
        status: str | Iterable[str] | None = None,
        parent: ExecutionId | None = None,
        trigger_type: str | None = None,
        started_after: datetime | None = None,
        started_before: datetime | None = None,
        quarantined: bool | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> ExecutionPage:
        """Executions of which all of this holds, newest first; ``after`` takes the ``next`` of the page before.

        ``started_after`` counts itself in, ``started_before`` does not: two such lists side by side have no gap.
        """
        wanted = filter_of(workflow, status, parent, trigger_type, started_after, started_before, quarantined)
        return self._do(self.operations.looking.page(wanted, limit, cursor_place(after)))

    def count(
        self,
        *,
        workflow: WorkflowId | None = None,
        status: str | Iterable[str] | None = None,
        parent: ExecutionId | None = None,
        trigger_type: str | None = None,
        started_after: datetime | None = None,
        started_before: datetime | None = None,
        quarantined: bool | None = None,
    ) -> int:
        """How many executions there are of which all of this holds."""
        wanted = filter_of(workflow, status, parent, trigger_type, started_after, started_before, quarantined)
        return self._do(self.operations.looking.count(wanted))

    def waits(self, execution_id: ExecutionId) -> Sequence[WaitSummary]:
        """What an execution waits for, the oldest first."""
        return self._do(self.operations.looking.waits(execution_id))

    def workflows(self) -> Sequence[WorkflowVersion]:
        """The newest version of every workflow."""
        return self._do(self.operations.looking.workflows())

    def versions(self, workflow: WorkflowId) -> Sequence[WorkflowVersion]:
        """All versions of a workflow, the oldest first."""
        return self._do(self.operations.looking.versions(workflow))

    def workflow(self, workflow: WorkflowId, version: int | None = None) -> Workflow:
        """What a version of a workflow says; the newest, unless one is named."""
        return self._do(self.operations.looking.workflow(workflow, version))

    def diff_versions(self, workflow: WorkflowId, before: int, after: int) -> WorkflowDifference:
        """How two versions of a workflow differ: nodes and connections that are new, gone or changed."""
        return self._do(self.operations.looking.difference(workflow, before, after))

    def header(self, execution_id: ExecutionId) -> Header:
        """What is known of an execution without reading its journal."""
        return self._do(self.operations.header(execution_id))

    def wait_for(self, execution_id: ExecutionId, timeout: timedelta = WAIT) -> Execution:
        """Wait until others have brought an execution to its end; after the time, it is given as it is."""
        return self._do(self.operations.wait_for(execution_id, nanoseconds(timeout)))

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

    def _drive(self, program: Program[Value]) -> Value:
        """Perform a program that may drive executions; what it holds when it is broken off is given back."""
        self.heartbeat.ensure()
        try:
            return self._do(program)
        except Exception:
            raise
        except BaseException:
            self._do(self.operations.give_back_all_of(get_ident()))
            raise

    def _do(self, program: Program[Value]) -> Value:
        return self.local.do(program)
