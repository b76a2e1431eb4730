"""What a run is called with – or why it need not be called at all."""

from __future__ import annotations

from typing import Any, Final

from prana_py.driver.failing import evaluates, template_failure
from prana_py.driver.invocation import Invocation
from prana_py.driver.outcome import Completed, Failed, Outcome, failed
from prana_py.driver.resume_urls import FUNCTION as RESUME_URL
from prana_py.driver.resume_urls import ResumeUrls, Write
from prana_py.errors import TemplateError
from prana_py.execution.activation import Activation, Resumption
from prana_py.execution.execution import Execution
from prana_py.execution.inputs import inputs_of, mapped_params
from prana_py.execution.names import ExecutionNames, main_input
from prana_py.execution.storable import NotStorableError, check_storable
from prana_py.execution.straight import Stride
from prana_py.execution.suspension import nanoseconds
from prana_py.identifiers import MAIN, TIMEOUT, Instant, PortName

NOTHING: Final[dict[str, Any]] = {}


def prepare(
    execution: Execution, activation: Activation, now: Instant, *, crashed: bool = False, write: Write | None = None
) -> Invocation | Outcome:
    """The call that a run needs, or its outcome where no call is needed.

    ``crashed`` says that the run had begun when its process ended, and nobody knows how far it came. ``write`` is what
    ``resume_url`` gives for an address.
    """
    vertex = activation.vertex
    if (
        crashed
        or activation.starved
        or activation.refused
        or activation.over_limit >= 0
        or vertex.enabled_if is not None
    ):
        refused = _refused(execution, activation, now, crashed)
        if refused is not None:
            return refused
    resumption = activation.resumption
    if resumption is not None:
        settled = _settled_by_resumption(activation, resumption)
        return settled if settled is not None else _resume_call(execution, activation, resumption, now)
    context = context_of(execution, activation) if activation.scope or execution.top.context else NOTHING
    urls = ResumeUrls(execution, activation.scope, write) if write is not None and vertex.names_resume_url else None
    return first_call(execution, activation, now, context, urls)


def first_call(
    seen: Execution | Stride,
    activation: Activation,
    now: Instant,
    context: dict[str, Any],
    urls: ResumeUrls | None = None,
) -> Invocation | Failed:
    """The call of a run that nothing keeps from starting, or why its parameters cannot be made."""
    vertex = activation.vertex
    arrivals = activation.arrivals
    if len(arrivals) == 1 and vertex.takes_one:
        route, value = arrivals[0].route, arrivals[0].value
        inputs = {MAIN if route is None else route.to_port: value}
    else:
        inputs = inputs_of(activation)
        value = main_input(inputs)
    params = vertex.params.source
    if not vertex.params.static:
        rendered = _rendered(seen, activation, now, inputs, value, urls)
        if isinstance(rendered, Failed):
            return rendered
        params = rendered
    if vertex.has_mapping and (mapped := mapped_params(activation)):
        params = {**params, **mapped}
    identity = seen.identity
    timeout = vertex.settings.timeout
    return Invocation(
        identity.id,
        identity.key_seed,
        seen.execution_graph.workflow_id,
        vertex.key,
        vertex.spec.type,
        "execute",
        activation.scope,
        activation.run,
        activation.run_index,
        activation.index if activation.index >= 0 else seen.next_index,
        activation.attempt,
        params,
        value,
        inputs,
        seen.state,
        context,
        identity.preparation_data.get(vertex.key) if identity.preparation_data else None,
        None,
        None,
        identity.variables,
        (),
        None if timeout is None else nanoseconds(timeout),
        now,
        identity.deadline is not None,
    )


def _rendered(
    seen: Execution | Stride,
    activation: Activation,
    now: Instant,
    inputs: dict[PortName, Any],
    value: Any,
    urls: ResumeUrls | None,
) -> dict[str, Any] | Failed:
    """The parameters with what their templates give."""
    vertex = activation.vertex
    try:
        names = ExecutionNames(seen, activation.scope, inputs=inputs, value=value, now=now, activation=activation)
        if urls is not None:
            names[RESUME_URL] = urls
        params = vertex.params.render(names)
        check_storable(params)
    except TemplateError as error:
        return Failed(template_failure(error))
    except NotStorableError as error:
        return failed(
            "params_not_storable", f"the params of node {vertex.key!r} became no data: {error}", retryable=False
        )
    return params


def context_of(execution: Execution, activation: Activation) -> dict[str, Any]:
    """What the node of a run remembers where it runs."""
    state = execution.scopes[activation.scope] if activation.scope else execution.top
    return state.context.get(activation.vertex.ordinal, {}) if state.context else {}


def _refused(execution: Execution, activation: Activation, now: Instant, crashed: bool) -> Failed | None:
    """Why a run must fail without being called."""
    vertex = activation.vertex
    if activation.starved:
        return failed(
            "join_starved",
            f"the join at node {vertex.key!r} can never be complete: nothing can arrive any more over "
            f"{', '.join(activation.starved)}",
            retryable=False,
            details={"node": vertex.key, "missing": list(activation.starved)},
        )
    if activation.refused:
        return failed(
            "join_policy_failed",
            f"the policy of the join at node {vertex.key!r} failed: {activation.refused}",
            retryable=False,
            details={"node": vertex.key},
        )
    if activation.over_limit >= 0:
        cycle = execution.execution_graph.cycles[activation.over_limit]
        limit = execution.identity.policy.max_iterations if cycle.declared is None else cycle.max_iterations
        return failed(
            "loop_limit",
            f"the cycle at node {vertex.key!r} was gone round {limit} times, which is its limit (max_iterations)",
            retryable=False,
            details={"node": vertex.key, "max_iterations": limit, "iteration_count": execution.iteration_count},
        )
    if crashed and vertex.settings.delivery == "at_most_once":
        return failed(
            "interrupted",
            f"node {vertex.key!r} had begun when its process ended, and it may run at most once",
            retryable=False,
        )
    broken_guard = evaluates(execution, activation, now) if vertex.enabled_if is not None else None
    return None if broken_guard is None else Failed(broken_guard)


def _settled_by_resumption(activation: Activation, resumption: Resumption) -> Outcome | None:
    """How a run ends that was resumed and has nothing to say about it; ``None``: its node is asked."""
    vertex, suspension = activation.vertex, resumption.suspension
    if resumption.expired and suspension.type != "sub_workflow":
        if vertex.routes.get(TIMEOUT):
            return Completed(None, TIMEOUT)
        return failed("timeout", f"nobody resolved wait {suspension.wait_id!r} in time", retryable=False)
    if vertex.spec.has_resume or suspension.type == "sub_workflow":
        return None
    return Completed(resumption.data, suspension.port)


def _resume_call(execution: Execution, activation: Activation, resumption: Resumption, now: Instant) -> Invocation:
    vertex, identity = activation.vertex, execution.identity
    inputs = inputs_of(activation)
    data = {"status": "timeout"} if resumption.expired else resumption.data
    return Invocation(
        execution_id=identity.id,
        key_seed=identity.key_seed,
        workflow_id=execution.execution_graph.workflow_id,
        node_key=vertex.key,
        node_type=vertex.spec.type,
        call="resume",
        scope=activation.scope,
        run=activation.run,
        run_index=activation.run_index,
        execution_index=activation.index,
        attempt=activation.attempt,
        params=activation.params if activation.params is not None else vertex.params.source,
        input=main_input(inputs),
        inputs=inputs,
        state=execution.state,
        context=context_of(execution, activation),
        preparation=identity.preparation_data.get(vertex.key),
        data=data,
        suspension=resumption.suspension,
        variables=identity.variables,
        timeout_ns=None if vertex.settings.timeout is None else nanoseconds(vertex.settings.timeout),
        now=now,
        can_be_cancelled=identity.deadline is not None,
    )
