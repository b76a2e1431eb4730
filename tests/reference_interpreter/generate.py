"""Nets to try: every small one, and as many larger ones as there are seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import permutations, product
from math import comb
from random import Random

from tests.reference_interpreter.net import DONE_PORT, LOOP_PORT, MAIN_PORT, Edge, Join, Net, NetError, NetNode, Split

Digraph = tuple[tuple[int, ...], ...]  # per node its targets, in order; node 0 is the root


# ---- every small graph


def count_rooted_digraphs(nodes: int, *, self_loops: bool = False) -> int:
    """How many labelled digraphs have every node reachable from node 0, by inclusion of what the root does reach."""
    targets = nodes if self_loops else nodes - 1
    total = 1 << nodes * targets
    for reached in range(1, nodes):
        own = count_rooted_digraphs(reached, self_loops=self_loops)
        total -= comb(nodes - 1, reached - 1) * own << (nodes - reached) * targets
    return total


def rooted_digraphs(nodes: int, *, self_loops: bool = False) -> Iterator[Digraph]:
    """All labelled digraphs in which every node is reachable from node 0; without self-loops unless asked for."""
    for mask in range(2 ** _bits(nodes, self_loops)):
        graph = _graph(mask, nodes, self_loops)
        if _is_rooted(graph):
            yield graph


def rooted_digraphs_up_to_isomorphism(nodes: int, *, self_loops: bool = False) -> Iterator[Digraph]:
    """One of each class of rooted digraphs that differ only in the names of the nodes behind the root."""
    seen = bytearray(2 ** _bits(nodes, self_loops))
    renamings = _renamings(nodes, self_loops)
    for mask in range(len(seen)):
        if seen[mask]:
            continue
        for renaming in renamings:
            seen[_renamed(mask, renaming, nodes, self_loops)] = 1
        graph = _graph(mask, nodes, self_loops)
        if _is_rooted(graph):
            yield graph


def nets_of(graph: Digraph, *, join: Join = "inclusive") -> Iterator[Net]:
    """The graph as nets, once for every way in which its branching nodes split: all targets, or one of them."""
    branching = [node for node, targets in enumerate(graph) if len(targets) > 1]
    splits: tuple[Split, ...] = ("and", "xor")
    for chosen in product(splits, repeat=len(branching)):
        split = dict(zip(branching, chosen, strict=True))
        nodes = {_name(node): NetNode(join=join, split=split.get(node, "and")) for node in range(len(graph))}
        edges = [
            Edge(_name(node), str(place) if split.get(node) == "xor" else MAIN_PORT, _name(target))
            for node, targets in enumerate(graph)
            for place, target in enumerate(targets)
        ]
        yield Net(nodes, edges, _name(0))


def _name(node: int) -> str:
    return f"n{node}"


def _bits(nodes: int, self_loops: bool) -> int:
    return nodes * (nodes if self_loops else nodes - 1)


def _targets(node: int, nodes: int, self_loops: bool) -> list[int]:
    return [target for target in range(nodes) if self_loops or target != node]


def _graph(mask: int, nodes: int, self_loops: bool) -> Digraph:
    graph = []
    for node in range(nodes):
        targets = _targets(node, nodes, self_loops)
        graph.append(tuple(target for place, target in enumerate(targets) if mask >> place & 1))
        mask >>= len(targets)
    return tuple(graph)


def _is_rooted(graph: Digraph) -> bool:
    seen = {0}
    todo = [0]
    while todo:
        for target in graph[todo.pop()]:
            if target not in seen:
                seen.add(target)
                todo.append(target)
    return len(seen) == len(graph)


def _renamings(nodes: int, self_loops: bool) -> list[list[list[int]]]:
    """For each renaming that keeps the root, for each node, what each set of its targets becomes as a whole mask."""
    width = len(_targets(0, nodes, self_loops))
    renamings = []
    for behind in permutations(range(1, nodes)):
        names = (0, *behind)
        rows = []
        for node in range(nodes):
            old = _targets(node, nodes, self_loops)
            new = _targets(names[node], nodes, self_loops)
            moved = [1 << (names[node] * width + new.index(names[target])) for target in old]
            rows.append([sum(bit for place, bit in enumerate(moved) if row >> place & 1) for row in range(2**width)])
        renamings.append(rows)
    return renamings


def _renamed(mask: int, rows: list[list[int]], nodes: int, self_loops: bool) -> int:
    width = len(_targets(0, nodes, self_loops))
    renamed = 0
    for row in rows:
        renamed |= row[mask & (2**width - 1)]
        mask >>= width
    return renamed


# ---- larger ones, from a seed


@dataclass
class _Draft:
    random: Random
    races: bool
    starving: bool
    cycles: bool
    concurrent_items: bool
    nodes: dict[str, NetNode] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    regions: list[list[str]] = field(default_factory=list)

    def net(self) -> Net:
        return Net(dict(self.nodes), tuple(self.edges), "n0")

    def try_edge(self, source: str, target: str) -> None:
        """Add a connection, unless it would break the structure of a loop or move a node into another scope."""
        before = self.net().depths
        self.edges.append(Edge(source, self._port(source), target, self.random.choice((MAIN_PORT, MAIN_PORT, "side"))))
        try:
            kept = self.net().depths == before
        except NetError:
            kept = False
        if not kept:
            self.edges.pop()

    def connect(self, source: str, target: str) -> None:
        self.edges.append(Edge(source, self._port(source), target))

    def _port(self, source: str) -> str:
        if self.nodes[source].owner:
            return DONE_PORT
        if self.nodes[source].split == "and":
            return MAIN_PORT
        return str(sum(edge.source == source for edge in self.edges) % 3)


def random_net(
    seed: int,
    *,
    min_nodes: int = 6,
    max_nodes: int = 14,
    cycles: bool = True,
    scopes: bool = True,
    concurrent_items: bool = True,
    starving: bool = False,
    races: bool = False,
) -> Net:
    """A net with mixed splits and joins, cycles, and structured loops in loops.

    `starving` admits `all` joins; `races` admits `each`, `first` and `batch`, whose outcome may depend on timing, as it
    may with `concurrent_items` where connections leave their bodies.
    """
    random = Random(seed)
    draft = _Draft(random, races, starving, cycles, concurrent_items)
    _draw_region(draft, random.randint(min_nodes, max_nodes), owners_deep=2 if scopes else 0)
    for region in draft.regions:
        for _ in range(random.randint(0, len(region))):
            source, target = random.choice(region), random.choice(region)
            forward = region.index(source) < region.index(target)
            if source != target and (cycles or forward):
                draft.try_edge(source, target)
    _draw_ways_out(draft)
    _draw_joins(draft)
    return draft.net()


def _draw_region(draft: _Draft, size: int, owners_deep: int) -> list[str]:
    """A tree of nodes in one scope, some of them owners whose bodies are such trees."""
    random = draft.random
    region: list[str] = []
    draft.regions.append(region)
    while size > 0:
        key = f"n{len(draft.nodes)}"
        is_owner = owners_deep > 0 and size >= 3 and random.random() < 0.2
        owner = random.choice(("for_each", "while")) if is_owner else None
        draft.nodes[key] = NetNode(
            split=random.choice(("and", "and", "xor", "or")),
            owner="for_each" if owner == "for_each" else "while" if owner else None,
            collect=random.choice(("last", "merge", "list")),
            item_concurrency=random.choice((1, 1, 2, 3)) if draft.concurrent_items else 1,
        )
        if region:
            draft.connect(random.choice(region[-3:]), key)
        region.append(key)
        size -= 1
        if is_owner:
            size -= _draw_body(draft, key, random.randint(1, min(5, size - 1)), owners_deep - 1)
    return region


def _draw_body(draft: _Draft, owner: str, size: int, owners_deep: int) -> int:
    random = draft.random
    body = _draw_region(draft, size, owners_deep)
    draft.edges.append(Edge(owner, LOOP_PORT, body[0]))
    if random.random() < 0.2:
        draft.edges.append(Edge(owner, LOOP_PORT, random.choice(body)))
    for key in random.sample(body, random.randint(0, len(body))):
        draft.connect(key, owner)
    return size


def _draw_ways_out(draft: _Draft) -> None:
    """Sometimes a connection from a body to a node of an outer scope, where the structure allows it."""
    keys = list(draft.nodes)
    for source in keys:
        targets = keys if draft.cycles else keys[keys.index(source) + 1 :]
        if targets and draft.net().depths[source] and draft.random.random() < 0.25:
            draft.try_edge(source, draft.random.choice(targets))


def _draw_joins(draft: _Draft) -> None:
    random = draft.random
    incoming = {key: len(draft.net().connections(key)) for key in draft.nodes}
    for key, node in draft.nodes.items():
        if incoming[key] < 2:
            continue
        joins: list[Join] = ["inclusive"] * 4
        if draft.starving:
            joins.append("all")
        if draft.races:
            needed = random.randint(1, incoming[key])
            joins += ["each", ("first", needed, random.choice(("ignore", "cancel")), random.random() < 0.3)]
            joins.append(("batch", random.randint(1, 3)))
        draft.nodes[key] = NetNode(
            random.choice(joins), node.split, node.owner, node.collect, node.reentrant, node.item_concurrency
        )


def main() -> None:
    """Print how many graphs there are of each size."""
    print("nodes  labelled  up to isomorphism  with self-loops: labelled  up to isomorphism")
    for nodes in range(1, 6):
        plain = sum(1 for _ in rooted_digraphs_up_to_isomorphism(nodes))
        looped_classes = ""
        if nodes < 5:
            looped_classes = str(sum(1 for _ in rooted_digraphs_up_to_isomorphism(nodes, self_loops=True)))
        labelled, looped = count_rooted_digraphs(nodes), count_rooted_digraphs(nodes, self_loops=True)
        print(f"{nodes:>5}  {labelled:>8}  {plain:>17}  {looped:>25}  {looped_classes:>17}")


if __name__ == "__main__":
    main()
