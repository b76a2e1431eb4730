"""Every kind of wait: what ends it, that it ends once, and what those are told who come too early, late or wrong."""

from __future__ import annotations

from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from prana_py import (
    Execution,
    LocalRuntime,
    NodeContext,
    NodeFailure,
    NodeType,
    Output,
    TransitionError,
    Workflow,
    WorkflowBuilder,
    race,
    wait_for_interval,
    wait_for_signal,
    wait_for_webhook,
    wait_until,
)
from prana_py import node as node_type
from prana_py.builtin_nodes.all_nodes import with_builtin
from prana_py.driver.outcome import Waiting
from prana_py.driver.requests import Request, Resume, Signal
from prana_py.execution.rows import Begun
from prana_py.testing.fake_clock import BEGINNING, FakeClock

HOUR = timedelta(hours=1)
NUMBER = {"type": "integer"}


@node_type
def who(ctx: NodeContext) -> str:
    return ctx.node_key


@node_type
def hook(timeout: timedelta | None = None) -> Waiting:
    return wait_for_webhook(timeout=timeout, schema=NUMBER)


@node_type
def nap() -> Waiting:
    return wait_for_interval(HOUR)


@node_type
def appointment() -> Waiting:
    return wait_until(BEGINNING + HOUR)


@node_type
def listen(timeout: timedelta | None = None) -> Waiting:
    return wait_for_signal("go", timeout=timeout, schema=NUMBER)


@node_type
def call(ctx: NodeContext) -> Any:
    if ctx.attempt == 1:
        raise NodeFailure("not_yet", "once more")
    return None


@node_type(outputs=("called", "slept"))
def either() -> Waiting:
    return race(called=wait_for_webhook(), slept=wait_for_interval(HOUR))


@node_type
def put(**state: Any) -> Output:
    return Output(None, state=state)


NODES = with_builtin(who, hook, nap, appointment, listen, call, either, put)


class Desk:
    """A runtime, its clock, and one execution that waits."""

    def __init__(self, workflow: Workflow, *others: Workflow) -> None:
        self.clock = FakeClock()
        self.runtime = LocalRuntime(NODES, clock=self.clock, workflows=[workflow, *others])
        self.execution = self.runtime.execute(workflow)

    def ask(self, *requests: Request) -> Execution:
        self.execution = self.runtime.ask(self.execution, *requests)
        return self.execution

    def after(self, time: timedelta) -> Execution:
        self.clock.advance(seconds=time.total_seconds())
        self.execution = self.runtime.wake(self.execution)
        return self.execution

    def refuses(self, *requests: Request) -> str:
        """Why: the code of the error; and nothing has changed."""
        before = self.execution.to_storage_format()
        with pytest.raises(TransitionError) as refused:
            self.runtime.ask(self.execution, *requests)
        assert self.execution.to_storage_format() == before
        return refused.value.code


def waiting(type_: Any, *, timeout_port: bool = False, settings: Any = None, **params: Any) -> Workflow:
    """``a`` waits, ``b`` follows."""
    flow = WorkflowBuilder("waiting")
    a = flow.add(type_, "a", settings=settings, params=params)
    a.then(flow.add(who, "b"))
    if timeout_port:
        a.then(flow.add(who, "late"), port="timeout")
    return flow.build()


def child() -> Workflow:
    flow = WorkflowBuilder("child")
    flow.add(nap, "nap")
    return flow.build()


# ── what ends a wait ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("type_", "params", "settings", "kind", "ends"),
    [
        (hook, {}, None, "webhook", None),
        (hook, {"timeout": "1h"}, None, "webhook", HOUR),
        (nap, {}, None, "interval", HOUR),
        (appointment, {}, None, "schedule", HOUR),
        (listen, {}, None, "signal", None),
        (listen, {"timeout": "1h"}, None, "signal", HOUR),
        (call, {}, {"retry": {"max_attempts": 2, "delay": "1h"}}, "retry", HOUR),
        ("workflow.execute", {"workflow_id": "child"}, None, "sub_workflow", None),
        ("workflow.execute", {"workflow_id": "child", "timeout": "1h"}, None, "sub_workflow", HOUR),
    ],
)
def test_a_wait_says_what_it_waits_for_and_until_when(
    type_: Any, params: dict[str, Any], settings: Any, kind: str, ends: timedelta | None
):
    execution = Desk(waiting(type_, settings=settings, **params), child()).execution

    assert execution.status == "suspended"
    assert execution.suspension is not None
    assert (execution.suspension.type, execution.suspension.node_key) == (kind, "a")
    assert execution.suspension.wait_till == (None if ends is None else BEGINNING + ends)


@pytest.mark.parametrize(
    ("type_", "settings"), [(nap, None), (appointment, None), (call, {"retry": {"max_attempts": 2, "delay": "1h"}})]
)
def test_what_waits_for_time_goes_on_when_it_has_come_and_not_before(type_: Any, settings: Any):
    desk = Desk(waiting(type_, settings=settings))

    assert desk.after(timedelta(minutes=59, seconds=59)).status == "suspended"
    assert desk.after(timedelta(seconds=1)).output == "b"


def test_what_waits_for_somebody_goes_on_with_what_he_says():
    assert Desk(waiting(hook)).ask(Resume("a#0", 5)).completed_nodes["a"] == 5
    assert Desk(waiting(listen)).ask(Signal("go", 5)).completed_nodes["a"] == 5


@pytest.mark.parametrize("type_", [hook, listen])
def test_when_nobody_comes_in_time_it_goes_on_by_the_timeout_port(type_: Any):
    execution = Desk(waiting(type_, timeout="1h", timeout_port=True)).after(HOUR)

    assert (execution.status, execution.left_by("a"), execution.output) == ("completed", "timeout", "late")


@pytest.mark.parametrize("type_", [hook, listen])
def test_without_a_timeout_port_it_fails_then_and_on_error_is_obeyed(type_: Any):
    execution = Desk(waiting(type_, timeout="1h")).after(HOUR)
    assert (execution.status, execution.error and execution.error.code) == ("failed", "timeout")

    execution = Desk(waiting(type_, timeout="1h", settings={"on_error": "continue"})).after(HOUR)
    assert (execution.status, execution.output) == ("completed", "b")


def test_in_a_race_the_first_one_withdraws_the_other_and_leaves_by_its_own_port():
    def racing() -> Desk:
        flow = WorkflowBuilder("racing")
        flow.add(either, "a").then(flow.add(hook, "b"), port="slept")
        return Desk(flow.build())

    assert racing().ask(Resume("a#0:called")).left_by("a") == "called"
    late = racing()
    assert late.after(HOUR).left_by("a") == "slept"
    assert late.refuses(Resume("a#0:called")) == "wait_not_open"


# ── once ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def two_waits() -> Workflow:
    """One after the other, so that the execution goes on when the first is resolved."""
    flow = WorkflowBuilder("two_waits")
    flow.add(hook, "a", timeout="1h").then(flow.add(hook, "b"))
    return flow.build()


def test_a_wait_ends_once():
    desk = Desk(two_waits())
    desk.ask(Resume("a#0", 1))

    assert desk.refuses(Resume("a#0", 2)) == "wait_not_open"
    assert desk.ask(Resume("b#0", 3)).completed_nodes["a"] == 1


def test_two_who_come_at_once_are_not_both_heard():
    desk = Desk(two_waits())

    assert desk.refuses(Resume("a#0", 1), Resume("a#0", 2)) == "wait_not_open"
    assert "a" not in desk.execution.completed_nodes


def test_whoever_comes_before_a_wait_is_open_is_refused():
    assert Desk(two_waits()).refuses(Resume("b#0", 1)) == "wait_not_open"


def test_whoever_comes_when_the_time_is_over_is_refused():
    desk = Desk(two_waits())
    desk.clock.advance(hours=1)

    assert desk.refuses(Resume("a#0", 1)) == "wait_expired"


def test_a_signal_does_not_reach_a_wait_that_is_over():
    desk = Desk(waiting(listen, timeout="1h", timeout_port=True))
    desk.clock.advance(hours=1)

    assert desk.refuses(Signal("go", 1, buffer=False)) == "signal_not_awaited"
    assert desk.ask(Signal("go", 1)).left_by("a") == "timeout"


def test_whoever_comes_after_a_cancel_is_refused():
    desk = Desk(two_waits())
    desk.execution = desk.runtime.cancel(desk.execution)

    assert desk.refuses(Resume("a#0", 1)) == "execution_final"
    assert desk.refuses(Signal("go")) == "execution_final"


def test_the_engines_own_waits_are_resumed_by_nobody():
    flow = WorkflowBuilder("own_waits")
    flow.add(who, "a", settings={"enabled_if": "$state.open"})
    desk = Desk(flow.build())

    assert list(desk.execution.suspensions) == ["a#0.guard"]
    assert desk.refuses(Resume("a#0.guard")) == "wait_not_resumable"


def test_who_names_no_wait_must_mean_the_only_one():
    flow = WorkflowBuilder("ambiguous")
    flow.add(hook, "a")
    flow.add(hook, "b")
    desk = Desk(flow.build())

    with pytest.raises(TransitionError, match="a#0, b#0") as refused:
        desk.runtime.resume(desk.execution, 1)

    assert refused.value.code == "wait_ambiguous"


# ── what is said ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("type_", "wrong", "right"),
    [(hook, Resume("a#0", "five"), Resume("a#0", 5)), (listen, Signal("go", "five"), Signal("go", 5))],
)
def test_data_that_do_not_fit_the_schema_are_refused_and_the_wait_stays_open(
    type_: Any, wrong: Request, right: Request
):
    desk = Desk(waiting(type_))

    assert desk.refuses(wrong) == "resume_data_invalid"
    assert desk.ask(right).completed_nodes["a"] == 5


def test_data_that_cannot_be_stored_are_refused():
    assert Desk(waiting(hook)).refuses(Resume("a#0", object())) == "request_invalid"


def test_a_kept_signal_that_does_not_fit_the_schema_is_left_alone_and_the_next_one_is_taken():
    flow = WorkflowBuilder("kept")
    flow.add("wait.wait", "before", mode="webhook").then(flow.add(listen, "a"))
    desk = Desk(flow.build())

    execution = desk.ask(Signal("go", "five"), Signal("go", 5), Resume("before#0"))

    assert (execution.status, execution.completed_nodes["a"]) == ("completed", 5)


def test_a_signal_is_kept_for_as_long_as_its_sender_says():
    flow = WorkflowBuilder("kept")
    flow.add("wait.wait", "before", mode="webhook").then(flow.add(listen, "a"))

    desk = Desk(flow.build())
    desk.ask(Signal("go", 5, ttl_ns=60 * 10**9))
    desk.clock.advance(seconds=59)
    assert desk.ask(Resume("before#0")).completed_nodes["a"] == 5

    desk = Desk(flow.build())
    desk.ask(Signal("go", 5, ttl_ns=60 * 10**9))
    desk.clock.advance(seconds=60)
    assert desk.ask(Resume("before#0")).status == "suspended"


def test_a_signal_reaches_whoever_has_waited_longest():
    flow = WorkflowBuilder("queue")
    flow.add(listen, "first")
    flow.add(nap, "nap").then(flow.add(listen, "second"))
    desk = Desk(flow.build())
    desk.after(HOUR)

    assert "first" in desk.ask(Signal("go", 1)).completed_nodes
    assert desk.ask(Signal("go", 2)).completed_nodes["second"] == 2


def test_a_child_that_does_not_end_in_time_is_cancelled_and_its_parent_fails():
    desk = Desk(waiting("workflow.execute", workflow_id="sleeper", timeout="1h"), _sleeper())
    assert desk.execution.suspension is not None
    (child_id,) = desk.execution.suspension.wait.children  # type: ignore[union-attr]  # a wait for a sub-workflow

    execution = desk.after(HOUR)

    assert (execution.status, execution.error and execution.error.code) == ("failed", "sub_workflow_timeout")
    kept = desk.runtime.kept(child_id)
    assert kept is not None
    assert kept.status == "cancelled"


def _sleeper() -> Workflow:
    flow = WorkflowBuilder("sleeper")
    flow.add(hook, "forever")
    return flow.build()


def test_state_and_context_may_be_given_with_a_wait():
    @node_type
    def note_and_wait() -> Waiting:
        return wait_for_webhook(state={"asked": True}, context={"by": "mail"})

    flow = WorkflowBuilder("with_state")
    flow.add(note_and_wait, "a").then(
        flow.add("data.set", "b", values={"asked": "{{ $state.asked }}", "by": "{{ $nodes.a.context.by }}"})
    )
    runtime = LocalRuntime(NODES.plus(note_and_wait))
    execution = runtime.execute(flow.build())
    assert execution.state == {"asked": True}

    assert runtime.resume(execution).output == {"asked": True, "by": "mail"}


@pytest.mark.parametrize("mode", ["sync", "async", "fire_and_forget"])
def test_a_batch_of_no_children_is_over_at_once(mode: str):
    flow = WorkflowBuilder("parent")
    flow.add(
        "workflow.execute", key="none", workflow_id="child", batch_mode="single", input_data=[], execution_mode=mode
    )

    execution = LocalRuntime().execute(flow.build())

    assert execution.status == "completed"
    assert execution.suspensions == {}


def test_a_run_that_may_begin_once_is_not_resumed_twice():
    called: list[str] = []

    class Pay(NodeType):
        def execute(self, account: str) -> Waiting:
            return wait_for_webhook()

        def resume(self, data: Any, account: str) -> str:
            called.append(account)
            return str(data)

    flow = WorkflowBuilder("paying")
    flow.add(Pay, "pay", account="{{ $input }}", settings={"delivery": "at_most_once"})
    runtime = LocalRuntime([Pay])
    paid = runtime.resume(runtime.execute(flow.build(), "savings"), "paid")
    assert (paid.output, called) == ("paid", ["savings"])
    crashed = paid.at(max(row for row, kind in enumerate(map(type, paid.journal), 1) if kind is Begun))

    execution = runtime.wake(crashed)

    assert (execution.status, execution.error and execution.error.code) == ("failed", "interrupted")
    assert called == ["savings"]


def test_others_go_on_while_a_child_runs_where_several_things_may():
    nothing_else_to_do = Event()

    @node_type
    def last() -> None:
        nothing_else_to_do.set()

    @node_type
    def until_then() -> bool:
        return nothing_else_to_do.wait(30)

    inner, flow = WorkflowBuilder("inner"), WorkflowBuilder("outer")
    inner.add(until_then, "until_then")
    start = flow.add(who, "start")
    start.then(flow.add("workflow.execute", "call", workflow_id="inner"))
    start.then(flow.add(until_then, "beside"))
    start.then(flow.add(last, "last"))
    runtime = LocalRuntime(NODES.plus(last, until_then), workflows=[inner.build()], max_concurrency=2)

    execution = runtime.execute(flow.build())

    assert (execution.completed_nodes["call"], execution.completed_nodes["beside"]) == (True, True)
