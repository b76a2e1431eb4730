"""The journal's vocabulary: one row per transition, carrying what was decided, so that loading never decides.

Rows name nodes and connections by key, never by number. A row is the primary fact; its ``consequences`` are what the
fact led to in the same instant (joins that fired, work that was withdrawn), in the order in which they are applied.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from prana_py.execution.node_error import NodeError
from prana_py.execution.suspension import Suspension
from prana_py.graph.policy import Policy
from prana_py.identifiers import ExecutionId, Instant, NodeKey, PortName, Scope, WaitId, WorkflowId

RunKey: TypeAlias = tuple[NodeKey, Scope, int]
"""A run of a node: key, scope, and its number within the scope."""

ArrivalRef: TypeAlias = tuple[int, str, int]
"""An arrival: the execution index of the run it came from (−1: none), its connection, its element (−1: the whole)."""

CycleEnd: TypeAlias = tuple[str, int, bool, int]
"""How a declared cycle ended: its way back, its iterations, whether the condition held, and how many ns it took."""

Gate: TypeAlias = Literal["ready", "guard"]


# ── Consequences ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Formed(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="formed"):
    """A join fired: these arrivals became a run."""

    node: NodeKey
    scope: Scope
    run: int
    consumed: tuple[ArrivalRef, ...]
    gate: Gate = "ready"
    starved: tuple[str, ...] = ()
    """An ``all`` join that can never be complete: the connections that can no longer deliver. The run fails."""
    compensates: int = -1
    """The execution index of the run that this one undoes."""
    refused: str = ""
    """The join's policy failed, and how. The run fails."""


class Enabled(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="enabled"):
    """A run that waited for its guard may start (its mutex permitting)."""

    run: RunKey


class Withdrawn(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="withdrawn"):
    """A run that was ready, waiting or under way will not go on."""

    run: RunKey
    why: str


class Dropped(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="dropped"):
    """Arrivals that will never become a run, by a rule."""

    node: NodeKey
    scope: Scope
    arrivals: tuple[ArrivalRef, ...]
    why: str


class AllWithdrawn(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="all_withdrawn"):
    """The execution is ending: everything that is not under way is withdrawn, and all arrivals are dropped."""

    keep: tuple[RunKey, ...] = ()


class WaveClosed(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="wave_closed"):
    """A wave of a ``first`` join is over; the next arrival opens another."""

    node: NodeKey
    scope: Scope
    makes_way: bool = True
    """False: it takes nothing more, but the next wave has to wait (``block``)."""


class WindowOpened(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="window_opened"):
    """The time of a batch join has begun to run."""

    suspension: Suspension


Consequence: TypeAlias = Formed | Enabled | Withdrawn | Dropped | AllWithdrawn | WaveClosed | WindowOpened


# ── Rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Parent(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Where a sub-workflow's execution was started from."""

    execution_id: ExecutionId
    wait_id: WaitId
    item: int
    depth: int
    max_depth: int = 20
    """How deep sub-workflows may nest: what the policy of the outermost says."""
    of_error_workflow: bool = False
    """Somewhere above is an execution that was started because another one failed."""


class Origin(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Where a fork or a retry took its past from."""

    execution_id: ExecutionId
    position: int
    how: str


class Started(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="started"):
    """An execution began: what it was given, and the graph it will keep to."""

    at: Instant
    execution_id: ExecutionId
    workflow_id: WorkflowId
    workflow_version: int
    digest: str
    trigger: NodeKey
    input: Any
    variables: dict[str, Any]
    policy: Policy
    mode: str = "async"
    trigger_type: str = "manual"
    parent: Parent | None = None
    origin: Origin | None = None
    key_seed: ExecutionId | None = None
    metadata: dict[str, Any] = {}


class Prepared(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="prepared"):
    """Its nodes were prepared."""

    at: Instant
    data: dict[NodeKey, Any]
    consequences: tuple[Consequence, ...] = ()


class Entered(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="entered"):
    """Somebody had a node of the top scope run by hand."""

    at: Instant
    node: NodeKey
    run: int
    arrivals: tuple[ArrivalRef, ...] = ()
    """What it runs with: on its way into the node, or made anew from what their sources gave last."""
    input: Any = None
    given: bool = False
    """It runs with ``input`` instead."""
    outputs: dict[NodeKey, Any] = {}
    """What nodes are taken to have given that did not run."""
    consequences: tuple[Consequence, ...] = ()


class ScopePlan(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a scope owner set out to do; its items are stored here, once."""

    items: list[Any]
    max_concurrency: int = 1
    need: int | None = None
    until: str | None = None
    on_item_error: str = "stop"
    open: bool = False
    condition: str | None = None
    max_rounds: int | None = None


class Begun(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="begun"):
    """A run started, journaled where that must be durable: at most once, guards, mutexes, scope owners."""

    at: Instant
    node: NodeKey
    scope: Scope
    run: int
    run_index: int
    execution_index: int
    attempt: int
    plan: ScopePlan | None = None
    params: dict[str, Any] | None = None
    consequences: tuple[Consequence, ...] = ()


class Settled(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="settled"):
    """A run ended by itself: completed by its ports, or failed. An ordinary node is this one row."""

    at: Instant
    node: NodeKey
    scope: Scope
    run: int
    run_index: int
    execution_index: int
    attempt: int
    started_at: Instant
    consumed: tuple[ArrivalRef, ...]
    ports: tuple[PortName, ...]
    """The chosen ports. One: ``output`` is its value. Several: ``output`` maps each to its value."""
    output: Any = None
    error: NodeError | None = None
    failed: bool = False
    """With an error and not failed: the error was handed on, by ``on_error``."""
    each: tuple[PortName, ...] = ()
    """Ports whose value is a list of which every element is an arrival of its own."""
    taken: tuple[str, ...] | None = None
    """Connections whose condition held (those without a condition included); ``None``: all of the chosen ports."""
    state: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    params: dict[str, Any] | None = None
    """What the templates became; ``None`` where the node has no templates."""
    converged: tuple[CycleEnd, ...] = ()
    """Declared cycles that ended here."""
    consequences: tuple[Consequence, ...] = ()

    def value(self, port: PortName) -> Any:
        """What left by ``port``."""
        return self.output if len(self.ports) == 1 else self.output[port]


class AttemptFailed(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="attempt_failed"):
    """A run failed and will be tried again."""

    at: Instant
    node: NodeKey
    scope: Scope
    run: int
    run_index: int
    execution_index: int
    attempt: int
    started_at: Instant
    error: NodeError
    retry_at: Instant
    suspension: Suspension | None = None
    """Set when the delay is long enough to be a durable wait."""
    params: dict[str, Any] | None = None
    consequences: tuple[Consequence, ...] = ()


class Suspended(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="suspended"):
    """A run waits; its execution may go on elsewhere."""

    at: Instant
    node: NodeKey
    scope: Scope
    run: int
    run_index: int
    execution_index: int
    attempt: int
    started_at: Instant
    consumed: tuple[ArrivalRef, ...]
    waits: tuple[Suspension, ...]
    state: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    params: dict[str, Any] | None = None
    consequences: tuple[Consequence, ...] = ()


class Resumed(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="resumed"):
    """An open wait was resolved; whoever writes this row has won it."""

    at: Instant
    wait_id: WaitId
    data: Any = None
    consequences: tuple[Consequence, ...] = ()


class Expired(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="expired"):
    """The time of an open wait was over before anybody resolved it."""

    at: Instant
    wait_id: WaitId
    consequences: tuple[Consequence, ...] = ()


class SignalKept(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="signal_kept"):
    """A signal came before anybody waited for it."""

    at: Instant
    name: str
    data: Any = None
    until: Instant | None = None
    consequences: tuple[Consequence, ...] = ()


class SignalTaken(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="signal_taken"):
    """A kept signal resolved a wait."""

    at: Instant
    wait_id: WaitId
    kept_at: int
    """The position of the row that kept it."""
    data: Any = None
    consequences: tuple[Consequence, ...] = ()


class ArrivalsDropped(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="arrivals_dropped"):
    """Work was withdrawn from outside: a branch, a region, a wait."""

    at: Instant
    why: str
    consequences: tuple[Consequence, ...] = ()


class ScopeOpened(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="scope_opened"):
    """A scope owner opened the scope of an item or round."""

    at: Instant
    node: NodeKey
    scope: Scope
    """The owner's own scope."""
    run: int
    item: int
    value: Any = None
    """``while`` only: what the round starts with. The items of a ``for_each`` are in its plan."""
    consequences: tuple[Consequence, ...] = ()


class ScopeClosed(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="scope_closed"):
    """Nothing was live in a scope any more, and this came of it."""

    at: Instant
    node: NodeKey
    scope: Scope
    run: int
    item: int
    result: Any = None
    error: NodeError | None = None
    enough: bool = False
    """With this result the owner is done, whatever else there is."""
    consequences: tuple[Consequence, ...] = ()


class ItemsAdded(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="items_added"):
    """An open scope owner was given more items, or told that there will be no more."""

    at: Instant
    node: NodeKey
    scope: Scope
    run: int
    items: list[Any]
    close: bool = False
    consequences: tuple[Consequence, ...] = ()


class CancelRequested(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="cancel_requested"):
    """Nothing new starts; what is under way is asked to stop."""

    at: Instant
    reason: str
    status: Literal["cancelled", "failed"] = "cancelled"
    error: NodeError | None = None
    consequences: tuple[Consequence, ...] = ()


class Cancelled(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="cancelled"):
    """A run that was under way has ended because it was asked to, or its grace was over."""

    at: Instant
    node: NodeKey
    scope: Scope
    run: int
    run_index: int
    execution_index: int
    attempt: int
    started_at: Instant
    why: str
    consequences: tuple[Consequence, ...] = ()


class Stopped(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="stopped"):
    """A node ended the case: nothing else goes on."""

    at: Instant
    node: NodeKey
    scope: Scope
    run: int
    run_index: int
    execution_index: int
    attempt: int
    started_at: Instant
    consumed: tuple[ArrivalRef, ...]
    output: Any = None
    error: NodeError | None = None
    params: dict[str, Any] | None = None
    consequences: tuple[Consequence, ...] = ()


class Migrated(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="migrated"):
    """From here on the execution belongs to another version of its workflow."""

    at: Instant
    workflow_version: int
    digest: str
    consequences: tuple[Consequence, ...] = ()


class Forked(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="forked"):
    """From here on this is another execution with the same past."""

    at: Instant
    execution_id: ExecutionId
    origin: Origin
    key_seed: ExecutionId
    outputs: dict[NodeKey, Any] = {}
    inputs: dict[NodeKey, Any] = {}
    consequences: tuple[Consequence, ...] = ()


class Ended(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="ended"):
    """The execution reached its final status."""

    at: Instant
    status: Literal["completed", "failed", "cancelled"]
    output: Any = None
    error: NodeError | None = None


Row: TypeAlias = (
    Started
    | Prepared
    | Entered
    | Begun
    | Settled
    | AttemptFailed
    | Suspended
    | Resumed
    | Expired
    | SignalKept
    | SignalTaken
    | ArrivalsDropped
    | ScopeOpened
    | ScopeClosed
    | ItemsAdded
    | CancelRequested
    | Cancelled
    | Stopped
    | Migrated
    | Forked
    | Ended
)
