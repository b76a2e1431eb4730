"""Executions that the clock starts, driven by engines: from the published workflow to the end of the line."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from prana_py import LocalRuntime, Workflow, WorkflowBuilder
from prana_py.builtin_nodes.schedule_triggers import schedules_of
from prana_py.engine.engine import Engine
from prana_py.execution.execution import Execution
from prana_py.schedules.schedule import SECOND_NS, Overlap
from prana_py.stores import schedules
from prana_py.stores.schedules import Fired
from prana_py.testing.fake_clock import FakeClock
from prana_py.testing.store_invariants import check_store

HOUR = 3600 * SECOND_NS


def waiting(overlap: Overlap) -> Workflow:
    """Every hour somebody is waited for."""
    flow = WorkflowBuilder("w")
    flow.add_node("schedule.cron_trigger", "clock", {"cron": "0 * * * *", "overlap": overlap, "catch_up": "all"})
    flow.add_node("wait.wait", "wait", {"mode": "signal", "signal": "go"})
    return flow.connect("clock", "wait").build()


def publish(engine: Engine, workflow: Workflow) -> None:
    version = engine.publish(workflow).version
    now = engine.runtime.clock.now()
    engine.database.transact(lambda: schedules.replace(workflow.id, version, schedules_of(workflow), now))


def fire(engine: Engine) -> list[Fired]:
    now = engine.runtime.clock.now()
    return [
        engine.database.transact(lambda kept=kept: schedules.fire(kept, now))  # type: ignore[misc]  # bound early
        for kept in engine.database.transact(lambda: schedules.due(now, 10), reads=True)
    ]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def engine(clock: FakeClock) -> Iterator[Engine]:
    with Engine(runtime=LocalRuntime(clock=clock)) as engine:
        yield engine


def test_the_clock_starts_a_workflow_with_what_fired(engine: Engine, clock: FakeClock):
    publish(engine, waiting("allow"))
    clock.advance(hours=1)

    (fired,) = fire(engine)
    (execution,) = engine.wake_due()

    assert execution.id == fired.started[0]
    assert execution.status == "suspended"
    assert execution.trigger_type == "schedule"
    told = execution.completed_nodes["clock"]
    assert told["schedule"] == "w/clock/0"
    assert told["scheduled_for"].minute == 0


def test_who_stands_in_line_starts_when_the_one_before_has_ended(engine: Engine, clock: FakeClock):
    publish(engine, waiting("queue"))
    clock.advance(hours=3)
    (fired,) = fire(engine)
    order = [*fired.started, *fired.lined_up]

    ended: list[Execution] = []
    for expected in order:
        (execution,) = engine.wake_due()
        assert execution.id == expected
        check_store(engine)
        ended.append(engine.signal(expected, "go"))

    assert len(order) == 3
    assert [execution.status for execution in ended] == ["completed"] * 3
    assert not engine.wake_due()
    check_store(engine)


def test_one_that_is_cancelled_makes_way_for_the_next_in_line(engine: Engine, clock: FakeClock):
    publish(engine, waiting("queue"))
    clock.advance(hours=2)
    (fired,) = fire(engine)
    engine.wake_due()

    engine.cancel(fired.started[0])
    (execution,) = engine.wake_due()

    assert execution.id == fired.lined_up[0]


def test_a_new_firing_takes_over(engine: Engine, clock: FakeClock):
    publish(engine, waiting("cancel_previous"))
    clock.advance(hours=1)
    fire(engine)
    (first,) = engine.wake_due()
    clock.advance(hours=1)

    (fired,) = fire(engine)
    engine.wake_due()

    assert engine.get(first.id).status == "cancelled"
    assert engine.get(fired.started[0]).status == "suspended"
    check_store(engine)


def test_of_engines_that_look_at_the_same_moment_one_starts_each_firing(tmp_path: Path, clock: FakeClock):
    url = f"sqlite:///{tmp_path}/prana.db"
    with Engine(url, runtime=LocalRuntime(clock=clock)) as one, Engine(url, runtime=LocalRuntime(clock=clock)) as other:
        publish(one, waiting("allow"))
        started: list[str] = []

        for _ in range(20):
            clock.advance(hours=1)
            together = Barrier(2)

            def look(engine: Engine, together: Barrier = together) -> list[Fired]:
                together.wait()
                return fire(engine)

            with ThreadPoolExecutor(2) as pool:
                for found in pool.map(look, (one, other)):
                    started += [name for fired in found for name in fired.started]

        assert len(started) == len(set(started)) == 20
