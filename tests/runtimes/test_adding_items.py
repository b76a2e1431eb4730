"""A scope owner that is open takes items until it is closed."""

from __future__ import annotations

import pytest

from prana_py import LocalRuntime, Workflow, WorkflowBuilder
from prana_py.errors import TransitionError


def collecting() -> Workflow:
    flow = WorkflowBuilder("collecting")
    each = flow.add("core.for_each", key="each", items=[1], open=True)
    each.then(flow.add("data.set", key="double", values={"double": "{{ $input * 2 }}"}), port="loop").then(each)
    return flow.build()


def test_items_are_added_until_the_owner_is_closed():
    runtime = LocalRuntime()
    execution = runtime.execute(collecting())

    execution = runtime.add_items(execution, "each", [2, 3])
    execution = runtime.add_items(execution, "each", [4], close=True)

    assert (execution.status, execution.output) == ("completed", [{"double": 2 * n} for n in (1, 2, 3, 4)])


def test_an_owner_that_is_closed_takes_no_more():
    runtime = LocalRuntime()
    execution = runtime.add_items(runtime.execute(collecting()), "each", close=True)

    with pytest.raises(TransitionError, match="final"):
        runtime.add_items(execution, "each", [2])
