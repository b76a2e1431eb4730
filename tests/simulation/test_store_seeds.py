"""Thousands of small worlds: engines on one store, in an order, with crashes, faults and clocks that a seed decides.

A failure prints its seed: ``play(seed)`` repeats it. ``PRANA_LONG_TESTS=1`` plays a million.
"""

from __future__ import annotations

import os
from collections import Counter
from functools import lru_cache
from random import Random

import pytest

from prana_py.execution.execution import Execution
from prana_py.testing.simulate import SimulationResult, entries_of, simulate, without_counts
from tests.simulation.random_nodes import RANDOM_CATALOG
from tests.simulation.store_workflows import pair
from tests.simulation.store_world import ROOT, Plan, World

SEEDS = 1_000_000 if os.environ.get("PRANA_LONG_TESTS") else 20_000
CHUNKS = 20
SEEDS_A_PAIR = 8
"""Worlds with the same workflows."""


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_engines_on_one_store_come_to_a_right_end(chunk: int):
    seen: Counter[str] = Counter()
    seeds = range(SEEDS * chunk // CHUNKS, SEEDS * (chunk + 1) // CHUNKS)
    for seed in seeds:
        try:
            world = play(seed)
        except BaseException as error:
            error.add_note(f"in the world of seed {seed}")
            raise
        if world is not None:
            seen.update(worlds=1, steps=world.steps, faults=world.faults, deaths=world.deaths, errors=len(world.errors))

    print(", ".join(f"{count:,} {what}" for what, count in seen.items()))
    assert seen["worlds"] > 0.97 * len(seeds)
    assert min(seen["faults"], seen["deaths"], seen["errors"]) > 0.5 * len(seeds)


def play(seed: int) -> World | None:
    """One world; ``None`` where the seed makes a workflow that does not compile."""
    workflows = pair(seed // SEEDS_A_PAIR)
    if workflows is None:
        return None
    random = Random(seed)
    world = World(workflows, random, _plan(random, seed))
    try:
        executions = world.live()
    finally:
        world.close()
    if workflows.is_confluent and not world.plan.is_asked:
        _is_like(calm(seed // SEEDS_A_PAIR), {execution.id: execution for execution in executions})
    return world


def _plan(random: Random, seed: int) -> Plan:
    return Plan(
        engines=random.randint(1, 4),
        verbs=random.randint(2, 12),
        steps=random.randint(10, 120),
        fault_chance=random.choice((0, 0.02, 0.15)),
        is_asked=bool(seed % 2),
        is_punctual=random.random() < 0.5,
    )


@lru_cache(maxsize=2)
def calm(seed: int) -> SimulationResult:
    """How it ends in memory, undisturbed."""
    workflows = pair(seed)
    assert workflows is not None
    main, child = workflows.graphs
    return simulate(main, 0, nodes=RANDOM_CATALOG, workflows=[child])


def _is_like(calm: SimulationResult, executions: dict[str, Execution]) -> None:
    """What asks for no race comes to the same; what else was under way at a failure does not."""
    if ROOT not in executions:
        return
    root = executions[ROOT]
    assert root.status == calm.execution.status, f"{root.status} instead of {calm.execution.status}"
    if {entry.status for entry in calm.audit()} != {"completed"}:
        return
    assert without_counts(root.output) == without_counts(calm.execution.output)
    for execution_id, expected in calm.executions.items():
        execution = executions[execution_id]
        assert execution.status == expected.status
        more = frozenset(entries_of(execution)) ^ frozenset(entries_of(expected))
        assert not more, f"not in both: {sorted(map(str, more))}"
