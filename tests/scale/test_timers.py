"""A hundred thousand timers that are due at once fire once each, and nobody else has to stand back for them."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks import scale
from benchmarks.population import clone, in_batches, statuses
from prana_py import LocalRuntime, NodeContext, WorkflowBuilder, node, wait_for_interval
from prana_py.engine.engine import Engine
from prana_py.testing.fake_clock import FakeClock

TIMERS = 100_000
BATCH = 100
FIRST = "f" * 16
fired = bytearray()


@node
def sleep(seconds: int = 60) -> Any:
    return wait_for_interval(seconds)


@node
def note(ctx: NodeContext) -> None:
    if ctx.execution_id.isdecimal():
        fired[int(ctx.execution_id)] += 1


@node
def mark() -> str:
    return "done"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def engine(clock: FakeClock, tmp_path: Path) -> Iterator[Engine]:
    runtime = LocalRuntime(clock=clock)
    with Engine(
        f"sqlite:///{tmp_path / 'many.db'}",
        nodes=[sleep, note, mark],
        runtime=runtime,
        lease=timedelta(days=1),
        durability="boundaries",
    ) as engine:
        sleeping, short = WorkflowBuilder("sleeping"), WorkflowBuilder("short")
        sleeping.add(sleep).then(sleeping.add(note))
        short.add(mark)
        engine.publish(sleeping.build())
        engine.publish(short.build())
        yield engine


def _many(engine: Engine, count: int) -> None:
    """So many executions that wait for the same instant."""
    fired[:] = bytes(count)
    engine.start("sleeping", execution_id=FIRST)
    clone(engine, FIRST, count)


def test_a_hundred_thousand_timers_that_are_due_at_once_fire_once_each_in_bounded_memory(
    engine: Engine, clock: FakeClock
):
    _many(engine, TIMERS)
    clock.advance(minutes=1)
    blocks = []

    for turn, driven in enumerate(in_batches(engine, BATCH)):
        assert driven <= BATCH
        assert not engine.keeper.held
        assert not engine.keeper.touched
        if turn in (100, TIMERS // BATCH - 100):
            gc.collect()
            blocks.append(sys.getallocatedblocks())

    print(f"{sum(fired):,} timers fired")
    assert fired == b"\x01" * TIMERS
    assert statuses(engine.database) == {"completed": TIMERS + 1}
    assert blocks[1] < blocks[0] * 1.1


def test_what_is_submitted_while_many_timers_are_due_goes_before_the_timers_that_come_due_after_it(
    engine: Engine, clock: FakeClock
):
    count = 2_000
    _many(engine, count)
    clock.advance(minutes=1)
    engine.wake_due(BATCH)

    at_once = engine.start("short")
    later = engine.submit("short")
    clock.advance(seconds=1)
    for number in range(BATCH):  # these come due after it
        engine.submit("short", execution_id=f"after {number}")
    while engine.header(later).status == "pending":
        assert all(engine.header(f"after {number}").status == "pending" for number in (0, BATCH - 1))
        engine.wake_due(BATCH)

    assert at_once.status == "completed"
    assert sum(fired) >= count - BATCH
    assert engine.header(f"after {BATCH - 1}").status == "pending"


def test_what_timers_cost_can_be_measured(tmp_path: Path):
    [figure] = scale.timers(tmp_path / "many.db", 20)

    assert figure.size == 20
