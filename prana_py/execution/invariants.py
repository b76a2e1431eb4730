"""What holds for every value of an execution, however it was reached: broken, it is a mistake of the engine."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

from pyrsistent import PVector

from prana_py.errors import InvariantError
from prana_py.execution.activation import Activation
from prana_py.execution.draft import window_id
from prana_py.execution.execution import Execution, waits_for_others
from prana_py.execution.row_graphs import with_graphs
from prana_py.execution.rows import (
    AllWithdrawn,
    ArrivalRef,
    ArrivalsDropped,
    AttemptFailed,
    Begun,
    Cancelled,
    CancelRequested,
    Dropped,
    Ended,
    Entered,
    Expired,
    Forked,
    Resumed,
    Row,
    RunKey,
    ScopeClosed,
    ScopeOpened,
    Settled,
    SignalTaken,
    Started,
    Stopped,
    Suspended,
    WindowOpened,
    Withdrawn,
)
from prana_py.execution.sameness import difference, same_state
from prana_py.execution.scope_state import ScopeState, feeds_of
from prana_py.execution.suspension import BatchWindow
from prana_py.execution.transitions import fold
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import TOP, NodeKey, Scope, WaitId

__all__ = ["broken_invariants", "check_invariants", "same_state"]

Target: TypeAlias = tuple[ArrivalRef, NodeKey, Scope]
"""An arrival where it arrives."""

_INTERFERENCE: Final = (AllWithdrawn, ArrivalsDropped, Cancelled, CancelRequested, Entered, Forked, Stopped, Withdrawn)
"""After these, arrivals may be gone that no row names one by one."""


def check_invariants(execution: Execution, *, refold: bool = True) -> None:
    """Raise ``InvariantError`` with everything that does not hold. ``refold`` applies the whole journal once more."""
    broken = [*broken_invariants(execution)]
    if refold and not execution.trail.dropped:
        earlier = execution.identity.earlier_graphs
        told = fold(execution.execution_graph, list(execution.trail), execution.environment, earlier)
        found = difference(told, execution)
        broken += [] if found is None else [f"the journal tells of another value: {found}"]
    if broken:
        raise InvariantError(f"execution {execution.id!r} at position {execution.position}: {'; '.join(broken)}")


def broken_invariants(execution: Execution) -> Iterator[str]:
    """What does not hold, apart from what the journal tells of the whole."""
    for check in _CHECKS:
        yield from check(execution)
    if not execution.trail.dropped:
        for check_history in _OF_WHOLE_HISTORIES:
            yield from check_history(execution)


# ── the journal ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _positions(execution: Execution) -> Iterator[str]:
    rows = len(execution.trail) + execution.trail.dropped
    if rows != execution.position:
        yield f"the journal has {rows} rows, and its position is {execution.position}"


def _beginning_and_end(execution: Execution) -> Iterator[str]:
    rows = list(execution.trail)
    if not isinstance(rows[0], Started) or any(isinstance(row, Started) for row in rows[1:]):
        yield "a journal begins with its only started row"
    if any(isinstance(row, Ended) for row in rows[:-1]):
        yield "something happened after the end"
    if execution.is_final != isinstance(rows[-1], Ended):
        yield f"the execution is {execution.status}, and its last row is {rows[-1]}"


def _completions(execution: Execution) -> Iterator[str]:
    """Each run ends once, each of its attempts fails once, and its execution index is its own."""
    ends: Counter[Any] = Counter()
    indices: dict[int, RunKey] = {}
    for row in execution.trail:
        if isinstance(row, Settled | Stopped | Cancelled | Suspended | AttemptFailed | Begun):
            key = (row.node, row.scope, row.run)
            if indices.setdefault(row.execution_index, key) != key:
                yield f"{key} and {indices[row.execution_index]} share execution index {row.execution_index}"
            if row.execution_index >= execution.next_index:
                yield f"execution index {row.execution_index} of {key} is to be given again"
            if isinstance(row, Settled | Stopped | Cancelled):
                ends[key] += 1
    live = {activation.key for activation in _live(execution)}
    yield from (f"{key} ended {times} times" for key, times in ends.items() if times > 1)
    yield from (f"{key} has ended, and is live" for key in ends if key in live)


def _waits(execution: Execution) -> Iterator[str]:
    """Each wait opens once and is resolved once, and is not open any more then."""
    opened: Counter[WaitId] = Counter()
    resolved: Counter[WaitId] = Counter()
    for row in execution.trail:
        opened.update(suspension.wait_id for suspension in getattr(row, "waits", ()))
        opened.update(c.suspension.wait_id for c in _consequences(row) if isinstance(c, WindowOpened))
        if isinstance(row, AttemptFailed) and row.suspension is not None:
            opened[row.suspension.wait_id] += 1
        if isinstance(row, Resumed | Expired | SignalTaken):
            resolved[row.wait_id] += 1
    yield from (f"wait {name!r} was opened {times} times" for name, times in opened.items() if times > 1)
    yield from (f"wait {name!r} was resolved {times} times" for name, times in resolved.items() if times > 1)
    yield from (f"wait {name!r} was resolved, and is open" for name in resolved if name in execution.suspensions)


# ── arrivals ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _arrivals(execution: Execution) -> Iterator[str]:
    """Every arrival that was made is consumed once, dropped by a rule, or pending."""
    found = Counter(_found(execution))
    yield from (f"arrival {target} was used {times} times" for target, times in found.items() if times > 1)
    if execution.ending is not None or execution.is_final or any(map(_interferes, execution.trail)):
        return
    made = Counter(_made(execution))
    if made != found:
        yield f"arrivals that were lost: {list(made - found)}; that nobody made: {list(found - made)}"


def _interferes(row: Row) -> bool:
    if isinstance(row, _INTERFERENCE) or any(isinstance(c, _INTERFERENCE) for c in _consequences(row)):
        return True
    return (isinstance(row, Settled) and row.failed) or (isinstance(row, ScopeClosed) and row.enough)


def _found(execution: Execution) -> Iterator[Target]:
    consumed: dict[RunKey, tuple[ArrivalRef, ...]] = {}
    for row in execution.trail:
        if isinstance(row, Settled | Suspended | Stopped):
            consumed[(row.node, row.scope, row.run)] = row.consumed
        for consequence in _consequences(row):
            if isinstance(consequence, Dropped):
                yield from ((ref, consequence.node, consequence.scope) for ref in consequence.arrivals)
    for activation in _live(execution):
        consumed[activation.key] = tuple(arrival.ref for arrival in activation.arrivals)
    for (node, scope, _), refs in consumed.items():
        yield from ((ref, node, scope) for ref in refs)
    for scope, state in _scopes(execution):
        for ordinal, queue in state.queues.items():
            key = execution.execution_graph.vertices[ordinal].key
            yield from ((arrival.ref, key, scope) for arrival in queue)


def _made(execution: Execution) -> Iterator[Target]:
    owners: dict[RunKey, int] = {}
    for row, graph in with_graphs(execution.trail, execution.execution_graph, execution.identity.earlier_graphs):
        match row:
            case Started():
                yield (-1, "", -1), row.trigger, TOP
            case Settled():
                for port in row.ports:
                    elements = range(len(row.value(port))) if port in row.each else (-1,)
                    for element in elements:
                        yield from _sent(graph, row.node, port, row.execution_index, row.scope, element, row.taken)
            case Begun(plan=plan) if plan is not None:
                owners[(row.node, row.scope, row.run)] = row.execution_index
            case ScopeOpened():
                source = owners[(row.node, row.scope, row.run)]
                scope = (*row.scope, (row.node, row.run, row.item))
                yield from _sent(graph, row.node, "loop", source, scope, row.item, None)
            case _:
                pass


def _sent(
    graph: ExecutionGraph,
    node: NodeKey,
    port: str,
    source: int,
    scope: Scope,
    element: int,
    taken: tuple[str, ...] | None,
) -> Iterator[Target]:
    for route in graph.vertex(node).routes.get(port, ()):
        if not route.ends_item and (taken is None or route.key in taken):
            target = graph.vertices[route.target]
            yield (source, route.key, element), target.key, scope[: len(target.home)]


# ── live work ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _goes_on(execution: Execution) -> Iterator[str]:
    """An execution that has not ended has something that makes it go on, and one that has ended has nothing live."""
    live = bool(execution.frontier or execution.parked or execution.top.live or execution.scopes)
    if execution.is_final:
        if live and execution.status == "completed":
            yield "the execution has completed with live work"
        return
    moving = execution.frontier or execution.attention or waits_for_others(execution.suspensions, execution.owners)
    if live and not moving and (execution.ending is None or execution.parked):
        yield "there is live work, and nothing can ever make it go on"


def _runs(execution: Execution) -> Iterator[str]:
    keys = Counter(activation.key for activation in _live(execution))
    yield from (f"{key} is live {times} times" for key, times in keys.items() if times > 1)
    turns = [activation.activated for activation in execution.frontier]
    if turns != sorted(turns):
        yield f"the frontier is out of order: {turns}"
    yield from (f"{key} has items, and is not parked" for key in execution.owners if key not in execution.parked)


def _bits(execution: Execution) -> Iterator[str]:
    """The bit sets of a scope say what the runs and queues say."""
    busy: dict[Scope, int] = {}
    for activation in _live(execution):
        busy[activation.scope] = busy.get(activation.scope, 0) | activation.vertex.bit
    scopes = dict(_scopes(execution))
    if execution.is_final and execution.status != "completed":
        return
    yield from (f"a run is live in {scope}, which is not open" for scope in busy if scope not in scopes)
    for scope, state in scopes.items():
        if state.busy != busy.get(scope, 0):
            yield f"in {scope} the bits {state.busy:b} are busy, and by the runs {busy.get(scope, 0):b}"
        if state.waiting != sum(1 << ordinal for ordinal in state.queues):
            yield f"in {scope} the bits {state.waiting:b} wait, and by the queues {sorted(state.queues)}"
        for ordinal, queue in state.queues.items():
            if not len(queue) or queue.present != feeds_of(queue.arrivals, queue.head):
                yield f"in {scope} the queue of vertex {ordinal} is not what it says"


def _suspensions(execution: Execution) -> Iterator[str]:
    """Whoever waits waits for something open, and whatever is open is waited for."""
    awaited = {name for activation in execution.parked.values() for name in activation.open_waits}
    opened = {name for name, wait in execution.suspensions.items() if not isinstance(wait.wait, BatchWindow)}
    if awaited != opened and execution.ending is None:
        yield f"runs wait for {sorted(awaited)}, and {sorted(opened)} are open"
    gathering = {
        window_id(execution.execution_graph.vertices[ordinal], scope, state)
        for scope, state in _scopes(execution)
        for ordinal in state.queues
    }
    if windows := set(execution.suspensions) - opened - gathering:
        yield f"windows are open in which nothing gathers: {sorted(windows)}"


def _attention(execution: Execution) -> Iterator[str]:
    """Exactly the quiet scopes and the owners that may go on want attention."""
    if execution.ending is not None or execution.is_final:
        return
    wanting: set[Any] = {scope for scope, state in execution.scopes.items() if not state.live}
    wanting |= {key for key, owner in execution.owners.items() if owner.may_go_on}
    if wanting != set(execution.attention) or len(wanting) != len(execution.attention):
        yield f"{sorted(map(str, wanting))} want attention, and {execution.attention} get it"


def _scope_counts(execution: Execution) -> Iterator[str]:
    opened = Counter((scope[-1][0], scope[:-1], scope[-1][1]) for scope in execution.scopes)
    for key, owner in execution.owners.items():
        if owner.live != opened[key]:
            yield f"{key} has {opened[key]} open scopes, and counts {owner.live}"
    if execution.ending is None:  # else owners are withdrawn at once, and a call under way in a scope ends later
        yield from (f"{key} has open scopes, and is over" for key in opened if key not in execution.owners)


# ── the collector ────────────────────────────────────────────────────────────────────────────────────────────────────


def _untracked(execution: Execution) -> Iterator[str]:
    """The collector may clear what a vector holds if it tracks the elements: so it must track none."""
    for vector in _vectors(execution):
        yield from (f"a vector holds {element!r}, which is tracked" for element in vector if gc.is_tracked(element))


def _vectors(execution: Execution) -> Iterator[PVector[Any]]:
    yield execution.trail.sealed
    for _, state in _scopes(execution):
        yield state.latest
        yield from (queue.arrivals for queue in state.queues.values())


# ── the parts ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _live(execution: Execution) -> Iterator[Activation]:
    yield from execution.frontier
    yield from execution.parked.values()


def _scopes(execution: Execution) -> Iterator[tuple[Scope, ScopeState]]:
    yield TOP, execution.top
    yield from execution.scopes.items()


def _consequences(row: Row) -> tuple[Any, ...]:
    return getattr(row, "consequences", ())


Check: TypeAlias = Callable[[Execution], Iterable[str]]
_CHECKS: Final[tuple[Check, ...]] = (
    _positions,
    _goes_on,
    _runs,
    _bits,
    _suspensions,
    _attention,
    _scope_counts,
    _untracked,
)
_OF_WHOLE_HISTORIES: Final[tuple[Check, ...]] = (_beginning_and_end, _completions, _waits, _arrivals)
