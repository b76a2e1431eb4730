"""Live work: arrivals at a node, and the run that they became."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from prana_py.execution.node_error import NodeError
from prana_py.execution.rows import ArrivalRef, RunKey
from prana_py.execution.suspension import Suspension
from prana_py.graph.execution_graph import Route, Vertex
from prana_py.identifiers import Instant, Scope, WaitId

RANK_BITS: Final = 24
"""Arrivals are numbered by the event that made them – the position of its row –, then by their rank within it."""
RANK_MASK: Final = (1 << RANK_BITS) - 1


class Arrival(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A value on its way into a node. ``route`` is ``None`` for what did not come over a connection."""

    source: int
    route: Route | None
    value: Any
    order: int
    element: int = -1

    @property
    def ref(self) -> ArrivalRef:
        return (self.source, "" if self.route is None else self.route.key, self.element)


class Resumption(msgspec.Struct, frozen=True, gc=False, eq=False):
    """Why a suspended run goes on: the wait that ended, and with what."""

    suspension: Suspension
    data: Any = None
    expired: bool = False


class Activation(msgspec.Struct, frozen=True, gc=False, eq=False):
    """One run of a node, from the moment its arrivals came together until it has settled."""

    vertex: Vertex
    scope: Scope
    run: int
    run_index: int
    arrivals: tuple[Arrival, ...]
    activated: int
    """When it became startable; the largest goes first."""
    attempt: int = 1
    index: int = -1
    """The execution index, given with the run's first row."""
    started_at: Instant = Instant(0)
    not_before: Instant = Instant(0)
    begun: bool = False
    resumption: Resumption | None = None
    waits: int = 0
    """How often it has suspended: the next wait's number."""
    open_waits: tuple[WaitId, ...] = ()
    """The waits it is parked with."""
    params: dict[str, Any] | None = None
    starved: tuple[str, ...] = ()
    compensates: int = -1
    over_limit: int = -1
    """The cycle whose limit this run exceeds."""
    error: NodeError | None = None
    """Of the latest failed attempt."""
    refused: str = ""
    """What the policy of the node's join did wrong."""

    @property
    def key(self) -> RunKey:
        return (self.vertex.key, self.scope, self.run)


def activated_by(order: int) -> int:
    """The start order of a run whose newest arrival has this number: later events first, then connection order."""
    return (order | RANK_MASK) - (order & RANK_MASK)


def activated_by_all(arrivals: tuple[Arrival, ...]) -> int:
    """The start order of a run that took these: it became startable by the last event, there by the first arrival."""
    if len(arrivals) == 1:
        return activated_by(arrivals[0].order)
    event = max(arrival.order for arrival in arrivals) >> RANK_BITS
    return activated_by(min(arrival.order for arrival in arrivals if arrival.order >> RANK_BITS == event))
