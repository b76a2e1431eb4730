"""What happened to an execution can be read from its store, row by row, and seen as it was at each of them."""

from __future__ import annotations

import pytest

from prana_py import (
    LocalRuntime,
    NotFoundError,
    TransitionError,
    UsageError,
    WorkflowBuilder,
    WorkflowSettings,
    node,
    wait_for_webhook,
)
from prana_py.engine.engine import Engine
from prana_py.execution.rows import Ended, Resumed, Settled, Started, Suspended
from prana_py.execution.sameness import same_state
from prana_py.testing import FakeClock
from prana_py.testing.store_invariants import check_store


@node
def ask(input):
    return wait_for_webhook()


@node
def double(input):
    return input * 2


@node
def count(input):
    return input + 1


@pytest.fixture
def engine():
    with Engine(nodes=[ask, double, count], runtime=LocalRuntime(clock=FakeClock())) as opened:
        flow = WorkflowBuilder("orders")
        flow.add(double, key="before").then(flow.add(ask)).then(flow.add(double, key="after"))
        opened.publish(flow.build())
        yield opened
        check_store(opened)


def ended(engine):
    return engine.resume(engine.token(engine.start("orders", 1)), 4)


def test_a_history_has_every_row_with_its_position_and_every_run(engine):
    history = engine.history(ended(engine).id)

    assert [step.position for step in history.steps] == list(range(1, len(history.steps) + 1))
    kinds = [type(step.row) for step in history.steps]
    assert kinds == [Started, Settled, Settled, Suspended, Resumed, Settled, Settled, Ended]
    assert [run.node_key for run in history.node_executions] == ["trigger", "before", "ask", "after"]
    assert [run.output for run in history.of("after")] == [8]


def test_an_execution_is_shown_as_it_was_at_each_position(engine):
    execution = ended(engine)
    history = engine.history(execution.id)

    for step in history.steps:
        assert same_state(engine.get(execution.id, at=step.position), execution.at(step.position))
    assert engine.get(execution.id, at=4).status == "suspended"
    assert engine.get(execution.id, at=4).completed_nodes["before"] == 2


@pytest.mark.parametrize("position", [-1, 0, 9])
def test_a_position_that_is_not_in_the_journal_is_refused(engine, position):
    execution = ended(engine)

    with pytest.raises(UsageError) as refused:
        engine.get(execution.id, at=position)

    assert refused.value.code == "position_unknown"


def test_the_store_knows_what_a_bounded_history_keeps_no_more(engine):
    flow = WorkflowBuilder("loop", settings=WorkflowSettings(history=2))
    step = flow.add(count)
    again = flow.add("logic.if", "again", condition="{{ $input < 200 }}")
    step.then(again).then(step, port="true")
    engine.publish(flow.build())
    execution = engine.start("loop", 0)
    assert execution.trail.dropped

    history = engine.history(execution.id)

    assert len(history.of("count")) == 200
    assert engine.get(execution.id, at=102).completed_nodes["count"] == 50


@pytest.mark.parametrize("look", [Engine.history, lambda engine, name: engine.get(name, at=1)])
def test_nobody_has_no_history_and_what_has_not_begun_has_none_yet(engine, look):
    with pytest.raises(NotFoundError):
        look(engine, "nobody")
    with pytest.raises(TransitionError) as refused:
        look(engine, engine.submit("orders", 1))

    assert refused.value.code == "not_started"
