"""A guard opens with whatever row makes it true, and whichever row that is tells of it."""

from __future__ import annotations

from typing import Any

import pytest

from prana_py import LocalRuntime, WorkflowBuilder, node
from prana_py.execution.rows import Enabled, ScopeClosed
from prana_py.execution.storage import from_storage_format
from prana_py.testing.likeness import differences


@node
def hand_on(input: Any) -> Any:
    return input


def test_a_guard_over_what_is_in_a_scope_opens_when_that_scope_has_closed():
    flow = WorkflowBuilder("guarded")
    trigger = flow.add("manual.trigger", "trigger")
    each = trigger.then(flow.add("core.for_each", "each"))
    each.then(flow.add(hand_on, "body"), port="loop").then(each)
    trigger.then(flow.add(hand_on, "guarded", settings={"enabled_if": "$nodes.body.output == 2"}))

    execution = LocalRuntime([hand_on]).execute(flow.build(), [1, 2])

    assert execution.status == "completed"
    assert execution.completed_nodes["guarded"] == [1, 2]
    opened_by = [
        row for row in execution.journal if any(isinstance(c, Enabled) for c in getattr(row, "consequences", ()))
    ]
    assert [type(row) for row in opened_by] == [ScopeClosed]
    read = from_storage_format(execution.to_storage_format(), execution.execution_graph)
    assert differences(read, execution) == []


@pytest.mark.parametrize("max_concurrency", [1, 4])
def test_a_guard_opens_with_the_answer_of_an_ordinary_node(max_concurrency: int):
    flow = WorkflowBuilder("guarded")
    trigger = flow.add("manual.trigger", "trigger")
    trigger.then(flow.add(hand_on, "guarded", settings={"enabled_if": "$nodes.b.output == 1"}))
    trigger.then(flow.add(hand_on, "a")).then(flow.add(hand_on, "b"))

    execution = LocalRuntime([hand_on], max_concurrency=max_concurrency).execute(flow.build(), 1)

    assert execution.status == "completed"
    assert "guarded" in execution.completed_nodes
