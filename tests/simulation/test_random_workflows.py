"""Thousands of random workflows, each in an order, with requests and with crashes that its seed decides.

``PRANA_SEEDS`` says how many; the default is 20,000. A failure prints its seed: ``play(seed)`` repeats it.
"""

from __future__ import annotations

import os
from functools import lru_cache
from random import Random
from typing import Any

import pytest

from prana_py import CompileError, Execution, ExecutionGraph
from prana_py.driver.requests import Cancel, CancelBranch, Request, Resume, Signal
from prana_py.graph.compile import compile_workflow
from prana_py.testing.simulate import Ask, CrashPoint, SimulationResult, ended_twice, simulate, unlike
from tests.simulation.random_nodes import RANDOM_CATALOG
from tests.simulation.random_workflows import random_workflow

SEEDS = int(os.environ.get("PRANA_SEEDS", "20000"))
CHUNKS = 20

ENGINES_OWN = {"guard", "sub_workflow"}
"""A guard may never come to hold, and then the parent waits with its child."""


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_simulation_comes_to_a_right_end(chunk: int):
    for seed in range(SEEDS * chunk // CHUNKS, SEEDS * (chunk + 1) // CHUNKS):
        try:
            play(seed)
        except Exception as error:
            error.add_note(f"in the simulation of seed {seed}")
            raise


@lru_cache(maxsize=1)
def graphs(seed: int) -> tuple[ExecutionGraph, ExecutionGraph] | None:
    """A random workflow and the one that it may call; ``None`` where they do not compile."""
    random = Random(seed)
    wild = bool(seed % 2)
    try:
        child = compile_workflow(random_workflow(random, "child", wild=wild), RANDOM_CATALOG)
        return compile_workflow(random_workflow(random, wild=wild, child="child"), RANDOM_CATALOG), child
    except CompileError:
        return None


def play(seed: int) -> SimulationResult | None:
    """One simulation; ``None`` where the seed makes a workflow that does not compile."""
    compiled = graphs(seed // 2)
    if compiled is None:
        return None
    graph, child = compiled
    random = Random(seed)
    options: dict[str, Any] = {"nodes": RANDOM_CATALOG, "workflows": [child], "seed": seed}
    crashes = [
        CrashPoint(random.randint(1, 60), random.choice(("before", "after")))
        for _ in range(random.choice((0, 1, 1, 3)))
    ]
    requests = _requests(random, graph) if seed % 8 > 3 else []

    result = simulate(
        graph,
        0,
        crash_at=crashes,
        requests=requests,
        max_concurrency=random.choice((1, 2, 4)),
        clock_jumps=seed % 16 > 7,
        **options,
    )

    _came_to_an_end(result)
    if not requests and graph.is_confluent and child.is_confluent:
        _is_like(simulate(graph, 0, **options), result)
    return result


def _came_to_an_end(result: SimulationResult) -> None:
    for execution in result.executions.values():
        open_waits = {suspension.type for suspension in execution.suspensions.values()}
        assert execution.is_final or (open_waits and open_waits <= ENGINES_OWN), execution.status
    assert list(ended_twice(result)) == []


def _is_like(calm: SimulationResult, disturbed: SimulationResult) -> None:
    """What asks for no race comes to the same in any order; what else was under way at a failure, does not."""
    if {entry.status for entry in calm.audit() | disturbed.audit()} == {"completed"}:
        assert list(unlike(calm, disturbed)) == []
    else:
        assert disturbed.execution.status == calm.execution.status


def _crash(random: Random) -> CrashPoint:
    return CrashPoint(random.randint(1, 60), random.choice(("before", "after")))


def _requests(random: Random, graph: ExecutionGraph) -> list[Ask]:
    def resume(execution: Execution) -> Request:
        return Resume(random.choice(sorted(execution.suspensions) or ["nobody"]), "told")

    nodes = list(graph.nodes)
    return [
        Ask(
            random.choice(
                (
                    resume,
                    resume,
                    resume,
                    Signal("go", 1),
                    Signal("go", 2, buffer=False),
                    Cancel("no more"),
                    CancelBranch((random.choice(nodes),)),
                )
            ),
            at=random.choice((None, random.randint(1, 40))),
            to=random.choice((None, None, "child")),
        )
        for _ in range(random.randint(1, 6))
    ]
