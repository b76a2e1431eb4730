"""What a fork changes in the live work that it takes over: values on their way, and the ids of children."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace
from pyrsistent import pvector

from prana_py.execution.activation import Activation, Arrival
from prana_py.execution.children import child_ids
from prana_py.execution.draft import Draft
from prana_py.execution.rows import Forked, Settled
from prana_py.execution.scope_state import Queue, ScopeState
from prana_py.execution.suspension import SubWorkflowWait, Suspension
from prana_py.identifiers import NodeKey


def take_over(draft: Draft, row: Forked) -> None:
    """Make the past of another execution the past of this one."""
    draft.identity = replace(draft.identity, id=row.execution_id, origin=row.origin, key_seed=row.key_seed)
    for wait_id, suspension in draft.suspensions.items():
        draft.suspensions = draft.suspensions.set(wait_id, _with_new_children(suspension, row.key_seed))
    if row.inputs or row.outputs:
        _replace_values(draft, row)


def _with_new_children(suspension: Suspension, key_seed: str) -> Suspension:
    wait = suspension.wait
    if not isinstance(wait, SubWorkflowWait):
        return suspension
    return replace(suspension, wait=replace(wait, children=child_ids(key_seed, suspension.wait_id, wait.request)))


def _replace_values(draft: Draft, row: Forked) -> None:
    sources: dict[int, Any] = {}
    draft.top = _with_outputs(draft, draft.top, row.outputs, sources)
    for scope, state in draft.scopes.items():
        draft.scopes = draft.scopes.set(scope, _with_outputs(draft, state, row.outputs, sources))
    draft.frontier = tuple(_with_inputs(activation, row.inputs, sources) for activation in draft.frontier)
    for key, activation in draft.parked.items():
        draft.parked = draft.parked.set(key, _with_inputs(activation, row.inputs, sources))


def _with_outputs(
    draft: Draft, state: ScopeState, outputs: Mapping[NodeKey, Any], sources: dict[int, Any]
) -> ScopeState:
    """The scope in which these nodes have given other values."""
    latest = state.latest
    for key, value in outputs.items():
        vertex = draft.graph.vertex(key)
        row = latest[vertex.slot] if vertex.slot < len(latest) else None
        if isinstance(row, Settled) and row.node == key and not row.failed:
            latest = latest.set(vertex.slot, replace(row, output=value))
            sources[row.execution_index] = value
    queues = {
        ordinal: Queue(pvector(_replaced(arrival, sources) for arrival in queue), 0, queue.present)
        for ordinal, queue in state.queues.items()
    }
    return replace(state, latest=latest, queues=queues)


def _with_inputs(activation: Activation, inputs: Mapping[NodeKey, Any], sources: dict[int, Any]) -> Activation:
    arrivals = tuple(_replaced(arrival, sources) for arrival in activation.arrivals)
    if activation.vertex.key in inputs and arrivals:
        value = inputs[activation.vertex.key]
        arrivals = tuple(replace(arrival, value=value) for arrival in arrivals)
    return replace(activation, arrivals=arrivals)


def _replaced(arrival: Arrival, sources: Mapping[int, Any]) -> Arrival:
    return replace(arrival, value=sources[arrival.source]) if arrival.source in sources else arrival
