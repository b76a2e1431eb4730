"""What follows from a row in the same instant: joins that fire, waves that close, guards that open, what is withdrawn.

Each consequence is found by looking at the draft, applied to it, and kept in the row; loading only applies them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf
from operator import lt

from msgspec.structs import replace

from prana_py.errors import InvariantError
from prana_py.execution.activation import Arrival
from prana_py.execution.draft import Draft, next_run, window_id
from prana_py.execution.execution import NO_SUSPENSIONS
from prana_py.execution.guards import guard_holds
from prana_py.execution.join_policies import Holding, ask_policy
from prana_py.execution.joins import (
    bits_of,
    blocked,
    can_starve,
    feed_of,
    fires,
    is_short,
    may_be_stuck,
    missing_feeds,
    must_wait,
    oldest_per_feed,
    rest_of_wave,
    to_release,
    wave_is_over,
)
from prana_py.execution.rows import (
    AllWithdrawn,
    ArrivalRef,
    Consequence,
    Dropped,
    Enabled,
    Formed,
    Gate,
    Row,
    RunKey,
    Settled,
    WaveClosed,
    WindowOpened,
    Withdrawn,
)
from prana_py.execution.scope_state import Queue, ScopeState, Wave
from prana_py.execution.suspension import BatchWindow, GuardWait, Suspension, nanoseconds
from prana_py.graph.execution_graph import Vertex
from prana_py.identifiers import TOP, Instant, Scope
from prana_py.model.join import Batch, Custom, FirstOf


def settle_down(draft: Draft, row: Row, *, in_flight: frozenset[RunKey]) -> tuple[Consequence, ...]:
    """Apply everything that follows from what the draft has become, and say what it was."""
    found: list[Consequence] = []
    if isinstance(row, Settled) and not row.failed and draft.ending is None:
        found.extend(_withdraw_rivals(draft, row))
    while (consequence := _next(draft, in_flight)) is not None:
        apply_consequence(draft, consequence)
        found.append(consequence)
    return tuple(found)


def _next(draft: Draft, in_flight: frozenset[RunKey]) -> Consequence | None:
    if draft.ending is not None:
        return _on_the_way_out(draft, in_flight)
    for scope in sorted(draft.touched) if len(draft.touched) > 1 else tuple(draft.touched):
        if draft.is_open(scope):
            state = draft.scope(scope)
            if (state.waiting or state.waves) and (consequence := _at_joins(draft, scope, state)) is not None:
                return consequence
    return _at_guards(draft, in_flight) if draft.graph.has_guards else None


def _withdraw_rivals(draft: Draft, row: Settled) -> Iterator[Consequence]:
    """The node that completed was in a race, or cancels a region: the others are withdrawn, but for what it led to."""
    vertex = draft.graph.vertex(row.node)
    rivals, region = _rivals(draft, vertex), _region(draft, vertex)
    places = [(row.scope, rivals, "race")] if rivals else []
    places += [(scope, region, "region") for scope in _and_inside(draft, row.scope)] if region else []
    for scope, bits, why in places:
        while (consequence := _withdraw_one(draft, scope, bits, why, before=draft.first)) is not None:
            apply_consequence(draft, consequence)
            yield consequence


def _and_inside(draft: Draft, scope: Scope) -> list[Scope]:
    """The scope, and the open ones within it."""
    depth = len(scope)
    return [scope, *sorted(inner for inner in draft.scopes if len(inner) > depth and inner[:depth] == scope)]


def _rivals(draft: Draft, vertex: Vertex) -> int:
    race = vertex.settings.race
    if race is None:
        return 0
    return _bits(other for other in draft.graph.vertices if other.settings.race == race and other is not vertex)


def _region(draft: Draft, vertex: Vertex) -> int:
    return _bits(draft.graph.vertex(key) for key in vertex.settings.cancels)


def _bits(vertices: Iterable[Vertex]) -> int:
    bits = 0
    for vertex in vertices:
        bits |= vertex.bit
    return bits


def _withdraw_one(
    draft: Draft, scope: Scope, bits: int, why: str, *, before: float = inf
) -> Withdrawn | Dropped | None:
    """The next run of these nodes to withdraw, or else arrivals of theirs to drop, in a scope that is open.

    What arrived only ``before`` that number counts.
    """
    if not bits or not draft.is_open(scope):
        return None
    state = draft.scope(scope)
    if state.busy & bits:
        for activation in (*draft.frontier, *draft.fresh, *draft.parked.values()):
            if activation.vertex.bit & bits and activation.scope == scope and _came(activation.arrivals, before):
                return Withdrawn(activation.key, why)
    for ordinal in bits_of(state.waiting & bits):
        if arrivals := _came(state.queues[ordinal], before):
            return Dropped(draft.graph.vertices[ordinal].key, scope, refs(arrivals), why)
    return None


def _came(arrivals: Iterable[Arrival], before: float) -> tuple[Arrival, ...]:
    return tuple(arrival for arrival in arrivals if arrival.order < before)


# ── joins ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _at_joins(draft: Draft, scope: Scope, state: ScopeState) -> Consequence | None:
    vertices = draft.graph.vertices
    for ordinal in state.waves:
        if (consequence := _at_wave(draft, vertices[ordinal], scope, state)) is not None:
            return consequence
    for ordinal in bits_of(state.waiting):
        vertex = vertices[ordinal]
        if (taken := fires(vertex, state)) is not None:
            return _formed(draft, vertex, scope, taken)
        if vertex.join.__class__ is Batch and (opened := _window(draft, vertex, scope)) is not None:
            return opened
        if vertex.join.__class__ is Custom:
            verdict = _by_policy(draft, vertex, scope, more_can_come=blocked(vertex, state))
            if verdict is not None:
                return verdict
    if may_be_stuck(draft.graph.entangled, state) and (released := to_release(vertices, state)) is not None:
        return _released(draft, released, scope, state)
    return _starving(draft, scope, state) if state.waiting else None


def _at_wave(draft: Draft, vertex: Vertex, scope: Scope, state: ScopeState) -> Consequence | None:
    """What competed with a wave that has just fired is withdrawn; what comes too late is dropped; then it is closed."""
    join = vertex.join
    if isinstance(join, FirstOf) and join.on_rest == "cancel" and (scope, vertex.ordinal) in draft.fired:
        withdrawal = _withdraw_one(draft, scope, vertex.captive, "rest")
        if withdrawal is not None:
            return withdrawal
    if state.waves[vertex.ordinal].closed:
        return None if must_wait(vertex, state) else WaveClosed(vertex.key, scope)
    if rest := rest_of_wave(vertex, state):
        return Dropped(vertex.key, scope, refs(rest), "wave")
    if not wave_is_over(vertex, state):
        return None
    return WaveClosed(vertex.key, scope, makes_way=not must_wait(vertex, state))


def _starving(draft: Draft, scope: Scope, state: ScopeState) -> Consequence | None:
    """Nothing in the scope is ready, under way or suspended: a join that still needs more will never have it."""
    if state.busy:
        return None
    for ordinal in bits_of(state.waiting):
        vertex = draft.graph.vertices[ordinal]
        if can_starve(vertex, state):
            return _released(draft, vertex, scope, state)
        if vertex.join.__class__ is Custom and window_id(vertex, scope, state) not in draft.suspensions:
            return _by_policy(draft, vertex, scope, more_can_come=False) or _given_up(draft, vertex, scope, state)
    return None


def _by_policy(draft: Draft, vertex: Vertex, scope: Scope, *, more_can_come: bool) -> Formed | WindowOpened | None:
    """What the policy of a join makes of its arrivals."""
    state = draft.scope(scope)
    if not isinstance(vertex.join, Custom) or (state.busy & vertex.bit and not vertex.settings.reentrant):
        return None
    policy, queue = draft.graph.policies[vertex.join.name], state.queues[vertex.ordinal]
    verdict = ask_policy(policy, vertex, queue, draft.state, draft.at, more_can_come=more_can_come)
    if isinstance(verdict, Holding):
        return None if verdict.until is None else _window_until(draft, vertex, scope, verdict.until)
    formed = _formed(draft, vertex, scope, verdict.taken)
    return replace(formed, refused=verdict.fault, gate="ready") if verdict.fault else formed


def _given_up(draft: Draft, vertex: Vertex, scope: Scope, state: ScopeState) -> Formed:
    """The policy waits for what can never come."""
    queue = state.queues[vertex.ordinal]
    missing = missing_feeds(vertex, queue) or tuple(route.key for route in vertex.feeds)
    return replace(_formed(draft, vertex, scope, oldest_per_feed(queue)), starved=missing, gate="ready")


def _window(draft: Draft, vertex: Vertex, scope: Scope) -> WindowOpened | None:
    join = vertex.join
    if not isinstance(join, Batch) or join.within is None:
        return None
    state = draft.scope(scope)
    if state.busy & vertex.bit and not vertex.settings.reentrant:
        return None  # the next batch begins to gather when this one is done
    if window_id(vertex, scope, state) in draft.suspensions:
        return None
    return _window_until(draft, vertex, scope, Instant(draft.at + nanoseconds(join.within)))


def _window_until(draft: Draft, vertex: Vertex, scope: Scope, till: Instant) -> WindowOpened | None:
    """The time of a join ends at this instant, unless that was known already."""
    state = draft.scope(scope)
    name = window_id(vertex, scope, state)
    known = draft.suspensions.get(name)
    if known is not None and known.wait.wait_till == till:
        return None
    run = next_run(state, vertex)
    return WindowOpened(
        Suspension(
            wait_id=name,
            node_key=vertex.key,
            scope=scope,
            run=run,
            run_index=run,
            suspended_at=draft.at,
            wait=BatchWindow(wait_till=till),
        )
    )


def _formed(draft: Draft, vertex: Vertex, scope: Scope, taken: tuple[Arrival, ...]) -> Formed:
    run = next_run(draft.scope(scope), vertex)
    return Formed(vertex.key, scope, run, refs(_in_feed_order(taken)), _gate(draft, vertex, scope))


def _released(draft: Draft, vertex: Vertex, scope: Scope, state: ScopeState) -> Formed | WaveClosed:
    """A join is let go with what it has; one that needs more than that starves; a wave makes way for the next."""
    if vertex.ordinal in state.waves:
        return WaveClosed(vertex.key, scope)
    queue = state.queues[vertex.ordinal]
    if isinstance(vertex.join, Batch):
        return _formed(draft, vertex, scope, tuple(queue))
    taken = oldest_per_feed(queue)
    if is_short(vertex, queue):
        formed = _formed(draft, vertex, scope, taken)
        return replace(formed, starved=missing_feeds(vertex, queue), gate="ready")
    return _formed(draft, vertex, scope, taken[: vertex.join.n] if isinstance(vertex.join, FirstOf) else taken)


def _in_feed_order(taken: tuple[Arrival, ...]) -> tuple[Arrival, ...]:
    """By connection, then by age; mostly they have come in that order."""
    feeds = [feed_of(arrival) for arrival in taken]
    if all(map(lt, feeds, feeds[1:])):
        return taken
    return tuple(sorted(taken, key=lambda arrival: (feed_of(arrival), arrival.order)))


def _gate(draft: Draft, vertex: Vertex, scope: Scope) -> Gate:
    if vertex.enabled_if is None:
        return "ready"
    return "ready" if guard_holds(vertex.enabled_if, draft, scope) else "guard"


# ── guards ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _at_guards(draft: Draft, in_flight: frozenset[RunKey]) -> Consequence | None:
    """Guards are looked at again after every row: they open, and what they let in and has not begun goes again."""
    for suspension in sorted(draft.suspensions.values(), key=_by_age):
        if isinstance(suspension.wait, GuardWait):
            vertex = draft.graph.vertex(suspension.node_key)
            if vertex.enabled_if is not None and guard_holds(vertex.enabled_if, draft, suspension.scope):
                return Enabled((suspension.node_key, suspension.scope, suspension.run))
    for activation in (*draft.frontier, *draft.fresh):
        guard = activation.vertex.enabled_if
        if guard is None or activation.begun or activation.index >= 0 or activation.key in in_flight:
            continue
        if not guard_holds(guard, draft, activation.scope):
            return Withdrawn(activation.key, "guard")
    return None


def _by_age(suspension: Suspension) -> tuple[Instant, str]:
    return suspension.suspended_at, suspension.wait_id


# ── endings ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _on_the_way_out(draft: Draft, in_flight: frozenset[RunKey]) -> Consequence | None:
    """Nothing new starts: what is not under way is withdrawn; when all is still, completed runs are undone."""
    ending = draft.ending
    if ending is None:
        return None
    compensating = ending.compensated_below is not None
    if not compensating and _anything_to_withdraw(draft, in_flight):
        return AllWithdrawn(tuple(a.key for a in draft.frontier if a.key in in_flight))
    if draft.frontier or draft.fresh or draft.parked:
        return None
    return _next_compensation(draft)


def _anything_to_withdraw(draft: Draft, in_flight: frozenset[RunKey]) -> bool:
    return bool(
        draft.fresh
        or draft.parked
        or draft.suspensions
        or draft.top.waiting
        or any(activation.key not in in_flight for activation in draft.frontier)
    )


def _next_compensation(draft: Draft) -> Formed | None:
    """The newest completed run that can be undone and has not been."""
    ending = draft.ending
    if ending is None or ending.status == "completed" or not draft.graph.has_compensation:
        return None
    below = draft.next_index if ending.compensated_below is None else ending.compensated_below
    for row in _newest_first(draft):
        if row.execution_index < below and not row.failed and row.error is None:
            ordinal = draft.graph.ordinals.get(row.node)
            undo = None if ordinal is None else draft.graph.vertices[ordinal].settings.compensate_with
            if undo is not None:
                run = next_run(draft.top, draft.graph.vertex(undo))
                return Formed(undo, TOP, run, (), compensates=row.execution_index)
    return None


def _newest_first(draft: Draft) -> Iterator[Settled]:
    settled = [row for row in draft.history() if isinstance(row, Settled)]
    return iter(sorted(settled, key=lambda row: -row.execution_index))


# ── applying ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def apply_consequence(draft: Draft, consequence: Consequence) -> None:
    """Make one consequence true; nothing is decided here."""
    match consequence:
        case Formed():
            _apply_formed(draft, consequence)
        case Enabled(run=key):
            draft.admit(replace(draft.unpark(key), open_waits=()), "ready")
        case Withdrawn(run=key):
            draft.withdraw(key)
        case Dropped():
            _apply_dropped(draft, consequence)
        case AllWithdrawn(keep=keep):
            _apply_all_withdrawn(draft, keep)
        case WaveClosed():
            _apply_wave_closed(draft, consequence)
        case WindowOpened(suspension=suspension):
            draft.suspensions = draft.suspensions.set(suspension.wait_id, suspension)


def _apply_formed(draft: Draft, formed: Formed) -> None:
    vertex = draft.graph.vertex(formed.node)
    if formed.compensates >= 0:
        _apply_compensation(draft, vertex, formed)
        return
    state = draft.scope(formed.scope)
    taken = _find(state.queues[vertex.ordinal], formed.consumed)
    draft.take_arrivals(vertex, formed.scope, taken)
    if isinstance(vertex.join, FirstOf) and not formed.starved:
        _open_wave(draft, vertex, formed.scope, taken)
    draft.form(vertex, formed.scope, taken, gate=formed.gate, starved=formed.starved, refused=formed.refused)


def _open_wave(draft: Draft, vertex: Vertex, scope: Scope, taken: tuple[Arrival, ...]) -> None:
    state = draft.scope(scope)
    delivered = 0
    for arrival in taken:
        delivered |= 1 << feed_of(arrival)
    draft.put(scope, replace(state, waves={**state.waves, vertex.ordinal: Wave(delivered, taken[0].order)}))
    draft.fired.add((scope, vertex.ordinal))


def _apply_wave_closed(draft: Draft, closed: WaveClosed) -> None:
    state = draft.scope(closed.scope)
    ordinal = draft.graph.ordinals[closed.node]
    waves = {other: wave for other, wave in state.waves.items() if other != ordinal}
    if not closed.makes_way:
        waves[ordinal] = replace(state.waves[ordinal], closed=True)
    draft.put(closed.scope, replace(state, waves=waves))


def _apply_compensation(draft: Draft, vertex: Vertex, formed: Formed) -> None:
    if draft.ending is None:
        raise InvariantError("a compensation was formed though the execution is not ending")
    undone = next(row for row in _newest_first(draft) if row.execution_index == formed.compensates)
    draft.ending = replace(draft.ending, compensated_below=formed.compensates)
    arrival = Arrival(undone.execution_index, None, undone.output, draft.number())
    draft.form(vertex, TOP, (arrival,), compensates=formed.compensates)


def _apply_dropped(draft: Draft, dropped: Dropped) -> None:
    vertex = draft.graph.vertex(dropped.node)
    state = draft.scope(dropped.scope)
    taken = _find(state.queues[vertex.ordinal], dropped.arrivals)
    wave = state.waves.get(vertex.ordinal)
    if wave is not None and dropped.why == "wave":
        delivered = wave.delivered
        for arrival in taken:
            delivered |= 1 << feed_of(arrival)
        waves = {**state.waves, vertex.ordinal: replace(wave, delivered=delivered)}
        draft.put(dropped.scope, replace(state, waves=waves))
    draft.take_arrivals(vertex, dropped.scope, taken)
    if dropped.why != "wave":
        draft.end_wave(vertex, dropped.scope)


def _apply_all_withdrawn(draft: Draft, keep: tuple[RunKey, ...]) -> None:
    kept = [activation for activation in draft.frontier if activation.key in keep]
    draft.frontier = tuple(activation for activation in draft.frontier if activation.key not in keep)
    draft.empty_scope(TOP)
    draft.frontier = tuple(kept)
    draft.suspensions = NO_SUSPENSIONS
    draft.attention = ()
    for scope in {activation.scope for activation in kept if activation.scope}:
        draft.scopes = draft.scopes.set(scope, ScopeState(latest=draft.before.scopes[scope].latest))
    for activation in kept:
        state = draft.scope(activation.scope)
        draft.put(activation.scope, replace(state, busy=state.busy | activation.vertex.bit))


def _find(queue: Queue, references: tuple[ArrivalRef, ...]) -> tuple[Arrival, ...]:
    """The arrivals with these references, the oldest of each."""
    if len(references) == 1 and queue.first.ref == references[0]:
        return (queue.first,)
    if len(references) == len(queue) and refs(everything := tuple(queue)) == references:
        return everything
    places: dict[ArrivalRef, list[int]] = {}
    for place in range(len(references) - 1, -1, -1):
        places.setdefault(references[place], []).append(place)
    found: dict[int, Arrival] = {}
    for arrival in queue:
        if wanted := places.get(arrival.ref):
            found[wanted.pop()] = arrival
    return tuple(found[place] for place in sorted(found))


def refs(arrivals: tuple[Arrival, ...]) -> tuple[ArrivalRef, ...]:
    """How the journal names arrivals."""
    return tuple(arrival.ref for arrival in arrivals)
