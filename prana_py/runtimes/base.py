"""What all runtimes share: whom they know, what they remember, and how the effects of a program are met."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Protocol, TypeGuard

import msgspec

from prana_py.builtin_nodes.all_nodes import builtin_catalog
from prana_py.driver.debugging import Entry, retry, run_from, run_node
from prana_py.driver.drive import Options, run_to_rest
from prana_py.driver.effects import (
    AcquireMutex,
    Adopt,
    Barrier,
    Claim,
    Commit,
    Deliver,
    Keep,
    Leave,
    Letter,
    Load,
    LoadGraph,
    MakeId,
    Notify,
    ReadClock,
    Refused,
    ReleaseMutexes,
    TakeJob,
)
from prana_py.driver.family import Job, with_family
from prana_py.driver.invocation import Invocation
from prana_py.driver.lifecycle import LifecycleEvent
from prana_py.driver.outcome import Completed, CompletedPorts, Failed, Opened, Outcome, Stopped, Waiting, failed
from prana_py.driver.presenting import presented
from prana_py.driver.program import Program
from prana_py.driver.requests import MutexFree, Request
from prana_py.driver.start import start_to_rest
from prana_py.driver.tokens import Address
from prana_py.errors import NotFoundError, TransitionError, UsageError, nearest
from prana_py.execution.beginning import StartOptions
from prana_py.execution.execution import Execution
from prana_py.execution.node_error import NodeError
from prana_py.execution.rows import Row, RunKey
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import ExecutionId, Instant, WaitId, WorkflowId
from prana_py.model.join_policy import JoinPolicy
from prana_py.model.workflow import Workflow
from prana_py.nodes.call import call_node
from prana_py.nodes.catalog import Catalog
from prana_py.nodes.context import NOWHERE, CancelFlag, Host
from prana_py.nodes.node_type import AnyNode, NodeType
from prana_py.performing.clock import Clock, IdSource, SystemClock, random_id
from prana_py.runtimes.error_log import log_errors
from prana_py.runtimes.graph_cache import GraphCache, Version
from prana_py.runtimes.interceptors import Interceptor, Interceptors
from prana_py.runtimes.key_ring import KeyRing
from prana_py.runtimes.mutex_table import MutexTable
from prana_py.runtimes.output_cache import OutputCache, call_key
from prana_py.runtimes.turns import Turns

OUTCOMES: Final = frozenset({Completed, CompletedPorts, Failed, Waiting, Opened, Stopped})
"""What a call gives when it is not something to await."""

Observer = Callable[[LifecycleEvent], None]


class Journal(Protocol):
    """Where rows are kept."""

    def append(self, execution: Execution, row: Row) -> None:
        """Make a transition durable; ``execution`` is as it is with the row."""


class Runtime:
    """Knows the node types, the clock, the observers; drives executions. It owns no rules."""

    def __init__(
        self,
        nodes: Catalog | Iterable[AnyNode | type[NodeType]] = (),
        *,
        max_concurrency: int = 1,
        clock: Clock | None = None,
        ids: IdSource | None = None,
        observers: Sequence[Observer] = (),
        interceptors: Iterable[Interceptor] = (),
        journal: Journal | None = None,
        workflows: Iterable[Workflow | ExecutionGraph] = (),
        host: Host | None = None,
        grace: float = 5.0,
        policies: Mapping[str, JoinPolicy] | None = None,
        key: bytes | Sequence[bytes] | None = None,
        base_url: str = "",
        max_cached_outputs: int = 1000,
    ) -> None:
        if max_concurrency < 1:
            raise UsageError(f"max_concurrency is {max_concurrency}; at least 1 call must be possible at a time")
        self.catalog = nodes if isinstance(nodes, Catalog) else builtin_catalog().plus(*nodes)
        self.max_concurrency = max_concurrency
        self.clock = clock or SystemClock()
        self.ids = ids or random_id
        self.observers = tuple(observers) or (log_errors,)
        """Who is told; without any of one's own, errors are logged."""
        self.interceptors = Interceptors(*interceptors)
        self.journal = journal
        self.host = host or NOWHERE
        self.known = self.catalog.by_name
        self.plain_calls = not self.interceptors and self.host is NOWHERE
        """Nobody is asked before a call, and nothing goes with it: ``call_node`` is all there is to it."""
        self.grace = grace
        """Seconds that a call which was asked to stop has to do so."""
        self.key_ring = KeyRing(key)
        self.base_url = base_url
        self.turns = Turns()
        self.mutexes = MutexTable()
        self.output_cache = OutputCache(max_cached_outputs)
        self.options = Options(
            max_concurrency=max_concurrency,
            commits=journal is not None,
            observed=bool(observers),
            urls=self.key_ring.url_writer(base_url),
        )
        self.graph_cache = GraphCache(self._published, self.catalog, policies=policies)
        self.graphs: dict[str, ExecutionGraph] = {}
        for workflow in workflows:
            graph = self.graph_of(workflow)
            self.graphs[graph.workflow_id] = graph
        self.abandoned_calls = 0
        """Calls that were given up while their threads may still be at work."""
        self.flush: Callable[[ExecutionId, Sequence[Invocation]], Awaitable[None] | None] | None = None
        """Called before calls are made, or waited for: whoever keeps executions makes durable what is not yet."""
        self.mailboxes: dict[ExecutionId, Callable[[Any], None]] = {}
        self._kept: dict[ExecutionId, Execution] = {}
        self._jobs: deque[Job] = deque()

    def attach(self, nodes: Iterable[AnyNode | type[NodeType]], key_ring: KeyRing, base_url: str) -> None:
        """Become the runtime of an engine, which puts its own handlers in the places of some of this one's."""
        if self.options.outbox:
            raise UsageError("this runtime belongs to an engine already; give each engine a runtime of its own")
        self.catalog = self.catalog.plus(*nodes)
        self.known = self.catalog.by_name
        self.graph_cache.nodes = self.catalog
        self.key_ring = key_ring
        self.options = msgspec.structs.replace(
            self.options, commits=True, outbox=True, urls=key_ring.url_writer(base_url or self.base_url)
        )

    @property
    def store_handlers(self) -> dict[type, Callable[[Any], Any]]:
        """The handlers that every program gets, for an engine to change."""
        return self._handlers

    # ── programs ──────────────────────────────────────────────────────────────────────────────────────────────────

    def graph_of(self, workflow: Workflow | ExecutionGraph) -> ExecutionGraph:
        """The compiled form of what the caller holds."""
        if isinstance(workflow, Workflow):
            return self.graph_cache.graph_of(workflow)
        if isinstance(workflow, ExecutionGraph):
            return workflow
        raise UsageError(
            f"a {type(workflow).__name__} cannot be run; give a Workflow – a builder's build(), a document's "
            "load_workflow(…) – or an ExecutionGraph",
            code="workflow_unusable",
        )

    def starting(self, workflow: Workflow | ExecutionGraph, value: Any, start: StartOptions) -> Program[Execution]:
        """The program that starts an execution and drives it to rest."""
        return with_family(start_to_rest(self.graph_of(workflow), value, start, self.options), self.options)

    def going_on(self, execution: Execution, requests: Iterable[Request] = ()) -> Program[Execution]:
        """The program that meets requests, fires what is due, and drives to rest."""
        return with_family(run_to_rest(execution, self.options, requests=requests), self.options)

    def running_node(self, execution: Execution, entry: Entry) -> Program[Execution]:
        """The program that runs one node by hand."""
        return with_family(run_node(execution, entry, self.options), self.options)

    def running_from(self, execution: Execution, entry: Entry) -> Program[Execution]:
        """The program that runs a node by hand, and all that follows."""
        return with_family(run_from(execution, entry, self.options), self.options)

    def retrying(self, execution: Execution) -> Program[Execution]:
        """The program that goes on, as a new execution, from where one that has ended went wrong."""
        return with_family(retry(execution, self.options), self.options)

    def resuming_at(self, address: Address, data: Any) -> Program[Execution]:
        """The program that resolves the wait a token is for; whoever performs it must have the execution's turn."""
        return presented(address, data, self.options)

    # ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────────

    def token(self, execution: Execution, wait_id: WaitId | None = None) -> str:
        """The token that resolves an open wait: the only one, unless one is named."""
        return self.key_ring.token(execution, wait_id or only_wait(execution))

    def keep(self, execution: Execution) -> Execution:
        """Remember an execution, so that tokens for it can be presented here."""
        self._kept[execution.id] = execution
        return execution

    def forget(self, execution_id: ExecutionId) -> None:
        """Remember an execution no longer."""
        self._kept.pop(execution_id, None)

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def call(self, invocation: Invocation, cancel_flag: CancelFlag | None = None) -> Outcome | Awaitable[Outcome]:
        """Ask the interceptors, then call the node; an async one gives an awaitable of its outcome."""
        if self.interceptors:
            asked = self.interceptors.ask(invocation)
            if isinstance(asked, Failed):
                return asked
            invocation = asked
        try:
            node_type = self.node_type(invocation)
        except NotFoundError as error:
            return failed(error.code, error.message, retryable=False, details={"type": invocation.node_type})
        if invocation.cache_ns is not None and invocation.call == "execute":
            return self._cached(node_type, invocation, invocation.cache_ns, cancel_flag)
        return self._called(node_type, invocation, cancel_flag)

    def _cached(
        self, node_type: AnyNode, invocation: Invocation, max_age_ns: int, cancel_flag: CancelFlag | None
    ) -> Outcome | Awaitable[Outcome]:
        """What an equal call gave not long ago, or else what this one gives."""
        key = call_key(invocation)
        known = self.output_cache.find(key, max_age_ns, self.clock.now())
        if known is not None:
            if self.options.observed:
                self.tell(node_cached(invocation, self.clock.now()))
            return known
        given = self._called(node_type, invocation, cancel_flag)
        if is_outcome(given):
            self.output_cache.keep(key, given, self.clock.now())
            return given
        awaitable: Any = given
        return self.output_cache.kept_when_given(key, awaitable, self.clock)

    def _called(
        self, node_type: AnyNode, invocation: Invocation, cancel_flag: CancelFlag | None
    ) -> Outcome | Awaitable[Outcome]:
        host = self.host
        if cancel_flag is None and host is NOWHERE:
            return call_node(node_type, invocation)
        return call_node(
            node_type,
            invocation,
            cancel_flag=cancel_flag,
            observer=host.observer,
            secret_source=host.secret_source,
        )

    def node_type(self, invocation: Invocation) -> AnyNode:
        """The node type that a call names."""
        return self.catalog.get(invocation.node_type)

    # ── effects that need no waiting ──────────────────────────────────────────────────────────────────────────────

    def handlers(self) -> dict[type, Callable[[Any], Any]]:
        """How effects are met that are the same everywhere; whoever gets this dict may add to it."""
        return dict(self._handlers)

    @cached_property
    def _handlers(self) -> dict[type, Callable[[Any], Any]]:
        return {
            ReadClock: self._read_clock,
            MakeId: self._make_id,
            Commit: self._commit,
            Notify: self._notify,
            Load: self._load,
            LoadGraph: self._load_graph,
            Keep: self._keep,
            TakeJob: self._take_job,
            Leave: self._leave,
            Claim: lambda _: True,
            Refused: lambda _: None,
            Barrier: lambda _: None,
            Adopt: self._adopt,
            AcquireMutex: self._acquire,
            ReleaseMutexes: self._release,
            Deliver: self._deliver,
        }

    def _read_clock(self, _: ReadClock) -> Instant:
        return self.clock.now()

    def _make_id(self, _: MakeId) -> ExecutionId:
        return self.ids()

    def _commit(self, effect: Commit) -> None:
        if self.journal is not None:
            self.journal.append(effect.execution, effect.row)

    def _adopt(self, effect: Adopt) -> None:
        if self.journal is not None:
            for row in effect.execution.history():
                self.journal.append(effect.execution, row)

    def _notify(self, effect: Notify) -> None:
        for event in effect.events:
            self.tell(event)

    def tell(self, event: LifecycleEvent) -> None:
        """Tell every observer; what one of them raises is its own affair and breaks nothing."""
        for observer in self.observers:
            try:
                observer(event)
            except Exception as error:  # noqa: BLE001  # an observer's own code
                self.observer_failed(observer, event, error)

    def observer_failed(self, observer: Observer, event: LifecycleEvent, error: Exception) -> None:
        """An observer raised: it is logged, and the run goes on."""
        from logging import getLogger

        getLogger("prana_py.observers").warning(
            "observer %r failed on %s of execution %s: %s", observer, event.kind, event.execution_id, error
        )

    def _load(self, effect: Load) -> Execution | None:
        return self._kept.get(effect.execution_id)

    def _keep(self, effect: Keep) -> None:
        self._kept[effect.execution.id] = effect.execution

    def _load_graph(self, effect: LoadGraph) -> ExecutionGraph:
        return self._published(effect.workflow_id, effect.version)

    def _published(self, workflow_id: WorkflowId, version: Version | None) -> ExecutionGraph:
        graph = self.graphs.get(workflow_id)
        if graph is None or version not in (None, graph.workflow_version, graph.digest):
            raise NotFoundError(
                f"there is no workflow {workflow_id!r} here{nearest(workflow_id, self.graphs)}",
                code="workflow_not_found",
                workflow_id=workflow_id,
                version=version,
            )
        return graph

    def _deliver(self, effect: Deliver) -> None:
        if not self.send(effect.execution_id, effect.request):
            self._jobs.append(effect)

    def _acquire(self, effect: AcquireMutex) -> bool:
        return self.mutexes.acquire(effect.name, (effect.execution_id, effect.key))

    def _release(self, effect: ReleaseMutexes) -> None:
        for name, (next_id, run) in self.mutexes.release(effect.execution_id, effect.but_for):
            self._deliver(Deliver(next_id, MutexFree(name, run)))

    def _leave(self, effect: Leave) -> None:
        self._jobs.append(effect.job)

    def _take_job(self, effect: TakeJob) -> Any:
        if effect.peek:
            return bool(self._jobs)
        try:
            return self._jobs.popleft()
        except IndexError:  # another thread may have taken the last one
            return None

    def send(self, execution_id: ExecutionId, request: Request | Letter) -> bool:
        """Hand a request to an execution that is being driven here right now; false when none is. From any thread."""
        mailbox = self.mailboxes.get(execution_id)
        if mailbox is not None:
            mailbox(request)
        return mailbox is not None

    def leave(self, job: Job) -> None:
        """Leave something for later: after the execution that asked for it has come to rest."""
        self._jobs.append(job)


def node_cached(invocation: Invocation, at: Instant) -> LifecycleEvent:
    """A call was not made, because its output was known."""
    return LifecycleEvent(
        kind="node_cached",
        at=at,
        execution_id=invocation.execution_id,
        workflow_id=invocation.workflow_id,
        status="running",
        node_key=invocation.node_key,
        scope=invocation.scope,
        run_index=invocation.run_index,
        attempt=invocation.attempt,
    )


def is_outcome(given: object) -> TypeGuard[Outcome]:
    """It is the outcome itself, and not something to await."""
    return type(given) in OUTCOMES


async def awaited(given: Awaitable[Outcome]) -> Outcome:
    """An awaitable as a coroutine, which is what event loops run."""
    return await given


def only_wait(execution: Execution) -> WaitId:
    """The wait that is meant when none is named."""
    open_waits = [
        wait for wait in execution.suspensions.values() if wait.type not in ("guard", "mutex", "batch_window")
    ]
    if len(open_waits) == 1:
        return open_waits[0].wait_id
    if not open_waits:
        raise TransitionError(
            f"execution {execution.id!r} is {execution.status} and waits for nothing that can be resumed",
            code="execution_final" if execution.is_final else "wait_not_open",
        )
    names = ", ".join(sorted(wait.wait_id for wait in open_waits))
    raise TransitionError(
        f"execution {execution.id!r} has several open waits; name one: {names}", code="wait_ambiguous"
    )


def given_up(key: RunKey, why: str) -> Failed:
    """The outcome of a call that was not answered in time."""
    if why == "timeout":
        return failed("timeout", f"node {key[0]!r} took longer than its timeout")
    error = NodeError(
        code="cancelled", message=f"node {key[0]!r} was asked to stop, and did not in time", retryable=False
    )
    return Failed(error, cancelled=True)
