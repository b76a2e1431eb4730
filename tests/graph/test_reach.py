"""Joins, scopes and cycles against oracles that follow every path."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from prana_py.errors import CompileError
from prana_py.graph.execution_graph import ExecutionGraph, Vertex
from prana_py.model.join import FirstOf
from prana_py.model.settings import NodeSettings
from tests.graph.types import graph, keys_of


def random_links(random: Random, owners: int) -> str:
    """A small graph with forks, joins, ways back and scope owners."""
    count = random.randrange(3, 9)
    keys = ["t"] + [("e" if random.random() < owners / 10 else "a") + str(number) for number in range(count)]

    def port(key: str) -> str:
        return f"{key}:{random.choice(['loop', 'loop', 'done'])}" if key[0] == "e" else key

    links = [f"{port(keys[random.randrange(number)])} > {keys[number]}" for number in range(1, len(keys))]
    links += [f"{port(random.choice(keys))} > {random.choice(keys[1:])}" for _ in range(random.randrange(5))]
    return ";".join(links)


def edges(compiled: ExecutionGraph) -> list[tuple[str, str]]:
    """Connections between vertices, the loop port of an owner being a vertex of its own."""
    found = []
    for vertex in compiled.vertices:
        for port, routes in vertex.routes.items():
            source = f"{vertex.key}/loop" if vertex.spec.owner and port == "loop" else vertex.key
            found += [(source, route.connection.to_node) for route in routes]
        if vertex.spec.owner:
            found.append((vertex.key, f"{vertex.key}/loop"))
    return found


def reachable(start: str, links: list[tuple[str, str]], *, without: str = "") -> set[str]:
    found: set[str] = set()
    waiting = [start] if start != without else []
    while waiting:
        key = waiting.pop()
        if key not in found and key != without:
            found.add(key)
            waiting += [target for source, target in links if source == key]
    return found


def body(compiled: ExecutionGraph, owner: str) -> set[str]:
    """By the definition: what cannot be reached when the loop port is taken away."""
    links = edges(compiled)
    root = compiled.trigger_node_key
    lost = reachable(root, links) - reachable(root, links, without=f"{owner}/loop")
    return {key for key in lost if not key.endswith("/loop")}


def level_edges(compiled: ExecutionGraph, home: tuple[int, ...]) -> tuple[set[tuple[str, str]], set[str]]:
    """The connections among what has this home, owners standing for their bodies, and whose work may leave it."""
    links, leaving = set(), set()
    for vertex in compiled.vertices:
        for port, routes in vertex.routes.items():
            for route in routes:
                around = (*vertex.home, vertex.ordinal) if vertex.spec.owner and port == "loop" else vertex.home
                if around[: len(home)] != home:
                    continue
                source = compiled.vertices[around[len(home)]] if len(around) > len(home) else vertex
                target = compiled.vertices[route.target]
                if target.home == home:
                    if not (target is source and len(around) > len(home)):
                        links.add((source.key, target.key))
                elif target.home[: len(home)] != home:
                    leaving.add(source.key)
    return links, leaving


def upstream(compiled: ExecutionGraph, join: Vertex) -> set[str]:
    links = sorted(level_edges(compiled, join.home)[0])
    peers = {vertex.key for vertex in compiled.vertices if vertex.home == join.home} - {join.key}
    return {key for key in peers if join.key in reachable(key, links)}


def captive(compiled: ExecutionGraph, join: Vertex) -> set[str]:
    """Those upstream from which no end can be reached without the join."""
    links, leaving = level_edges(compiled, join.home)
    before = upstream(compiled, join)
    ends = {vertex.key for vertex in compiled.vertices if vertex.home == join.home and vertex.key not in before}
    ends |= leaving
    ends |= {vertex.key for vertex in compiled.vertices if vertex.spec.owner and not set(vertex.routes) - {"loop"}}
    ends -= {join.key}
    return {key for key in before if not reachable(key, sorted(links), without=join.key) & ends}


def compiled_graphs(*, owners: int, count: int = 400, **options):
    for seed in range(count):
        links = random_links(Random(seed), owners)
        try:
            yield links, graph(links, **options)
        except CompileError as error:
            if {problem.code for problem in error.problems} != {"loop_unstructured"}:
                raise


@pytest.mark.parametrize("owners", [0, 3, 6])
def test_a_body_is_what_only_the_loop_port_leads_to(owners):
    for links, compiled in compiled_graphs(owners=owners):
        for vertex in compiled.vertices:
            expected = body(compiled, vertex.key) if vertex.spec.owner else set()
            assert keys_of(compiled, vertex.body) == expected, links
            for inner in expected:
                assert vertex.ordinal in compiled.vertex(inner).home, links


@pytest.mark.parametrize("owners", [0, 3, 6])
def test_a_joins_upstream_is_all_of_its_scope_that_can_reach_it(owners):
    for links, compiled in compiled_graphs(owners=owners):
        for vertex in compiled.vertices:
            if len(vertex.feeds) > 1:
                assert keys_of(compiled, vertex.upstream) == upstream(compiled, vertex), links
            else:
                assert vertex.upstream == 0
        for vertex in compiled.vertices:
            ahead = {other.bit for other in compiled.vertices if other.upstream & vertex.bit}
            assert vertex.joins_ahead == sum(ahead), links


@pytest.mark.parametrize("owners", [0, 4])
def test_what_is_captive_has_no_end_but_through_the_join(owners):
    settings = {f"{letter}{number}": NodeSettings(join=FirstOf(on_rest="cancel", block=True))
                for number in range(9) for letter in "ae"}  # fmt: skip
    for links, compiled in compiled_graphs(owners=owners, nodes=settings):
        for vertex in compiled.vertices[1:]:
            assert keys_of(compiled, vertex.captive) == captive(compiled, vertex), (links, vertex.key)
            level = sorted(level_edges(compiled, vertex.home)[0])
            after = {key for target in level if target[0] == vertex.key for key in reachable(target[1], level)}
            assert keys_of(compiled, vertex.downstream) == after - {vertex.key}, links


@pytest.mark.parametrize("owners", [0, 3, 6])
def test_without_its_ways_back_a_graph_has_no_cycle(owners):
    for links, compiled in compiled_graphs(owners=owners):
        routes = [route for route in compiled.route_list.values() if not (route.is_back or route.ends_item)]
        forward = [(compiled.vertices[route.source].key, compiled.vertices[route.target].key) for route in routes]
        for source, target in forward:
            assert source not in reachable(target, forward), links
        for route in compiled.route_list.values():
            if route.is_back:
                cycle = compiled.cycles[route.cycle]
                assert cycle.head == route.target
                assert cycle.members >> route.source & 1, links


def test_a_connection_leaves_as_many_scopes_as_it_must():
    for links, compiled in compiled_graphs(owners=6):
        for route in compiled.route_list.values():
            source, target = compiled.vertices[route.source], compiled.vertices[route.target]
            enters = source.spec.owner is not None and route.connection.from_port == "loop"
            depth = len(source.home) + enters
            inside = len(target.home) + route.ends_item
            assert route.leaves == depth - inside >= 0, links
            assert (route.feed == -1) == route.ends_item


def test_slots_number_the_nodes_of_one_home():
    for links, compiled in compiled_graphs(owners=6):
        homes: dict[tuple[int, ...], list[int]] = {}
        for vertex in compiled.vertices:
            homes.setdefault(vertex.home, []).append(vertex.slot)
        assert all(slots == list(range(len(slots))) for slots in homes.values()), links
        assert compiled.top_slots == len(homes[()])
        for vertex in compiled.vertices:
            assert vertex.body_slots == len(homes.get((*vertex.home, vertex.ordinal), []) if vertex.spec.owner else [])


def test_vertices_are_numbered_depth_first_in_the_order_of_connections():
    compiled = graph("t > c; t > a; c > d; a > b; d > b")

    assert [vertex.key for vertex in compiled.vertices] == ["t", "c", "d", "b", "a"]
    assert all(one.ordinal + 1 == two.ordinal for one, two in pairwise(compiled.vertices))


@pytest.mark.parametrize(
    "links",
    [
        pytest.param("t > e; t > x; e:loop > b; b > x; x > e", id="joined from elsewhere"),
        pytest.param("t > e; e:loop > b; b > y; e:done > y; y > e", id="over the done port"),
        pytest.param("t > x; x > e; e:loop > b; b > x", id="to before the owner"),
        pytest.param("t > e; t > x; e:loop > x; x > e", id="loop port straight out"),
    ],
)
def test_a_way_back_to_the_owner_outside_of_its_body_is_refused(links):
    with pytest.raises(CompileError, match="loop_unstructured"):
        graph(links)


def test_an_inner_body_may_end_the_item_of_an_outer_owner():
    compiled = graph("t > e1; e1:loop > e2; e2:loop > x; x > e1; e2:done > y; y > e1")

    straight = compiled.route_list["x:main->e1:main"]
    assert (straight.ends_item, straight.leaves, straight.feed) == (True, 1, -1)


def test_an_owner_may_lie_on_a_plain_cycle():
    compiled = graph("t > h; h > e; e:loop > b; b > e; e:done > i; i:true > h")

    [cycle] = compiled.cycles
    assert keys_of(compiled, cycle.members) == {"h", "e", "b", "i"}
    assert keys_of(compiled, compiled.vertex("e").body) == {"b"}
