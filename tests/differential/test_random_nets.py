"""Larger nets with mixed splits and joins, loops in loops, waits: each step of the engine is the interpreter's.

20,000 nets of all kinds are played. For some more, after every row the invariants hold, the journal tells of the same
value, and the short way leads to it as well; ``PRANA_LONG_TESTS=1`` plays 20,000 of each kind like that.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest

from prana_py.execution.sameness import difference
from prana_py.execution.storage import from_storage_format, load_rows, rows_of, to_storage_format
from tests.differential.journeys import Journey, journey
from tests.differential.nets import compiled, with_a_start
from tests.reference_interpreter import Net, Record, random_net, scripted

LONG = bool(os.environ.get("PRANA_LONG_TESTS"))
NETS = 20_000 if LONG else 160
CHUNKS = 2

MANY = 20_000
MANY_CHUNKS = 10
MANY_FROM = 100_000
"""The seed of the first of them."""

KINDS: dict[str, dict[str, Any]] = {
    "acyclic": {"cycles": False, "scopes": False},
    "cyclic": {"scopes": False},
    "with items": {},
    "starving": {"starving": True},
    "racing": {"starving": True, "races": True},
}


def played(net: Net, seed: int, *, at_once: int) -> Journey:
    behaviour = scripted(net, seed=seed, fuel=3, suspend_every=4)
    return journey(net, behaviour, order=seed if at_once > 1 else None, max_concurrency=at_once)


@pytest.mark.parametrize("chunk", range(MANY_CHUNKS))
def test_the_engine_agrees_about_twenty_thousand_nets(chunk: int):
    for seed in range(MANY_FROM + chunk, MANY_FROM + MANY, MANY_CHUNKS):
        kind = list(KINDS)[seed // 2 % len(KINDS)]
        net = with_a_start(random_net(seed, **KINDS[kind]))
        behaviour = scripted(net, seed=seed, fuel=3, suspend_every=4)
        order, at_once = (None, 1) if seed % 4 < 2 else (seed, 4)
        try:
            journey(net, behaviour, order=order, max_concurrency=at_once, scrutinise=False)
        except AssertionError as error:
            raise AssertionError(f"random_net({seed}, **{KINDS[kind]}): {error}") from error


@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("kind", KINDS)
def test_the_engine_agrees_about_random_nets(kind: str, chunk: int, at_once: int):
    for seed in range(chunk, NETS, CHUNKS):
        net = with_a_start(random_net(seed, **KINDS[kind]))
        try:
            played(net, seed, at_once=at_once)
        except AssertionError as error:
            raise AssertionError(f"random_net({seed}, **{KINDS[kind]}): {error}") from error


@pytest.mark.parametrize("kind", ["acyclic", "cyclic", "with items"])
def test_without_races_every_order_comes_to_the_same(kind: str):
    confluent = 0
    for seed in range(1_000, 1_000 + NETS):
        net = with_a_start(random_net(seed, **KINDS[kind]))
        if not compiled(net).is_confluent:
            continue
        confluent += 1

        one, other = played(net, seed, at_once=1), played(net, seed, at_once=3)

        assert runs(one) == runs(other), f"random_net({seed}, **{KINDS[kind]})"
        assert one.witness.verdict == other.witness.verdict

    assert confluent > NETS / 20


def test_what_is_stored_comes_back_the_same():
    for seed in range(2_000, 2_000 + NETS // 4):
        net = with_a_start(random_net(seed, starving=True, races=True))

        execution = played(net, seed, at_once=3).execution

        stored = to_storage_format(execution)
        loaded = from_storage_format(stored, execution.execution_graph)
        assert difference(loaded, execution) is None
        assert to_storage_format(loaded) == stored
        assert difference(load_rows(execution.execution_graph, rows_of(execution)), execution) is None


def test_the_short_way_is_really_taken():
    taken = sum(
        played(with_a_start(random_net(seed, scopes=False)), seed, at_once=1).scrutiny.straight for seed in range(40)
    )

    assert taken > 100


def runs(journey: Journey) -> Counter[Record]:
    return Counter(journey.witness.reference.records)
