"""Who decides which event comes next: the Order rule, the caller, or every possibility in turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tests.reference_interpreter.interpreter import (
    Arrival,
    Behaviour,
    Consumed,
    Interpreter,
    Place,
    Record,
    Run,
    StepLimit,
    Verdict,
)
from tests.reference_interpreter.net import Net

DEFAULT_LIMIT = 1_000
Choose: TypeAlias = Callable[[Sequence[Run], Sequence[Run]], Run]


@dataclass(frozen=True)
class Result:
    """How one execution went: its records in the order in which they settled, and how it ended."""

    records: tuple[Record, ...]
    verdict: Verdict
    dropped: tuple[Consumed, ...]
    released: tuple[Place, ...]

    @property
    def outcome(self) -> Outcome:
        """The same without the order."""
        return Outcome(frozenset(Counter(self.records).items()), self.verdict)


@dataclass(frozen=True)
class Outcome:
    """The multiset of records, and the verdict."""

    records: frozenset[tuple[Record, int]]
    verdict: Verdict


class TooManyStates(RuntimeError):
    """The net has more states than the caller wanted to look at."""


def run_sequential(net: Net, behaviour: Behaviour, *, limit: int = DEFAULT_LIMIT) -> Result:
    """Play one run at a time, the most recently activated first; resolve waits only when nothing else is left."""

    def order(in_flight: Sequence[Run], ready: Sequence[Run]) -> Run:
        running = [run for run in in_flight if run in execution.running]
        return (running or list(ready) or list(in_flight))[0]

    execution = Interpreter(net, behaviour)
    return _play(execution, order, limit)


def run_with_order(net: Net, behaviour: Behaviour, choose: Choose, *, limit: int = DEFAULT_LIMIT) -> Result:
    """Play the events that `choose(in_flight, ready)` picks: one of `ready` starts, one of `in_flight` ends.

    `in_flight` holds running runs and suspended ones that say how they would be resolved.
    """
    return _play(Interpreter(net, behaviour), choose, limit)


def all_outcomes(
    net: Net,
    behaviour: Behaviour,
    *,
    max_concurrency: int | None = None,
    limit: int = DEFAULT_LIMIT,
    max_states: int = 100_000,
) -> set[Outcome]:
    """Every outcome that some order of completion can bring about; starts follow the Order rule."""
    outcomes: set[Outcome] = set()
    first = Interpreter(net, behaviour)
    _start_all(first, max_concurrency)
    seen: set[Hashable] = {fingerprint(first)}
    todo = [first]
    while todo:
        state = todo.pop()
        if len(seen) > max_states:
            raise TooManyStates(f"more than {max_states} states")
        in_flight = _in_flight(state)
        if verdict := _verdict(state, in_flight, limit):
            outcomes.add(_result(state, verdict).outcome)
            continue
        for run in in_flight:
            successor = state.clone()
            _end(successor, run)
            _start_all(successor, max_concurrency)
            mark = fingerprint(successor)
            if mark not in seen:
                seen.add(mark)
                todo.append(successor)
    return outcomes


def fingerprint(state: Interpreter) -> Hashable:
    """What the rest of an execution, and its outcome, depend on: ages count only relative to each other."""
    arrivals = [arrival for waiting in state.waiting.values() for arrival in waiting]
    arrivals += [arrival for due in state.due.values() for taken in due for arrival in taken]
    arrivals += [arrival for wave in state.waves.values() for arrival in wave.gathered]
    arrivals += [arrival for run in state.runs() for arrival in run.arrivals]
    orders = {order: rank for rank, order in enumerate(sorted({arrival.order for arrival in arrivals}))}
    moments = {moment: rank for rank, moment in enumerate(sorted({arrival.moment for arrival in arrivals}))}

    def mark(arrival: Arrival) -> Hashable:
        return arrival.consumed, repr(arrival.value), moments[arrival.moment], orders[arrival.order]

    def marks(taken: Sequence[Arrival]) -> Hashable:
        return tuple(mark(arrival) for arrival in taken)

    def names(runs: Sequence[Run]) -> Hashable:
        return frozenset((run.scope, run.node, run.number, marks(run.arrivals)) for run in runs)

    return (
        frozenset(Counter(state.records).items()),
        frozenset((place, marks(waiting)) for place, waiting in state.waiting.items() if waiting),
        frozenset((place, tuple(map(marks, due))) for place, due in state.due.items() if due),
        frozenset(
            (place, frozenset(wave.delivered), marks(wave.gathered), wave.fired, wave.closed)
            for place, wave in state.waves.items()
        ),
        names(state.ready),
        names(state.running),
        names(list(state.suspended)),
        frozenset(
            (run.scope, run.node, run.number, owner.opened, frozenset(owner.open), repr(owner.returned))
            for run, owner in state.owners.items()
        ),
        frozenset(state.numbers.items()),
        frozenset(state.loop_backs.items()),
        state.verdict,
    )


def _play(execution: Interpreter, choose: Choose, limit: int) -> Result:
    while True:
        in_flight, ready = _in_flight(execution), execution.startable()
        verdict = _verdict(execution, [*in_flight, *ready], limit)
        if verdict:
            return _result(execution, verdict)
        run = choose(in_flight, ready)
        if run in execution.ready:
            execution.start(run)
        else:
            _end(execution, run)


def _in_flight(execution: Interpreter) -> list[Run]:
    resolvable = [run for run, then in execution.suspended.items() if then is not None]
    return [*execution.running, *resolvable]


def _verdict(execution: Interpreter, possible: Sequence[Run], limit: int) -> Verdict | None:
    if execution.verdict:
        return execution.verdict
    if not possible:
        return execution.rest()
    return StepLimit() if len(execution.records) >= limit else None


def _end(execution: Interpreter, run: Run) -> None:
    if run in execution.running:
        execution.finish(run)
    else:
        then = execution.suspended[run]
        assert then is not None
        execution.resolve(run, then)


def _start_all(execution: Interpreter, max_concurrency: int | None) -> None:
    for run in execution.startable():
        if max_concurrency is not None and len(execution.running) >= max_concurrency:
            return
        execution.start(run)


def _result(execution: Interpreter, verdict: Verdict) -> Result:
    return Result(tuple(execution.records), verdict, tuple(execution.dropped), tuple(execution.released))
