"""What one event does to an execution: the page's rules, each looked up in the graph again every time."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from tests.reference_interpreter.net import DONE_PORT, LOOP_PORT, MAIN_PORT, Net, NetError

Scope: TypeAlias = tuple[tuple[str, int, int], ...]  # from the top inwards: (owner, the owner's run, item or round)
Place: TypeAlias = tuple[Scope, str]  # where work can be: a scope and a node
Ports: TypeAlias = Mapping[str, Any]
EXTERNAL = -1  # the connection by which the start arrives at the trigger


@dataclass(frozen=True)
class Each:
    """As a port's value: one arrival per element."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Suspend:
    """As an answer: the run stays live until it is resolved; players resolve it with `then`, if that is given."""

    then: Ports | None = None


@dataclass(frozen=True)
class Fail:
    """As an answer: the run fails, and with it the execution."""


Answer: TypeAlias = Ports | Suspend | Fail
Behaviour: TypeAlias = Callable[[str, Scope, int, dict[str, Any]], Answer]


class Consumed(NamedTuple):
    """Which arrival a run took: the run it came from and the connection it came by."""

    source: str
    source_run: int
    edge: int
    source_scope: Scope


@dataclass(frozen=True, eq=False)
class Arrival:
    """A value that waits behind a connection; `moment` is the event that brought it, `order` its place overall."""

    consumed: Consumed
    value: Any
    moment: int
    order: int


@dataclass(frozen=True, eq=False)
class Run:
    """A formed activation: it has its number and its arrivals, and is ready, running or suspended."""

    scope: Scope
    node: str
    number: int
    arrivals: tuple[Arrival, ...]


@dataclass(frozen=True)
class Record:
    """One settled run. `inputs` follows from the rest and is compared, not hashed; `started` is only told."""

    node: str
    scope: Scope
    run: int
    consumed: tuple[Consumed, ...]
    ports: tuple[str, ...]
    inputs: dict[str, Any] = field(hash=False)
    status: str = "completed"
    started: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Completed:
    """Nothing is left."""


@dataclass(frozen=True)
class Suspended:
    """Nothing runs or can start, and these runs wait for the world."""

    open: tuple[tuple[Scope, str, int], ...]


@dataclass(frozen=True)
class Starved:
    """Nothing runs or can start, and these joins wait for connections that can no longer deliver."""

    joins: tuple[tuple[Scope, str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class LoopLimit:
    """A cycle went round more often than allowed; `place` is its head."""

    place: Place


@dataclass(frozen=True)
class StepLimit:
    """The caller's patience ended first; the records are a prefix."""


@dataclass(frozen=True)
class Failed:
    """A run failed and nothing caught it."""

    scope: Scope
    node: str
    run: int


Verdict: TypeAlias = Completed | Suspended | Starved | LoopLimit | StepLimit | Failed


@dataclass
class Wave:
    """One wave of a `first` join: which connections have delivered, and what is gathered until it fires."""

    delivered: set[int] = field(default_factory=set)
    gathered: list[Arrival] = field(default_factory=list)
    fired: bool = False
    closed: bool = False


@dataclass
class OpenOwner:
    """The run of a scope owner whose items are not all done."""

    run: Run
    inputs: dict[str, Any]
    items: list[Any]
    opened: int = 0
    open: set[int] = field(default_factory=set)
    returned: dict[int, list[tuple[int, Any]]] = field(default_factory=dict)
    results: dict[int, Any] = field(default_factory=dict)
    current: Any = None


class Interpreter:
    """One execution. `start` and `finish` are the events; after each one everything that must follow has followed."""

    def __init__(self, net: Net, behaviour: Behaviour) -> None:
        self.net = net
        self.behaviour = behaviour
        self.waiting: dict[Place, list[Arrival]] = {}  # oldest first
        self.due: dict[Place, list[tuple[Arrival, ...]]] = {}  # activations of waves and batches not yet formed
        self.waves: dict[Place, Wave] = {}
        self.ready: list[Run] = []
        self.running: list[Run] = []
        self.suspended: dict[Run, Ports | None] = {}
        self.owners: dict[Run, OpenOwner] = {}
        self.numbers: Counter[Place] = Counter()
        self.loop_backs: Counter[tuple[Scope, int]] = Counter()
        self.records: list[Record] = []
        self.dropped: list[Consumed] = []
        self.released: list[Place] = []
        self.started: dict[Run, int] = {}
        self.starts = 0
        self.verdict: Verdict | None = None
        self.moment = 0
        self.order = 0
        start = Arrival(Consumed("", 0, EXTERNAL, ()), None, 0, 0)
        self._form(((), net.trigger), (start,))

    # ---- events

    def startable(self) -> list[Run]:
        """The ready runs, the most recently activated first; of those activated by one event, in connection order."""
        return sorted(self.ready, key=_activated)

    def start(self, run: Run) -> None:
        """A ready run begins."""
        self.ready.remove(run)
        self.running.append(run)
        self.started[run] = self.starts
        self.starts += 1

    def finish(self, run: Run) -> None:
        """A running run gives its answer."""
        self.running.remove(run)
        scope = run.scope
        if self.net.nodes[run.node].owner == "while":
            scope = (*scope, (run.node, run.number, 0))
        answer = self.behaviour(run.node, scope, run.number, self.inputs(run))
        match answer:
            case Suspend(then=then):
                self.suspended[run] = then
            case Fail():
                self._record(run, (), status="failed")
                self.verdict = Failed(run.scope, run.node, run.number)
            case _:
                self._complete(run, answer)

    def resolve(self, run: Run, ports: Ports) -> None:
        """What a suspended run waited for has come: it completes by these ports."""
        del self.suspended[run]
        self._complete(run, ports)

    def rest(self) -> Verdict:
        """The verdict when nothing runs and nothing can start."""
        if self.suspended:
            return Suspended(tuple(sorted((run.scope, run.node, run.number) for run in self.suspended)))
        if not self.live():
            return Completed()
        starved = [(*place, self._empty_connections(place)) for place in self._waiting_places() if self._needs(place)]
        assert starved, "only a join that needs more than it has can hold up an execution"
        return Starved(tuple(sorted(starved)))

    def clone(self) -> Interpreter:
        """An independent copy."""
        other = copy.copy(self)
        for name in ("ready", "running", "suspended", "records", "dropped", "released", "started"):
            setattr(other, name, copy.copy(getattr(self, name)))
        other.numbers, other.loop_backs = self.numbers.copy(), self.loop_backs.copy()
        other.waiting = {place: list(arrivals) for place, arrivals in self.waiting.items()}
        other.due = {place: list(due) for place, due in self.due.items()}
        other.waves = {
            place: Wave(set(wave.delivered), list(wave.gathered), wave.fired, wave.closed)
            for place, wave in self.waves.items()
        }
        other.owners = {
            run: OpenOwner(
                owner.run,
                owner.inputs,
                owner.items,
                owner.opened,
                set(owner.open),
                {item: list(values) for item, values in owner.returned.items()},
                dict(owner.results),
                owner.current,
            )
            for run, owner in self.owners.items()
        }
        return other

    # ---- what a run sees

    def inputs(self, run: Run) -> dict[str, Any]:
        """The value of each port that received something, ordered by connection and never by time."""
        by_port: dict[str, list[Any]] = {}
        for arrival in sorted(run.arrivals, key=lambda arrival: arrival.consumed.edge):
            index = arrival.consumed.edge
            port = MAIN_PORT if index == EXTERNAL else self.net.edges[index].to_port
            by_port.setdefault(port, []).append(arrival.value)
        join = self.net.join(run.node)
        collect = "list" if isinstance(join, tuple) and join[0] == "batch" else self.net.nodes[run.node].collect
        return {port: _collect(collect, values) for port, values in by_port.items()}

    # ---- completion

    def _complete(self, run: Run, ports: Ports) -> None:
        self.moment += 1
        match self.net.nodes[run.node].owner:
            case "for_each" if LOOP_PORT in ports:
                self.owners[run] = OpenOwner(run, self.inputs(run), list(ports[LOOP_PORT]))
                self._fill(self.owners[run])
            case "while":
                inputs = self.inputs(run)
                self.owners[run] = OpenOwner(run, inputs, [], current=_main(inputs))
                self._decide_round(self.owners[run], ports)
            case _:
                self._record(run, tuple(sorted(ports)))
                self._emit(run, ports, run.scope)
        self._settle()

    def _record(self, run: Run, ports: tuple[str, ...], status: str = "completed") -> None:
        consumed = tuple(sorted(arrival.consumed for arrival in run.arrivals))
        inputs = self.inputs(run)
        started = self.started.pop(run, -1)
        self.records.append(Record(run.node, run.scope, run.number, consumed, ports, inputs, status, started))

    def _emit(self, run: Run, ports: Ports, scope: Scope) -> None:
        for index, edge in enumerate(self.net.edges):
            if edge.source == run.node and edge.port in ports:
                value = ports[edge.port]
                for element in value.values if isinstance(value, Each) else (value,):
                    self._send(run, index, element, scope)

    def _send(self, run: Run, index: int, value: Any, scope: Scope) -> None:
        """Bring a value over a connection that leaves a node in `scope`."""
        target = self.net.edges[index].target
        depth = self.net.depths[target]
        if index in self.net.ways_back:
            owner, item = self._owner_of(scope[: depth + 1])
            owner.returned.setdefault(item, []).append((index, value))
            return
        self.order += 1
        consumed = Consumed(run.node, run.number, index, run.scope)
        self.waiting.setdefault((scope[:depth], target), []).append(Arrival(consumed, value, self.moment, self.order))
        if index in self.net.loop_backs:
            self.loop_backs[scope[:depth], index] += 1
            limit = self.net.max_iterations
            if limit is not None and self.loop_backs[scope[:depth], index] > limit:
                self.verdict = LoopLimit((scope[:depth], target))

    # ---- scopes

    def _owner_of(self, scope: Scope) -> tuple[OpenOwner, int]:
        key, number, item = scope[-1]
        for run, owner in self.owners.items():
            if (run.scope, run.node, run.number) == (scope[:-1], key, number):
                return owner, item
        raise AssertionError(f"{scope} is not open")

    def _fill(self, owner: OpenOwner) -> None:
        """Open the next items of a for_each, as many as may be open at once."""
        concurrency = self.net.nodes[owner.run.node].item_concurrency
        while len(owner.open) < concurrency and owner.opened < len(owner.items):
            self._open(owner, owner.items[owner.opened])

    def _open(self, owner: OpenOwner, value: Any) -> None:
        run, item = owner.run, owner.opened
        owner.opened += 1
        owner.open.add(item)
        self._emit(run, {LOOP_PORT: value}, (*run.scope, (run.node, run.number, item)))

    def _decide_round(self, owner: OpenOwner, ports: Ports | None = None) -> None:
        """Ask a while whether there is another round, and open it or let the owner go on by the ports it names."""
        run = owner.run
        limit = self.net.max_iterations
        if ports is None:
            scope = (*run.scope, (run.node, run.number, owner.opened))
            answer = self.behaviour(run.node, scope, run.number, {MAIN_PORT: owner.current})
            if not isinstance(answer, Mapping):
                raise NetError(f"{run.node!r} may suspend or fail only before its first round")
            ports = answer
        if LOOP_PORT not in ports:
            self._close_owner(owner, ports)
        elif limit is not None and owner.opened >= limit:
            self.verdict = LoopLimit((run.scope, run.node))
        else:
            self._open(owner, ports[LOOP_PORT])

    def _close_owner(self, owner: OpenOwner, ports: Ports) -> None:
        del self.owners[owner.run]
        self._record(owner.run, tuple(sorted(ports)))
        self._emit(owner.run, ports, owner.run.scope)

    def _end_an_item(self) -> bool:
        """End one item or round whose scope has no live work, and let its owner go on."""
        live = self.live()
        for owner in list(self.owners.values()):
            run = owner.run
            for item in sorted(owner.open):
                scope = (*run.scope, (run.node, run.number, item))
                if not any(_inside(other, scope) for other, _ in live):
                    self._close_item(owner, item, scope)
                    return True
            if not owner.open:  # a for_each without items
                self._close_owner(owner, {DONE_PORT: []})
                return True
        return False

    def _close_item(self, owner: OpenOwner, item: int, scope: Scope) -> None:
        owner.open.remove(item)
        returned = sorted(owner.returned.pop(item, ()), key=lambda pair: pair[0])
        result = returned[-1][1] if returned else None
        self._forget(scope)
        if self.net.nodes[owner.run.node].owner == "while":
            owner.current = result if returned else owner.current
            self._decide_round(owner)
            return
        owner.results[item] = result
        self._fill(owner)
        if not owner.open:
            self._close_owner(owner, {DONE_PORT: [owner.results[item] for item in range(len(owner.items))]})

    def _forget(self, scope: Scope) -> None:
        """Drop what was remembered of a scope that nothing can enter again."""
        for places in (self.waves, self.numbers):
            for place in [place for place in places if _inside(place[0], scope)]:
                del places[place]
        for key in [key for key in self.loop_backs if _inside(key[0], scope)]:
            del self.loop_backs[key]

    # ---- live work

    def runs(self) -> list[Run]:
        """Everything ready, running, suspended, or an owner with open items."""
        return [*self.ready, *self.running, *self.suspended, *self.owners]

    def live(self) -> set[Place]:
        """Where work is active (has arrivals waiting), ready, running or suspended."""
        live = {(run.scope, run.node) for run in self.runs()}
        live.update(place for place, arrivals in self.waiting.items() if arrivals)
        live.update(place for place, due in self.due.items() if due)
        live.update(place for place, wave in self.waves.items() if wave.gathered)
        return live

    def _blockers(self, place: Place) -> list[Place]:
        """The other live work, in this scope or inside it, from which a path leads to the join."""
        return self._live_among(place, self.net.upstream(place[1]))

    def _live_among(self, place: Place, keys: Set[str]) -> list[Place]:
        scope, _ = place
        return [other for other in self.live() if other != place and other[1] in keys and _inside(other[0], scope)]

    def _busy(self, place: Place) -> bool:
        return any((run.scope, run.node) == place for run in self.runs())

    # ---- what follows from an event

    def _settle(self) -> None:
        """Follow the rules until none has anything more to say."""
        while self.verdict is None and (
            self._advance_waves() or self._form_activations() or self._end_an_item() or self._release()
        ):
            pass

    def _form_activations(self) -> bool:
        formed = False
        for place in self._waiting_places():
            arrivals = self._startable_arrivals(place)
            if arrivals:
                self._form(place, arrivals)
                formed = True
        return formed

    def _waiting_places(self) -> list[Place]:
        places = {place: None for place, arrivals in self.waiting.items() if arrivals}
        places.update({place: None for place, due in self.due.items() if due})
        places.update({place: None for place, wave in self.waves.items() if wave.gathered})
        return list(places)

    def _form(self, place: Place, arrivals: Iterable[Arrival]) -> None:
        """Give an activation its number and take its arrivals from the queues."""
        taken = tuple(arrivals)
        waiting = self.waiting.get(place, [])
        self.waiting[place] = [arrival for arrival in waiting if arrival not in taken]
        self.numbers[place] += 1
        self.ready.append(Run(*place, self.numbers[place], taken))

    def _startable_arrivals(self, place: Place) -> tuple[Arrival, ...]:
        """What the next activation of a node would take now; nothing, if it cannot be formed yet."""
        node = self.net.nodes[place[1]]
        if self._busy(place) and not node.reentrant:
            return ()
        if self.due.get(place):
            return self.due[place].pop(0)
        waiting = self.waiting.get(place)
        if not waiting:
            return ()
        join = self.net.join(place[1])
        if isinstance(join, tuple) and join[0] == "batch":
            return () if self._blockers(place) else tuple(waiting)
        if isinstance(join, tuple):
            return ()  # waves become due
        if join == "each" or len(self.net.connections(place[1])) == 1:
            return (waiting[0],)
        if join == "all":
            return () if self._empty_connections(place) else _oldest_of_each(waiting)
        return () if self._blockers(place) else _oldest_of_each(waiting)

    # ---- waves and batches

    def _advance_waves(self) -> bool:
        moved = False
        for place in {**self.waiting, **self.waves}:
            join = self.net.join(place[1])
            if not isinstance(join, tuple):
                continue
            if join[0] == "batch":
                moved = self._gather_batch(place, join[1]) or moved
            else:
                moved = self._gather_wave(place) or self._close_wave(place, join[3]) or moved
        return moved

    def _gather_batch(self, place: Place, size: int) -> bool:
        waiting = self.waiting.get(place, [])
        if len(waiting) < size:
            return False
        self.due.setdefault(place, []).append(tuple(waiting[:size]))
        self.waiting[place] = waiting[size:]
        return True

    def _close_wave(self, place: Place, block: bool) -> bool:
        wave = self.waves.get(place)
        if wave is None or not wave.fired:
            return False
        delivered_all = wave.delivered >= set(self.net.connections(place[1]))
        if not wave.closed and (delivered_all or not self._blockers(place)):
            wave.closed = True
        if not wave.closed or (block and self._downstream_work(place)):
            return False
        del self.waves[place]
        return True

    def _downstream_work(self, place: Place) -> bool:
        """Whether a run of the join, or work behind it, is still live."""
        own = self._busy(place) or bool(self.due.get(place))
        return own or bool(self._live_among(place, self.net.downstream(place[1])))

    def _gather_wave(self, place: Place) -> bool:
        """Let the oldest arrivals that may belong to the open wave do so."""
        waiting = self.waiting.get(place, [])
        if not waiting or (place not in self.waves and (self._busy(place) or self.due.get(place))):
            return False
        wave = self.waves.setdefault(place, Wave())
        if wave.closed:
            return False
        for arrival in waiting:
            if arrival.consumed.edge not in wave.delivered:
                waiting.remove(arrival)
                self._deliver(place, wave, arrival)
                return True
        return False

    def _deliver(self, place: Place, wave: Wave, arrival: Arrival) -> None:
        join = self.net.join(place[1])
        assert isinstance(join, tuple)
        assert join[0] == "first"
        wave.delivered.add(arrival.consumed.edge)
        if wave.fired:
            self.dropped.append(arrival.consumed)
            return
        wave.gathered.append(arrival)
        if len(wave.gathered) == join[1]:
            self.due.setdefault(place, []).append(tuple(wave.gathered))
            wave.gathered, wave.fired = [], True
            if join[2] == "cancel":
                self._withdraw_rest(place)

    def _withdraw_rest(self, join: Place) -> None:
        """Withdraw the live work of this scope that can reach the join and has no way around it."""
        scope, key = join
        upstream = self.net.upstream(key)
        for place in sorted(self.live()):
            if place[0] == scope and place[1] in upstream and self.net.all_paths_pass(place[1], through=key):
                self._withdraw(place)

    def _withdraw(self, place: Place) -> None:
        self._drop_arrivals(place)
        for run in [run for run in self.runs() if (run.scope, run.node) == place]:
            for item in self.owners[run].open if run in self.owners else ():
                inner = (*run.scope, (run.node, run.number, item))
                for other in sorted(self.live()):
                    if _inside(other[0], inner):
                        self._withdraw(other)
            for runs in (self.ready, self.running):
                if run in runs:
                    runs.remove(run)
            self.suspended.pop(run, None)
            self.owners.pop(run, None)
            self._record(run, (), status="withdrawn")

    def _drop_arrivals(self, place: Place) -> None:
        left = [*self.waiting.pop(place, ()), *(arrival for due in self.due.pop(place, ()) for arrival in due)]
        wave = self.waves.pop(place, Wave())
        self.dropped.extend(arrival.consumed for arrival in [*left, *wave.gathered])

    # ---- starvation and release

    def _needs(self, place: Place) -> bool:
        """Whether the join cannot run with what it has, however long it waits."""
        join = self.net.join(place[1])
        if self.due.get(place):
            return False
        if isinstance(join, tuple):
            wave = self.waves.get(place)
            return join[0] == "first" and wave is not None and not wave.fired
        return join == "all" and bool(self._empty_connections(place))

    def _empty_connections(self, place: Place) -> tuple[int, ...]:
        """The connections that have brought nothing to this activation (of a wave: to this wave) so far."""
        wave = self.waves.get(place)
        arrived = {arrival.consumed.edge for arrival in self.waiting.get(place, ())}
        arrived |= wave.delivered if wave else set()
        return tuple(index for index in self.net.connections(place[1]) if index not in arrived)

    def _hopeless(self, place: Place) -> bool:
        """Whether the join needs connections over which no live work can come any more."""
        if not self._needs(place):
            return False
        empty = self._empty_connections(place)
        possible = sum(bool(self._live_among(place, self.net.deliverers(index))) for index in empty)
        join = self.net.join(place[1])
        return possible < (join[1] - len(self.waves[place].gathered) if isinstance(join, tuple) else len(empty))

    def _release(self) -> bool:
        """Of the joins that wait only for one another, let the one with the oldest last arrival go."""
        waiting = {place for place in self._waiting_places() if not self._busy(place) and not self._hopeless(place)}
        blockers = {place: set(self._waits_for(place)) for place in waiting}
        closed = waiting
        while stuck_on_others := {place for place in closed if blockers[place] - closed}:
            closed = closed - stuck_on_others
        able = [place for place in closed if not self._needs(place)]
        if not able:
            return False
        place = min(able, key=lambda place: self.waiting[place][-1].order)
        self.released.append(place)
        if place in self.waves:
            del self.waves[place]
        else:
            waiting_here = self.waiting[place]
            batch = isinstance(self.net.join(place[1]), tuple)
            self._form(place, waiting_here if batch else _oldest_of_each(waiting_here))
        return True

    def _waits_for(self, place: Place) -> list[Place]:
        wave = self.waves.get(place)
        if wave and wave.closed:
            return self._live_among(place, self.net.downstream(place[1]))
        return self._blockers(place)


def _activated(run: Run) -> tuple[int, int]:
    latest = max(arrival.moment for arrival in run.arrivals)
    return -latest, min(arrival.order for arrival in run.arrivals if arrival.moment == latest)


def _oldest_of_each(waiting: Iterable[Arrival]) -> tuple[Arrival, ...]:
    oldest: dict[int, Arrival] = {}
    for arrival in waiting:
        oldest.setdefault(arrival.consumed.edge, arrival)
    return tuple(oldest.values())


def _inside(scope: Scope, outer: Scope) -> bool:
    return scope[: len(outer)] == outer


def _main(inputs: Mapping[str, Any]) -> Any:
    return inputs[MAIN_PORT] if MAIN_PORT in inputs else next(iter(inputs.values()), None)


def _collect(collect: str, values: list[Any]) -> Any:
    if collect == "list":
        return values
    if collect == "merge" and all(isinstance(value, Mapping) for value in values):
        return {key: value for mapping in values for key, value in mapping.items()}
    return values[-1]
