"""The rows DBG of the original Prana, and X62 and X63: running single nodes, and going on from where a run stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from prana_py import Execution, NotFoundError, TransitionError, UsageError, Workflow, WorkflowSettings
from prana_py.engine.graph_executor import GraphExecutor
from prana_py.execution.storage import from_storage_format, to_storage_format
from prana_py.testing.fake_clock import FakeClock
from tests.conformance.fixtures import (
    Check,
    F,
    S,
    T,
    W,
    World,
    cases,
    error_code,
    graph_of,
    order,
    prana,
    record,
    statuses,
)

LINE = prana({"t": T, "a": (S, {"is": "a"}), "b": (S, {"is": "b"})}, "t > a; a > b")


class Bench:
    """A graph executor, and an execution of a workflow in which nothing has run."""

    def __init__(self, workflow: Workflow = LINE) -> None:
        self.world = World()
        self.executor = GraphExecutor(runtime=self.world.runtime)
        self.fresh = self.executor.initialize_execution(graph_of(workflow), {"env": {"region": "eu"}})

    def node(self, key: str, *value: Any, of: Execution | None = None) -> Execution:
        return told(self.executor.execute_node(of or self.fresh, key, *value)[1])

    def on(self, key: str, *value: Any, outputs: Mapping[str, Any] | None = None) -> Execution:
        return told(self.executor.execute_from_node(self.fresh, key, *value, outputs=outputs))


def again(execution: Execution) -> Execution:
    """The execution after it was stored and loaded."""
    return from_storage_format(to_storage_format(execution), execution.execution_graph)


def told(execution: Execution) -> Execution:
    """The execution, which must be exactly what its journal tells of."""
    loaded = again(execution)
    for field in ("status", "node_executions", "active_nodes", "completed_nodes", "node_depth", "position", "error"):
        assert getattr(loaded, field) == getattr(execution, field), field
    return execution


def the_trigger_runs_alone() -> None:
    execution = Bench().node("t")
    assert (record(execution, "t").status, record(execution, "t").output_port) == ("completed", "main")
    assert (execution.status, order(execution)) == ("running", ["t"])


def what_follows_does_not_run() -> None:
    execution = Bench().node("t")
    assert statuses(execution, "a", "b") == [None, None]
    assert execution.active_nodes == {"a"}


def an_input_can_be_given() -> None:
    """The original's test looks at the completion alone."""
    assert record(Bench().node("a", {"mine": 1}), "a").output == {"from": {"mine": 1}, "is": "a"}


def the_record_is_the_stored_one() -> None:
    bench = Bench()
    run, execution = bench.executor.execute_node(bench.fresh, "t")
    assert run == record(execution, "t")


def an_unknown_node_is_refused(from_there: bool) -> Check:
    def check() -> None:
        bench = Bench()
        run = bench.executor.execute_from_node if from_there else bench.executor.execute_node
        with pytest.raises(NotFoundError, match=r"'bb'.*did you mean 'b'") as caught:
            run(bench.fresh, "bb")
        assert (caught.value.code, caught.value.details()["node_key"]) == ("not_found", "bb")

    return check


def a_failing_node_fails_the_execution() -> None:
    execution = Bench(prana({"t": T, "f": F, "n": S}, "t > f; f > n")).node("f", 1)
    assert (error_code(execution), statuses(execution, "f", "n")) == ("action_error", ["failed", None])


def a_suspending_node_suspends_the_execution() -> None:
    """The trigger's own run, which has not begun, stays where it is, so the execution as a whole can go on."""
    bench = Bench(prana({"t": T, "w": W}, "t > w"))
    after_trigger = bench.node("t")
    execution = bench.node("w", of=after_trigger)
    assert execution.status == "suspended"
    assert execution.suspension is not None
    assert (execution.suspension.node_key, record(execution, "w").status) == ("w", "suspended")


def from_the_trigger_everything_runs() -> None:
    execution = Bench().on("t", {"id": 7})
    assert (execution.status, order(execution)) == ("completed", ["t", "a", "b"])
    assert record(execution, "t").output == {"id": 7}


def from_the_middle_only_what_follows_runs() -> None:
    execution = Bench().on("b", outputs={"a": {"seeded": True}})
    assert (execution.status, order(execution)) == ("completed", ["b"])
    assert record(execution, "b").output == {"from": {"seeded": True}, "is": "b"}


def from_a_failing_node_the_execution_fails() -> None:
    assert error_code(Bench(prana({"t": T, "f": F}, "t > f")).on("f")) == "action_error"


def from_a_node_with_an_input() -> None:
    """The original's test looks at the completion alone."""
    execution = Bench().on("a", {"mine": 1})
    assert (execution.status, record(execution, "a").output["from"]) == ("completed", {"mine": 1})


def a_later_node_suspends() -> None:
    execution = Bench(prana({"t": T, "a": S, "w": W}, "t > a; a > w")).on("a", 1)
    assert (execution.status, statuses(execution, "t", "a", "w")) == ("suspended", [None, "completed", "suspended"])


def pending_branches_go_on_after_a_failure() -> None:
    """A retry is a new execution that shares the past: what had completed is not run again."""
    world = World()
    nodes = {
        "t": T,
        "f": ("test.flaky", {"succeeds_on": 1}),
        "g": ("test.simple_action", {"force_error": "{{ $env.broken }}"}),
    }
    flow = prana({**nodes, "pending": S}, "t > f; f > g; t > pending")
    failed = world.runtime.execute(flow, environment={"broken": True})
    assert statuses(failed, "f", "g", "pending") == ["completed", "failed", None]
    mended = from_storage_format(to_storage_format(failed), failed.execution_graph, environment={"broken": False})
    execution = told(world.runtime.retry(mended))
    assert (execution.status, order(execution)) == ("completed", ["t", "f", "g", "pending"])
    assert (failed.status, execution.id != failed.id) == ("failed", True)
    assert execution.identity.origin is not None
    assert (execution.identity.origin.execution_id, execution.identity.origin.how) == (failed.id, "retry")


def one_node_alone_changes_nothing_else() -> None:
    bench = Bench()
    execution = bench.node("a", 1)
    assert (execution.status, execution.active_nodes) == ("running", {"t", "b"})
    assert bench.fresh.active_nodes == {"t"}


ROWS: dict[str, Check] = {
    "DBG1": the_trigger_runs_alone,
    "DBG2": what_follows_does_not_run,
    "DBG3": an_input_can_be_given,
    "DBG4": the_record_is_the_stored_one,
    "DBG5": an_unknown_node_is_refused(from_there=False),
    "DBG6": a_failing_node_fails_the_execution,
    "DBG7": a_suspending_node_suspends_the_execution,
    "DBG8": from_the_trigger_everything_runs,
    "DBG9": from_the_middle_only_what_follows_runs,
    "DBG10": an_unknown_node_is_refused(from_there=True),
    "DBG11": from_a_failing_node_the_execution_fails,
    "DBG12": from_a_node_with_an_input,
    "DBG13": a_later_node_suspends,
    "X62": pending_branches_go_on_after_a_failure,
    "X63": one_node_alone_changes_nothing_else,
}


@pytest.mark.parametrize("check", cases(ROWS))
def test_debugging_keeps_the_promise_of_the_row(check: Check) -> None:
    check()


# ── beyond the rows ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_node_is_run_with_what_came_last_into_each_of_its_ports():
    bench = Bench(
        prana(
            {"t": T, "a": (S, {"is": "a"}), "b": (S, {"is": "b"}), "m": "data.merge"}, "t > a; t > b; a > m:x; b > m:y"
        )
    )
    done = bench.executor.execute_workflow(bench.fresh, 1)

    again = bench.node("m", of=done)

    first, second = again.node_executions["m"]
    assert (first.output, first.inputs) == (second.output, second.inputs)
    assert again.identity.origin is not None
    assert again.identity.origin.how == "run_node"


def test_of_two_sources_into_one_port_a_node_run_by_hand_gets_what_came_last():
    links = "t > a; t > b; a > j; b > j"
    bench = Bench(prana({"t": T, "a": (S, {"is": "a"}), "b": (S, {"is": "b"}), "j": S}, links))
    done = bench.executor.execute_workflow(bench.fresh, 1)

    again = bench.node("j", of=done)

    assert again.node_executions["j"][-1].output["from"]["is"] == "b"


def test_a_node_that_waits_cannot_be_run_beside_its_wait():
    bench = Bench(prana({"t": T, "w": W}, "t > w"))
    suspended = bench.executor.execute_workflow(bench.fresh)

    with pytest.raises(TransitionError, match="resume it") as caught:
        bench.executor.execute_node(suspended, "w")

    assert caught.value.code == "node_suspended"


def test_a_node_of_a_body_is_run_by_running_its_owner():
    each = ("core.for_each", {"items": [1]})
    bench = Bench(prana({"t": T, "each": each, "body": S}, "t > each; each:loop > body"))

    with pytest.raises(UsageError, match="'each'") as caught:
        bench.executor.execute_node(bench.fresh, "body")

    assert caught.value.code == "not_at_top"


def test_a_run_that_was_ready_is_replaced_by_the_one_with_another_input():
    bench = Bench()
    ready = bench.node("t", 1)

    execution = bench.node("a", {"instead": True}, of=ready)

    assert record(execution, "a").output["from"] == {"instead": True}
    assert execution.active_nodes == {"b"}


def test_an_execution_that_has_begun_is_not_executed_again():
    bench = Bench()
    done = bench.executor.execute_workflow(bench.fresh, 1)

    with pytest.raises(UsageError, match="begun already"):
        bench.executor.execute_workflow(done, 2)
    with pytest.raises(UsageError, match="did you mean 'env'"):
        bench.executor.initialize_execution(bench.fresh.execution_graph, {"enw": {}})


def test_a_node_alone_is_tried_again_as_its_settings_say():
    world = World(clock=FakeClock(jumps=True), max_concurrency=4)
    soon = {"retry_on_failed": True, "max_retries": 3, "retry_delay_ms": 500}
    executor = GraphExecutor(runtime=world.runtime)
    fresh = executor.initialize_execution(
        graph_of(prana({"t": T, "f": ("test.flaky", {}, soon), "n": S}, "t > f; f > n"))
    )

    run, execution = executor.execute_node(fresh, "f")

    assert (run.status, run.attempt, len(run.attempts)) == ("completed", 3, 2)
    assert statuses(told(execution), "n") == [None]


def test_what_stands_for_an_output_is_seen_by_templates_and_survives_storing_a_bounded_history():
    nodes = {
        "t": T,
        "a": S,
        "b": "core.noop",
        "if": ("logic.if", {"condition": "{{ $execution.run_index < 200 }}"}),
        "w": W,
        "c": (S, {"far": "{{ $nodes.a.output.x }}"}),
    }
    links = "t > a; a > b; b > if; if:true > b; if:false > w; w > c"
    bench = Bench(prana(nodes, links, settings=WorkflowSettings(history=1)))

    suspended = bench.executor.execute_from_node(bench.fresh, "b", outputs={"a": {"x": 5}})
    execution = bench.executor.resume_workflow(again(suspended), 1)

    assert suspended.trail.dropped
    assert (execution.status, record(execution, "c").output["far"]) == ("completed", 5)
    with pytest.raises(UsageError) as caught:
        bench.executor.execute_node(execution, "c")
    assert caught.value.code == "history_not_kept"


def test_only_what_has_ended_is_retried():
    world = World()
    waiting = world.runtime.execute(prana({"t": T, "w": W}, "t > w"))

    with pytest.raises(UsageError, match="suspended"):
        world.runtime.retry(waiting)


def test_a_cancelled_execution_is_retried_with_its_wait_open_again():
    world = World()
    cancelled = world.runtime.cancel(world.runtime.execute(prana({"t": T, "w": W, "n": S}, "t > w; w > n")))

    waiting = told(world.runtime.retry(cancelled))
    done = world.runtime.resume(waiting, 5)

    assert (cancelled.status, waiting.status, done.status) == ("cancelled", "suspended", "completed")
    assert record(done, "n").output == {"from": 5}
