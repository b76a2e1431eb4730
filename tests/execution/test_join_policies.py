"""A join by a function of the host's own: asked when something happens, never when an execution is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from prana_py import (
    CompileError,
    Execution,
    LocalRuntime,
    Output,
    Outputs,
    Workflow,
    WorkflowBuilder,
    node,
    wait_for_webhook,
)
from prana_py.driver.requests import CancelBranch
from prana_py.engine.compiling import compile_workflow
from prana_py.execution.storage import from_storage_format, to_storage_format
from prana_py.model.join_policy import Consume, JoinPolicy, Queues, Verdict, WaitUntil
from prana_py.nodes.returns import Each
from prana_py.testing.fake_clock import FakeClock


@node
def note(input: Any, state: Any = None) -> Any:
    """Hand on, and remember in the state."""
    return Output(input, state=state)


@node
def ask() -> Any:
    """Wait for somebody."""
    return wait_for_webhook()


@node
def burst(count: int) -> Any:
    """So many values, one after the other."""
    return Outputs({"main": Each(list(range(count)))})


@node(reads_only=True)
def gather(input: Any, inputs: Any) -> Any:
    """What arrived."""
    return input


NODES: list[Any] = [note, ask, burst, gather]


def pairs(queues: Queues, state: Mapping[str, Any], now: datetime) -> Verdict:
    """Two of them at a time, and the odd one at the end."""
    for key, values in queues.items():
        if len(values) >= 2 or (values and not queues.more_can_come):
            return Consume({key: min(2, len(values))})
    return WaitUntil()


def everything(queues: Queues, state: Mapping[str, Any], now: datetime) -> Verdict:
    """All connections, and no less."""
    return Consume() if all(queues.values()) else WaitUntil()


def patient(queues: Queues, state: Mapping[str, Any], now: datetime) -> Verdict:
    """Both, or what is there at noon."""
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0)
    if all(queues.values()) or now >= noon:
        return Consume({key: len(values) for key, values in queues.items()})
    return WaitUntil(noon)


def when_open(queues: Queues, state: Mapping[str, Any], now: datetime) -> Verdict:
    """As soon as the state says so."""
    return Consume() if state.get("open") else WaitUntil()


def bursting(count: int = 5) -> Workflow:
    flow = WorkflowBuilder("bursting")
    flow.add(burst, key="burst", count=count).then(
        flow.add(gather, key="join", settings={"join": {"policy": "policy"}, "collect": "list"})
    )
    return flow.build()


def meeting(*, second: Any = note) -> Workflow:
    """Two branches that meet."""
    flow = WorkflowBuilder("meeting")
    start = flow.add(note, key="start")
    join = flow.add(gather, key="join", settings={"join": {"policy": "policy"}, "collect": "list"})
    start.then(flow.add(note, key="a")).then(join)
    start.then(flow.add(second, key="b")).then(join)
    return flow.build()


def runtime_of(policy: JoinPolicy, **options: Any) -> LocalRuntime:
    return LocalRuntime(NODES, policies={"policy": policy}, **options)


def outputs(execution: Execution) -> list[Any]:
    return [run.output for run in execution.node_executions["join"]]


def refused() -> JoinPolicy:
    """A policy that must not be asked."""

    def never(queues: Queues, state: Mapping[str, Any], now: datetime) -> Verdict:
        raise AssertionError("loading decides nothing")

    return never


def test_a_policy_says_how_many_arrivals_make_a_run():
    execution = runtime_of(pairs).execute(bursting(5))

    assert outputs(execution) == [[0, 1], [2, 3], [4]]


def test_a_policy_sees_every_connection():
    execution = runtime_of(everything).execute(meeting(), "x")

    assert outputs(execution) == [["x", "x"]]


def test_a_policy_can_look_at_the_clock():
    clock = FakeClock()
    runtime = runtime_of(patient, clock=clock)
    execution = runtime.execute(meeting(second=ask), "x")

    assert [wait.type for wait in execution.suspensions.values()].count("batch_window") == 1
    clock.advance(hours=13)
    execution = runtime.wake(execution)

    assert outputs(execution) == [["x"]]
    assert [wait.type for wait in execution.suspensions.values()] == ["webhook"]


def test_a_window_is_over_when_the_policy_needs_it_no_more():
    runtime = runtime_of(patient, clock=FakeClock())
    execution = runtime.execute(meeting(second=ask), "x")

    execution = runtime.resume(execution, "y")

    assert (execution.status, outputs(execution)) == ("completed", [["x", "y"]])


def test_a_window_is_over_when_what_waits_at_the_join_is_cancelled():
    runtime = runtime_of(patient, clock=FakeClock())
    execution = runtime.execute(meeting(second=ask), "x")

    execution = runtime.ask(execution, CancelBranch(("b", "join")))

    assert (execution.status, execution.suspensions) == ("completed", {})


def test_a_policy_sees_the_shared_state():
    flow = WorkflowBuilder("opening")
    start = flow.add(note, key="start")
    start.then(flow.add(gather, key="join", settings={"join": {"policy": "policy"}}))
    start.then(flow.add(ask, key="ask")).then(flow.add(note, key="open", state={"open": True}))
    runtime = runtime_of(when_open)
    execution = runtime.execute(flow.build(), 1)

    assert "join" not in execution.completed_nodes
    assert runtime.resume(execution).completed_nodes["join"] == 1


def test_a_policy_that_waits_for_what_can_never_come_starves():
    flow = WorkflowBuilder("starving")
    start = flow.add("logic.if", key="start", condition=True)
    join = flow.add(gather, key="join", settings={"join": {"policy": "policy"}})
    start.then(join, port="true")
    start.then(flow.add(note, key="b"), port="false").then(join)

    execution = runtime_of(everything).execute(flow.build())

    assert execution.error is not None
    assert execution.error.code == "join_starved"
    assert execution.error.details["missing"] == ["b:main->join:main"]


def raises(queues: Queues, state: Mapping[str, Any], now: datetime) -> Verdict:
    raise KeyError("what")


def anything(value: Any) -> Any:
    """A value whose type nobody checked."""
    return value


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (raises, "it raised KeyError: 'what'"),
        (lambda *_: None, "it answered None"),
        (lambda *_: Consume({}), "it wants to consume nothing"),
        (lambda *_: Consume({"x": 1}), "from 'x', which does not lead to the node"),
        (lambda *_: Consume({"a:main->join:main": 9}), "consume 9 of 1"),
        (lambda *_: Consume({"a:main->join:main": True}), "consume True of 1"),
        (lambda *_: Consume(anything(7)), "consume 7"),
        (lambda *_: WaitUntil(anything(5)), "until 5"),
        (lambda _, __, now: WaitUntil(now), "not to come any more"),
        (lambda _, __, now: WaitUntil(now.replace(tzinfo=None)), "no datetime with a zone"),
        (lambda queues, state, now: state.update(a=1), "it raised AttributeError"),
    ],
)
def test_a_policy_that_makes_no_sense_fails_the_run_of_its_join(policy: Any, said: str):
    execution = runtime_of(policy).execute(meeting(), "x")

    assert execution.error is not None
    assert (execution.error.code, execution.error.node_key) == ("join_policy_failed", "join")
    assert said in execution.error.message


def test_a_failing_policy_can_be_handled_like_any_failure():
    flow = WorkflowBuilder("handled")
    join = flow.add(gather, key="join", settings={"join": {"policy": "policy"}, "on_error": "error_port"})
    flow.connect(join, flow.add(note, key="handler"), "error")

    execution = runtime_of(raises).execute(flow.build(), 1)

    assert execution.completed_nodes["handler"]["code"] == "join_policy_failed"


@pytest.mark.parametrize(("policy", "workflow"), [(pairs, bursting()), (everything, meeting()), (raises, meeting())])
def test_loading_asks_no_policy(policy: JoinPolicy, workflow: Workflow):
    execution = runtime_of(policy).execute(workflow, "x")
    graph = compile_workflow(workflow, NODES, policies={"policy": refused()})

    loaded = from_storage_format(to_storage_format(execution), graph)

    assert to_storage_format(loaded) == to_storage_format(execution)


def test_a_policy_that_nobody_registered_is_a_compile_error():
    with pytest.raises(CompileError, match=r"'policy', which is not registered – did you mean 'policies'") as caught:
        compile_workflow(meeting(), NODES, policies={"policies": pairs})

    assert [problem.code for problem in caught.value.problems] == ["policy_unknown"]


def test_a_window_that_moves_is_asked_at_its_new_end():
    clock = FakeClock()
    runtime = runtime_of(lambda queues, _, now: _in_an_hour(queues, now), clock=clock)
    flow = WorkflowBuilder("moving")
    start = flow.add(note, key="start")
    join = flow.add(gather, key="join", settings={"join": {"policy": "policy"}, "collect": "list"})
    start.then(join)
    start.then(flow.add(ask, key="ask")).then(join)
    execution = runtime.execute(flow.build(), 1)
    first = next(wait.wait_till for wait in execution.suspensions.values() if wait.type == "batch_window")
    clock.advance(minutes=30)
    execution = runtime.resume(execution, 2)
    (window,) = execution.suspensions.values()

    assert first is not None
    assert window.wait_till == first + timedelta(minutes=30)


def _in_an_hour(queues: Queues, now: datetime) -> Verdict:
    return Consume() if queues.total > 2 else WaitUntil(now + timedelta(hours=1))
