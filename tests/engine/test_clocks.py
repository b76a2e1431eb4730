"""An engine's clock may stand still, jump ahead and go back: nothing fires twice, and nothing is forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from prana_py import (
    Execution,
    NodeContext,
    NodeFailure,
    Workflow,
    WorkflowBuilder,
    node,
    wait_for_interval,
    wait_for_webhook,
)
from prana_py.execution.rows import Expired, Resumed
from prana_py.identifiers import Instant
from prana_py.testing.fake_clock import FakeClock
from tests.engine.office import Office, offices

HOUR_NS = 3_600 * 10**9


class JumpingClock(FakeClock):
    """Can be set to whatever time, as clocks can."""

    def move(self, hours: float) -> None:
        self._now = Instant(self._now + int(hours * HOUR_NS))


@node
def ask(timeout: timedelta | None = None) -> Any:
    return wait_for_webhook(timeout=timeout)


@node
def nap(hours: int) -> Any:
    return wait_for_interval(timedelta(hours=hours))


@node
def later(ctx: NodeContext) -> int:
    if ctx.attempt == 1:
        raise NodeFailure("not_yet", "once more")
    return ctx.attempt


@node
def end(input: Any) -> Any:
    return input


NODES: list[Any] = [ask, nap, later, end]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    yield from offices(tmp_path, NODES)


def jumping(office: Office) -> JumpingClock:
    office.clock = clock = JumpingClock()
    return clock


def several() -> Workflow:
    """Naps, a wait that expires, and a retry, side by side."""
    flow = WorkflowBuilder("several")
    for hours in (1, 2, 5):
        flow.add(nap, f"nap{hours}", hours=hours).then(flow.add(end, f"after{hours}"))
    flow.add(ask, "ask", timeout="3h").then(flow.add(end, "late"), port="timeout")
    flow.add(later, "later", settings={"retry": {"max_attempts": 2, "delay": "4h"}})
    return flow.build()


def ends_of_waits(execution: Execution) -> Counter[str]:
    return Counter(row.wait_id for row in execution.journal if isinstance(row, Resumed | Expired))


def test_what_has_fired_does_not_fire_again_when_the_clock_goes_back(office: Office):
    clock = jumping(office)
    engine = office.publish(several())
    execution = engine.start("several")

    for hours in (1, -1, 1, -0.5, 1.5, -2, 0):
        clock.move(hours)
        engine.wake_due()

    assert ends_of_waits(engine.get(execution.id)) == {"nap1#0": 1, "nap2#0": 1}


def test_a_clock_that_leaps_fires_everything_once_in_order(office: Office):
    clock = jumping(office)
    engine = office.publish(several())
    engine.start("several")

    clock.move(1000)
    (ended,) = engine.wake_due()
    clock.move(-2000)

    assert ended.status == "completed"
    assert list(ends_of_waits(ended)) == ["nap1#0", "nap2#0", "ask#0", "later#0", "nap5#0"]
    assert engine.wake_due() == []


@pytest.mark.parametrize("seed", range(20))
def test_whatever_a_clock_does_each_wait_ends_once(office: Office, seed: int):
    clock, random = jumping(office), Random(seed)
    engines = [office.publish(several()), office.open()]
    started = [engines[0].start("several").id for _ in range(3)]

    for _ in range(12):
        clock.move(random.uniform(-2, 3))
        random.choice(engines).wake_due()
    clock.advance(days=30)
    while engines[0].wake_due() or engines[1].wake_due():
        pass

    for execution_id in started:
        ended = engines[0].get(execution_id)
        assert ended.status == "completed"
        assert set(ends_of_waits(ended).values()) == {1}
        assert len(ends_of_waits(ended)) == 5


def test_what_is_asked_for_before_a_clock_goes_back_is_done_when_it_is_there_again_or_somebody_asks(office: Office):
    clock = jumping(office)
    flow = WorkflowBuilder("asking")
    flow.add(ask, "ask")
    engine = office.publish(flow.build())
    execution = engine.start("asking")
    submitted = [engine.submit("asking") for _ in range(2)]
    clock.move(-24)

    other = office.open()
    assert other.resume(execution.id, 1).status == "completed"
    assert len(other.signal(submitted[0], "go", 1).signals) == 1
    clock.move(24)
    assert [woken.id for woken in other.wake_due()] == [submitted[1]]


def test_engines_whose_clocks_differ_fire_each_wait_once(office: Office):
    slow, fast = JumpingClock(), JumpingClock()
    office.clock = slow
    behind = office.publish(several())
    office.clock = fast
    ahead = office.open()
    execution = behind.start("several")

    for _ in range(6):
        fast.move(1)
        ahead.wake_due()
        behind.wake_due()
    slow.move(6)
    behind.wake_due()

    ended = behind.get(execution.id)
    assert ended.status == "completed"
    assert set(ends_of_waits(ended).values()) == {1}


def test_a_deadline_that_has_passed_stays_passed(office: Office):
    clock = jumping(office)
    flow = WorkflowBuilder("limited", settings={"timeout": "1h", "timeout_counts_waiting": True})
    flow.add(ask, "a")
    engine = office.publish(flow.build())
    execution = engine.start("limited")

    clock.move(1)
    engine.wake_due()
    clock.move(-1)
    engine.wake_due()

    assert engine.get(execution.id).status == "failed"
