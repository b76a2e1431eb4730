"""What an outcome becomes: the row that is journaled about it."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from prana_py.driver.failing import failed_run, refs_of, template_failure
from prana_py.driver.headers import header, index_of
from prana_py.driver.outcome import Completed, CompletedPorts, Failed, Opened, Outcome, Stopped, Waiting
from prana_py.errors import TemplateError, nearest
from prana_py.execution.activation import Activation
from prana_py.execution.children import child_ids, child_inputs
from prana_py.execution.draft import open_wait, wait_id
from prana_py.execution.execution import Execution
from prana_py.execution.node_error import NodeError
from prana_py.execution.routing import route
from prana_py.execution.rows import Begun, Cancelled, CycleEnd, Row, ScopePlan, Settled, Suspended
from prana_py.execution.rows import Stopped as StoppedRow
from prana_py.execution.storable import NotStorableError, storable
from prana_py.execution.suspension import (
    IntervalRequest,
    IntervalWait,
    RaceRequest,
    ScheduleRequest,
    ScheduleWait,
    SignalRequest,
    SignalWait,
    SimpleRequest,
    SubWorkflowRequest,
    SubWorkflowWait,
    Suspension,
    Wait,
    WaitRequest,
    WebhookRequest,
    WebhookWait,
    as_instant,
    nanoseconds,
)
from prana_py.graph.contracts import ContractError, compile_contract
from prana_py.identifiers import ERROR, TIMEOUT, Instant, PortName
from prana_py.model.node_spec import ANY_PORT

Params = dict[str, Any] | None


class _Refused(Exception):
    """An outcome that cannot be: the run fails with this error instead."""

    def __init__(self, error: NodeError) -> None:
        super().__init__(error.message)
        self.error = error


def row_of(
    execution: Execution, activation: Activation, outcome: Outcome, *, started_at: Instant, at: Instant, params: Params
) -> Row:
    """The row for an outcome. One that cannot be (an unknown port, a value that cannot be stored) is a failure."""
    try:
        return _row(execution, activation, outcome, started_at, at, params)
    except _Refused as refused:
        error = _placed(activation, refused.error)
    except TemplateError as failure:
        error = _placed(activation, template_failure(failure))
    except NotStorableError as failure:
        error = _placed(
            activation, _error("output_not_storable", f"what node {activation.vertex.key!r} answered: {failure}")
        )
    return failed_run(execution, activation, error, started_at=started_at, at=at, params=params)


def _row(
    execution: Execution, activation: Activation, outcome: Outcome, started_at: Instant, at: Instant, params: Params
) -> Row:
    match outcome:
        case Completed():
            port = outcome.port or activation.vertex.spec.default_port
            _check_port(activation, port)
            value = storable(outcome.value)
            return _settled(execution, activation, (port,), value, {port: value}, (), outcome, started_at, at, params)
        case CompletedPorts(values=values):
            for port in values:
                _check_port(activation, port)
            stored = storable(values)
            ports = tuple(stored)
            value = next(iter(stored.values())) if len(ports) == 1 else stored
            _check_each(activation, outcome, stored)
            return _settled(execution, activation, ports, value, stored, outcome.each, outcome, started_at, at, params)
        case Failed(error=error, cancelled=cancelled):
            error = _with_templates(activation, _placed(activation, error))
            if cancelled and execution.ending is not None:
                why = execution.ending.status
                return cancelled_row(execution, activation, started_at=started_at, at=at, why=why)
            return failed_run(execution, activation, error, started_at=started_at, at=at, params=params)
        case Waiting():
            return _suspended(execution, activation, outcome, started_at, at, params)
        case Opened():
            return _begun(execution, activation, outcome, at, params)
        case Stopped(value=value, error=reason):
            return StoppedRow(
                *header(execution, activation, started_at, at),
                refs_of(activation),
                storable(value),
                None if reason is None else _placed(activation, reason),
                params,
            )


def _settled(
    execution: Execution,
    activation: Activation,
    ports: tuple[PortName, ...],
    output: Any,
    values: dict[PortName, Any],
    each: tuple[PortName, ...],
    outcome: Completed | CompletedPorts,
    started_at: Instant,
    at: Instant,
    params: Params,
) -> Settled:
    vertex = activation.vertex
    taken: tuple[str, ...] | None = None
    converged: tuple[CycleEnd, ...] = ()
    if vertex.decides and activation.compensates < 0:
        _check_contracts(activation, values)
        routing = route(execution, activation, values, at)
        taken, converged = routing.taken, routing.converged
    return Settled(  # spelled out, and not by ``header``: nearly every row is one of these, and it is a third faster
        at,
        vertex.key,
        activation.scope,
        activation.run,
        activation.run_index,
        activation.index if activation.index >= 0 else execution.next_index,
        activation.attempt,
        started_at,
        refs_of(activation),
        ports,
        output,
        None,
        False,
        each,
        taken,
        storable(outcome.state) if outcome.state else None,
        storable(outcome.context) if outcome.context else None,
        params,
        converged,
    )


def _check_port(activation: Activation, port: PortName) -> None:
    outputs = activation.vertex.spec.outputs
    if port in outputs or outputs == ANY_PORT or port in (ERROR, TIMEOUT):
        return
    declared = ", ".join(map(repr, outputs)) or "none"
    message = (
        f"node {activation.vertex.key!r} answered by port {port!r}, but its type {activation.vertex.spec.type!r} "
        f"declares {declared}{nearest(port, outputs)}"
    )
    raise _Refused(_error("port_undeclared", message, port=port, declared=list(outputs)))


def _check_each(activation: Activation, outcome: CompletedPorts, stored: dict[PortName, Any]) -> None:
    for port in outcome.each:
        if not isinstance(stored.get(port), list):
            raise _Refused(_error("answer_invalid", f"what leaves port {port!r} element by element must be a list"))


def _check_contracts(activation: Activation, values: dict[PortName, Any]) -> None:
    for port, value in values.items():
        for candidate in activation.vertex.routes.get(port, ()):
            faults = [] if candidate.contract is None else candidate.contract.faults(value)
            if faults:
                problems = [f"{place}: {fault}" if place else fault for place, fault in faults]
                what = f"what leaves node {activation.vertex.key!r} breaks the contract of {candidate.key}"
                message = f"{what}: {problems[0]}"
                raise _Refused(_error("contract_broken", message, connection=candidate.key, problems=problems))


def _error(code: str, message: str, **details: Any) -> NodeError:
    return NodeError(code=code, message=message, retryable=False, details=details)


def _placed(activation: Activation, error: NodeError) -> NodeError:
    """The error with the run it belongs to, in a form that can be stored."""
    try:
        error = msgspec.convert(storable(error), NodeError)
    except (NotStorableError, msgspec.ValidationError) as why:
        error = _bare(error, why)
    return NodeError(
        code=error.code,
        message=error.message,
        retryable=error.retryable,
        details=error.details,
        node_key=activation.vertex.key,
        scope=activation.scope,
        run_index=activation.run_index,
        attempt=activation.attempt,
        cause=error.cause,
        traceback=error.traceback,
    )


def _with_templates(activation: Activation, error: NodeError) -> NodeError:
    """Parameters that a node could not take, with the templates that they came from."""
    if error.code != "params_invalid" or activation.vertex.params.static:
        return error
    source, problems = activation.vertex.params.source, error.details.get("problems")
    paths = [problem.get("path") for problem in problems if isinstance(problem, dict)] if type(problems) is list else []
    wrong = dict.fromkeys(str(path).partition(".")[0] for path in paths)
    templates = {name: text for name in wrong if isinstance(text := source.get(name), str) and "{{" in text}
    if not templates:
        return error
    written = ", ".join(f"{name} is {text}" for name, text in templates.items())
    return replace(error, message=f"{error.message} – {written}", details={**error.details, "templates": templates})


def _bare(error: NodeError, why: Exception) -> NodeError:
    """What can be kept of an error that cannot be stored as it is: mostly, some detail of it is no data."""
    try:
        return msgspec.convert(storable(replace(error, details={"lost": str(why)})), NodeError)
    except (NotStorableError, msgspec.ValidationError):
        return _error("answer_invalid", f"the node failed with an error that is not well formed: {why}")


def cancelled_row(
    execution: Execution, activation: Activation, *, started_at: Instant, at: Instant, why: str
) -> Cancelled:
    """The row for a run that ended because it was asked to."""
    return Cancelled(*header(execution, activation, started_at, at), why)


# ── scope owners ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _begun(execution: Execution, activation: Activation, outcome: Opened, at: Instant, params: Params) -> Begun:
    if activation.vertex.spec.owner is None:
        message = f"node {activation.vertex.key!r} opened scopes, but its type is not a scope owner"
        raise _Refused(_error("answer_invalid", message))
    plan = ScopePlan(
        items=storable(outcome.items),
        max_concurrency=max(1, outcome.max_concurrency),
        need=outcome.need,
        until=outcome.until,
        on_item_error=outcome.on_item_error,
        open=outcome.open,
        condition=outcome.condition,
        max_rounds=outcome.max_rounds,
    )
    index = index_of(execution, activation)
    return Begun(at, *activation.key, activation.run_index, index, activation.attempt, plan, params)


# ── waits ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _suspended(
    execution: Execution, activation: Activation, outcome: Waiting, started_at: Instant, at: Instant, params: Params
) -> Row:
    request = outcome.request
    try:
        waits = tuple(
            _suspension(execution, activation, alternative, port, at) for port, alternative in _alternatives(request)
        )
    except NotStorableError:
        raise
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        # A request made by hand may hold what is no duration and no instant.
        raise _Refused(_error("wait_invalid", f"nobody can wait for this: {error}")) from error
    if not waits:
        raise _Refused(_error("answer_invalid", "a race needs at least one alternative"))
    return Suspended(
        *header(execution, activation, started_at, at),
        refs_of(activation),
        _kept(waits),
        storable(outcome.state) if outcome.state else None,
        storable(outcome.context) if outcome.context else None,
        params,
    )


def _alternatives(request: WaitRequest) -> list[tuple[PortName | None, SimpleRequest]]:
    if isinstance(request, RaceRequest):
        return list(request.alternatives.items())
    return [(None, request)]


_ENCODER: Final = msgspec.msgpack.Encoder()
_WAITS: Final[msgspec.msgpack.Decoder[tuple[Suspension, ...]]] = msgspec.msgpack.Decoder(tuple[Suspension, ...])
"""Knows its type, which ``msgspec.convert`` would look into anew for every run that waits."""


def _kept(waits: tuple[Suspension, ...]) -> tuple[Suspension, ...]:
    """The waits as they will be read again: everything in them fits its type, its range and the journal."""
    try:
        kept = _WAITS.decode(_ENCODER.encode(storable(waits)))
    except (NotStorableError, msgspec.ValidationError) as error:
        raise _Refused(_error("wait_invalid", f"nobody can wait for this: {error}")) from error
    for suspension in kept:
        schema = getattr(suspension.wait, "schema", None)
        if schema is not None:
            _check_schema(suspension, schema)
    return kept


def _check_schema(suspension: Suspension, schema: dict[str, Any]) -> None:
    try:
        compile_contract(schema)
    except ContractError as error:
        message = f"the schema of wait {suspension.wait_id!r} cannot be used: {error}"
        raise _Refused(_error("wait_invalid", message)) from error


def _suspension(
    execution: Execution, activation: Activation, request: SimpleRequest, port: PortName | None, at: Instant
) -> Suspension:
    if port is not None:
        _check_port(activation, port)
    wait = _wait(execution, activation, request, at)
    return open_wait(activation, wait, at, name="" if port is None else f":{port}", port=port)


def _wait(execution: Execution, activation: Activation, request: SimpleRequest, at: Instant) -> Wait:
    """Durations become instants here, because here there is a now."""
    match request:
        case WebhookRequest(timeout=timeout):
            till = None if timeout is None else Instant(at + nanoseconds(timeout))
            return WebhookWait(wait_till=till, method=request.method, schema=request.schema)
        case IntervalRequest(duration=duration):
            return IntervalWait(wait_till=Instant(at + nanoseconds(duration)))
        case ScheduleRequest(until=until):
            return ScheduleWait(wait_till=as_instant(until), zone=request.zone)
        case SignalRequest(timeout=timeout):
            till = None if timeout is None else Instant(at + nanoseconds(timeout))
            return SignalWait(name=request.name, wait_till=till, schema=request.schema)
        case SubWorkflowRequest(timeout=timeout):
            return SubWorkflowWait(
                sub_workflow_id=request.workflow_id,
                execution_mode=request.mode,
                request=SubWorkflowRequest(
                    workflow_id=request.workflow_id,
                    version=request.version,
                    input=storable(request.input),
                    mode=request.mode,
                    batch=request.batch,
                    window=request.window,
                    parent_close=request.parent_close,
                    on_failure=request.on_failure,
                    timeout=timeout,
                    queue=request.queue,
                ),
                children=child_ids(execution.identity.key_seed, wait_id(activation), request),
                wait_till=_child_deadline(request, at),
            )


def _child_deadline(request: SubWorkflowRequest, at: Instant) -> Instant | None:
    """Nobody waits for a child that is forgotten, nor for the children of an empty batch: that wait is over at once."""
    if request.mode == "fire_and_forget" or not child_inputs(request):
        return at
    return None if request.timeout is None else Instant(at + nanoseconds(request.timeout))
