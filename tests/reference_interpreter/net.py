"""A net: the plain graph that the reference interpreter runs, and the questions one may ask about its shape."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

First: TypeAlias = tuple[Literal["first"], int, Literal["ignore", "cancel"], bool]
Batch: TypeAlias = tuple[Literal["batch"], int]
Join: TypeAlias = Literal["inclusive", "all", "each"] | First | Batch
Owner: TypeAlias = Literal["for_each", "while"]
Collect: TypeAlias = Literal["last", "merge", "list"]
Split: TypeAlias = Literal["and", "xor", "or"]

MAIN_PORT = "main"
LOOP_PORT = "loop"
DONE_PORT = "done"
SIDE_PORTS = frozenset({"error", "timeout", "expiry"})


class NetError(ValueError):
    """A net that no compiler would accept."""


@dataclass(frozen=True)
class NetNode:
    """One node: how it joins and, told to behaviours only, how it splits. `join=None` is the page's default."""

    join: Join | None = None
    split: Split = "and"
    owner: Owner | None = None
    collect: Collect = "last"
    reentrant: bool = False
    item_concurrency: int = 1


@dataclass(frozen=True)
class Edge:
    """One connection; its place in `Net.edges` is the connection order."""

    source: str
    port: str
    target: str
    to_port: str = MAIN_PORT


@dataclass(frozen=True)
class Net:
    """Nodes, connections in order, the trigger, and the limit that guards each cycle in each scope."""

    nodes: Mapping[str, NetNode]
    edges: Sequence[Edge]
    trigger: str
    max_iterations: int | None = 10_000

    def __post_init__(self) -> None:
        if self.trigger not in self.nodes:
            raise NetError(f"the trigger {self.trigger!r} is not a node")
        for edge in self.edges:
            if edge.source not in self.nodes or edge.target not in self.nodes:
                raise NetError(f"{edge} joins a node that does not exist")
        for key in self.nodes:
            self._check_join(key)
        for owner in self.owners:
            self._check_way_back(owner)

    def _check_join(self, key: str) -> None:
        join = self.join(key)
        if not isinstance(join, tuple):
            return
        if join[1] < 1 or (join[0] == "first" and self.connections(key) and join[1] > len(self.connections(key))):
            raise NetError(f"{key!r} can never have {join[1]} arrivals in one wave")

    def _check_way_back(self, owner: str) -> None:
        """Every way from the loop port back to the owner must stay inside the body.

        A way that goes by an outer owner is none: it ends the outer item.
        """
        body = self.bodies[owner]
        entered = [edge.target for edge in self.edges if edge.source == owner and edge.port == LOOP_PORT]
        for key in self._search(entered, self._after, stop=owner) - body - {owner}:
            if owner in self._search(self._after[key], self._after):
                raise NetError(f"the loop of {owner!r} comes back through {key!r}, which is not part of its body")

    # ---- scopes

    @cached_property
    def owners(self) -> tuple[str, ...]:
        """The nodes that open scopes."""
        return tuple(key for key, node in self.nodes.items() if node.owner)

    @cached_property
    def bodies(self) -> dict[str, frozenset[str]]:
        """Per owner the nodes to which every path from the trigger passes through the owner's loop port."""
        reachable = self._search([self.trigger], self._all_after)
        bodies = {}
        for owner in self.owners:
            after: dict[str, list[str]] = {key: [] for key in self.nodes}
            for edge in self.edges:
                if (edge.source, edge.port) != (owner, LOOP_PORT):
                    after[edge.source].append(edge.target)
            bodies[owner] = frozenset(reachable - self._search([self.trigger], after))
        return bodies

    @cached_property
    def depths(self) -> dict[str, int]:
        """In how many bodies each node lies: the length of the scopes it runs in."""
        return {key: sum(key in body for body in self.bodies.values()) for key in self.nodes}

    @cached_property
    def ways_back(self) -> frozenset[int]:
        """The connections from a body to its owner, which end an item's path."""
        return frozenset(
            index
            for index, edge in enumerate(self.edges)
            if edge.target in self.bodies
            and (edge.source in self.bodies[edge.target] or (edge.source, edge.port) == (edge.target, LOOP_PORT))
        )

    # ---- joins

    def connections(self, key: str) -> tuple[int, ...]:
        """The connections on which arrivals can come, in order: all incoming ones but the ways back."""
        return self._incoming[key]

    def join(self, key: str) -> Join:
        """How arrivals at a node come together, with the default put in."""
        return self._joins[key]

    @cached_property
    def _incoming(self) -> dict[str, tuple[int, ...]]:
        return {
            key: tuple(i for i, edge in enumerate(self.edges) if edge.target == key and i not in self.ways_back)
            for key in self.nodes
        }

    @cached_property
    def _joins(self) -> dict[str, Join]:
        joins: dict[str, Join] = {}
        for key, node in self.nodes.items():
            ports = {self.edges[index].port for index in self._incoming[key]}
            joins[key] = node.join or ("each" if ports and ports <= SIDE_PORTS else "inclusive")
        return joins

    # ---- paths; ways back are no part of any path, because nothing arrives by them

    def upstream(self, key: str) -> frozenset[str]:
        """The other nodes from which a path leads to this one."""
        return self._upstream[key]

    @cached_property
    def _upstream(self) -> dict[str, frozenset[str]]:
        return {key: frozenset(self._search(self._before[key], self._before) - {key}) for key in self.nodes}

    def downstream(self, key: str) -> set[str]:
        """The other nodes to which a path leads from this one."""
        return self._search(self._after[key], self._after) - {key}

    def deliverers(self, connection: int) -> set[str]:
        """The nodes from which a path leads over this connection without passing through its target before."""
        edge = self.edges[connection]
        if edge.source == edge.target:
            return set()
        return self._search([edge.source], self._before, stop=edge.target) - {edge.target}

    def all_paths_pass(self, key: str, through: str) -> bool:
        """Whether no path from `key` ends in the scope of `through`, or loses it for good, without having met it.

        A path that ends inside a deeper scope is no end: the owner goes on by `done` all the same.
        """
        upstream = self.upstream(through)
        depth = self.depths[through]
        met = self._search([key], self._after, stop=through) - {through}
        return not any(self.depths[other] <= depth and (other not in upstream or self._may_end(other)) for other in met)

    def _may_end(self, key: str) -> bool:
        leaving = [i for i, edge in enumerate(self.edges) if edge.source == key]
        if self.nodes[key].owner:
            leaving = [i for i in leaving if self.edges[i].port != LOOP_PORT]
        return not leaving or any(i in self.ways_back for i in leaving)

    @cached_property
    def loop_backs(self) -> frozenset[int]:
        """The connections that close a cycle, found depth-first from the trigger in connection order."""
        found: set[int] = set()
        done: set[str] = set()
        path: set[str] = set()

        def visit(key: str) -> None:
            path.add(key)
            for index, edge in enumerate(self.edges):
                if edge.source != key or index in self.ways_back:
                    continue
                if edge.target in path:
                    found.add(index)
                elif edge.target not in done:
                    visit(edge.target)
            path.discard(key)
            done.add(key)

        visit(self.trigger)
        return frozenset(found)

    @cached_property
    def _all_after(self) -> dict[str, list[str]]:
        return {key: [edge.target for edge in self.edges if edge.source == key] for key in self.nodes}

    @cached_property
    def _after(self) -> dict[str, list[str]]:
        after: dict[str, list[str]] = {key: [] for key in self.nodes}
        for index, edge in enumerate(self.edges):
            if index not in self.ways_back:
                after[edge.source].append(edge.target)
        return after

    @cached_property
    def _before(self) -> dict[str, list[str]]:
        before: dict[str, list[str]] = {key: [] for key in self.nodes}
        for index, edge in enumerate(self.edges):
            if index not in self.ways_back:
                before[edge.target].append(edge.source)
        return before

    @staticmethod
    def _search(starts: Collection[str], steps: Mapping[str, Sequence[str]], stop: str | None = None) -> set[str]:
        """Every node that can be walked to from `starts`, them included; the walk does not go on behind `stop`."""
        seen = set(starts)
        todo = list(seen)
        while todo:
            key = todo.pop()
            if key == stop:
                continue
            for other in steps[key]:
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        return seen
