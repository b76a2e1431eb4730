"""One workflow for each feature, with what is asked of it while it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from prana_py import Execution, NodeContext, NodeFailure, Output, Workflow, WorkflowBuilder, node
from prana_py.builtin_nodes.all_nodes import with_builtin
from prana_py.driver.requests import Cancel, CancelBranch, Request, Resume, Signal
from tests.builders import chain, diamond, fan_out, loop


@node
def plain(ctx: NodeContext, input: Any) -> Any:
    """A plain function."""
    return {"by": ctx.node_key, "from": input}


@node
async def awaited(ctx: NodeContext, input: Any) -> Any:
    """An async function."""
    return {"by": ctx.node_key, "from": input}


@node
def unlucky(ctx: NodeContext, good_attempt: int = 99) -> int:
    """Fails before this attempt."""
    if ctx.attempt < good_attempt:
        raise NodeFailure("unlucky", f"attempt {ctx.attempt}")
    return ctx.attempt


@node
async def count(ctx: NodeContext) -> Output:
    """Uses state and context."""
    seen = ctx.context.get("seen", 0) + 1
    return Output(seen, state={"total": ctx.state.get("total", 0) + seen}, context={"seen": seen})


def until_told_to_stop(ctx: NodeContext) -> str:
    while not ctx.cancelled:
        pass
    return "told to stop"


@node
def endless(ctx: NodeContext) -> str:
    """Blocks until it is told to stop."""
    return until_told_to_stop(ctx)


@node
async def endless_async(ctx: NodeContext) -> str:
    """Waits until it is told to stop."""
    return await asyncio.to_thread(until_told_to_stop, ctx)


CATALOG = with_builtin(plain, awaited, unlucky, count, endless, endless_async)

First = Callable[[Execution], Request]


def resume_first(execution: Execution) -> Request:
    """Resolve the first open wait."""
    return Resume(min(execution.suspensions), "told")


class Case(NamedTuple):
    """A workflow, its input, and what is asked when it rests."""

    workflow: Workflow
    value: Any = 1
    asks: tuple[Request | First, ...] = ()
    children: tuple[Workflow, ...] = ()
    endless: tuple[str, ...] = ()
    """The nodes that do not end by themselves; a runtime that calls them in its own thread must be told so."""


def case(build: Callable[[WorkflowBuilder], object], value: Any = 1, *asks: Request | First) -> Case:
    """A case whose workflow this function builds."""
    flow = WorkflowBuilder("case")
    build(flow)
    return Case(flow.build(), value, asks)


def _if(flow: WorkflowBuilder) -> None:
    gate, end = flow.add("logic.if", "gate", condition="{{ $input > 0 }}"), flow.add(plain, "end")
    gate.then(flow.add(plain, "yes"), port="true").then(end)
    gate.then(flow.add(awaited, "no"), port="false").then(end)


def _switch(flow: WorkflowBuilder) -> None:
    start = flow.add(plain, "start")
    start.then(flow.add(plain, "small"), condition="$input.from < 5")
    start.then(flow.add(plain, "large"), condition="$input.from >= 5")


def _join(join: Any) -> Callable[[WorkflowBuilder], None]:
    def build(flow: WorkflowBuilder) -> None:
        start, end = flow.add(plain, "start"), flow.add(plain, "end", settings={"join": join})
        for key in ("a", "b", "c"):
            start.then(flow.add("core.noop", key)).then(end)

    return build


def _for_each(**options: Any) -> Callable[[WorkflowBuilder], None]:
    def build(flow: WorkflowBuilder) -> None:
        each = flow.add("core.for_each", "each", **options)
        each.then(flow.add(awaited, "body"), port="loop").then(each)
        each.then(flow.add("core.noop", "end"), port="done")

    return build


def _while(flow: WorkflowBuilder) -> None:
    rounds = flow.add("core.while", "rounds", condition="$loop.index < 3")
    rounds.then(flow.add(plain, "body"), port="loop").then(rounds)
    rounds.then(flow.add("core.noop", "end"), port="done")


def _failing(**settings: Any) -> Callable[[WorkflowBuilder], None]:
    def build(flow: WorkflowBuilder) -> None:
        node = flow.add(unlucky, "unlucky", settings=settings, good_attempt=3)
        node.then(flow.add("core.noop", "good"))
        node.then(flow.add("core.noop", "bad"), port="error")

    return build


def _wait(**params: Any) -> Callable[[WorkflowBuilder], None]:
    def build(flow: WorkflowBuilder) -> None:
        wait = flow.add("wait.wait", "wait", params=params)
        wait.then(flow.add(plain, "end"))
        wait.then(flow.add(plain, "late"), port="timeout")

    return build


def _race(flow: WorkflowBuilder) -> None:
    waits = {"called": {"mode": "webhook"}, "late": {"mode": "interval", "duration": "1h"}}
    race = flow.add("wait.race", "race", waits=waits)
    race.then(flow.add(plain, "when_called"), port="called")
    race.then(flow.add(plain, "when_late"), port="late")


def _two_waits(flow: WorkflowBuilder) -> None:
    start, end = flow.add(plain, "start"), flow.add("core.noop", "end")
    for key in ("one", "two"):
        start.then(flow.add("wait.wait", key, mode="webhook")).then(flow.add(plain, f"after_{key}")).then(end)


def _compensation(flow: WorkflowBuilder) -> None:
    flow.add(plain, "undo")
    flow.add(plain, "done", settings={"compensate_with": "undo"}).then(flow.add(unlucky, "unlucky"))


def _guard(flow: WorkflowBuilder) -> None:
    start = flow.add("workflow.set_state", "close", params={"open": False})
    start.then(flow.add(plain, "guarded", settings={"enabled_if": "$state.open"}))
    start.then(flow.add("workflow.set_state", "open", params={"open": True}))


def _mutex(flow: WorkflowBuilder) -> None:
    start = flow.add(plain, "start")
    for key in ("a", "b"):
        start.then(flow.add(plain, key, settings={"mutex": "m"}))


def _contract(flow: WorkflowBuilder) -> None:
    end = flow.add(plain, "end")
    flow.add(plain, "start").then(end, contract={"type": "object", "required": ["missing"]})


def _mapping(flow: WorkflowBuilder) -> None:
    flow.add(plain, "start").then(flow.add(unlucky, "end"), mapping={"from": "good_attempt"})


def _cycle(flow: WorkflowBuilder) -> None:
    first = flow.add(count, "first")
    last = first.then(flow.add("core.noop", "last"))
    flow.create_cycle("c").connect(last, first).max_iterations(5).converge_when("$input >= 3").build()


def _stop(flow: WorkflowBuilder) -> None:
    start = flow.add(plain, "start")
    start.then(flow.add("core.stop", "stop", value="enough"))
    start.then(flow.add("wait.wait", "wait", mode="webhook"))


def _item_errors(mode: str) -> Callable[[WorkflowBuilder], None]:
    def build(flow: WorkflowBuilder) -> None:
        each = flow.add("core.for_each", "each", on_item_error=mode)
        each.then(flow.add(unlucky, "body", good_attempt="{{ $input }}"), port="loop").then(each)
        each.then(flow.add("core.noop", "end"), port="done")

    return build


def _call(how: str, child: str = "core.noop", **params: Any) -> Case:
    flow, inner = WorkflowBuilder("case"), WorkflowBuilder("child")
    flow.add("workflow.execute", "call", workflow_id="child", mode=how).then(flow.add(plain, "end"))
    inner.add(child, "inner", params=params)
    return Case(flow.build(), {"value": 1}, (), (inner.build(),))


def _switch_node(flow: WorkflowBuilder) -> None:
    cases = [{"condition": "{{ $input < 5 }}", "port": "small"}, {"condition": "{{ $input >= 5 }}", "port": "large"}]
    choice, end = flow.add("logic.switch", "choice", cases=cases), flow.add(plain, "end")
    choice.then(flow.add(plain, "few"), port="small").then(end)
    choice.then(flow.add(awaited, "many"), port="large").then(end)


def _race_of_nodes(flow: WorkflowBuilder) -> None:
    start = flow.add(plain, "start")
    for key in ("hare", "tortoise"):
        start.then(flow.add(awaited, key, settings={"race": "run"}))


def _too_late(node_type: Any, *ports: str, beside: bool = False, **settings: Any) -> Case:
    """A node takes longer than its timeout. A failure of the execution would race with what goes on beside it."""
    flow = WorkflowBuilder("case")
    start = flow.add(plain, "start")
    late = start.then(flow.add(node_type, "late", settings={"timeout": "20ms", **settings}))
    for port in ("main", *ports):
        late.then(flow.add("core.noop", f"by_{port}"), port=port)
    if beside:
        start.then(flow.add(plain, "beside")).then(flow.add("core.noop", "after"))
    return Case(flow.build(), endless=("late",))


RETRY = {"max_attempts": 3, "delay": "20ms"}
LONG_RETRY = {"max_attempts": 3, "delay": "1h", "backoff": "exponential", "jitter": 0.5}

CASES: dict[str, Case] = {
    "chain": Case(chain(5, plain)),
    "async chain": Case(chain(5, awaited)),
    "diamond": Case(diamond(awaited)),
    "fan out": Case(fan_out(5, plain)),
    "loop": Case(loop(4, awaited)),
    "if": case(_if),
    "conditions": case(_switch),
    **{
        f"join {name}": case(_join(join))
        for name, join in {
            "all": "all",
            "each": "each",
            "inclusive": "inclusive",
            "first": "first",
            "two": {"n": 2},
            "batch": {"batch": 2},
        }.items()
    },
    "switch": case(_switch_node, 7),
    "race of nodes": case(_race_of_nodes),
    "for each": case(_for_each(), [1, 2, 3]),
    "for each, several at once": case(_for_each(max_concurrency=2), [1, 2, 3, 4]),
    "while": case(_while),
    "retry": case(_failing(retry=RETRY)),
    "long retry": case(_failing(retry=LONG_RETRY)),
    "stop on error": case(_failing()),
    "continue": case(_failing(on_error="continue")),
    "error port": case(_failing(on_error="error_port")),
    "fallback": case(_failing(on_error={"fallback": "instead"})),
    "interval": case(_wait(mode="interval", duration="1h")),
    "schedule": case(_wait(mode="schedule", schedule_at="2030-01-02T00:00:00Z")),
    "webhook": case(_wait(mode="webhook"), 1, resume_first),
    "expired webhook": case(_wait(mode="webhook", timeout="1h")),
    "signal": case(_wait(mode="signal", signal="go"), 1, Signal("go", 1)),
    "race": case(_race, 1, resume_first),
    "late race": case(_race),
    "two waits": case(_two_waits, 1, resume_first, resume_first),
    "cancel": case(_two_waits, 1, Cancel("no more")),
    "cancel of a branch": case(_two_waits, 1, CancelBranch(("one",)), resume_first),
    "kept signal": case(_two_waits, 1, Signal("early"), resume_first, resume_first),
    "compensation": case(_compensation),
    "guard": case(_guard),
    "mutex": case(_mutex),
    "contract": case(_contract),
    "mapping": case(_mapping),
    "declared cycle with state and context": case(_cycle),
    "stop": case(_stop),
    **{f"item error, {mode}": case(_item_errors(mode), [1, 2, 1]) for mode in ("stop", "continue", "skip")},
    **{f"child, {mode}": _call(mode) for mode in ("sync", "async", "fire_and_forget")},
    "suspended child": _call("sync", "wait.wait", mode="interval", duration="1h"),
    "timeout": _too_late(endless),
    "timeout of an async node": _too_late(endless_async),
    "timeout with its port": _too_late(endless, "timeout"),
    "timeout of an async node with its port": _too_late(endless_async, "timeout"),
    "timeout, handled": _too_late(endless, "error", "timeout", beside=True, on_error="error_port"),
    "timeout, tried again": _too_late(endless_async, "error", beside=True, on_error="error_port", retry=RETRY),
}

DEPENDS_ON_TIMING = {
    "mutex",
    "stop",
    "guard",
    "join each",
    "join first",
    "join two",
    "join batch",
    "race of nodes",
}
