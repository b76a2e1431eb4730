"""When an execution fails another workflow is told, once, and never because of itself."""

from __future__ import annotations

from typing import Any

import pytest

from prana_py import Execution, LocalRuntime, Workflow, WorkflowBuilder, node
from prana_py.driver.lifecycle import LifecycleEvent
from prana_py.execution.children import error_execution_id


@node
def breaks(message: str = "no boat") -> Any:
    """Fail."""
    raise ValueError(message)


def breaking(workflow_id: str = "orders", **settings: Any) -> Workflow:
    flow = WorkflowBuilder(workflow_id, settings={"error_workflow": "alarm", **settings})
    flow.add(breaks, key="ship")
    return flow.build()


def alarm() -> Workflow:
    flow = WorkflowBuilder("alarm")
    flow.add("error.trigger", key="told").then(flow.add("data.set", key="note", values="{{ $input }}"))
    return flow.build()


def calling(workflow_id: str, callee: str, **settings: Any) -> Workflow:
    """A workflow that runs another one and waits for it."""
    flow = WorkflowBuilder(workflow_id, settings=settings)
    flow.add("workflow.execute", key="call", workflow_id=callee)
    return flow.build()


def runtime_of(*workflows: Workflow, **options: Any) -> tuple[LocalRuntime, list[str]]:
    """A runtime, and the workflows of the executions that it starts."""
    started: list[str] = []

    def watch(event: LifecycleEvent) -> None:
        if event.kind == "execution_started":
            started.append(event.workflow_id)

    return LocalRuntime([breaks], workflows=workflows, observers=[watch], **options), started


def told(runtime: LocalRuntime, failed: Execution) -> Execution:
    found = runtime.kept(error_execution_id(failed.id))
    assert found is not None
    return found


def test_a_failure_starts_the_error_workflow_with_what_happened():
    runtime, _ = runtime_of(alarm())

    failed = runtime.execute(breaking(), {"id": 7})
    note = told(runtime, failed).output

    assert failed.status == "failed"
    assert told(runtime, failed).trigger_type == "error"
    assert (note["execution_id"], note["workflow_id"], note["node_key"]) == (failed.id, "orders", "ship")
    assert note["input"] == {"id": 7}
    assert "no boat" in note["error"]["message"]


def test_it_is_started_once_however_often_the_failed_execution_is_woken():
    runtime, started = runtime_of(alarm())
    failed = runtime.execute(breaking())

    runtime.wake(failed)
    runtime.wake(failed)

    assert started == ["orders", "alarm"]


def test_an_execution_that_completes_or_is_cancelled_tells_nobody():
    runtime, started = runtime_of(alarm())
    flow = WorkflowBuilder("quiet", settings={"error_workflow": "alarm"})
    flow.add("wait.wait", key="wait", mode="webhook")
    waiting = runtime.execute(flow.build())

    runtime.resume(waiting)
    runtime.cancel(waiting)

    assert started == ["quiet"]


def test_an_error_workflow_that_fails_does_not_start_itself():
    runtime, started = runtime_of(breaking("alarm"))

    runtime.execute(breaking())

    assert started == ["orders", "alarm"]


def test_a_sub_workflow_of_an_error_workflow_does_not_start_it_again():
    runtime, started = runtime_of(calling("alarm", "helper"), breaking("helper"))

    runtime.execute(breaking())

    assert started == ["orders", "alarm", "helper"]


def test_a_failing_sub_workflow_tells_its_own_error_workflow():
    runtime, started = runtime_of(alarm(), breaking("child"))

    parent = runtime.execute(calling("parent", "child"))

    assert parent.status == "failed"
    assert started == ["parent", "child", "alarm"]


def test_an_error_workflow_that_does_not_exist_is_told_and_the_failure_stays_what_it_was():
    events: list[LifecycleEvent] = []
    runtime = LocalRuntime([breaks], observers=[events.append])

    failed = runtime.execute(breaking())
    missing = [event for event in events if event.kind == "error_workflow_not_started"]

    assert failed.status == "failed"
    assert [(event.execution_id, event.data) for event in missing] == [(failed.id, {"error_workflow": "alarm"})]
    assert missing[0].error is not None
    assert missing[0].error.code == "workflow_not_found"


# ── how deep ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def nested(depth: int, **settings: Any) -> list[Workflow]:
    """``w0`` calls ``w1`` calls ``w2`` …; the last does nothing."""
    last = WorkflowBuilder(f"w{depth}")
    last.add("data.set", key="set", values={"depth": depth})
    return [calling(f"w{level}", f"w{level + 1}", **settings) for level in range(depth)] + [last.build()]


@pytest.mark.parametrize(("depth", "allowed", "status"), [(3, 3, "completed"), (3, 2, "failed"), (1, 0, "failed")])
@pytest.mark.parametrize("concurrency", [1, 2])
def test_sub_workflows_nest_as_deep_as_the_outermost_allows(depth: int, allowed: int, status: str, concurrency: int):
    outermost = calling("w0", "w1", max_depth=allowed)
    runtime, started = runtime_of(*nested(depth, max_depth=9), max_concurrency=concurrency)

    execution = runtime.execute(outermost)

    assert execution.status == status
    assert started == [f"w{level}" for level in range(min(depth, allowed) + 1)]


def test_the_policy_of_an_inner_workflow_does_not_count():
    runtime, _ = runtime_of(*nested(3, max_depth=0))

    assert runtime.execute(calling("w0", "w1", max_depth=3)).status == "completed"
