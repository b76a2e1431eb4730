"""Every small graph: the engine and the reference interpreter agree about each step of each.

Graphs of up to four nodes are played with every way to split: the labelled ones with inclusive joins, one of each class
with all, each and first joins. Of five nodes one of each class is played, with one way to split: all targets, one, or a
mixture drawn for each graph. ``PRANA_LONG_TESTS=1`` plays every way to split with every join.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache

import pytest

from tests.differential.journeys import drawn, journey
from tests.differential.nets import with_a_start
from tests.reference_interpreter import Completed, Net, Starved, nets_of, rotating
from tests.reference_interpreter.generate import (
    Digraph,
    count_rooted_digraphs,
    rooted_digraphs,
    rooted_digraphs_up_to_isomorphism,
)
from tests.reference_interpreter.net import Join

LONG = bool(os.environ.get("PRANA_LONG_TESTS"))
INCLUSIVE: Join = "inclusive"
OTHERS: dict[str, Join] = {"all": "all", "each": "each", "first": ("first", 1, "ignore", False)}
CHUNKS = 24
FUEL = 2
SCRUTINISED = 20
"""One net in so many is looked at in every way that there is; the others are compared only."""


@cache
def labelled() -> tuple[Digraph, ...]:
    return tuple(graph for nodes in range(1, 5) for graph in rooted_digraphs(nodes))


@cache
def classes() -> tuple[Digraph, ...]:
    return tuple(graph for nodes in range(1, 5) for graph in rooted_digraphs_up_to_isomorphism(nodes))


@cache
def classes_of_five() -> tuple[Digraph, ...]:
    return tuple(rooted_digraphs_up_to_isomorphism(5))


def one_way_to_split(graph: Digraph) -> list[Net]:
    """All targets, one of them, or one of the mixtures; every way with the long setting."""
    nets = list(nets_of(graph))
    if LONG:
        return nets
    draw = drawn(graph)
    return [[nets[0], nets[-1], *(nets[draw // 4 % len(nets)] for _ in range(2))][draw % 4]]


def play_all(nets: Iterator[Net]) -> None:
    for number, net in enumerate(nets):
        whole = with_a_start(net)
        played = journey(whole, rotating(whole, fuel=FUEL), scrutinise=number % SCRUTINISED == 0)
        assert isinstance(played.witness.verdict, Completed | Starved)


def test_there_are_as_many_graphs_as_counting_says():
    assert len(labelled()) == sum(count_rooted_digraphs(nodes) for nodes in range(1, 5)) == 2_467
    assert len(classes()) == 461
    assert len(classes_of_five()) == 32_404


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_engine_agrees_about_graphs_of_four_nodes(chunk: int):
    play_all(net for graph in labelled()[chunk::CHUNKS] for net in nets_of(graph, join=INCLUSIVE))


@pytest.mark.parametrize("join", OTHERS)
@pytest.mark.parametrize("chunk", range(4))
def test_the_engine_agrees_about_other_joins(join: str, chunk: int):
    graphs = labelled() if LONG else classes()

    play_all(net for graph in graphs[chunk::4] for net in nets_of(graph, join=OTHERS[join]))


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_engine_agrees_about_graphs_of_five_nodes(chunk: int):
    play_all(net for graph in classes_of_five()[chunk::CHUNKS] for net in one_way_to_split(graph))
