"""Workflows of every kind for workers to be killed over, and the ledger in which their nodes note what they do."""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from prana_py import NodeContext, NodeFailure, Workflow, WorkflowBuilder, node, wait_for_interval


class Ledger:
    """A file to which every process only ever appends, one short line at a time, so that no line is torn."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(self, key: str) -> None:
        os.write(self._file, f"{key}\n".encode())


def entries(path: Path) -> Counter[str]:
    """How often each key was noted."""
    return Counter(path.read_text().split())


def nodes_with(ledger: Ledger) -> list[Any]:
    """The nodes of the population, which note their keys."""

    @node
    def effect(ctx: NodeContext, input: Any) -> str:
        ledger.note(ctx.idempotency_key)
        return ctx.idempotency_key

    @node
    def flaky(ctx: NodeContext, input: Any) -> str:
        ledger.note(ctx.idempotency_key)
        if ctx.attempt < 2:
            raise NodeFailure("not_yet", "the second attempt is the good one")
        return ctx.idempotency_key

    @node
    def nap(input: Any) -> Any:
        return wait_for_interval(timedelta(milliseconds=10))

    return [effect, flaky, nap]


def _chain(*types: str, name: str) -> Workflow:
    flow = WorkflowBuilder(name)
    last = flow.add(types[0], "n0")
    for position, one in enumerate(types[1:], 1):
        last = last.then(flow.add(one, f"n{position}"))
    return flow.build()


def _diamond() -> Workflow:
    flow = WorkflowBuilder("diamond")
    top, end = flow.add("effect", "top"), flow.add("effect", "end")
    for key in ("left", "middle", "right"):
        top.then(flow.add("effect", key)).then(end)
    return flow.build()


def _loop() -> Workflow:
    flow = WorkflowBuilder("loop")
    work = flow.add("effect", "work")
    gate = work.then(flow.add("logic.if", "gate", condition="{{ $execution.run_index < 2 }}"))
    gate.then(work, port="true")
    gate.then(flow.add("effect", "after"), port="false")
    return flow.build()


def _items() -> Workflow:
    flow = WorkflowBuilder("items")
    each = flow.add("core.for_each", "each", items="{{ [1, 2] }}", max_concurrency=2)
    each.then(flow.add("effect", "before"), port="loop").then(flow.add("nap", "nap")).then(flow.add("effect", "later"))
    each.then(flow.add("effect", "end"), port="done")
    return flow.build()


def _parent(mode: str) -> Workflow:
    flow = WorkflowBuilder(f"{mode} parent")
    call = flow.add("effect", "before").then(flow.add("workflow.execute", "call", workflow_id="naps", mode=mode))
    call.then(flow.add("effect", "after"))
    return flow.build()


def _retries() -> Workflow:
    flow = WorkflowBuilder("retries")
    flow.add("flaky", "flaky", settings={"retry": {"max_attempts": 3, "delay": "1ms"}}).then(flow.add("effect", "end"))
    return flow.build()


def _once() -> Workflow:
    flow = WorkflowBuilder("once")
    pay = flow.add("effect", "pay", settings={"delivery": "at_most_once", "on_error": "error_port"})
    end = flow.add("effect", "end")
    flow.add("effect", "begin").then(pay)
    pay.then(end)
    pay.then(flow.add("effect", "ask_the_bank"), port="error").then(end)
    return flow.build()


def _in_turns() -> Workflow:
    flow = WorkflowBuilder("in turns")
    held = flow.add("effect", "print", settings={"mutex": "printer", "mutex_reach": "global"})
    flow.add("effect", "begin").then(held).then(flow.add("effect", "end"))
    return flow.build()


WORKFLOWS = (
    _chain("effect", "effect", "effect", "effect", name="chain"),
    _chain("effect", "nap", "effect", name="naps"),
    _diamond(),
    _loop(),
    _items(),
    _parent("sync"),
    _parent("async"),
    _retries(),
    _once(),
    _in_turns(),
)
