"""The verbs of an engine, each written once: it makes a program that an engine performs, or awaits."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from msgspec import UNSET

from prana_py.driver.debugging import Entry
from prana_py.driver.program import Program
from prana_py.driver.requests import AddItems, Cancel, CancelBranch, Request, Signal
from prana_py.engine.base import EngineBase, begin_of
from prana_py.engine.looking import ExecutionPage, History, cursor_place, filter_of
from prana_py.engine.moving import Migration
from prana_py.engine.pruning import FINAL, prune, pruning_of
from prana_py.engine.transferring import Imported
from prana_py.execution.execution import Execution
from prana_py.execution.suspension import nanoseconds
from prana_py.identifiers import ExecutionId, NodeKey, WaitId, WorkflowId
from prana_py.model.difference import WorkflowDifference
from prana_py.model.workflow import Workflow
from prana_py.stores.listing import WaitSummary
from prana_py.stores.records import Header, WorkflowVersion
from prana_py.stores.retention import Pruned
from prana_py.stores.schedules import Kept

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")

WAIT = timedelta(seconds=30)
"""How long a request waits for whoever drives the execution just now."""


class Plain:
    """Performs the programs of its verbs."""


class Awaiting:
    """Gives coroutines that perform the programs of its verbs."""


class Verb(Generic[Arguments, Value]):
    """A method that makes a program; called on an engine, it gives what that makes of the program."""

    def __init__(self, make: Callable[Concatenate[Any, Arguments], Program[Value]], *, drives: bool) -> None:
        self.make = make
        self.drives = drives
        """It may drive executions, so the engine must have said that it lives."""
        self.__doc__ = make.__doc__
        self.__wrapped__ = make

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __call__(self, engine: Plain | Awaiting, *arguments: Arguments.args, **options: Arguments.kwargs) -> Any:
        """The verb of an engine, asked for by the name of its class."""
        return self.__get__(engine, type(engine))(*arguments, **options)

    @overload
    def __get__(self, engine: None, owner: type) -> Verb[Arguments, Value]: ...
    @overload
    def __get__(self, engine: Plain, owner: type) -> Callable[Arguments, Value]: ...
    @overload
    def __get__(self, engine: Awaiting, owner: type) -> Callable[Arguments, Coroutine[Any, Any, Value]]: ...
    def __get__(self, engine: Any, owner: type) -> Any:
        if engine is None:
            return self
        bound = self.make.__get__(engine)

        @wraps(bound)
        def verb(*arguments: Arguments.args, **options: Arguments.kwargs) -> Any:
            return engine.perform(lambda: bound(*arguments, **options), drives=self.drives)

        engine.__dict__[self.name] = verb  # from now on it is found there
        return verb


def verb(make: Callable[Concatenate[Any, Arguments], Program[Value]]) -> Verb[Arguments, Value]:
    """A verb that reads, or changes what is not driven."""
    return Verb(make, drives=False)


def driving(make: Callable[Concatenate[Any, Arguments], Program[Value]]) -> Verb[Arguments, Value]:
    """A verb that may drive executions."""
    return Verb(make, drives=True)


class EngineVerbs(EngineBase):
    """What one can ask of an engine. A plain one answers, an async one gives something to await."""

    # ── workflows ─────────────────────────────────────────────────────────────────────────────────────────────────

    @verb
    def publish(self, workflow: Workflow) -> Program[WorkflowVersion]:
        """Keep a version of a workflow; the same one twice is one version."""
        return self.operations.publish(workflow)

    @verb
    def schedules(self, workflow: WorkflowId | None = None) -> Program[Sequence[Kept]]:
        """When workflows are started by the clock: the schedules of one, or of all."""
        return self.operations.kept_schedules(workflow)

    @verb
    def pause_schedule(self, name: str) -> Program[bool]:
        """Let a schedule fire no more until it is resumed; false if it was paused already."""
        return self.operations.pause_schedule(name, paused=True)

    @verb
    def resume_schedule(self, name: str) -> Program[bool]:
        """Let a schedule fire again, from now on; false if it was not paused."""
        return self.operations.pause_schedule(name, paused=False)

    # ── starting ──────────────────────────────────────────────────────────────────────────────────────────────────

    @driving
    def start(
        self,
        /,
        workflow: WorkflowId,
        input: Any = None,
        *,
        version: int | None = None,
        trigger: NodeKey | None = None,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> Program[Execution]:
        """Start an execution and drive it to rest. With a key that was used before, the execution of then is given."""
        begin = begin_of(workflow, input, version, trigger, idempotency_key, options)
        return self.operations.start(begin)

    @verb
    def submit(
        self,
        /,
        workflow: WorkflowId,
        input: Any = None,
        *,
        version: int | None = None,
        trigger: NodeKey | None = None,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> Program[ExecutionId]:
        """Leave it to a worker to start an execution."""
        return self.operations.submit(begin_of(workflow, input, version, trigger, idempotency_key, options))

    # ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────

    def token(self, execution: Execution, wait_id: WaitId | None = None) -> str:
        """The token that resolves an open wait: the only one, unless one is named."""
        return self.token_of(execution, wait_id)

    @driving
    def resume(
        self,
        wait: str,
        data: Any = None,
        *,
        wait_id: WaitId | None = None,
        delivery_id: str | None = None,
        timeout: timedelta = WAIT,
    ) -> Program[Execution]:
        """Resolve a wait and drive on: the one of a token, or, by an execution's id, its only one or a named one.

        What is delivered again under the same ``delivery_id`` has no second effect: the execution is given as it is.
        """
        return self.operations.resume(self.target(wait, wait_id), data, nanoseconds(timeout), delivery_id)

    @driving
    def signal(
        self,
        execution_id: ExecutionId,
        name: str,
        data: Any = None,
        *,
        buffer: bool = True,
        ttl: timedelta | None = None,
        delivery_id: str | None = None,
        timeout: timedelta = WAIT,
    ) -> Program[Execution]:
        """Send a named signal: to whoever waits for it, or to be kept until somebody does.

        What is delivered again under the same ``delivery_id`` has no second effect: the execution is given as it is.
        """
        ttl_ns = None if ttl is None else nanoseconds(ttl)
        request = Signal(name, data, buffer, ttl_ns)
        return self.operations.ask(execution_id, request, nanoseconds(timeout), delivery_id)

    @driving
    def cancel(
        self, execution_id: ExecutionId, reason: str = "cancelled", *, timeout: timedelta = WAIT
    ) -> Program[Execution]:
        """End an execution: nothing new starts, what is under way is asked to stop, completed nodes are compensated."""
        return self.operations.ask(execution_id, Cancel(reason), nanoseconds(timeout))

    @driving
    def cancel_branch(
        self,
        execution_id: ExecutionId,
        nodes: Iterable[NodeKey],
        reason: str = "cancelled",
        *,
        timeout: timedelta = WAIT,
    ) -> Program[Execution]:
        """Withdraw the live work of some nodes; the rest goes on."""
        return self.operations.ask(execution_id, CancelBranch(tuple(nodes), reason), nanoseconds(timeout))

    @driving
    def add_items(
        self,
        execution_id: ExecutionId,
        node: NodeKey,
        items: Iterable[Any] = (),
        *,
        close: bool = False,
        timeout: timedelta = WAIT,
    ) -> Program[Execution]:
        """Give an open for_each more items, or tell it that there will be no more."""
        return self.operations.ask(execution_id, AddItems(node, tuple(items), close), nanoseconds(timeout))

    @driving
    def ask(
        self,
        execution_id: ExecutionId,
        request: Request,
        *,
        delivery_id: str | None = None,
        timeout: timedelta = WAIT,
    ) -> Program[Execution]:
        """Have a request met, here or by whoever drives the execution just now; ``TransitionError`` if it cannot be."""
        return self.operations.ask(execution_id, request, nanoseconds(timeout), delivery_id)

    # ── going on ──────────────────────────────────────────────────────────────────────────────────────────────────

    @driving
    def wake_due(self, limit: int = 100) -> Program[Sequence[Execution]]:
        """Drive what has come due: timers, what was submitted, letters, and what engines that died have left."""
        return self.operations.drive_due(limit)

    @verb
    def release_quarantined(self, execution_id: ExecutionId) -> Program[bool]:
        """Let an execution be driven again that was put into quarantine; false if it is not there."""
        return self.operations.release_quarantined(execution_id)

    # ── new executions from old ones ──────────────────────────────────────────────────────────────────────────────

    @driving
    def retry(self, execution_id: ExecutionId) -> Program[Execution]:
        """A new execution with the past of one that failed or was cancelled, which goes on from there."""
        return self.operations.retry(execution_id)

    @driving
    def fork(
        self,
        execution_id: ExecutionId,
        *,
        at: int | None = None,
        inputs: Mapping[NodeKey, Any] | None = None,
        outputs: Mapping[NodeKey, Any] | None = None,
    ) -> Program[Execution]:
        """A new execution with the past of another up to a position, which may go another way from there."""
        return self.operations.fork(execution_id, at, inputs or {}, outputs or {})

    @driving
    def run_node(
        self,
        execution_id: ExecutionId,
        node: NodeKey,
        *,
        value: Any = UNSET,
        outputs: Mapping[NodeKey, Any] | None = None,
    ) -> Program[Execution]:
        """Run one node by hand; what follows may start, but does not. One that has ended stays, and a new one runs."""
        entry = Entry(node=node, value=value, outputs=outputs or {})
        return self.operations.run_by_hand(execution_id, entry, onwards=False)

    @driving
    def run_from(
        self,
        execution_id: ExecutionId,
        node: NodeKey,
        *,
        value: Any = UNSET,
        outputs: Mapping[NodeKey, Any] | None = None,
    ) -> Program[Execution]:
        """Run a node by hand, and all that follows."""
        entry = Entry(node=node, value=value, outputs=outputs or {})
        return self.operations.run_by_hand(execution_id, entry, onwards=True)

    # ── moving ────────────────────────────────────────────────────────────────────────────────────────────────────

    @driving
    def migrate_execution(
        self, execution_id: ExecutionId, version: int, *, dry_run: bool = False
    ) -> Program[Migration]:
        """Move an execution to another version of its workflow, and drive it on there.

        If its open work has no place there that is a ``TransitionError`` with every reason. With ``dry_run`` nothing
        is moved, and the reasons are in the answer: there are none if it may.
        """
        moving = self.operations.moving
        return moving.looked_into(execution_id, version) if dry_run else moving.migrate(execution_id, version)

    @verb
    def export(self, execution_id: ExecutionId) -> Program[dict[str, Any]]:
        """An execution as a JSON document, with its children and all that is needed to go on with them elsewhere."""
        return self.operations.transferring.export(execution_id)

    @verb
    def export_workflow(self, workflow: WorkflowId, version: int | None = None) -> Program[dict[str, Any]]:
        """A version of a workflow as a JSON document; the newest, unless one is named."""
        return self.operations.transferring.export_workflow(workflow, version)

    @verb
    def import_(self, document: Mapping[str, Any] | str | bytes) -> Program[Imported]:
        """Put in what was exported, here or elsewhere: all of it, or nothing.

        What is here already, just the same, stays; what is here and differs is refused. Waits are open again, timers
        run, and children that have not ended go on. Let the store that it came from not go on with it, too.
        """
        return self.operations.transferring.import_(document)

    @verb
    def prune(
        self,
        *,
        older_than: timedelta | datetime | None = None,
        keep: int | None = None,
        status: str | Iterable[str] = FINAL,
        workflow: WorkflowId | None = None,
        limit_per_transaction: int = 100,
    ) -> Program[Pruned]:
        """Throw away executions that have ended so long ago, but for so many of the newest to ``keep``.

        What lives is never touched, nor are the parents and children of what lives.
        """
        return prune(pruning_of(older_than, keep, status, workflow, limit_per_transaction))

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────

    @verb
    def get(self, execution_id: ExecutionId, *, at: int | None = None) -> Program[Execution]:
        """An execution as it is in the store; or as it was, ``at`` so many rows of its journal."""
        if at is not None:
            return self.operations.looking.at(execution_id, at)
        return self.operations.get(execution_id)

    @verb
    def history(self, execution_id: ExecutionId) -> Program[History]:
        """All that happened to an execution: its rows with their positions, and the runs of its nodes."""
        return self.operations.looking.history(execution_id)

    @verb
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
    ) -> Program[ExecutionPage]:
        """Executions of which all of this holds, newest first; ``after`` takes the ``next`` of the page before.

        ``started_after`` counts itself in, ``started_before`` does not: two such lists side by side have no gap.
        """
        wanted = filter_of(workflow, status, parent, trigger_type, started_after, started_before, quarantined)
        return self.operations.looking.page(wanted, limit, cursor_place(after))

    @verb
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
    ) -> Program[int]:
        """How many executions there are of which all of this holds."""
        wanted = filter_of(workflow, status, parent, trigger_type, started_after, started_before, quarantined)
        return self.operations.looking.count(wanted)

    @verb
    def waits(self, execution_id: ExecutionId) -> Program[Sequence[WaitSummary]]:
        """What an execution waits for, the oldest first."""
        return self.operations.looking.waits(execution_id)

    @verb
    def workflows(self) -> Program[Sequence[WorkflowVersion]]:
        """The newest version of every workflow."""
        return self.operations.looking.workflows()

    @verb
    def versions(self, workflow: WorkflowId) -> Program[Sequence[WorkflowVersion]]:
        """All versions of a workflow, the oldest first."""
        return self.operations.looking.versions(workflow)

    @verb
    def workflow(self, workflow: WorkflowId, version: int | None = None) -> Program[Workflow]:
        """What a version of a workflow says; the newest, unless one is named."""
        return self.operations.looking.workflow(workflow, version)

    @verb
    def diff_versions(self, workflow: WorkflowId, before: int, after: int) -> Program[WorkflowDifference]:
        """How two versions of a workflow differ: nodes and connections that are new, gone or changed."""
        return self.operations.looking.difference(workflow, before, after)

    @verb
    def header(self, execution_id: ExecutionId) -> Program[Header]:
        """What is known of an execution without reading its journal."""
        return self.operations.header(execution_id)

    @verb
    def wait_for(self, execution_id: ExecutionId, timeout: timedelta = WAIT) -> Program[Execution]:
        """Wait until others have brought an execution to its end; after the time, it is given as it is."""
        return self.operations.wait_for(execution_id, nanoseconds(timeout))
