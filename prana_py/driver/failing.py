"""What a failure leads to, in order: another attempt, the error port, a substitute – or the end of what it is in."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from prana_py.driver.headers import header
from prana_py.driver.invocation import idempotency_key
from prana_py.errors import TemplateError
from prana_py.execution.activation import Activation
from prana_py.execution.draft import open_wait
from prana_py.execution.execution import Execution
from prana_py.execution.names import ExecutionNames
from prana_py.execution.node_error import NodeError
from prana_py.execution.routing import ALL_TAKEN, route
from prana_py.execution.rows import ArrivalRef, AttemptFailed, Row, Settled
from prana_py.execution.suspension import RetryWait, nanoseconds
from prana_py.identifiers import ERROR, Instant, PortName
from prana_py.model.durations import LONGEST
from prana_py.model.retry import Retry
from prana_py.model.settings import Fallback

UNHANDLED_CODES = frozenset({"loop_limit", "join_starved"})
"""Failures of the execution's own rules: ``on_error`` would only repeat them."""


def failed_run(
    execution: Execution,
    activation: Activation,
    error: NodeError,
    *,
    started_at: Instant,
    at: Instant,
    params: dict[str, Any] | None,
) -> Row:
    """The row for a run that failed: it is tried again, or its failure is final."""
    if execution.ending is None or activation.compensates >= 0:
        retry_at = _retry_at(execution, activation, error, at)
        if retry_at is not None:
            return _attempt_failed(execution, activation, error, started_at, at, retry_at, params)
    return handled(execution, activation, error, started_at=started_at, at=at, params=params)


def _retry_at(execution: Execution, activation: Activation, error: NodeError, at: Instant) -> Instant | None:
    """When the run is tried again; ``None``: not at all."""
    retry = activation.vertex.settings.retry
    if retry is None or activation.attempt >= retry.max_attempts or not error.retryable:
        return None
    if error.code in retry.never_on or (retry.retry_on and error.code not in retry.retry_on):
        return None
    return Instant(at + retry_delay_ns(retry, activation.attempt, _seed(execution, activation)))


def retry_delay_ns(retry: Retry, attempt: int, seed: str) -> int:
    """How long to wait after this attempt. The jitter comes from the run's own key, so it is reproducible."""
    base = nanoseconds(retry.delay)
    if retry.backoff == "linear":
        base *= attempt
    elif retry.backoff == "exponential":
        longest = nanoseconds(retry.max_delay) if retry.max_delay is not None else 1 << 62
        base = int(min(base * min(retry.factor ** min(attempt - 1, 200), 1e15), longest))
    if retry.max_delay is not None:
        base = min(base, nanoseconds(retry.max_delay))
    base = min(base, nanoseconds(LONGEST))
    share = int(seed, 16) / (1 << 4 * len(seed))
    return int(base * (1 - retry.jitter * share))


def _seed(execution: Execution, activation: Activation) -> str:
    node = f"{activation.vertex.key}\x1e{activation.attempt}"
    return idempotency_key(execution.identity.key_seed, activation.scope, node, activation.run)


def _attempt_failed(
    execution: Execution,
    activation: Activation,
    error: NodeError,
    started_at: Instant,
    at: Instant,
    retry_at: Instant,
    params: dict[str, Any] | None,
) -> AttemptFailed:
    durable = retry_at - at > execution.identity.policy.inline_delay_ns
    wait = RetryWait(wait_till=retry_at, attempt=activation.attempt + 1)
    suspension = open_wait(activation, wait, at) if durable else None
    return AttemptFailed(*header(execution, activation, started_at, at), error, retry_at, suspension, params)


def handled(
    execution: Execution,
    activation: Activation,
    error: NodeError,
    *,
    started_at: Instant,
    at: Instant,
    params: dict[str, Any] | None,
) -> Settled:
    """The row for a failure that is final: handed on as ``on_error`` says, or the end of what it is in."""
    substitute = None if error.code in UNHANDLED_CODES else _substitute(activation, error)
    routing = ALL_TAKEN
    if substitute is not None:
        try:
            routing = route(execution, activation, dict([substitute]), at)
        except TemplateError as failure:
            substitute, error = None, _instead(error, template_failure(failure))
    return Settled(
        *header(execution, activation, started_at, at),
        refs_of(activation),
        () if substitute is None else (substitute[0],),
        None if substitute is None else substitute[1],
        error,
        substitute is None,
        taken=routing.taken,
        params=params,
        converged=routing.converged,
    )


def _instead(error: NodeError, failure: NodeError) -> NodeError:
    """What went wrong in handing an error on, in its place; the error itself is the cause."""
    return replace(
        failure,
        node_key=error.node_key,
        scope=error.scope,
        run_index=error.run_index,
        attempt=error.attempt,
        cause=error,
    )


def _substitute(activation: Activation, error: NodeError) -> tuple[PortName, Any] | None:
    """Where and as what the failure is handed on; ``None``: it is not."""
    vertex = activation.vertex
    on_error = vertex.settings.on_error
    if on_error == "stop":
        return None
    if isinstance(on_error, Fallback):
        return vertex.spec.default_port, on_error.fallback
    port = ERROR if on_error == "error_port" else vertex.spec.default_port
    data = error.as_data()
    if vertex.settings.error_format == "prana":
        behaviour = "error_port" if on_error == "error_port" else "default_port"
        details = {"error": data, "port": port, "on_error_behavior": behaviour}
        data = {**data, "code": "action_error", "message": "the node failed; see details.error", "details": details}
    return port, data


def refs_of(activation: Activation) -> tuple[ArrivalRef, ...]:
    """The arrivals that became this run, as the journal names them."""
    arrivals = activation.arrivals
    if len(arrivals) != 1:
        return tuple([arrival.ref for arrival in arrivals])
    arrival = arrivals[0]
    if arrival.route is None or activation.vertex.in_loop:
        return (arrival.ref,)
    return _only_ref(arrival.source, arrival.route.key, arrival.element)


@lru_cache(maxsize=16_384)
def _only_ref(source: int, connection: str, element: int) -> tuple[ArrivalRef, ...]:
    """One object for all executions of a graph: outside of loops, a run is mostly fed as in the execution before."""
    return ((source, connection, element),)


@lru_cache(maxsize=1_024)
def only_port(port: PortName) -> tuple[PortName, ...]:
    """The ports of a run that leaves by one: the same object for all of them, for journals are long."""
    return (port,)


def template_failure(error: TemplateError) -> NodeError:
    """An expression that cannot be evaluated, as a node's error: trying again would not help."""
    details = {
        key: value for key, value in error.details().items() if key not in ("code", "message") and value is not None
    }
    return NodeError(code=error.code, message=error.message, retryable=False, details=details)


def evaluates(execution: Execution, activation: Activation, now: Instant) -> NodeError | None:
    """The error of a guard that cannot be evaluated."""
    guard = activation.vertex.enabled_if
    if guard is None:
        return None
    try:
        guard.test(ExecutionNames(execution, activation.scope, now=now))
    except TemplateError as error:
        return template_failure(error)
    return None
