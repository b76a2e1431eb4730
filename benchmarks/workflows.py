"""The workflows that are measured. Sizes count every node, the trigger included."""

from __future__ import annotations

from typing import Any

from benchmarks.nodes import again, gather, greet, step, step_async, two_down, two_up
from prana_py import Workflow, WorkflowBuilder


def _row_of(builder: WorkflowBuilder, node_type: Any, size: int, **params: Any) -> Workflow:
    last = builder.add("manual.trigger", "start")
    for number in range(1, size):
        last = last.then(builder.add(node_type, f"n{number}", **params))
    return builder.build()


def chain(size: int) -> Workflow:
    """One node after another."""
    return _row_of(WorkflowBuilder("chain"), step, size)


def idle_chain(size: int) -> Workflow:
    """One node after another, each of which hands on what it got: nothing is held but the records."""
    return _row_of(WorkflowBuilder("idle_chain"), "core.noop", size)


def async_chain(size: int) -> Workflow:
    """One async node after another."""
    return _row_of(WorkflowBuilder("async_chain"), step_async, size)


def templated_chain(size: int) -> Workflow:
    """One node after another, each with a template among its parameters."""
    return _row_of(WorkflowBuilder("templated_chain"), greet, size, name="{{ $input.name }}")


def diamond(arms: int) -> Workflow:
    """A fan-out and the join of its arms."""
    builder = WorkflowBuilder("diamond")
    start = builder.add("manual.trigger", "start")
    end = builder.add(gather, "end", settings={"collect": "list"})
    for number in range(arms):
        start.then(builder.add(step, f"arm{number}")).then(end)
    return builder.build()


def loop() -> Workflow:
    """A cycle of two nodes that is gone round ``ROUNDS`` times."""
    builder = WorkflowBuilder("loop")
    head = builder.add("manual.trigger", "start").then(builder.add(step, "count"))
    head.then(builder.add(again, "again")).then(head, port="again")
    return builder.build()


def conditional(choices: int) -> Workflow:
    """One choice after another; its arms meet again each time."""
    builder = WorkflowBuilder("conditional")
    last = builder.add("manual.trigger", "start")
    for number in range(choices):
        choice = last.then(builder.add("logic.if", f"if{number}", condition="{{ $input % 2 == 0 }}"))
        last = builder.add(step, f"meet{number}")
        choice.then(builder.add(two_up, f"even{number}"), port="true").then(last)
        choice.then(builder.add(two_down, f"odd{number}"), port="false").then(last)
    return builder.build()


def for_each() -> Workflow:
    """A loop over a list: each item is a scope of its own."""
    builder = WorkflowBuilder("for_each")
    each = builder.add("manual.trigger", "start").then(builder.add("core.for_each", "each"))
    each.then(builder.add(step, "body"), port="loop").then(each)
    each.then(builder.add(gather, "end"), port="done")
    return builder.build()
