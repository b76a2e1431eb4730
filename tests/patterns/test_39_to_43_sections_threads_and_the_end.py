"""Patterns 39 to 43: one section at a time, threads that become one or many, and an end that ends everything."""

from __future__ import annotations

import pytest

from prana_py import Workflow, WorkflowBuilder
from tests.patterns.nodes import ask, gather, split, task
from tests.patterns.pattern import pattern
from tests.patterns.play import Stage


@pattern(39, "Critical section")
def critical_section() -> Workflow:
    """A `mutex` on a scope owner, or on a `workflow.execute`, holds for all that is inside it."""
    flow = WorkflowBuilder("critical_section")
    start = flow.add(task, "a")
    for key in ("b", "c"):
        section = flow.add("core.for_each", f"section_{key}", items=[1], settings={"mutex": "ours"})
        start.then(section)
        section.then(flow.add(ask, f"{key}1"), port="loop").then(flow.add(ask, f"{key}2")).then(section)
    return flow.build()


def test_of_two_critical_sections_one_is_left_before_the_other_is_entered(stage: Stage):
    play = stage(critical_section)
    order = []
    while play.status == "suspended":
        (only,) = play.waiting
        order.append(only)
        play.finish(only)

    assert order in (["b1", "b2", "c1", "c2"], ["c1", "c2", "b1", "b2"])


@pattern(40, "Interleaved routing")
def interleaved_routing() -> Workflow:
    """Branches side by side whose nodes have the same `mutex`: each runs once, in any order, one at a time."""
    flow = WorkflowBuilder("interleaved_routing")
    start, end = flow.add(task, "a"), flow.add(task, "e")
    for key in "bcd":
        start.then(flow.add(ask, key, settings={"mutex": "ours"})).then(end)
    return flow.build()


def test_interleaved_tasks_run_once_each_and_never_two_at_a_time(stage: Stage):
    play = stage(interleaved_routing)
    order = []
    while play.status == "suspended":
        (only,) = play.waiting
        order.append(only)
        play.finish(only)

    assert sorted(order) == ["b", "c", "d"]
    play.shows(f"a {' '.join(order)} e")


@pattern(41, "Thread merge")
def thread_merge() -> Workflow:
    """`join: {"batch": 3}` runs once for every three that arrive, and with what is left when no more can come."""
    flow = WorkflowBuilder("thread_merge")
    threads = flow.add(split, "a").then(flow.add(task, "b"))
    threads.then(flow.add(gather, "c", settings={"join": {"batch": 3}}))
    return flow.build()


@pytest.mark.parametrize(("threads", "merged"), [(3, [3]), (6, [3, 3]), (7, [3, 3, 1])])
def test_three_threads_become_one(stage: Stage, threads: int, merged: list[int]):
    play = stage(thread_merge, list(range(threads)))

    assert [len(batch) for batch in play.outputs("c")] == merged


@pattern(42, "Thread split")
def thread_split() -> Workflow:
    """`Outputs({"main": Each([…])})`: every element of the list is an arrival of its own."""
    flow = WorkflowBuilder("thread_split")
    flow.add(split, "a").then(flow.add(task, "b"))
    return flow.build()


@pytest.mark.parametrize("threads", [0, 1, 4])
def test_one_thread_becomes_many(stage: Stage, threads: int):
    stage(thread_split, list(range(threads))).shows(" ".join(["a", *["b"] * threads]))


@pattern(43, "Explicit termination")
def explicit_termination() -> Workflow:
    """`core.stop`, or `stop(…)` from a node of your own: whatever else is under way is withdrawn."""
    flow = WorkflowBuilder("explicit_termination")
    start = flow.add(task, "a")
    start.then(flow.add(ask, "b")).then(flow.add("core.stop", "stop"))
    start.then(flow.add(ask, "c")).then(flow.add(task, "d"))
    return flow.build()


def test_a_node_may_end_everything(stage: Stage):
    play = stage(explicit_termination).finish("b", data="the result")

    play.shows("a b c:withdrawn stop")
    assert (play.status, play.output) == ("completed", "the result")
