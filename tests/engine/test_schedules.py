"""A published workflow with a schedule is started by the clock, once for each firing."""

from typing import Any

import pytest

from prana_py import Engine, LocalRuntime, NotFoundError, WorkflowBuilder
from prana_py.engine.worker import Worker
from prana_py.testing.fake_clock import FakeClock


def hourly(**params: Any) -> Any:
    flow = WorkflowBuilder("hourly")
    flow.add("schedule.interval_trigger", "clock", every="1h", **params).then(flow.add("core.noop", "work"))
    return flow.build()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def engine(clock):
    with Engine(runtime=LocalRuntime(clock=clock)) as engine:
        yield engine


def test_each_firing_starts_one_execution(engine, clock):
    engine.publish(hourly())

    started = []
    for _ in range(3):
        clock.advance(hours=1)
        started += engine.wake_due()
        assert engine.wake_due() == []

    assert [execution.status for execution in started] == ["completed"] * 3
    assert {execution.trigger_type for execution in started} == {"schedule"}


def test_a_schedule_that_is_paused_fires_no_more_until_it_is_resumed(engine, clock):
    engine.publish(hourly())
    (kept,) = engine.schedules("hourly")

    assert engine.pause_schedule(kept.id)
    assert not engine.pause_schedule(kept.id)
    clock.advance(hours=5)
    assert engine.wake_due() == []

    assert engine.resume_schedule(kept.id)
    clock.advance(hours=1)
    assert len(engine.wake_due()) == 1


def test_a_new_version_without_the_schedule_ends_it(engine, clock):
    engine.publish(hourly())
    flow = WorkflowBuilder("hourly")
    flow.add("core.noop", "work")
    engine.publish(flow.build())

    clock.advance(hours=2)

    assert engine.schedules() == []
    assert engine.wake_due() == []


def test_a_worker_fires_what_is_due(engine, clock):
    engine.publish(hourly())
    clock.advance(hours=1)

    with_worker = Worker(engine, concurrency=2)
    with_worker.run_until_idle()

    assert engine.count(workflow="hourly", status="completed") == 1


def test_a_schedule_that_is_not_there_cannot_be_paused(engine):
    with pytest.raises(NotFoundError) as refused:
        engine.pause_schedule("nothing")

    assert refused.value.code == "schedule_not_found"


def test_what_fires_while_nobody_looks_is_caught_up_once(engine, clock):
    engine.publish(hourly())

    clock.advance(days=2)

    assert len(engine.wake_due()) == 1
