"""Seventeen workflows, and what people do to their executions: to be lived through with a fault at every store call.

A step may be done again after a fault; it looks at what is there already, as a careful user would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, NamedTuple, TypeAlias

from prana_py import NodeContext, NodeFailure, Outputs, Workflow, WorkflowBuilder, node
from prana_py.engine.engine import Engine
from prana_py.execution.rows import CancelRequested, Resumed, SignalKept
from prana_py.testing.fake_clock import BEGINNING, FakeClock
from tests.simulation import scenario_nodes
from tests.simulation.scenario_nodes import ask, fail, listen, sleep, step, undo_when_allowed

ROOT = "root"


class World(NamedTuple):
    """What a step acts upon: the engine of the present process, and the clock of all of them."""

    engine: Engine
    clock: FakeClock


Step: TypeAlias = Callable[[World], bool]
"""Does something, if it is not done already; tells whether there was anything to do."""


class Scenario(NamedTuple):
    """Workflows, and what happens to them, one step after another; whenever all rests, what is due is done."""

    name: str
    workflows: tuple[Workflow, ...]
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return self.name


@node
def mail(ctx: NodeContext, text: str) -> str:
    """Sends what the recipient may answer by."""
    return ctx.idempotency_key


@node
def flaky(ctx: NodeContext, good_attempt: int) -> str:
    """Fails on all attempts before the good one."""
    if ctx.attempt < good_attempt:
        raise NodeFailure("not_yet", f"attempt {ctx.attempt}")
    return f"done on attempt {ctx.attempt}"


@node
def large(input: Any) -> dict[str, Any]:
    """Gives more than a row has room for."""
    return {"first": "x" * 5000, "list": ["y" * 3000, "z" * 3000], "input": input}


@node
def sort(input: Any) -> Outputs:
    """Tells odd from even by way of the shared state."""
    return Outputs({"main": input}, state={"odd": bool(input % 2)})


CATALOG = scenario_nodes.CATALOG.plus(mail, flaky, large, sort)


# ── steps ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def start(workflow_id: str, value: Any = None, *, id: str = ROOT) -> Step:
    def act(world: World) -> bool:
        world.engine.start(workflow_id, value, execution_id=id, idempotency_key=f"start {id}")
        return True

    return act


def submit(workflow_id: str, value: Any = None, *, id: str = ROOT) -> Step:
    def act(world: World) -> bool:
        world.engine.submit(workflow_id, value, execution_id=id, idempotency_key=f"start {id}")
        return True

    return act


def resume(node_key: str, data: Any = None, *, of: str = ROOT, item: int | None = None) -> Step:
    """Present the token of a node's open wait; in a loop, of that item."""

    def act(world: World) -> bool:
        execution = world.engine.get(of)
        for wait in execution.suspensions.values():
            if (
                wait.node_key == node_key
                and wait.type == "webhook"
                and item in (None, wait.scope and wait.scope[-1][2])
            ):
                world.engine.resume(world.engine.token(execution, wait.wait_id), data)
                return True
        return False

    return act


def resume_child(node_key: str, data: Any = None, *, of: str = ROOT, number: int = 0) -> Step:
    """The same in a child."""

    def act(world: World) -> bool:
        children = [child for wait in world.engine.get(of).suspensions.values() for child in _children(wait)]
        return bool(children) and resume(node_key, data, of=children[number])(world)

    return act


def _children(wait: Any) -> Iterable[str]:
    return getattr(wait.wait, "children", ())


def signal(name: str, data: Any, *, of: str = ROOT) -> Step:
    """Send a signal that nobody else sends with the same data."""

    def act(world: World) -> bool:
        rows = world.engine.get(of).history()
        if any(isinstance(row, SignalKept | Resumed) and row.data == data for row in rows):
            return False
        world.engine.signal(of, name, data)
        return True

    return act


def cancel(*, of: str = ROOT) -> Step:
    def act(world: World) -> bool:
        execution = world.engine.get(of)
        if execution.is_final or any(isinstance(row, CancelRequested) for row in execution.history()):
            return False
        world.engine.cancel(of, "enough")
        return True

    return act


def minute(number: float) -> Step:
    """Wait until so many minutes have passed since the beginning."""

    def act(world: World) -> bool:
        world.clock.advance_to(BEGINNING + timedelta(minutes=number))
        return True

    return act


# ── scenarios ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def chain() -> Scenario:
    flow = WorkflowBuilder("chain")
    flow.add(step, "a").then(flow.add(large, "b")).then(flow.add(large, "c")).then(flow.add(step, "d"))
    return Scenario("chain", (flow.build(),), (start("chain", 1),))


def diamond() -> Scenario:
    flow = WorkflowBuilder("diamond")
    top, end = flow.add(step, "top"), flow.add(step, "end")
    for key in ("left", "middle", "right"):
        top.then(flow.add(step, key)).then(end)
    return Scenario("diamond", (flow.build(),), (submit("diamond", 1),))


def if_with_merge() -> Scenario:
    flow = WorkflowBuilder("if")
    gate = flow.add(sort, "sort").then(flow.add("logic.if", "gate", condition="{{ $state.odd }}"))
    end = flow.add(step, "end")
    gate.then(flow.add(step, "odd"), port="true").then(end)
    gate.then(flow.add(step, "even"), port="false").then(end)
    return Scenario("if with merge", (flow.build(),), (start("if", 3), start("if", 4, id="other")))


def loop() -> Scenario:
    flow = WorkflowBuilder("loop")
    work = flow.add(step, "work")
    gate = work.then(flow.add("logic.if", "gate", condition="{{ $execution.run_index < 2 }}"))
    gate.then(work, port="true")
    gate.then(flow.add(step, "after"), port="false")
    return Scenario("loop", (flow.build(),), (start("loop", 1),))


def for_each_with_waits() -> Scenario:
    flow = WorkflowBuilder("items")
    each = flow.add("core.for_each", "each", max_concurrency=2)
    each.then(flow.add(step, "before"), port="loop").then(flow.add(ask, "ask")).then(flow.add(step, "after"))
    each.then(flow.add(step, "end"), port="done")
    order = (1, 2, 0)
    return Scenario(
        "for_each with waits",
        (flow.build(),),
        (start("items", ["a", "b", "c"]), *(resume("ask", f"answer {item}", item=item) for item in order)),
    )


def retries() -> Scenario:
    flow = WorkflowBuilder("retries")
    inline = {"retry": {"max_attempts": 3, "delay": "200ms"}}
    durable = {"retry": {"max_attempts": 3, "delay": "5m"}}
    soon = flow.add(flaky, "soon", good_attempt=3, settings=inline)
    late = flow.add(flaky, "late", good_attempt=3, settings=durable)
    soon.then(late).then(flow.add(step, "end"))
    return Scenario("retries", (flow.build(),), (start("retries"),))


def compensation() -> Scenario:
    flow = WorkflowBuilder("trip")
    flow.add(undo_when_allowed, "undo_book")
    flow.add(step, "undo_pay")
    book = flow.add(step, "book", settings={"compensate_with": "undo_book"})
    pay = book.then(flow.add(step, "pay", settings={"compensate_with": "undo_pay"}))
    check = pay.then(flow.add(fail, "check", settings={"on_error": "error_port"}))
    check.then(flow.add(step, "noted"), port="error").then(flow.add(fail, "ship"))
    return Scenario("error port and compensation", (flow.build(),), (start("trip", 1), resume("undo_book", "yes")))


def cancelled() -> Scenario:
    flow = WorkflowBuilder("cancelled")
    flow.add(undo_when_allowed, "undo")
    book = flow.add(step, "book", settings={"compensate_with": "undo"})
    book.then(flow.add(ask, "ask")).then(flow.add(step, "never"))
    return Scenario(
        "cancel with compensation", (flow.build(),), (start("cancelled", 1), cancel(), resume("undo", "yes"))
    )


def races() -> Scenario:
    flow = WorkflowBuilder("races")
    first = flow.add(
        "wait.race", "first", waits={"called": {"mode": "webhook"}, "late": {"mode": "interval", "duration": "1h"}}
    )
    second = flow.add(
        "wait.race", "second", waits={"called": {"mode": "webhook"}, "late": {"mode": "interval", "duration": "1h"}}
    )
    first.then(flow.add(step, "in_time"), port="called").then(second)
    first.then(flow.add(step, "too_late"), port="late")
    second.then(flow.add(step, "answered"), port="called")
    second.then(flow.add(step, "ended"), port="late")
    return Scenario("races of timer and webhook", (flow.build(),), (start("races"), resume("first", 1), minute(90)))


def sync_child() -> Scenario:
    flow, child = WorkflowBuilder("parent"), WorkflowBuilder("child")
    call = flow.add("workflow.execute", "call", workflow_id="child", mode="sync")
    call.then(flow.add(step, "end"))
    child.add(ask, "ask").then(child.add(sleep, "sleep", seconds=60)).then(child.add(step, "work"))
    return Scenario(
        "sync sub-workflow", (child.build(), flow.build()), (start("parent", "in"), resume_child("ask", "yes"))
    )


def async_batch() -> Scenario:
    flow, child = WorkflowBuilder("parent"), WorkflowBuilder("child")
    call = flow.add("workflow.execute", "call", workflow_id="child", mode="async", batch="single")
    call.then(flow.add(step, "end"))
    child.add(step, "work").then(child.add(ask, "ask"))
    return Scenario(
        "batch of sub-workflows",
        (child.build(), flow.build()),
        (start("parent", ["a", "b"]), resume_child("ask", 1, number=1), resume_child("ask", 0, number=0)),
    )


def parent_close() -> Scenario:
    flow, child = WorkflowBuilder("parent"), WorkflowBuilder("child")
    begin = flow.add(step, "begin")
    for policy in ("cancel", "abandon", "request"):
        begin.then(flow.add("workflow.execute", policy, workflow_id="child", mode="async", parent_close=policy))
    child.add(sleep, "sleep", seconds=3600).then(child.add(listen, "listen", name="parent_closed"))
    return Scenario(
        "parent that is cancelled", (child.build(), flow.build()), (start("parent", 1), cancel(), minute(90))
    )


def signals() -> Scenario:
    flow = WorkflowBuilder("signals")
    start_ = flow.add(ask, "ask")
    start_.then(flow.add(listen, "one", name="go")).then(flow.add(listen, "two", name="go")).then(flow.add(step, "end"))
    steps = (start("signals"), signal("go", "early"), resume("ask"), signal("go", "in time"))
    return Scenario("signals kept and taken", (flow.build(),), steps)


def global_mutex() -> Scenario:
    flow = WorkflowBuilder("printing")
    held = flow.add(ask, "print", settings={"mutex": "printer", "mutex_reach": "global"})
    flow.add(step, "begin").then(held).then(flow.add(step, "end"))
    return Scenario(
        "global mutex",
        (flow.build(),),
        (
            start("printing", id="first"),
            start("printing", id="second"),
            start("printing", id="third"),
            resume("print", 1, of="first"),
            cancel(of="second"),
            resume("print", 3, of="third"),
        ),
    )


def at_most_once() -> Scenario:
    flow = WorkflowBuilder("payment")
    pay = flow.add(step, "pay", settings={"delivery": "at_most_once", "on_error": "error_port"})
    flow.add(step, "begin").then(pay)
    end = flow.add(step, "end")
    pay.then(end)
    pay.then(flow.add(step, "ask_the_bank"), port="error").then(end)
    return Scenario("at most once", (flow.build(),), (start("payment", 1),))


def error_workflow() -> Scenario:
    flow, alarm = WorkflowBuilder("orders", settings={"error_workflow": "alarm"}), WorkflowBuilder("alarm")
    flow.add(step, "a").then(flow.add(fail, "b"))
    alarm.add("error.trigger", key="told").then(alarm.add(ask, "ask")).then(alarm.add(step, "note"))
    return Scenario("error workflow", (alarm.build(), flow.build()), (start("orders", 1),))


def resume_url() -> Scenario:
    flow = WorkflowBuilder("mailing")
    flow.add(step, "a").then(flow.add(mail, "mail", text="Go to {{ resume_url('ask') }}")).then(flow.add(ask, "ask"))
    return Scenario("resume URL in a template", (flow.build(),), (start("mailing"), resume("ask", "yes")))


SCENARIOS = (
    chain(),
    diamond(),
    if_with_merge(),
    loop(),
    for_each_with_waits(),
    retries(),
    compensation(),
    cancelled(),
    races(),
    sync_child(),
    async_batch(),
    parent_close(),
    signals(),
    global_mutex(),
    error_workflow(),
    resume_url(),
)

AT_MOST_ONCE = at_most_once()
