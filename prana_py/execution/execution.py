"""One run of a workflow, as an immutable value: the graph inside, the live work, and the journal of what happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

import msgspec
from pyrsistent import PMap, pmap

from prana_py.errors import ExecutionError
from prana_py.execution import queries
from prana_py.execution.activation import Activation
from prana_py.execution.cycle_results import CycleResult, cycle_results
from prana_py.execution.frozen_map import FrozenMap, SmallMap
from prana_py.execution.node_error import NodeError
from prana_py.execution.node_execution import NodeExecution
from prana_py.execution.rows import Origin, Parent, Row, RunKey, ScopePlan
from prana_py.execution.scope_state import ScopeState
from prana_py.execution.suspension import Suspension, as_datetime
from prana_py.execution.trail import Trail
from prana_py.graph.execution_graph import ExecutionGraph, Vertex
from prana_py.graph.policy import Policy
from prana_py.identifiers import TOP, ExecutionId, Instant, NodeKey, PortName, Scope, WaitId

ExecutionStatus: TypeAlias = Literal["pending", "running", "suspended", "completed", "failed", "cancelled"]
FinalStatus: TypeAlias = Literal["completed", "failed", "cancelled"]

FINAL: Final = frozenset({"completed", "failed", "cancelled"})


class Identity(msgspec.Struct, frozen=True, gc=False, eq=False, kw_only=True):
    """What an execution is, from its start to its end."""

    id: ExecutionId
    trigger_data: Any
    variables: dict[str, Any]
    policy: Policy
    started_at: Instant
    execution_mode: str
    trigger_type: str
    parent: Parent | None
    origin: Origin | None
    key_seed: ExecutionId
    metadata: dict[str, Any]
    preparation_data: dict[NodeKey, Any] = {}
    deadline: Instant | None = None
    earlier_graphs: tuple[Any, ...] = ()
    """The graphs of the versions that it has been moved from, oldest first; never stored."""


class Ending(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The execution is on its way to this final status; what is left is to stop, and to be undone."""

    status: FinalStatus
    error: NodeError | None = None
    output: Any = None
    compensated_below: int | None = None
    """The runs from this execution index on have been compensated; ``None``: not yet begun."""


class ItemResult(msgspec.Struct, frozen=True, gc=False, eq=False):
    """How one item of a scope owner ended."""

    value: Any = None
    error: NodeError | None = None


NO_RESULTS: Final[PMap[int, ItemResult]] = pmap()


class OwnerRun(msgspec.Struct, frozen=True, gc=False, eq=False, kw_only=True):
    """A scope owner under way: its plan, how far it is, and what its items gave."""

    vertex: Vertex
    scope: Scope
    run: int
    plan: ScopePlan
    added: tuple[list[Any], ...] = ()
    """Batches of items that came while it was open."""
    count: int
    """How many items there are so far."""
    opened: int = 0
    """How many scopes have been opened: the cursor."""
    live: int = 0
    """How many are open now."""
    results: PMap[int, ItemResult] = NO_RESULTS
    closed: bool = True
    """No more items can come."""
    enough: bool = False
    """It is done, whatever else there is."""

    @property
    def may_go_on(self) -> bool:
        """Another scope may be opened, or it is done."""
        if self.enough or self.vertex.spec.owner == "while":
            return self.enough or self.live == 0
        if self.opened < self.count:
            return self.live < self.plan.max_concurrency
        return self.live == 0 and self.closed

    def item(self, index: int) -> Any:
        """The item that scope ``index`` starts with."""
        if index < len(self.plan.items):
            return self.plan.items[index]
        index -= len(self.plan.items)
        for batch in self.added:
            if index < len(batch):
                return batch[index]
            index -= len(batch)
        raise IndexError(index)


class KeptSignal(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A signal that came before anybody waited for it."""

    position: int
    name: str
    data: Any
    until: Instant | None


NO_PARKED: Final[FrozenMap[RunKey, Activation]] = SmallMap()
NO_SUSPENSIONS: Final[FrozenMap[WaitId, Suspension]] = SmallMap()
NO_OWNERS: Final[FrozenMap[RunKey, OwnerRun]] = SmallMap()
NO_SCOPES: Final[FrozenMap[Scope, ScopeState]] = SmallMap()
NO_MUTEXES: Final[FrozenMap[str, tuple[RunKey, ...]]] = SmallMap()
NO_COUNTS: Final[Mapping[int, int]] = {}
NO_CLOSED: Final[FrozenMap[NodeKey, ScopeState]] = SmallMap()


def waits_for_others(suspensions: FrozenMap[WaitId, Suspension], owners: FrozenMap[RunKey, OwnerRun]) -> bool:
    """Others may make it go on: a wait is open, or a scope owner takes more items."""
    return bool(suspensions) or any(not owner.closed for owner in owners.values())


class Execution(msgspec.Struct, frozen=True, gc=False, eq=False, kw_only=True):
    """An immutable record. Every transition returns a new one, and the old one stays valid."""

    execution_graph: ExecutionGraph
    identity: Identity
    environment: Mapping[str, Any]
    """Host data for ``$env``: given anew whenever an execution is loaded, never stored."""
    status: ExecutionStatus
    trail: Trail
    position: int
    """How many rows the journal has: the revision."""
    top: ScopeState
    scopes: FrozenMap[Scope, ScopeState] = NO_SCOPES
    frontier: tuple[Activation, ...] = ()
    """Runs that may start or are under way; the last one goes first."""
    parked: FrozenMap[RunKey, Activation] = NO_PARKED
    """Runs that wait, and scope owners whose items are under way."""
    suspensions: FrozenMap[WaitId, Suspension] = NO_SUSPENSIONS
    """The open waits; exactly ``NO_SUSPENSIONS`` when there are none."""
    owners: FrozenMap[RunKey, OwnerRun] = NO_OWNERS
    attention: tuple[RunKey | Scope, ...] = ()
    """Scope owners that may go on, and scopes in which nothing is live any more; derived, not stored."""
    follow_up: int = 0
    """While something wants attention: the number of the next arrival of the event that brought it about."""
    state: dict[str, Any]
    next_index: int = 0
    iteration_count: int = 0
    ending: Ending | None = None
    signals: tuple[KeptSignal, ...] = ()
    mutexes: FrozenMap[str, tuple[RunKey, ...]] = NO_MUTEXES
    """By name: who holds it, then who waits for it."""
    run_counts: Mapping[int, int] = NO_COUNTS
    """By ordinal, for nodes that run in scopes: how many runs there were in the whole execution."""
    closed_scopes: FrozenMap[NodeKey, ScopeState] = NO_CLOSED
    """By owner: the scope of its last item, for look-ups from outside."""
    output: Any = None
    error: NodeError | None = None
    last_at: Instant
    """When the newest row was written."""

    def __repr__(self) -> str:
        workflow = f"{self.workflow_id} v{self.workflow_version}"
        return f"<Execution {self.id} of {workflow}: {self.status}, {self.position} rows>"

    # ── identity ──────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def id(self) -> ExecutionId:
        return self.identity.id

    @property
    def workflow_id(self) -> str:
        return self.execution_graph.workflow_id

    @property
    def workflow_version(self) -> int:
        return self.execution_graph.workflow_version

    @property
    def parent_execution_id(self) -> ExecutionId | None:
        return None if self.identity.parent is None else self.identity.parent.execution_id

    @property
    def execution_mode(self) -> str:
        return self.identity.execution_mode

    @property
    def trigger_type(self) -> str:
        return self.identity.trigger_type

    @property
    def trigger_data(self) -> Any:
        return self.identity.trigger_data

    @property
    def variables(self) -> dict[str, Any]:
        return self.identity.variables

    @property
    def preparation_data(self) -> dict[NodeKey, Any]:
        return self.identity.preparation_data

    @property
    def metadata(self) -> dict[str, Any]:
        return self.identity.metadata

    @property
    def started_at(self) -> datetime:
        return as_datetime(self.identity.started_at)

    @property
    def completed_at(self) -> datetime | None:
        return as_datetime(self.last_at) if self.is_final else None

    @property
    def is_final(self) -> bool:
        """Completed, failed or cancelled: it will never change again."""
        return self.status in FINAL

    @property
    def current_execution_index(self) -> int:
        """The execution index that the next run will get."""
        return self.next_index

    def history(self) -> Iterator[Row]:
        """Every row so far, in order, without a copy."""
        return iter(self.trail)

    @property
    def journal(self) -> tuple[Row, ...]:
        """Every row so far, in order."""
        return tuple(self.trail)

    def scope_state(self, scope: Scope = TOP) -> ScopeState | None:
        """What a scope remembers, or ``None`` when it is not open."""
        return self.scopes.get(scope) if scope else self.top

    # ── what people ask ───────────────────────────────────────────────────────────────────────────────────────────

    @property
    def node_executions(self) -> dict[NodeKey, list[NodeExecution]]:
        """Every run by node key, oldest first: the audit trail, folded from the journal."""
        return queries.node_executions(self)

    @property
    def completed_nodes(self) -> dict[NodeKey, Any]:
        """The newest output of every node that has completed."""
        return queries.completed_nodes(self)

    @property
    def active_nodes(self) -> frozenset[NodeKey]:
        """The nodes with work that may start, is under way, or waits for more arrivals."""
        return queries.active_nodes(self)

    @property
    def node_depth(self) -> dict[NodeKey, int]:
        """For each active node, how far down its branch it is."""
        return queries.node_depth(self)

    @property
    def cycle_results(self) -> dict[str, CycleResult]:
        """How the declared cycles that have ended did, by name."""
        return cycle_results(self)

    @property
    def suspension(self) -> Suspension | None:
        """The only open wait, or the oldest."""
        return queries.suspension(self)

    @property
    def errors(self) -> list[NodeError]:
        """The errors of all runs that failed, handed on or not, in order."""
        return queries.errors(self)

    def left_by(self, key: NodeKey) -> PortName | None:
        """The port by which a node's newest run left."""
        return queries.left_by(self, key)

    @property
    def duration(self) -> timedelta:
        """From the start to the newest row."""
        return timedelta(microseconds=(self.last_at - self.identity.started_at) // 1000)

    def raise_for_status(self) -> Execution:
        """The execution itself; but if it has failed or was cancelled, ``ExecutionError`` with it inside."""
        if self.status not in ("failed", "cancelled"):
            return self
        error = self.error
        reason = "it was cancelled" if error is None else f"{error.message} [{error.code}]"
        where = "" if error is None or error.node_key is None else f" at node {error.node_key!r}"
        raise ExecutionError(
            f"execution {self.id} of workflow {self.workflow_id!r} has {self.status}{where}: {reason}"
            if self.status == "failed"
            else f"execution {self.id} of workflow {self.workflow_id!r} was cancelled",
            execution=self,
            node_key=None if error is None else error.node_key,
            code="execution_failed" if self.status == "failed" else "execution_cancelled",
        )

    # ── ways in and out; each is a function of its own module, which needs this one ──────────────────────────────────

    @staticmethod
    def new(
        execution_graph: ExecutionGraph, value: Any = None, *, execution_id: ExecutionId, now: Instant, **options: Any
    ) -> Execution:
        """The first value of an execution, for those who drive it themselves; options as ``StartOptions`` has them."""
        from prana_py.execution.beginning import StartOptions, new_execution

        return new_execution(
            execution_graph, value, execution_id=execution_id, now=now, options=StartOptions(**options)
        )

    def to_storage_format(self) -> dict[str, Any]:
        """The execution as JSON data, without the graph and the environment."""
        from prana_py.execution.storage import to_storage_format

        return to_storage_format(self)

    @staticmethod
    def from_storage_format(
        stored: Mapping[str, Any],
        execution_graph: ExecutionGraph,
        *,
        environment: Mapping[str, Any] | None = None,
        earlier: tuple[ExecutionGraph, ...] = (),
    ) -> Execution:
        """The execution that was stored, with its graph from the cache and the environment of now.

        ``earlier``: the graphs of the versions that it was moved from, if it was.
        """
        from prana_py.execution.storage import from_storage_format

        return from_storage_format(stored, execution_graph, environment=environment, earlier=earlier)

    def at(self, position: int) -> Execution:
        """The execution as it was when its journal had so many rows."""
        from prana_py.execution.history import at

        return at(self, position)
