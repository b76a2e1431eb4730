"""How scope owners go on: the next item or round, the end of one, and the end of them all."""

from __future__ import annotations

from typing import Any

from prana_py.driver.failing import handled, refs_of, template_failure
from prana_py.driver.headers import header
from prana_py.errors import TemplateError
from prana_py.execution.activation import Activation
from prana_py.execution.execution import Execution, ItemResult, OwnerRun
from prana_py.execution.inputs import inputs_of
from prana_py.execution.names import ExecutionNames, main_input
from prana_py.execution.node_error import NodeError
from prana_py.execution.queries import what_came_of
from prana_py.execution.routing import route
from prana_py.execution.rows import Row, RunKey, ScopeClosed, ScopeOpened, Settled
from prana_py.expressions import compile_expression
from prana_py.identifiers import Instant, Scope


def next_scope_row(execution: Execution, now: Instant) -> Row:
    """What to do about the first thing that wants attention: a scope with nothing live in it, or an owner."""
    first = execution.attention[0]
    if _is_scope(first, execution):
        return _close(execution, first, now)  # type: ignore[arg-type]  # a scope, as just found out
    return _go_on(execution, first, now)  # type: ignore[arg-type]  # the key of an owner


def _is_scope(item: Any, execution: Execution) -> bool:
    return item in execution.scopes


# ── the end of an item or round ──────────────────────────────────────────────────────────────────────────────────────


def _close(execution: Execution, scope: Scope, now: Instant) -> Row:
    node, run, item = scope[-1]
    key = (node, scope[:-1], run)
    owner = execution.owners[key]
    state = execution.scopes[scope]
    failure = state.failure
    if failure is not None and owner.plan.on_item_error == "stop":
        return owner_failed(execution, key, failure, now)
    if failure is not None:
        return ScopeClosed(now, node, scope[:-1], run, item, failure.as_data(), failure)
    result = state.result if state.result_order >= 0 else what_came_of(execution, state)
    try:
        enough = _is_enough(execution, owner, result, now)
    except TemplateError as error:
        return owner_failed(execution, key, template_failure(error), now)
    return ScopeClosed(now, node, scope[:-1], run, item, result, enough=enough)


# ── what the owner does then ─────────────────────────────────────────────────────────────────────────────────────────


def _go_on(execution: Execution, key: RunKey, now: Instant) -> Row:
    owner = execution.owners[key]
    try:
        return (
            _next_item(execution, key, owner, now)
            if owner.vertex.spec.owner == "for_each"
            else _next_round(execution, key, owner, now)
        )
    except TemplateError as error:
        return owner_failed(execution, key, template_failure(error), now)


def _next_item(execution: Execution, key: RunKey, owner: OwnerRun, now: Instant) -> Row:
    node, scope, run = key
    if not owner.enough and owner.opened < owner.count:
        return ScopeOpened(now, node, scope, run, owner.opened)
    return _owner_done(execution, key, owner, now)


def _is_enough(execution: Execution, owner: OwnerRun, value: Any, now: Instant) -> bool:
    """With this result, enough items have completed, or the condition to stop holds."""
    if owner.plan.need is None and owner.plan.until is None:
        return False
    good = [result.value for _, result in sorted(owner.results.items()) if result.error is None] + [value]
    if owner.plan.need is not None and len(good) >= owner.plan.need:
        return True
    if owner.plan.until is None:
        return False
    names = ExecutionNames(execution, owner.scope, value=value, now=now)
    names["$results"] = good
    return compile_expression(owner.plan.until).test(names)


def _next_round(execution: Execution, key: RunKey, owner: OwnerRun, now: Instant) -> Row:
    node, scope, run = key
    results = owner.results
    value = results[owner.opened - 1].value if owner.opened else (owner.plan.items or [None])[0]
    if not owner.plan.items and not owner.opened:
        return _owner_done(execution, key, owner, now)
    limit = owner.plan.max_rounds if owner.plan.max_rounds is not None else execution.identity.policy.max_iterations
    if owner.plan.condition is not None:
        names = ExecutionNames(execution, scope, value=value, now=now)
        names["$loop"] = {"index": owner.opened, "first": owner.opened == 0}
        if not compile_expression(owner.plan.condition).test(names):
            return _owner_done(execution, key, owner, now)
    if limit is not None and owner.opened >= limit:
        if owner.plan.max_rounds is not None:
            return _owner_done(execution, key, owner, now)
        failure = NodeError(
            code="loop_limit", message=f"node {node!r} went round {limit} times, which is its limit", retryable=False
        )
        return owner_failed(execution, key, failure, now)
    return ScopeOpened(now, node, scope, run, owner.opened, value)


def _owner_done(execution: Execution, key: RunKey, owner: OwnerRun, now: Instant) -> Row:
    """``done``: for_each gives the results in item order, while gives the last one."""
    results = [result for _, result in sorted(owner.results.items())]
    if owner.vertex.spec.owner == "while":
        output = results[-1].value if results else main_input(inputs_of(execution.parked[key]))
    else:
        output = [result.value for result in results if _is_kept(owner, result)]
    return _owner_settled(execution, execution.parked[key], now, {"done": output})


def _is_kept(owner: OwnerRun, result: ItemResult) -> bool:
    return result.error is None or owner.plan.on_item_error != "skip"


def _owner_settled(execution: Execution, activation: Activation, now: Instant, values: dict[str, Any]) -> Settled:
    routing = route(execution, activation, values, now)
    return Settled(
        *header(execution, activation, activation.started_at, now),
        refs_of(activation),
        tuple(values),
        next(iter(values.values())),
        taken=routing.taken,
        params=activation.params,
        converged=routing.converged,
    )


def owner_failed(execution: Execution, key: RunKey, failure: NodeError, now: Instant) -> Row:
    """An item's failure that its owner does not take is the failure of the owner's run."""
    activation = execution.parked[key]
    own = NodeError(
        code=failure.code if failure.node_key is None else "item_failed",
        message=failure.message,
        retryable=False,
        details=failure.details,
        node_key=activation.vertex.key,
        scope=activation.scope,
        run_index=activation.run_index,
        attempt=activation.attempt,
        cause=None if failure.node_key is None else failure,
    )
    return handled(execution, activation, own, started_at=activation.started_at, at=now, params=activation.params)
