"""A mixed population of executions, the nodes that they are made of, and what must be true of them at the end."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prana_py import Execution, NodeContext, NodeFailure, Workflow, WorkflowBuilder, node, wait_for_interval
from prana_py.driver.invocation import idempotency_key
from prana_py.driver.outcome import Waiting
from prana_py.engine.base import EngineBase
from prana_py.execution.rows import Settled, Suspended
from prana_py.testing.store_invariants import check_store

LEDGER = "PRANA_TEST_LEDGER"
"""The variable that names the file in which every call of a node is noted."""


def note(ctx: NodeContext) -> None:
    """What a node does in the world: one line, past every buffer, so that it outlives whoever does it."""
    descriptor = os.open(os.environ[LEDGER], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{ctx.node_key} {ctx.idempotency_key}\n".encode())
    finally:
        os.close(descriptor)


@node
def step(ctx: NodeContext, input: Any) -> str:
    """Says who ran, and on what."""
    note(ctx)
    return f"{ctx.node_key}({input})"


@node
def nap(ctx: NodeContext) -> Waiting:
    """Waits for a moment."""
    note(ctx)
    return wait_for_interval(0.02)


@node
def flaky(ctx: NodeContext) -> str:
    """Succeeds when it is tried again."""
    note(ctx)
    if ctx.attempt < 2:
        raise NodeFailure("not_yet", "once more")
    return f"{ctx.node_key}"


@node
def large(ctx: NodeContext, input: Any) -> dict[str, Any]:
    """Gives more than a row has room for."""
    note(ctx)
    return {"first": "x" * 5000, "input": input}


NODES: list[Any] = [step, nap, flaky, large]


def workflows() -> list[Workflow]:
    """Small ones, of every kind that a store treats in its own way."""
    return [chain(), diamond(), waiting(), trying(), paying(), printing(), child(), parent()]


def chain() -> Workflow:
    flow = WorkflowBuilder("chain")
    flow.add(step, "a").then(flow.add(large, "b")).then(flow.add(step, "c")).then(flow.add(step, "d"))
    return flow.build()


def diamond() -> Workflow:
    flow = WorkflowBuilder("diamond")
    top, end = flow.add(step, "top"), flow.add(step, "end")
    for key in ("left", "right"):
        top.then(flow.add(step, key)).then(end)
    return flow.build()


def waiting() -> Workflow:
    flow = WorkflowBuilder("waiting")
    flow.add(step, "a").then(flow.add(nap, "b")).then(flow.add(step, "c"))
    return flow.build()


def trying() -> Workflow:
    flow = WorkflowBuilder("trying")
    work = flow.add(flaky, "a", settings={"retry": {"max_attempts": 3, "delay": "10ms"}})
    work.then(flow.add(step, "b"))
    return flow.build()


def paying() -> Workflow:
    """What may run once at most is interrupted when its process dies – but it dies in no test that uses this."""
    flow = WorkflowBuilder("paying")
    pay = flow.add(step, "pay", settings={"delivery": "at_most_once", "on_error": "error_port"})
    pay.then(flow.add(step, "end"))
    pay.then(flow.add(step, "ask_the_bank"), port="error")
    return flow.build()


def printing() -> Workflow:
    flow = WorkflowBuilder("printing")
    flow.add(step, "a").then(flow.add(step, "print", settings={"mutex": "printer", "mutex_reach": "global"}))
    return flow.build()


def child() -> Workflow:
    flow = WorkflowBuilder("child")
    flow.add(step, "a").then(flow.add(nap, "b")).then(flow.add(step, "c"))
    return flow.build()


def parent() -> Workflow:
    flow = WorkflowBuilder("parent")
    call = flow.add("workflow.execute", "call", workflow_id="child", mode="async")
    call.then(flow.add(step, "end"))
    return flow.build()


STARTED = ("chain", "diamond", "waiting", "trying", "paying", "printing", "parent")
"""The workflows whose executions are started from outside."""

AT_MOST_ONCE = "pay"

SILENT = frozenset({"trigger", "call"})
"""Nodes that do nothing in the world."""


def all_is_well(engine: EngineBase, ledger: Path, started: int) -> list[Execution]:
    """Nothing was lost and nothing doubled; gives all executions."""
    executions = check_store(engine)
    assert len(executions) == started + sum(one.workflow_id == "parent" for one in executions)
    assert Counter(one.status for one in executions) == {"completed": len(executions)}
    calls = Counter(ledger.read_text().splitlines())
    once = {line: count for line, count in calls.items() if line.startswith(f"{AT_MOST_ONCE} ")}
    assert set(once.values()) <= {1}
    settled = Counter(line for one in executions for line in _lines_of(one, Settled))
    assert set(settled.values()) == {1}
    runs = {*settled, *(line for one in executions for line in _lines_of(one, Suspended))}
    # A run that may be called once at most may have been interrupted before it was.
    assert runs - calls.keys() == _interrupted(executions) - calls.keys()
    assert calls.keys() <= runs
    return executions


def _lines_of(execution: Execution, kind: type[Settled | Suspended]) -> Iterator[str]:
    """As the ledger has them: the runs that have ended, or waited."""
    for row in execution.history():
        if isinstance(row, kind) and row.node not in SILENT:
            yield _line(execution, row)


def _interrupted(executions: list[Execution]) -> set[str]:
    return {
        _line(one, row)
        for one in executions
        for row in one.history()
        if isinstance(row, Settled) and row.error is not None and row.error.code == "interrupted"
    }


def _line(execution: Execution, row: Settled | Suspended) -> str:
    return f"{row.node} {idempotency_key(execution.id, row.scope, row.node, row.run)}"
