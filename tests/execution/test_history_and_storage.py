"""Time travel, bounded histories and the stored form, through the public face."""

from __future__ import annotations

import json

import pytest

from prana_py import (
    Execution,
    LocalRuntime,
    StorageError,
    UsageError,
    WorkflowBuilder,
    WorkflowSettings,
    compile_workflow,
    node,
    wait_for_webhook,
)
from prana_py.execution.history import diff, fork
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.nodes.node_type import AnyNode


@node
def count(input: dict[str, int]) -> dict[str, int]:
    return {"n": input["n"] + 1}


@node
def ask(input: object) -> object:
    return wait_for_webhook()


NODES: list[AnyNode] = [count, ask]


def counting_to(rounds: int, *, history: int | None) -> ExecutionGraph:
    flow = WorkflowBuilder("counting", settings=WorkflowSettings(history=history, max_iterations=None))
    step = flow.add(count)
    again = flow.add("logic.if", key="again", condition=f"{{{{ $input.n < {rounds} }}}}")
    step.then(again).then(step, port="true")
    again.then(flow.add("core.noop", key="end"), port="false")
    return compile_workflow(flow.build(), NODES)


def asking_in_the_middle() -> ExecutionGraph:
    flow = WorkflowBuilder("asking")
    flow.add("core.noop", key="before").then(flow.add(ask)).then(flow.add("core.noop", key="after"))
    return compile_workflow(flow.build(), NODES)


def test_a_long_loop_with_a_bounded_history_keeps_a_bounded_trail() -> None:
    execution = LocalRuntime(NODES).execute(counting_to(100_000, history=2), {"n": 0})

    assert execution.status == "completed"
    assert execution.output == {"n": 100_000}
    assert execution.iteration_count == 99_999
    assert len(execution.trail) < 600
    assert execution.trail.dropped + len(execution.trail) == execution.position


def test_a_bounded_history_does_not_change_what_comes_out() -> None:
    bounded = LocalRuntime(NODES).execute(counting_to(500, history=3), {"n": 0})
    whole = LocalRuntime(NODES).execute(counting_to(500, history=None), {"n": 0})

    assert (bounded.output, bounded.iteration_count, bounded.position) == (
        whole.output,
        whole.iteration_count,
        whole.position,
    )


def test_an_execution_with_a_bounded_history_survives_storage_and_goes_on() -> None:
    flow = WorkflowBuilder("waits", settings=WorkflowSettings(history=2))
    each = flow.add("core.for_each", key="each", items="{{ $input }}", max_concurrency=3)
    each.then(flow.add(ask), port="loop").then(each)
    graph = compile_workflow(flow.build(), NODES)
    runtime = LocalRuntime(NODES)
    execution = runtime.execute(graph, list(range(200)))

    while execution.status == "suspended":
        stored = json.loads(json.dumps(execution.to_storage_format()))
        execution = Execution.from_storage_format(stored, graph)
        assert execution.to_storage_format() == stored
        execution = runtime.resume(execution, execution.position, wait_id=max(execution.suspensions))

    assert execution.status == "completed"
    assert len(execution.output) == 200
    assert execution.trail.dropped > 0


def test_an_execution_can_be_seen_as_it_was_at_every_position() -> None:
    runtime = LocalRuntime(NODES)
    graph = asking_in_the_middle()
    execution = runtime.resume(runtime.execute(graph, 1), "yes")

    seen = [execution.at(position) for position in range(1, execution.position + 1)]

    assert [past.position for past in seen] == list(range(1, execution.position + 1))
    assert [past.status for past in seen].count("suspended") == 1
    assert seen[-1].to_storage_format() == execution.to_storage_format()


def test_a_position_that_is_not_there_is_refused() -> None:
    execution = LocalRuntime(NODES).execute(asking_in_the_middle())

    with pytest.raises(UsageError, match="position 99"):
        execution.at(99)


def test_a_fork_goes_another_way_from_the_same_past() -> None:
    runtime = LocalRuntime(NODES)
    origin = runtime.resume(runtime.execute(asking_in_the_middle(), 1), "yes")

    forked = fork(origin, execution_id="other", now=origin.last_at, position=4)
    other = runtime.resume(forked, "no")

    assert (origin.output, other.output) == ("yes", "no")
    assert other.id == "other"
    assert {run.node_key for run in diff(origin, other).runs} == {"ask", "after"}
    assert diff(origin, origin).is_empty


def test_a_fork_with_other_outputs_hands_those_on() -> None:
    runtime = LocalRuntime(NODES)
    origin = runtime.execute(asking_in_the_middle(), 1)

    forked = fork(origin, execution_id="other", now=origin.last_at, position=2, outputs={"trigger": 42})

    assert runtime.wake(forked).node_executions["before"][0].output == 42


def test_a_stored_execution_needs_its_own_graph() -> None:
    stored = LocalRuntime(NODES).execute(asking_in_the_middle()).to_storage_format()

    with pytest.raises(StorageError) as refused:
        Execution.from_storage_format(stored, counting_to(3, history=None))

    assert refused.value.code == "graph_mismatch"


@pytest.mark.parametrize(
    "broken", [{}, {"format": 2}, {"format": 1}, {"format": 1, "rows": [["settled"]]}, "text", None]
)
def test_what_is_no_stored_execution_is_refused_with_a_reason(broken: object) -> None:
    with pytest.raises(StorageError):
        Execution.from_storage_format(broken, asking_in_the_middle())  # type: ignore[arg-type]  # that is the test
