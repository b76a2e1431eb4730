"""Executions that the original Prana stored become ours: journal rows that tell the same story."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import msgspec
from msgspec.structs import replace

from prana_py.errors import PranaError, StorageError
from prana_py.execution.activation import Activation
from prana_py.execution.draft import wait_id
from prana_py.execution.entering import entered_row
from prana_py.execution.execution import Execution
from prana_py.execution.legacy_form import LegacyExecution, LegacyRun, read_legacy
from prana_py.execution.node_error import NodeError
from prana_py.execution.queries import final_output
from prana_py.execution.rows import (
    ArrivalsDropped,
    AttemptFailed,
    CancelRequested,
    Ended,
    Parent,
    Prepared,
    Row,
    Settled,
    Started,
    Suspended,
    Withdrawn,
)
from prana_py.execution.storable import storable
from prana_py.execution.suspension import (
    IntervalWait,
    RetryWait,
    ScheduleWait,
    SignalWait,
    SubWorkflowRequest,
    SubWorkflowWait,
    Suspension,
    Wait,
    WebhookWait,
    as_instant,
)
from prana_py.execution.transitions import advance, start
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import TOP, Instant

SUB_WORKFLOW_MODES: Mapping[str, Any] = {
    "sub_workflow_sync": "sync",
    "sub_workflow_async": "async",
    "sub_workflow_fire_forget": "fire_and_forget",
}


def from_legacy(
    stored: Mapping[str, Any], graph: ExecutionGraph, *, environment: Mapping[str, Any] | None = None
) -> Execution:
    """The execution that the original stored, with the graph of its workflow, ready to be looked at and to go on.

    Its children are its host's, so resuming what waits for one is, too. A for_each that has run cannot be carried
    over: its rounds are scopes here, and the stored form does not tell them apart.
    """
    legacy = read_legacy(stored)
    if legacy.workflow_id != graph.workflow_id:
        raise StorageError(
            f"execution {legacy.id!r} belongs to workflow {legacy.workflow_id!r}, and the graph to "
            f"{graph.workflow_id!r}",
            code="graph_mismatch",
        )
    try:
        return _Story(legacy, graph, environment or {}).told()
    except StorageError:
        raise
    except (PranaError, ValueError, TypeError) as error:
        raise StorageError(f"execution {legacy.id!r} cannot be carried over: {error}", code="legacy_invalid") from error


class _Story:
    """An execution that is told again, a row at a time."""

    def __init__(self, legacy: LegacyExecution, graph: ExecutionGraph, environment: Mapping[str, Any]) -> None:
        self.legacy = legacy
        self.graph = graph
        runs = [run for records in legacy.node_executions.values() for run in records]
        self.runs = sorted(runs, key=lambda run: (run.execution_index, run.run_index))
        self.begun = _instant(legacy.started_at or next((run.started_at for run in self.runs if run.started_at), None))
        self.trying: set[str] = set()
        """Nodes with a failed attempt that another one follows."""
        self.execution = start(graph, self._started(), environment)

    def told(self) -> Execution:
        """The execution when all has been told."""
        if self.legacy.preparation_data:
            self.write(Prepared(self.begun, storable(self.legacy.preparation_data)))
        for number, run in enumerate(self.runs):
            if run.status not in ("pending", "running"):
                self._tell(run, self.runs[number + 1 :])
        if self.legacy.execution_data.context_data.workflow and not self._last_with_updates():
            self._refuse("it has shared state, but no run that could have made it")
        self._end()
        return self.execution

    def write(self, row: Row) -> None:
        self.execution = advance(self.execution, row)[0]

    def _started(self) -> Started:
        legacy = self.legacy
        given = legacy.trigger_data
        first = next((run for run in self.runs if run.node_key == self.graph.trigger_node_key), None)
        if not given and first is not None:
            given = first.output_data  # the original keeps no input, but its triggers hand it on
        parent = legacy.parent_execution_id
        return Started(
            self.begun,
            legacy.id,
            self.graph.workflow_id,
            self.graph.workflow_version,
            self.graph.digest,
            self.graph.trigger_node_key,
            storable(given),
            storable(self.graph.variables if legacy.vars is None else legacy.vars),
            self.graph.policy,
            legacy.execution_mode,
            legacy.trigger_type or "manual",
            None if parent is None else Parent(parent, "", 0, 1),
            metadata=storable(legacy.metadata),
        )

    # ── runs ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _tell(self, run: LegacyRun, later: list[LegacyRun]) -> None:
        activation = self._activation(run)
        if run.status == "suspended":
            self._suspended(run, activation)
        elif run.status == "failed" and any(other.node_key == run.node_key for other in later):
            self.trying.add(run.node_key)
            retry_at = _instant(run.completed_at, self._now(run))
            self._attempt_failed(run, activation, activation.attempt, _error(run.error_data), retry_at, None)
        else:
            self._settled(run, activation)

    def _activation(self, run: LegacyRun) -> Activation:
        """The run as it is live here: it follows from what was told, or else somebody must have put it in."""
        key = run.node_key
        if key not in self.graph.ordinals:
            self._refuse(f"its node {key!r} is not in the graph")
        vertex = self.graph.vertex(key)
        if vertex.spec.owner is not None or vertex.home:
            self._refuse(f"node {key!r} ran in a for_each or while, whose rounds are scopes here", "legacy_loop")
        live = self._live(key)
        if live is None or (live.run != run.run_index and key not in self.trying):
            self.write(entered_row(self.execution, key, now=self._now(run), run=run.run_index))
            live = self._live(key)
        self.trying.discard(key)
        assert live is not None  # it has just been put in
        return live

    def _live(self, key: str) -> Activation | None:
        return next((run for run in self.execution.frontier if run.vertex.key == key), None)

    def _settled(self, run: LegacyRun, activation: Activation) -> None:
        failed = run.status == "failed"
        port = run.output_port or activation.vertex.spec.default_port
        state, context = self._updates(run)
        self.write(
            Settled(
                self._now(run),
                run.node_key,
                TOP,
                activation.run,
                activation.run_index,
                self._index(activation),
                activation.attempt,
                _instant(run.started_at, self._now(run)),
                tuple(arrival.ref for arrival in activation.arrivals),
                () if failed else (port,),
                None if failed else storable(run.output_data),
                self._placed(_error(run.error_data), activation) if failed else None,
                failed,
                state=state,
                context=context,
                params=None if run.params is None else storable(run.params),
            )
        )

    def _attempt_failed(
        self,
        run: LegacyRun,
        activation: Activation,
        attempt: int,
        error: NodeError,
        retry_at: Instant,
        suspension: Suspension | None,
    ) -> None:
        self.write(
            AttemptFailed(
                self._now(run),
                run.node_key,
                TOP,
                activation.run,
                activation.run_index,
                self._index(activation),
                attempt,
                _instant(run.started_at, self._now(run)),
                self._placed(error, activation),
                retry_at,
                suspension,
                None if run.params is None else storable(run.params),
            )
        )

    def _suspended(self, run: LegacyRun, activation: Activation) -> None:
        kind = run.suspension_type or self.legacy.suspension_type
        data = run.suspension_data or self.legacy.suspension_data or {}
        if kind is None:
            self._refuse(f"node {run.node_key!r} is suspended, and nothing says what for")
        at = self._now(run)
        wait = _wait(kind, data, at)
        suspension = Suspension(
            wait_id=wait_id(activation),
            node_key=run.node_key,
            run=activation.run,
            run_index=activation.run_index,
            suspended_at=at,
            wait=wait,
        )
        if isinstance(wait, RetryWait):
            error = _error(data.get("original_error"))
            self._attempt_failed(run, activation, wait.attempt - 1, error, wait.wait_till, suspension)
            return
        state, context = self._updates(run)
        self.write(
            Suspended(
                at,
                run.node_key,
                TOP,
                activation.run,
                activation.run_index,
                self._index(activation),
                activation.attempt,
                _instant(run.started_at, at),
                tuple(arrival.ref for arrival in activation.arrivals),
                (suspension,),
                state,
                context,
                None if run.params is None else storable(run.params),
            )
        )

    def _updates(self, run: LegacyRun) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """The shared state comes with the last run that can carry it, a node's own context with the node's last."""
        known = self.legacy.execution_data.context_data
        last_of_all = self._last_with_updates()
        last_of_node = self._last_with_updates(run.node_key)
        return (
            storable(known.workflow) if run is last_of_all and known.workflow else None,
            storable(known.node.get(run.node_key)) if run is last_of_node else None,
        )

    def _last_with_updates(self, key: str | None = None) -> LegacyRun | None:
        found = [
            run
            for run in self.runs
            if run.status in ("completed", "suspended")
            and run.suspension_type != "retry"
            and key in (None, run.node_key)
        ]
        return found[-1] if found else None

    def _index(self, activation: Activation) -> int:
        return activation.index if activation.index >= 0 else self.execution.next_index

    def _now(self, run: LegacyRun) -> Instant:
        """When the run's record was written."""
        suspended_at = self.legacy.suspended_at if run.status == "suspended" else None
        return _instant(run.completed_at or suspended_at or run.started_at, self.execution.last_at)

    def _placed(self, error: NodeError, activation: Activation) -> NodeError:
        return replace(
            error, node_key=activation.vertex.key, run_index=activation.run_index, attempt=activation.attempt
        )

    # ── how it stands ─────────────────────────────────────────────────────────────────────────────────────────────

    def _end(self) -> None:
        status = self.legacy.status
        at = _instant(self.legacy.completed_at, self.execution.last_at)
        if status in ("failed", "timeout", "cancelled"):
            self._end_badly(at)
        elif status == "completed":
            self._end_well(at)
        else:
            self._restore_active(at)
            if status == "suspended" and not self.execution.suspensions:
                self._refuse("it is suspended, and none of its nodes waits")

    def _end_badly(self, at: Instant) -> None:
        status = self.legacy.status
        if self.execution.ending is None:
            error = _error(self.legacy.error) if status == "failed" else None
            if status == "timeout":
                error = NodeError(code="execution_timeout", message="the execution's time was up", retryable=False)
            self.write(CancelRequested(at, status, "failed" if error else "cancelled", error))
        ending = self.execution.ending
        assert ending is not None  # the row before has seen to it
        self.write(Ended(at, ending.status, None, ending.error))

    def _end_well(self, at: Instant) -> None:
        if self.execution.ending is not None:
            self._refuse("it has completed, though its last node failed")
        live = (*self.execution.frontier, *self.execution.parked.values())
        if live:
            self.write(ArrivalsDropped(at, "ended", tuple(Withdrawn(run.key, "ended") for run in live)))
        self.write(Ended(at, "completed", final_output(self.execution)))

    def _restore_active(self, at: Instant) -> None:
        """What the original holds ready and does not follow here, because its joins are other ones, is put in."""
        active = self.legacy.execution_data.active_nodes
        for key in sorted(active, key=lambda key: (active[key], key)):
            if key in self.graph.ordinals and not self._is_live(key):
                self.write(entered_row(self.execution, key, now=at))

    def _is_live(self, key: str) -> bool:
        return bool(self.execution.top.live & self.graph.vertex(key).bit)

    def _refuse(self, why: str, code: str = "legacy_invalid") -> NoReturn:
        raise StorageError(f"execution {self.legacy.id!r} cannot be carried over: {why}", code=code)


def _instant(moment: datetime | None, otherwise: Instant = Instant(0)) -> Instant:
    """The original's moments without a zone are UTC."""
    if moment is None:
        return otherwise
    return as_instant(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def _error(data: Any) -> NodeError:
    """The original's errors: code (or type), message and details – or a bare value."""
    if not isinstance(data, Mapping):
        return NodeError(code="node_failed", message=str(data or "it failed"), retryable=False)
    known = {"code", "type", "message", "details"}
    details = data.get("details")
    rest = {key: value for key, value in data.items() if key not in known}
    told = dict(details) if isinstance(details, Mapping) else {} if details is None else {"details": details}
    code = str(data.get("code") or data.get("type") or "node_failed")
    return NodeError(
        code=code, message=str(data.get("message") or code), retryable=False, details=storable({**told, **rest})
    )


def _wait(kind: str, data: Mapping[str, Any], at: Instant) -> Wait:
    """What a stored suspension waits for; a kind of the host's own is a signal of that name."""
    if kind == "interval":
        return IntervalWait(wait_till=_due(data, at))
    if kind == "schedule":
        return ScheduleWait(wait_till=_due(data, at), zone=str(data.get("timezone") or "UTC"))
    if kind == "webhook":
        return WebhookWait(wait_till=_moment(data, "expires_at", "wait_till"))
    if kind == "retry":
        return RetryWait(wait_till=_due(data, at), attempt=int(data.get("attempt_number") or 1) + 1)
    if kind in SUB_WORKFLOW_MODES or kind == "sub_workflow":
        return _sub_workflow(kind, data)
    return SignalWait(name=kind)


def _sub_workflow(kind: str, data: Mapping[str, Any]) -> SubWorkflowWait:
    workflow_id = str(data.get("workflow_id") or data.get("sub_workflow_id") or "")
    mode = SUB_WORKFLOW_MODES.get(kind) or data.get("execution_mode") or "sync"
    window = data.get("distribution_window_ms")
    told = {
        "type": "sub_workflow",
        "workflow_id": workflow_id,
        "input": storable(data.get("input_data")),
        "mode": mode,
        "batch": data.get("batch_mode") or "all",
        "on_failure": data.get("failure_strategy") or "fail_parent",
        "window": None if window is None else timedelta(milliseconds=int(window)),
        "queue": data.get("queue"),
    }
    request = msgspec.convert(told, SubWorkflowRequest)
    return SubWorkflowWait(sub_workflow_id=workflow_id, execution_mode=request.mode, request=request)


def _due(data: Mapping[str, Any], at: Instant) -> Instant:
    moment = _moment(data, "resume_at", "wait_till")
    return at if moment is None else moment


def _moment(data: Mapping[str, Any], *names: str) -> Instant | None:
    """The first of these that is there, as an instant; the stored form has it as text or as a moment."""
    for name in names:
        value = data.get(name)
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                raise StorageError(f"{name} is {value!r}, which is no moment", code="legacy_invalid") from None
        if isinstance(value, datetime):
            return _instant(value)
    return None
