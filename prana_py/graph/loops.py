"""Where the loops are: the bodies of scope owners, and plain cycles.

A body is what the owner's ``loop`` port dominates: the port is split off as a vertex of its own, and the body is
what every path from the trigger reaches through it. Bodies are nested or disjoint, so that the owners around a vertex
form a chain, its *home*.

Most questions about scopes are asked within one home, on the *level graph*: an owner stands for its whole body, and
what leaves the home or leads back to its owner is left out. Every link that is neither belongs to exactly one level,
that of its target.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from prana_py.graph.analysis import bit_set, components, immediate_dominators, spread
from prana_py.graph.execution_graph import LoopCycle
from prana_py.graph.skeleton import Skeleton
from prana_py.identifiers import PortName
from prana_py.model.connection import Cycle

LOOP: PortName = "loop"
"""The port of a scope owner that leads into its body."""

DEEPEST = 100
"""How many scope owners may lie in each other's bodies."""


class Levels(msgspec.Struct, frozen=True):
    """The scopes of a graph, and the level graph."""

    homes: tuple[tuple[int, ...], ...]
    """For every vertex the owners around it, outermost first."""
    bodies: dict[int, int]
    """For every owner the bit set of its body, inner bodies included."""
    stands: tuple[int, ...]
    """For every link who stands for its source on the target's level."""
    leaves: tuple[int, ...]
    """For every link how many scopes it leaves."""
    ends_item: frozenset[int]
    """The links that lead from a body back to its owner."""
    before: tuple[tuple[int, ...], ...]
    """For every vertex those that lead to it on its level."""
    after: tuple[tuple[int, ...], ...]
    """For every vertex those that it leads to on its level."""
    groups: tuple[list[int], ...]
    """The strongly connected components of the level graph, each before those that it leads to."""
    group_of: tuple[int, ...]
    on_cycle: int
    """Bit set of the vertices that lie on a cycle of the level graph."""


def innermost_owners(skeleton: Skeleton, owners: frozenset[int]) -> dict[int, int]:
    """For every vertex with an owner around it the innermost one."""
    if not owners:
        return {}
    count = len(skeleton.keys)
    links = [
        (link.source + count if _enters(link.source, link.connection.from_port, owners) else link.source, link.target)
        for link in skeleton.links
    ]
    links += [(owner, owner + count) for owner in owners]
    dominators = immediate_dominators(0, links)
    innermost: dict[int, int] = {}
    for vertex in range(1, count):
        dominator = dominators[vertex]
        if dominator >= count:
            innermost[vertex] = dominator - count
        elif dominator in innermost:
            innermost[vertex] = innermost[dominator]
    return innermost


def homes(innermost: dict[int, int], count: int) -> tuple[tuple[int, ...], ...] | None:
    """For every vertex the owners around it, outermost first; ``None`` when they nest too deeply."""
    found: list[tuple[int, ...]] = []
    for vertex in range(count):
        owner = innermost.get(vertex, -1)
        home = () if owner < 0 else (*found[owner], owner)
        if len(home) > DEEPEST:
            return None
        found.append(home)
    return tuple(found)


def levels(skeleton: Skeleton, owners: frozenset[int], home_of: tuple[tuple[int, ...], ...]) -> Levels:
    """Lay out the scopes, given the home of every vertex."""
    count = len(skeleton.keys)
    bodies = dict.fromkeys(sorted(owners), 0)
    for vertex, home in enumerate(home_of):
        for owner in home:
            bodies[owner] |= 1 << vertex

    stands, leaves, ends_item = _across(skeleton, owners, home_of)
    before: list[dict[int, None]] = [{} for _ in range(count)]
    after: list[dict[int, None]] = [{} for _ in range(count)]
    for index, link in enumerate(skeleton.links):
        if stands[index] >= 0 and index not in ends_item:
            before[link.target][stands[index]] = None
            after[stands[index]][link.target] = None
    successors = tuple(tuple(found) for found in after)
    groups = components(skeleton.order, successors, acyclic=skeleton.retreating <= ends_item)
    group_of = [0] * count
    on_cycle = 0
    for number, group in enumerate(groups):
        for vertex in group:
            group_of[vertex] = number
            if len(group) > 1 or vertex in after[vertex]:
                on_cycle |= 1 << vertex
    return Levels(
        homes=home_of,
        bodies=bodies,
        stands=stands,
        leaves=leaves,
        ends_item=ends_item,
        before=tuple(tuple(found) for found in before),
        after=successors,
        groups=tuple(groups),
        group_of=tuple(group_of),
        on_cycle=on_cycle,
    )


def ways_round(skeleton: Skeleton, found: Levels) -> list[int]:
    """The links that leave a body and come back to its owner outside of it: no item can be said to end there."""
    return [
        index
        for index, link in enumerate(skeleton.links)
        if (owner := found.stands[index]) >= 0
        and found.leaves[index] > 0
        and index not in found.ends_item
        and found.group_of[owner] == found.group_of[link.target]
    ]


def ways_back(skeleton: Skeleton, found: Levels) -> list[int]:
    """The links that close a plain cycle, in definition order."""
    return [
        index
        for index in sorted(skeleton.retreating - found.ends_item)
        if found.group_of[skeleton.links[index].source] == found.group_of[skeleton.links[index].target]
    ]


def cycles(
    skeleton: Skeleton, found: Levels, back: Sequence[int], limit: Callable[[Cycle | None], int | None]
) -> tuple[tuple[LoopCycle, ...], dict[int, int]]:
    """One cycle for every head and declared name, and for every way back the number of the cycle that it closes.

    Its members are what can come to its ways back without passing the head, and the head; where cycles have more
    than one way in, only what lies in the same component. An owner brings its body along.
    """
    closing: dict[tuple[int, str | None], list[int]] = {}
    for index in back:
        link = skeleton.links[index]
        declared = link.connection.loop
        closing.setdefault((link.target, None if declared is None else declared.name), []).append(index)
    insides: dict[int, int] = {}
    made: list[LoopCycle] = []
    closes: dict[int, int] = {}
    for (head, _), indices in closing.items():
        number = len(made)
        declared = skeleton.links[indices[0]].connection.loop
        group = found.group_of[head]
        if group not in insides:
            insides[group] = bit_set(found.groups[group])
        members = _members(found, head, [skeleton.links[index].source for index in indices], insides[group])
        made.append(
            LoopCycle(index=number, head=head, members=members, max_iterations=limit(declared), declared=declared)
        )
        closes.update(dict.fromkeys(indices, number))
    return tuple(made), closes


def _members(found: Levels, head: int, sources: list[int], inside: int) -> int:
    members = 1 << head | spread(sources, found.before, barrier=head) & inside
    for owner, body in found.bodies.items():
        if members >> owner & 1:
            members |= body
    return members


def _across(
    skeleton: Skeleton, owners: frozenset[int], home_of: tuple[tuple[int, ...], ...]
) -> tuple[tuple[int, ...], tuple[int, ...], frozenset[int]]:
    """For every link who stands for its source on the target's level, −1 for a way into a body, and what it leaves."""
    stands: list[int] = []
    leaves: list[int] = []
    ends_item: set[int] = set()
    for index, link in enumerate(skeleton.links):
        around = home_of[link.source]
        enters = _enters(link.source, link.connection.from_port, owners)
        if enters:
            around = (*around, link.source)
        depth = len(home_of[link.target])
        outer = around[depth] if len(around) > depth else link.source
        if enters and len(around) == depth:
            outer = -1
        left = len(around) - depth
        if outer == link.target and left > 0:
            ends_item.add(index)
            left -= 1
        stands.append(outer)
        leaves.append(left)
    return tuple(stands), tuple(leaves), frozenset(ends_item)


def _enters(source: int, port: PortName, owners: frozenset[int]) -> bool:
    return port == LOOP and source in owners
