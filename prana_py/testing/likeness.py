"""What differs between two values of one execution: a live one, and the one that its journal tells of."""

from __future__ import annotations

from typing import Any, Final

from prana_py.execution.activation import Activation
from prana_py.execution.execution import Execution, OwnerRun
from prana_py.execution.scope_state import ScopeState

PLAIN: Final = (
    "status",
    "position",
    "suspensions",
    "state",
    "next_index",
    "iteration_count",
    "ending",
    "mutexes",
    "run_counts",
    "output",
    "error",
    "last_at",
)


def differences(one: Execution, other: Execution) -> list[str]:
    """The parts that are not the same, with both values; the graph and the environment do not count."""
    return [
        f"{part}: {mine!r} is not {theirs!r}"
        for part, mine, theirs in zip(_PARTS, _parts(one), _parts(other), strict=True)
        if mine != theirs
    ]


_PARTS: Final = (*PLAIN, "frontier", "parked", "owners", "attention", "scopes", "signals")


def _parts(execution: Execution) -> list[Any]:
    return [
        *(getattr(execution, name) for name in PLAIN),
        [_run(activation) for activation in execution.frontier],
        {key: _run(activation) for key, activation in execution.parked.items()},
        {key: _owner(owner) for key, owner in execution.owners.items()},
        execution.attention,
        {(): _scope(execution.top)} | {scope: _scope(state) for scope, state in execution.scopes.items()},
        [(signal.position, signal.name, signal.data, signal.until) for signal in execution.signals],
    ]


def _run(run: Activation) -> tuple[Any, ...]:
    resumption = run.resumption
    woken = None if resumption is None else (resumption.suspension, resumption.data, resumption.expired)
    arrivals = tuple((arrival.ref, arrival.value, arrival.order) for arrival in run.arrivals)
    numbers = (run.run_index, run.attempt, run.index, run.started_at, run.not_before, run.waits, run.compensates)
    return (run.key, run.activated, arrivals, numbers, run.begun, run.open_waits, run.starved, run.over_limit, woken)


def _owner(owner: OwnerRun) -> tuple[Any, ...]:
    results = {item: (result.value, result.error) for item, result in owner.results.items()}
    return (owner.opened, owner.live, owner.count, owner.closed, owner.enough, owner.added, results, owner.plan)


def _scope(state: ScopeState) -> tuple[Any, ...]:
    queues = {ordinal: [(a.ref, a.value, a.order) for a in queue] for ordinal, queue in state.queues.items()}
    waves = {ordinal: (wave.delivered, wave.started) for ordinal, wave in state.waves.items()}
    sets = (state.busy, state.waiting, state.iterations, state.result, state.result_order, state.failure)
    return (sets, queues, waves, dict(state.runs), dict(state.counts), dict(state.context), list(state.latest))
