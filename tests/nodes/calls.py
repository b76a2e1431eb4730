"""Calls of single nodes, in a word."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from inspect import isawaitable
from typing import Any

from prana_py.driver.invocation import Call, Invocation
from prana_py.driver.outcome import Completed, CompletedPorts, Failed, Outcome
from prana_py.execution.node_error import NodeError
from prana_py.execution.suspension import (
    FailureStrategy,
    IntervalWait,
    SubWorkflowRequest,
    SubWorkflowWait,
    Suspension,
    Wait,
    WebhookWait,
    as_instant,
)
from prana_py.identifiers import Instant
from prana_py.nodes.call import call_node
from prana_py.nodes.node_type import AnyNode

NOW = datetime(2030, 1, 1, tzinfo=UTC)
WEBHOOK = WebhookWait(method="POST")
INTERVAL = IntervalWait(wait_till=as_instant(NOW + timedelta(hours=1)))


def invocation(call: Call = "execute", **fields: Any) -> Invocation:
    """An invocation of node ``n`` in execution ``e``; ``input`` is also the main port's."""
    if "input" in fields and "inputs" not in fields:
        fields["inputs"] = {"main": fields["input"]}
    fields = {"node_type": "t", "node_key": "n", "now": as_instant(NOW), **fields}
    return Invocation(execution_id="e", key_seed="e", workflow_id="w", call=call, **fields)


def outcome_of(node: AnyNode, given: Invocation | None = None, **fields: Any) -> Outcome:
    """What comes of a call; an async node gets a loop of its own."""
    outcome = call_node(node, given or invocation(**fields))
    return asyncio.run(_awaited(outcome)) if isawaitable(outcome) else outcome


async def _awaited(outcome: Any) -> Outcome:
    done: Outcome = await outcome
    return done


def value_of(node: AnyNode, **fields: Any) -> Any:
    """The value a node completes with by its default port."""
    outcome = outcome_of(node, **fields)
    assert isinstance(outcome, Completed), outcome
    assert outcome.port is None
    return outcome.value


def left_by(node: AnyNode, **fields: Any) -> tuple[str | None, Any]:
    """The port and the value a node completes with."""
    outcome = outcome_of(node, **fields)
    assert isinstance(outcome, Completed), outcome
    return outcome.port, outcome.value


def ports_of(node: AnyNode, **fields: Any) -> dict[str, Any]:
    """The values a node completes with, by their ports."""
    outcome = outcome_of(node, **fields)
    assert isinstance(outcome, CompletedPorts), outcome
    return outcome.values


def error_of(node: AnyNode, **fields: Any) -> NodeError:
    """The error a node fails with."""
    outcome = outcome_of(node, **fields)
    assert isinstance(outcome, Failed), outcome
    return outcome.error


def resumed(data: Any, wait: Wait = WEBHOOK, *, port: str | None = None, **fields: Any) -> Invocation:
    """The resume of a run that waited."""
    suspension = Suspension(
        wait_id="n#0", node_key="n", run=0, run_index=0, suspended_at=Instant(0), wait=wait, port=port
    )
    return invocation("resume", data=data, suspension=suspension, **fields)


def child_wait(on_failure: FailureStrategy = "fail_parent") -> SubWorkflowWait:
    """The wait for a sub-workflow."""
    request = SubWorkflowRequest(workflow_id="child", on_failure=on_failure)
    return SubWorkflowWait(sub_workflow_id="child", execution_mode="sync", request=request)
