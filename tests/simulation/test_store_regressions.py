"""What the simulation of engines on one store once found, each in the fewest steps that show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

import pytest

from prana_py import WorkflowBuilder
from prana_py.execution.execution import Execution
from prana_py.execution.rows import SignalKept
from prana_py.stores import executions, leases, mutexes
from prana_py.stores.statements import Statement
from prana_py.testing.fake_clock import FakeClock
from prana_py.testing.store_invariants import check_store
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


def _in_turn(engine: SimulatedEngine, *tasks: Any, random: Random | None = None) -> list[Any]:
    """Let programs go on in turn, a store call or a node call each, until all have ended; what came of them."""
    came: dict[int, Any] = {}

    def note(number: int, task: Task) -> None:
        task.then = lambda value, error: came.update({number: error or value})

    for number, task in enumerate(tasks):
        note(number, task)
    while not engine.process.is_idle:
        ready = engine.process.tasks_to_go_on()
        for task in ready if random is None else ready and [random.choice(ready)]:
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


def test_whatever_threads_of_one_engine_ask_at_once_of_an_execution_that_begins_they_get_their_answers(
    engine: SimulatedEngine,
):
    for seed in range(200):
        key: Any = {"execution_id": f"execution {seed}", "idempotency_key": f"key {seed}"}
        submitted = engine.submit("main", 0, **key)
        _in_turn(engine, submitted)

        tasks = [
            engine.start("main", 0, **key),
            engine.signal(f"execution {seed}", "go", "now"),
            engine.start("main", 0, **key),
            engine.wake_due(1),
        ]
        started, _, again, _ = _in_turn(engine, *tasks, random=Random(seed))

        for answer in (started, again):  # one that is claimed, and has no row yet, cannot be given
            assert answer.id == f"execution {seed}" if isinstance(answer, Execution) else answer.code == "not_started"
    ended = check_store(engine)
    assert all(execution.status == "completed" for execution in ended)
    assert all(sum(isinstance(row, SignalKept) for row in execution.history()) <= 1 for execution in ended)


def test_who_has_lost_his_lease_does_not_line_up_at_a_mutex_where_nobody_would_ever_take_him_away(
    engine: SimulatedEngine,
):
    transact = engine.wire.transact
    _in_turn(engine, engine.submit("main", 0, execution_id="one"))
    late = transact(lambda: leases.claim("one", "somebody who is dead"))
    present = transact(lambda: leases.claim("one", "somebody else"))
    assert late is not None
    assert present is not None
    run = ("a", (), 0)

    assert not transact(partial(mutexes.acquire, "printer", late.number, run, late.epoch))
    assert transact(partial(_line, "printer")) == []
    assert transact(partial(mutexes.acquire, "printer", present.number, run, present.epoch))


def _line(name: str) -> Any:
    return (yield Statement("mutex.first", (name,))).rows


def test_a_lease_that_nobody_knows_of_any_more_is_given_back_at_the_second_beat(engine: SimulatedEngine):
    _in_turn(engine, engine.submit("main", 0, execution_id="one"))
    claiming = engine.perform(lambda: engine.operations.claim_due(engine.runtime.clock.now(), 1), drives=True)
    while not engine.keeper.held:
        engine.process.go_on(claiming)
    engine.keeper.held.clear()  # whoever has claimed it was broken off

    _in_turn(engine, engine.process.begin(engine.keeper.give_back_strays()))
    assert _owner(engine) == "engine"
    _in_turn(engine, engine.process.begin(engine.keeper.give_back_strays()))
    assert _owner(engine) is None


def _owner(engine: SimulatedEngine) -> str | None:
    header = engine.wire.transact(lambda: executions.header("one"), reads=True)
    assert header is not None
    return header.owner


def test_the_end_of_a_child_is_told_to_a_parent_that_somebody_else_has_taken_over_in_the_meantime():
    time = Time(FakeClock().now())
    database = empty_store()
    one, other = (
        SimulatedEngine(name, database, Counter(), SkewedClock(time, 0), RANDOM_CATALOG, durability="each_node")
        for name in ("one", "other")
    )
    parent, child = WorkflowBuilder("parent"), WorkflowBuilder("child")
    parent.add("workflow.execute", "call", workflow_id="child", mode="sync")
    child.add(work, "a").then(child.add(work, "b"))
    _in_turn(one, one.publish(child.build()), one.publish(parent.build()))
    database.transact(lambda: leases.renew("other", "", 10**15))

    late = one.start("parent", 0, execution_id="parent")
    _go_on_until(one, lambda: len(one.keeper.held) == 2 and all(held.stored for held in one.keeper.held.values()))
    taking_over = other.process.begin(other.operations.drive("parent"))
    _go_on_until(other, lambda: bool(other.keeper.held))
    database.transact(lambda: leases.renew("one", "", 10**15))  # it was only slow, and has lost nothing but the parent
    _in_turn(other, taking_over)
    _in_turn(one, late)
    [execution] = _in_turn(other, other.wake_due())[0]

    assert execution.status == "completed"
    check_store(one)
    one.die()
    other.die()


def _go_on_until(engine: SimulatedEngine, is_enough: Any) -> None:
    while not is_enough():
        for task in engine.process.tasks_to_go_on():
            engine.process.go_on(task)
        for event in () if is_enough() else engine.process.events_to_happen():
            engine.process.happen(event)
