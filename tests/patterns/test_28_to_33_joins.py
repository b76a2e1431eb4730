"""Patterns 28 to 33: joins that are content with some, the rest ignored, held back or withdrawn; and with pairs."""

from __future__ import annotations

from typing import Any

import pytest

from prana_py import Workflow, WorkflowBuilder
from tests.patterns.nodes import ask, gather, split, task
from tests.patterns.pattern import pattern
from tests.patterns.play import Stage


def three_branches(name: str, join: Any) -> Workflow:
    """As often as the input is long: three branches that take their time, a join, and what comes after it."""
    flow = WorkflowBuilder(name)
    start, end = flow.add(split, "a"), flow.add(task, "d", settings={"join": join})
    for key in ("b1", "b2", "b3"):
        start.then(flow.add(ask, key)).then(end)
    end.then(flow.add(ask, "e"))
    return flow.build()


@pattern(28, "Blocking discriminator")
def blocking_discriminator() -> Workflow:
    """`join: {"n": 1, "block": true}`: the next wave waits until what follows this one is quiet."""
    return three_branches("blocking_discriminator", {"n": 1, "block": True})


@pattern(31, "Blocking partial join")
def blocking_partial_join() -> Workflow:
    """`join: {"n": 2, "block": true}`: the next wave waits until what follows this one is quiet."""
    return three_branches("blocking_partial_join", {"n": 2, "block": True})


@pytest.mark.parametrize("make", [blocking_discriminator, blocking_partial_join])
def test_a_blocking_join_holds_the_next_wave_back_while_the_last_one_is_at_work(stage: Stage, make: Any):
    play = stage(make, ["first", "second"]).finish("b1", "b2", "b3", "b1", "b2", "b3")
    assert play.outputs("d") == ["d"]

    play.finish("e")
    assert play.outputs("d") == ["d", "d"]

    play.finish("e")
    assert play.status == "completed"


@pattern(29, "Cancelling discriminator")
def cancelling_discriminator() -> Workflow:
    """`join: {"n": 1, "on_rest": "cancel"}`: the branches that were not needed are withdrawn."""
    return three_branches("cancelling_discriminator", {"n": 1, "on_rest": "cancel"})


@pytest.mark.parametrize("first", ["b1", "b2", "b3"])
def test_a_cancelling_discriminator_withdraws_the_other_branches(stage: Stage, first: str):
    play = stage(cancelling_discriminator, ["once"]).finish(first)
    assert play.waiting == ["e"]

    play.finish("e")

    play.shows(" ".join(["a", *(key if key == first else f"{key}:withdrawn" for key in ("b1", "b2", "b3")), "d e"]))


@pattern(30, "Structured partial join")
def structured_partial_join() -> Workflow:
    """`join: {"n": 2}` runs on the second branch to arrive and ignores the rest; when all have come it starts anew."""
    return three_branches("partial_join", {"n": 2})


@pytest.mark.parametrize("order", [("b1", "b2", "b3"), ("b3", "b1", "b2"), ("b2", "b3", "b1")])
def test_a_partial_join_goes_on_with_the_second_branch(stage: Stage, order: tuple[str, str, str]):
    play = stage(structured_partial_join, ["once"]).finish(order[0])
    assert play.outputs("d") == []
    play.finish(order[1])
    assert play.outputs("d") == ["d"]

    play.finish(order[2], "e")

    play.shows("a b1 b2 b3 d e")
    assert play.status == "completed"


def test_a_partial_join_starts_anew_when_every_branch_has_arrived(stage: Stage):
    play = stage(structured_partial_join, ["first", "second"]).finish("b1", "b2", "b1", "b3", "b2", "b3", "e", "e")

    assert play.outputs("d") == ["d", "d"]
    assert play.status == "completed"


@pattern(32, "Cancelling partial join")
def cancelling_partial_join() -> Workflow:
    """`join: {"n": 2, "on_rest": "cancel"}`: the branches that were not needed are withdrawn."""
    return three_branches("cancelling_partial_join", {"n": 2, "on_rest": "cancel"})


def test_a_cancelling_partial_join_withdraws_the_branches_that_are_not_needed(stage: Stage):
    play = stage(cancelling_partial_join, ["once"]).finish("b3")
    assert play.waiting == ["b1", "b2"]

    play.finish("b1", "e").shows("a b1 b2:withdrawn b3 d e")


@pattern(33, "Generalized AND-join")
def generalized_and_join() -> Workflow:
    """`join: "all"` keeps what comes too soon: it pairs the first of each connection, then the second, and so on."""
    flow = WorkflowBuilder("generalized_and_join")
    start, end = flow.add(split, "a"), flow.add(gather, "d", settings={"join": "all", "collect": "list"})
    for key in ("b", "c"):
        start.then(flow.add(ask, key)).then(end)
    return flow.build()


@pytest.mark.parametrize("order", ["bbcc", "bcbc", "cbbc", "ccbb"])
def test_a_generalized_and_join_pairs_what_arrives_in_the_order_of_each_branch(stage: Stage, order: str):
    play = stage(generalized_and_join, ["first", "second"])
    count = {"b": 0, "c": 0}
    for key in order:
        count[key] += 1
        play.finish(key, data=f"{key}{count[key]}")

    assert play.outputs("d") == [["b1", "c1"], ["b2", "c2"]]
    assert play.status == "completed"
