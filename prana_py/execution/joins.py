"""When the arrivals at a node become a run, and which of them: one pure function per kind of join.

Live work is what is ready, under way, suspended or has arrivals. It can reach a join when a path leads there that does
not pass through the join itself; who can is ``Vertex.upstream``, computed once.
"""

from __future__ import annotations

from typing import TypeAlias

from prana_py.execution.activation import Arrival
from prana_py.execution.scope_state import Queue, ScopeState
from prana_py.graph.execution_graph import Vertex
from prana_py.model.join import All, Batch, Every, FirstOf, Inclusive

Taken: TypeAlias = tuple[Arrival, ...]


def blocked(vertex: Vertex, state: ScopeState) -> bool:
    """Other live work of the scope can still reach this join."""
    return bool(state.live & vertex.upstream & ~vertex.bit)


def fires(vertex: Vertex, state: ScopeState) -> Taken | None:
    """The arrivals that become a run now, or ``None``."""
    if state.busy & vertex.bit and not vertex.settings.reentrant:
        return None
    queue = state.queues.get(vertex.ordinal)
    if queue is None:
        return None
    match vertex.join:
        case Inclusive():
            return None if blocked(vertex, state) else oldest_per_feed(queue)
        case Every():
            return (queue.first,)
        case All():
            return oldest_per_feed(queue) if is_complete(vertex, queue) else None
        case FirstOf() as join:
            return _wave(vertex, join, state, queue)
        case Batch(size=size):
            return _batch(vertex, size, state, queue)
        case _:
            return None


def is_complete(vertex: Vertex, queue: Queue) -> bool:
    """Every incoming connection has an arrival."""
    return queue.present == (1 << len(vertex.feeds)) - 1


def is_short(vertex: Vertex, queue: Queue) -> bool:
    """The join needs more than what has arrived."""
    if isinstance(vertex.join, FirstOf):
        return len(oldest_per_feed(queue)) < vertex.join.n
    return isinstance(vertex.join, All) and not is_complete(vertex, queue)


def oldest_per_feed(queue: Queue) -> Taken:
    """At most one arrival per connection, the oldest of each."""
    if len(queue) == 1:
        return (queue.first,)
    taken: dict[int, Arrival] = {}
    for arrival in queue:
        taken.setdefault(feed_of(arrival), arrival)
    return tuple(taken.values())


def _wave(vertex: Vertex, join: FirstOf, state: ScopeState, queue: Queue) -> Taken | None:
    """The first n connections that deliver to a new wave; while a wave is open nothing fires."""
    if vertex.ordinal in state.waves:
        return None
    taken = oldest_per_feed(queue)
    return taken[: join.n] if len(taken) >= join.n else None


def _batch(vertex: Vertex, size: int, state: ScopeState, queue: Queue) -> Taken | None:
    """A full batch; or the remainder, when nothing else can arrive."""
    if len(queue) >= size:
        return tuple(arrival for arrival, _ in zip(queue, range(size), strict=False))
    return None if blocked(vertex, state) else tuple(queue)


def rest_of_wave(vertex: Vertex, state: ScopeState) -> Taken:
    """Arrivals that belong to a wave which has already fired: they are ignored."""
    wave, queue = state.waves.get(vertex.ordinal), state.queues.get(vertex.ordinal)
    if wave is None or queue is None:
        return ()
    seen = wave.delivered
    rest: list[Arrival] = []
    for arrival in queue:
        if not seen & 1 << feed_of(arrival):
            seen |= 1 << feed_of(arrival)
            rest.append(arrival)
    return tuple(rest)


def wave_is_over(vertex: Vertex, state: ScopeState) -> bool:
    """Every connection has delivered to the open wave, or nothing can any more."""
    wave = state.waves[vertex.ordinal]
    return wave.delivered == (1 << len(vertex.feeds)) - 1 or not blocked(vertex, state)


def missing_feeds(vertex: Vertex, queue: Queue) -> tuple[str, ...]:
    """The connections that have not delivered."""
    return tuple(route.key for route in vertex.feeds if not queue.present & 1 << route.feed)


def must_wait(vertex: Vertex, state: ScopeState) -> bool:
    """After a wave of a join with ``block``: its own run, or work where it leads to, is still live."""
    join = vertex.join
    return isinstance(join, FirstOf) and join.block and bool(state.live & vertex.downstream | state.busy & vertex.bit)


def can_starve(vertex: Vertex, state: ScopeState) -> bool:
    """Joins that need more than what has arrived, and so may never be complete; a wave that has fired needs nothing."""
    return isinstance(vertex.join, All | FirstOf) and vertex.ordinal not in state.waves


def feed_of(arrival: Arrival) -> int:
    """The place of its connection among the target's feeds."""
    return 0 if arrival.route is None else arrival.route.feed


def may_be_stuck(entangled: int, state: ScopeState) -> bool:
    """Two waiting joins may hold each other up: they lie on one cycle, or what one leads to blocks its next wave."""
    stuck = state.waiting & ~state.busy & entangled
    return bool(stuck & (stuck - 1)) or any(wave.closed for wave in state.waves.values())


def to_release(vertices: tuple[Vertex, ...], state: ScopeState) -> Vertex | None:
    """The waiting join to let go when joins only wait for each other: the one whose last arrival is oldest.

    A join that needs what nobody can deliver any more is not one of them, so nothing runs behind it. One that could
    still become complete is, but is passed over. A wave that has fired is let go by making way for the next one.
    """
    idle = [vertices[ordinal] for ordinal in bits_of(state.waiting & ~state.busy)]
    waiting = [vertex for vertex in idle if not is_hopeless(vertices, vertex, state)]
    held = 0
    for vertex in waiting:
        held |= vertex.bit
    shrinking = True
    while shrinking and held:
        shrinking = False
        for vertex in waiting:
            if held & vertex.bit and state.live & _awaited(vertex, state) & ~vertex.bit & ~held:
                held &= ~vertex.bit
                shrinking = True
    content = [vertex for vertex in waiting if held & vertex.bit and not can_starve(vertex, state)]
    return min(content, key=lambda vertex: state.queues[vertex.ordinal].newest, default=None)


def _awaited(vertex: Vertex, state: ScopeState) -> int:
    """Whose live work holds up what waits at a join."""
    wave = state.waves.get(vertex.ordinal)
    return vertex.downstream if wave is not None and wave.closed else vertex.upstream


def is_hopeless(vertices: tuple[Vertex, ...], vertex: Vertex, state: ScopeState) -> bool:
    """The join needs connections over which no live work can deliver."""
    if not can_starve(vertex, state):
        return False
    queue = state.queues[vertex.ordinal]
    missing = [route for route in vertex.feeds if not queue.present & 1 << route.feed]
    possible = sum(_can_deliver(vertices, vertex, route.source, state.live) for route in missing)
    if isinstance(vertex.join, FirstOf):
        return len(vertex.feeds) - len(missing) + possible < vertex.join.n
    return possible < len(missing)


def _can_deliver(vertices: tuple[Vertex, ...], join: Vertex, source: int, live: int) -> bool:
    """Some live work other than the join stands at ``source``, or can get there without passing through the join."""
    seen = join.bit
    to_visit = [source]
    while to_visit:
        ordinal = to_visit.pop()
        if seen >> ordinal & 1:
            continue
        seen |= 1 << ordinal
        if live >> ordinal & 1:
            return True
        to_visit.extend(route.source for route in vertices[ordinal].feeds)
    return False


def bits_of(bits: int) -> list[int]:
    """The ordinals in a bit set, ascending."""
    ordinals = []
    while bits:
        low = bits & -bits
        ordinals.append(low.bit_length() - 1)
        bits ^= low
    return ordinals
