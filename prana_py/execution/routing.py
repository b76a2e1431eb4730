"""Which connections an answer takes: those whose condition holds, unless a declared cycle ends there."""

from __future__ import annotations

from typing import Any

import msgspec

from prana_py.execution.activation import Activation
from prana_py.execution.execution import Execution
from prana_py.execution.iterations import entered_at
from prana_py.execution.names import ExecutionNames
from prana_py.execution.rows import CycleEnd
from prana_py.execution.suspension import nanoseconds
from prana_py.graph.execution_graph import ExecutionGraph, Route
from prana_py.identifiers import Instant, PortName


class Routing(msgspec.Struct, frozen=True):
    """The connections taken (``None``: all of the chosen ports), and the declared cycles that ended here."""

    taken: tuple[str, ...] | None = None
    converged: tuple[CycleEnd, ...] = ()


ALL_TAKEN = Routing()


def route(execution: Execution, activation: Activation, values: dict[PortName, Any], now: Instant) -> Routing:
    """Decide which connections the values leave by. Conditions see the value that would pass as ``$input``."""
    routes = [r for port in values for r in activation.vertex.routes.get(port, ())]
    if all(r.condition is None and r.cycle < 0 for r in routes):
        return ALL_TAKEN
    taken: list[Route] = []
    ended: list[tuple[Route, CycleEnd]] = []
    for candidate in routes:
        value = values[candidate.connection.from_port]
        names = ExecutionNames(execution, activation.scope, value=value, now=now, activation=activation)
        if candidate.condition is not None and not candidate.condition.test(names):
            continue
        end = _end_of_cycle(execution, activation, candidate, names, now)
        if end is None:
            taken.append(candidate)
        else:
            ended.append((candidate, end))
    rounds = _going_round(execution.execution_graph, taken)
    keys = tuple(r.key for r in taken if not _leaves(r, rounds))
    if len(keys) == len(routes):
        return ALL_TAKEN
    return Routing(keys, tuple(end for r, end in ended if not _leaves(r, rounds)))


def _going_round(graph: ExecutionGraph, taken: list[Route]) -> list[int]:
    """The members of the declared cycles that go round once more: their node leads out of them when they end."""
    cycles = [graph.cycles[route.cycle] for route in taken if route.cycle >= 0]
    return [cycle.members for cycle in cycles if cycle.declared is not None]


def _leaves(candidate: Route, rounds: list[int]) -> bool:
    return any(not members >> candidate.target & 1 for members in rounds)


def _end_of_cycle(
    execution: Execution, activation: Activation, candidate: Route, names: ExecutionNames, now: Instant
) -> CycleEnd | None:
    """How a declared cycle ends instead of going round again; ``None`` when it goes round."""
    if candidate.cycle < 0:
        return None
    cycle = execution.execution_graph.cycles[candidate.cycle]
    if cycle.declared is None:
        return None
    state = execution.scope_state(activation.scope)
    counts = () if state is None else state.iterations
    rounds = (counts[cycle.index] if counts else 0) + 1
    entered = entered_at(execution.execution_graph, counts, cycle.index)
    took = 0 if entered is None else now - entered
    if candidate.converge_when is not None and candidate.converge_when.test(names):
        return (candidate.key, rounds, True, took)
    timeout = cycle.declared.timeout
    at_limit = cycle.max_iterations is not None and rounds >= cycle.max_iterations
    if at_limit or (timeout is not None and took >= nanoseconds(timeout)):
        return (candidate.key, rounds, False, took)
    return None
