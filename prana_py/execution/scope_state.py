"""What one scope remembers: who is live in it, what waits at its joins, and the latest run of each of its nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec
from pyrsistent import PVector, pvector

from prana_py.execution.activation import Arrival
from prana_py.execution.node_error import NodeError
from prana_py.execution.rows import AttemptFailed, Cancelled, Settled, Stopped, Suspended

RunRow: TypeAlias = Settled | Suspended | AttemptFailed | Cancelled | Stopped

NO_ARRIVALS: Final[PVector[Arrival]] = pvector()
NO_NUMBERS: Final[Mapping[int, int]] = {}
NO_CONTEXT: Final[Mapping[int, dict[str, Any]]] = {}


class Queue(msgspec.Struct, frozen=True, gc=False, eq=False):
    """Arrivals that wait at a node, oldest first; those before ``head`` are gone already."""

    arrivals: PVector[Arrival] = NO_ARRIVALS
    head: int = 0
    present: int = 0
    """Bit set of the feeds that have an arrival here."""

    def append(self, arrival: Arrival) -> Queue:
        feed = arrival.route.feed if arrival.route is not None else 0
        return Queue(self.arrivals.append(arrival), self.head, self.present | 1 << feed)

    def __len__(self) -> int:
        return len(self.arrivals) - self.head

    def __iter__(self) -> Iterator[Arrival]:
        arrivals = self.arrivals
        for index in range(self.head, len(arrivals)):
            yield arrivals[index]

    @property
    def first(self) -> Arrival:
        return self.arrivals[self.head]

    @property
    def newest(self) -> int:
        """The number of the last arrival."""
        return self.arrivals[-1].order

    def without(self, taken: tuple[Arrival, ...]) -> Queue | None:
        """What is left when these are taken out; ``None`` when nothing is."""
        if len(taken) == len(self):
            return None
        if len(taken) == 1 and taken[0] is self.first and self.head * 2 < len(self.arrivals):
            arrivals, head = self.arrivals, self.head + 1
        else:
            gone = set(map(id, taken))
            arrivals, head = pvector(arrival for arrival in self if id(arrival) not in gone), 0
        one_feed = self.present & (self.present - 1) == 0
        return Queue(arrivals, head, self.present if one_feed else feeds_of(arrivals, head))


def feeds_of(arrivals: PVector[Arrival], head: int) -> int:
    """Bit set of the feeds that these came over."""
    present = 0
    for index in range(head, len(arrivals)):
        route = arrivals[index].route
        present |= 1 << (0 if route is None else route.feed)
    return present


class Wave(msgspec.Struct, frozen=True, gc=False, eq=False):
    """An open wave of a ``first`` join that has fired: which feeds have delivered to it."""

    delivered: int
    started: int
    """The number of the arrival that opened it."""
    closed: bool = False
    """It takes nothing more, but the next one waits until the work that it led to is quiet (``block``)."""


NO_QUEUES: Final[Mapping[int, Queue]] = {}
NO_WAVES: Final[Mapping[int, Wave]] = {}


class ScopeState(msgspec.Struct, frozen=True, gc=False, eq=False):
    """One scope: the top, an item of a for_each, a round of a while."""

    latest: PVector[RunRow | None]
    """By slot: the newest row that a run of that node wrote."""
    busy: int = 0
    """Bit set of the nodes with a run that is ready, under way or suspended."""
    waiting: int = 0
    """Bit set of the nodes with arrivals that are not yet a run."""
    queues: Mapping[int, Queue] = NO_QUEUES
    """By ordinal. A plain dict, copied on change: few joins wait at once in one scope."""
    runs: Mapping[int, int] = NO_NUMBERS
    """By ordinal: the next run number, where ``latest`` does not tell (reentrant or withdrawn runs)."""
    counts: Mapping[int, int] = NO_NUMBERS
    """By ordinal: how many runs are live, of nodes of which several may be."""
    waves: Mapping[int, Wave] = NO_WAVES
    context: Mapping[int, dict[str, Any]] = NO_CONTEXT
    iterations: tuple[int, ...] = ()
    """By cycle: how often its way back was taken since it was entered; then, by cycle, when a declared one was."""
    result: Any = None
    result_order: int = -1
    """The rank of the connection that ``result`` came back on: −1 while nothing has come back to the owner."""
    failure: NodeError | None = None
    """The failure that ended this item."""

    @property
    def live(self) -> int:
        return self.busy | self.waiting
