"""What the simulation of engines on one store once found, each in the fewest steps that show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from prana_py import WorkflowBuilder
from prana_py.testing.fake_clock import FakeClock
from tests.simulation.random_nodes import RANDOM_CATALOG, work
from tests.simulation.store_engines import SimulatedEngine, SkewedClock, Task, Time
from tests.simulation.store_world import empty_store


@pytest.fixture
def engine() -> Iterator[SimulatedEngine]:
    clock = SkewedClock(Time(FakeClock().now()), 0)
    engine = SimulatedEngine("engine", empty_store(), Counter(), clock, RANDOM_CATALOG, durability="each_node")
    flow = WorkflowBuilder("main")
    flow.add(work, "a").then(flow.add(work, "b"))
    _in_turn(engine, engine.publish(flow.build()))
    yield engine
    engine.die()


def _in_turn(engine: SimulatedEngine, *tasks: Any) -> list[Any]:
    """Let programs go on in turn, a store call or a node call each, until all have ended; what came of them."""
    came: dict[int, Any] = {}

    def note(number: int, task: Task) -> None:
        task.then = lambda value, error: came.update({number: error or value})

    for number, task in enumerate(tasks):
        note(number, task)
    while not engine.process.is_idle:
        for task in engine.process.tasks_to_go_on():
            engine.process.go_on(task)
        for event in engine.process.events_to_happen():
            engine.process.happen(event)
        _let_time_pass(engine)
    return [came[number] for number in sorted(came)]


def _let_time_pass(engine: SimulatedEngine) -> None:
    clock: Any = engine.runtime.clock
    clock.time.now += 1_000_000


def test_two_threads_that_begin_the_same_execution_at_once_have_one_between_them(engine: SimulatedEngine):
    options: Any = {"execution_id": "same", "idempotency_key": "same"}

    one, other = _in_turn(engine, engine.start("main", 0, **options), engine.start("main", 0, **options))

    assert one.status == "completed"
    assert other.id == "same"
    assert not engine.keeper.held
