"""Patterns 6 to 9: some of several branches, and the ways in which branches come together again."""

from __future__ import annotations

import pytest

from prana_py import Workflow, WorkflowBuilder
from prana_py.model.builder import NodeHandle
from tests.patterns.nodes import ask, split, task
from tests.patterns.pattern import pattern
from tests.patterns.play import Stage


def choosing(flow: WorkflowBuilder) -> NodeHandle:
    """A node that leaves by each port that the input names."""
    cases = [{"port": port, "condition": f"{{{{ '{port}' in $input }}}}"} for port in "bcd"]
    return flow.add("logic.switch", "choice", cases=cases, all_matching=True, default_port="none")


@pattern(6, "Multi-choice")
def multi_choice() -> Workflow:
    """`logic.switch` with `all_matching`; a node of your own answers `Outputs({port: value, …})`."""
    flow = WorkflowBuilder("multi_choice")
    choice = choosing(flow)
    for port in "bcd":
        choice.then(flow.add(task, port), port=port)
    return flow.build()


@pytest.mark.parametrize("chosen", ["", "b", "bd", "bcd"])
def test_a_multi_choice_takes_any_number_of_branches(stage: Stage, chosen: str):
    play = stage(multi_choice, chosen)

    play.shows(" ".join(["choice", *chosen]))
    assert play.status == "completed"


@pattern(7, "Structured synchronizing merge")
def structured_synchronizing_merge() -> Workflow:
    """Nothing to do: a join waits for exactly the branches that were chosen, and runs once."""
    flow = WorkflowBuilder("synchronizing_merge")
    choice, end = choosing(flow), flow.add(task, "e")
    for port in "bcd":
        choice.then(flow.add(ask, port), port=port).then(end)
    return flow.build()


@pytest.mark.parametrize("chosen", ["c", "bd", "db", "dcb"])
def test_a_synchronizing_merge_waits_for_exactly_the_chosen_branches(stage: Stage, chosen: str):
    play = stage(structured_synchronizing_merge, chosen)

    for key in chosen:
        assert play.outputs("e") == []
        play.finish(key)

    play.shows(" ".join(["choice", *sorted(chosen), "e"]))


@pattern(8, "Multi-merge")
def multi_merge() -> Workflow:
    """`join: "each"` runs once for every branch that arrives."""
    flow = WorkflowBuilder("multi_merge")
    start, merge = flow.add(task, "a"), flow.add(task, "d", settings={"join": "each"})
    merge.then(flow.add(task, "e"))
    for key in "bc":
        start.then(flow.add(ask, key)).then(merge)
    return flow.build()


def test_a_multi_merge_runs_what_follows_once_for_each_branch(stage: Stage):
    play = stage(multi_merge).finish("c")
    play.shows("a b:suspended c d e")

    play.finish("b")

    play.shows("a b c d e d e")


@pattern(9, "Structured discriminator")
def structured_discriminator() -> Workflow:
    """`join: "first"` runs on the first branch to arrive and ignores the rest; when all have come it starts anew."""
    flow = WorkflowBuilder("discriminator")
    start, end = flow.add(split, "a"), flow.add(task, "d", settings={"join": "first"})
    for key in "bc":
        start.then(flow.add(ask, key)).then(end)
    return flow.build()


@pytest.mark.parametrize(("first", "second"), [("b", "c"), ("c", "b")])
def test_a_discriminator_goes_on_with_the_first_branch_and_ignores_the_other(stage: Stage, first: str, second: str):
    play = stage(structured_discriminator, ["once"]).finish(first)
    assert play.outputs("d") == ["d"]

    play.finish(second)

    play.shows("a b c d")
    assert play.status == "completed"


@pytest.mark.parametrize("order", ["bcbc", "bccb", "bbcc", "ccbb"])
def test_a_discriminator_starts_anew_when_every_branch_has_arrived(stage: Stage, order: str):
    play = stage(structured_discriminator, ["first time", "second time"]).finish(*order)

    assert play.outputs("d") == ["d", "d"]
    assert play.status == "completed"
