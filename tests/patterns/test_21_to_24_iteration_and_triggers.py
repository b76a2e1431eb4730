"""Patterns 21 to 24: again and again, within itself, and when somebody outside says so."""

from __future__ import annotations

import pytest

from prana_py import TransitionError, Workflow, WorkflowBuilder
from prana_py.driver.requests import Signal
from tests.patterns.nodes import ask, hop, listen, task
from tests.patterns.pattern import pattern
from tests.patterns.play import Stage


@pattern(21, "Structured loop")
def structured_loop() -> Workflow:
    """`core.while` asks before each round; a connection that leads back makes a loop that asks afterwards."""
    flow = WorkflowBuilder("structured_loop")
    loop = flow.add("core.while", "loop", condition="{{ $input > 0 }}")
    body = flow.add(hop, "body")
    loop.then(body, port="loop").then(loop, port="on")
    body.then(loop, port="out")
    loop.then(flow.add(task, "after"), port="done")
    return flow.build()


def repeat_loop() -> Workflow:
    """A loop that asks after each round."""
    flow = WorkflowBuilder("repeat_loop")
    body = flow.add(hop, "body")
    body.then(body, port="on")
    body.then(flow.add(task, "after"), port="out")
    return flow.build()


@pytest.mark.parametrize(("rounds", "trace"), [(0, "after"), (1, "body after"), (3, "body body body after")])
def test_a_while_loop_asks_before_each_round(stage: Stage, rounds: int, trace: str):
    stage(structured_loop, rounds).shows(f"loop {trace}")


@pytest.mark.parametrize(("rounds", "trace"), [(0, "body after"), (1, "body after"), (3, "body body body after")])
def test_a_repeat_loop_asks_after_each_round(stage: Stage, rounds: int, trace: str):
    stage(repeat_loop, rounds).shows(trace)


@pattern(22, "Recursion")
def recursion() -> Workflow:
    """`workflow.execute` may name the workflow it is in; `max_depth` bounds it."""
    flow = WorkflowBuilder("recursion")
    more = flow.add("logic.if", "more", condition="{{ $input > 0 }}")
    again = flow.add("workflow.execute", "again", workflow_id="recursion", input="{{ $input - 1 }}")
    more.then(again, port="true").then(
        flow.add("data.set", "sum", values={"sum": "{{ $input.sum + $nodes.more.output }}"})
    )
    more.then(flow.add("data.set", "nothing", values={"sum": 0}), port="false")
    return flow.build()


def test_a_workflow_may_run_itself(stage: Stage):
    assert stage(recursion, 0).output == {"sum": 0}
    play = stage(recursion, 4)

    play.shows("more again sum")
    assert play.output == {"sum": 4 + 3 + 2 + 1}


@pattern(23, "Transient trigger")
def transient_trigger() -> Workflow:
    """A signal sent with `buffer=False` is refused when nobody waits for it."""
    flow = WorkflowBuilder("transient_trigger")
    flow.add(ask, "a").then(flow.add(listen, "b", signal="go")).then(flow.add(task, "c"))
    return flow.build()


def test_a_transient_trigger_is_lost_when_nobody_waits_for_it(stage: Stage):
    play = stage(transient_trigger)
    with pytest.raises(TransitionError, match="go"):
        play.runtime.ask(play.execution, Signal("go", buffer=False))

    play.finish("a")
    assert play.waiting == ["b"]

    play.signal("go", "now", buffer=False).shows("a b c")


@pattern(24, "Persistent trigger")
def persistent_trigger() -> Workflow:
    """A signal is kept until somebody waits for it, or for as long as its sender says."""
    flow = WorkflowBuilder("persistent_trigger")
    flow.add(ask, "a").then(flow.add(listen, "b", signal="go")).then(flow.add(task, "c"))
    return flow.build()


def test_a_persistent_trigger_is_kept_until_somebody_waits_for_it(stage: Stage):
    play = stage(persistent_trigger).signal("go", "kept").finish("a")

    play.shows("a b c")
    assert play.outputs("b") == ["kept"]
