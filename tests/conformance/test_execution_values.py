"""The rows ES, AP, EX, SEL and TOP of the original Prana, and X61: executions as values, stored and changed.

Rows about stored executions load the original's own form; rows about changes look at what a transition leaves.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import prana_py
from prana_py import Execution, ExecutionGraph, NodeExecution, Output, StorageError, node
from prana_py.driver.decide import Launch, decide
from prana_py.engine.graph_executor import GraphExecutor
from prana_py.execution.history import at
from prana_py.execution.legacy import from_legacy
from prana_py.execution.rows import Settled
from prana_py.execution.storage import from_storage_format, to_storage_format
from prana_py.execution.suspension import RetryWait, SubWorkflowWait, WebhookWait, as_instant
from prana_py.identifiers import Instant
from prana_py.testing.fake_clock import FakeClock
from tests.conformance.fixtures import (
    NODES,
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
    records,
    run,
    statuses,
)

LINE = graph_of(prana({"t": T, "p": S, "end": S}, "t > p; p > end"))
LOOP = graph_of(prana({"t": T, "head": S, "body": S}, "t > head; head > body; body > head"))
WAITING = graph_of(prana({"t": T, "w": W, "end": S}, "t > w; w > end"))

BEGAN = "2026-01-02T03:04:05Z"
ENDED = "2026-01-02T03:04:07.250000Z"


def ran(key: str, index: int, run_index: int = 0, **more: Any) -> dict[str, Any]:
    """A stored record of a run that completed."""
    told = {
        "node_key": key,
        "status": "completed",
        "params": {},
        "output_data": {"by": key},
        "output_port": "main",
        "started_at": BEGAN,
        "completed_at": ENDED,
        "execution_index": index,
        "run_index": run_index,
    }
    return {**told, **more}


def stored(*runs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A stored execution of the original, its records newest first."""
    by_key: dict[str, list[dict[str, Any]]] = {}
    for told in sorted(runs, key=lambda told: -told["execution_index"]):
        by_key.setdefault(told["node_key"], []).append(told)
    return {
        "id": "old-1",
        "workflow_id": "orders",
        "status": "running",
        "node_executions": by_key,
        "started_at": BEGAN,
        **more,
    }


def loaded(graph: ExecutionGraph, *runs: dict[str, Any], **more: Any) -> Execution:
    """The execution, which must also be what its own journal tells of."""
    execution = from_legacy(stored(*runs, **more), graph)
    same(execution, again(execution))
    return execution


def again(execution: Execution) -> Execution:
    """The execution after a way through our own stored form."""
    return from_storage_format(json.loads(json.dumps(to_storage_format(execution))), execution.execution_graph)


FIELDS = (
    "id",
    "status",
    "node_executions",
    "completed_nodes",
    "active_nodes",
    "node_depth",
    "suspensions",
    "state",
    "variables",
    "error",
    "output",
    "iteration_count",
    "current_execution_index",
    "preparation_data",
    "metadata",
    "trigger_data",
    "started_at",
    "completed_at",
)


def same(one: Execution, other: Execution) -> None:
    for field in FIELDS:
        assert getattr(one, field) == getattr(other, field), field


def refused(told: dict[str, Any], graph: ExecutionGraph = LINE) -> StorageError:
    with pytest.raises(StorageError) as caught:
        from_legacy(told, graph)
    return caught.value


# ── ES: stored executions ────────────────────────────────────────────────────────────────────────────────────────────

WAITS: dict[str, Any] = {
    "status": "suspended",
    "suspended_node_id": "w",
    "suspension_type": "webhook",
    "suspension_data": {"mode": "webhook", "expires_at": "2026-01-03T00:00:00Z"},
    "suspended_at": ENDED,
}


def suspended_record(**more: Any) -> dict[str, Any]:
    told = {"status": "suspended", "output_data": None, "output_port": None, "completed_at": None}
    waits = {"suspension_type": WAITS["suspension_type"], "suspension_data": WAITS["suspension_data"]}
    return ran("w", 1, **{**told, **waits, **more})


FULL: dict[str, Any] = {
    **WAITS,
    "workflow_version": 1,
    "parent_execution_id": "parent-1",
    "execution_mode": "sync",
    "trigger_type": "graph_executor",
    "trigger_data": {"order": 7},
    "vars": {"region": "eu"},
    "current_execution_index": 2,
    "preparation_data": {"w": {"url": "somewhere"}},
    "metadata": {"iteration_count": 0},
    "execution_data": {"context_data": {"workflow": {"seen": 1}, "node": {"t": {"n": 2}}}, "active_nodes": {"w": 1}},
}


def every_field_comes_back() -> None:
    execution = loaded(WAITING, ran("t", 0), suspended_record(), **FULL)
    assert (execution.id, execution.workflow_id, execution.status) == ("old-1", "orders", "suspended")
    assert (execution.parent_execution_id, execution.execution_mode) == ("parent-1", "sync")
    assert (execution.trigger_type, execution.trigger_data) == ("graph_executor", {"order": 7})
    assert (execution.variables, execution.state) == ({"region": "eu"}, {"seen": 1})
    assert execution.preparation_data == {"w": {"url": "somewhere"}}
    assert execution.started_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert isinstance(record(execution, "t"), NodeExecution)
    assert statuses(execution, "t", "w") == ["completed", "suspended"]


def the_least_has_defaults() -> None:
    execution = from_legacy({"id": "old-1", "workflow_id": "orders"}, LINE)
    assert (execution.execution_mode, execution.workflow_version, execution.node_executions) == ("async", 1, {})
    assert (execution.suspensions, execution.state, execution.error) == ({}, {}, None)
    assert execution.active_nodes == {"t"}


def failed_record(index: int, **more: Any) -> dict[str, Any]:
    told = {"status": "failed", "output_data": None, "output_port": None}
    error = {"code": "action_error", "message": "no boat", "details": {"port": "x"}}
    return ran("p", index, **{**told, "error_data": error, **more})


def several_records_keep_their_order() -> None:
    """A failure that was tried again is an attempt of the same run here."""
    execution = loaded(LINE, ran("t", 0), failed_record(1), ran("p", 2))
    (done,) = records(execution, "p")
    assert (done.status, done.output, done.attempt) == ("completed", {"by": "p"}, 2)
    (attempt,) = done.attempts
    assert (attempt.error.code, attempt.error.message) == ("action_error", "no boat")


def the_graph_is_given() -> None:
    """A graph in the stored form is not looked at, and ours has none."""
    execution = from_legacy(stored(ran("t", 0), execution_graph={"node_map": {"strange": 1}}), LINE)
    assert execution.execution_graph is LINE
    assert "connection" not in "".join(to_storage_format(execution))


def a_suspension_comes_back() -> None:
    execution = loaded(WAITING, ran("t", 0), suspended_record(), **WAITS)
    suspension = execution.suspension
    assert suspension is not None
    assert (suspension.node_key, suspension.type) == ("w", "webhook")
    assert suspension.wait_till == datetime(2026, 1, 3, tzinfo=UTC)
    assert suspension.suspended_at == as_instant(datetime.fromisoformat(ENDED))


def caches_are_dropped() -> None:
    runtime = {"nodes": {"t": {"output": "stale"}}, "env": {"token": "s3cr3t-value"}, "iteration_count": 3}
    execution = from_legacy(stored(ran("t", 0), __runtime=runtime), LINE)
    assert execution.completed_nodes == {"t": {"by": "t"}}
    assert "s3cr3t-value" not in json.dumps(to_storage_format(execution))


def a_record_keeps_its_fields() -> None:
    told = record(loaded(LINE, ran("t", 0), ran("p", 1, params={"url": "u"})), "p")
    assert (told.node_key, told.status, told.params, told.output) == ("p", "completed", {"url": "u"}, {"by": "p"})
    assert (told.output_port, told.execution_index, told.run_index, told.error) == ("main", 1, 0, None)


def a_record_of_nothing_has_not_run() -> None:
    """A pending record says only that its node is active; here that is live work, and no record."""
    execution = from_legacy(stored(ran("t", 0), {"node_key": "p", "execution_index": 1}), LINE)
    assert (statuses(execution, "p"), execution.active_nodes) == ([None], {"p"})


def a_failed_record_keeps_its_error() -> None:
    execution = loaded(LINE, ran("t", 0), failed_record(1), status="failed")
    told = record(execution, "p")
    assert told.error is not None
    assert (told.status, told.error.code, told.error.details, told.output_port) == (
        "failed",
        "action_error",
        {"port": "x"},
        None,
    )
    assert told.duration == timedelta(seconds=2, microseconds=250_000)
    assert error_code(execution) == "action_error"


def a_suspended_record_keeps_its_wait() -> None:
    told = record(loaded(WAITING, ran("t", 0), suspended_record(), **WAITS), "w")
    assert (told.status, told.completed_at) == ("suspended", None)
    (suspension,) = told.suspensions
    assert isinstance(suspension.wait, WebhookWait)


DEEP = {"rows": [{"a": None, "b": [True, {"c": []}]}, 1, 2.5, ""], "empty": {}}


def nested_data_survive() -> None:
    told = record(again(loaded(LINE, ran("t", 0), ran("p", 1, params=DEEP, output_data=[DEEP]))), "p")
    assert (told.params, told.output) == (DEEP, [DEEP])


def times_survive() -> None:
    """To the microsecond; the original cuts off what is less than a second."""
    told = record(loaded(LINE, ran("t", 0)), "t")
    assert told.started_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert told.completed_at == datetime(2026, 1, 2, 3, 4, 7, 250_000, tzinfo=UTC)
    assert told.duration == timedelta(seconds=2, microseconds=250_000)


def without_required_fields_it_is_refused() -> None:
    for missing in ("id", "workflow_id"):
        told = {key: value for key, value in stored().items() if key != missing}
        assert (refused(told).code, missing in str(refused(told))) == ("legacy_invalid", True)


def a_record_without_its_node_is_refused() -> None:
    error = refused({**stored(), "node_executions": {"p": [{"status": "completed"}]}})
    assert (error.code, "node_key" in str(error)) == ("legacy_invalid", True)


def storing_and_loading_is_the_same() -> None:
    world = World()
    waiting = world.runtime.execute(prana({"t": T, "a": S, "w": W, "v": W}, "t > a; a > w; t > v"), {"x": [1]})
    same(waiting, again(waiting))
    assert to_storage_format(again(waiting)) == to_storage_format(waiting)
    assert len(again(waiting).suspensions) == 2


def storing_and_loading_a_record_is_the_same() -> None:
    execution = run(prana({"t": T, "a": (S, DEEP), "f": (F, {}, {"on_error": "continue"})}, "t > a; a > f"))
    assert [record(again(execution), key) for key in "taf"] == [record(execution, key) for key in "taf"]


def an_unknown_status_is_refused() -> None:
    error = refused(stored(status="halfway"))
    assert (error.code, "halfway" in str(error)) == ("legacy_invalid", True)
    ours = to_storage_format(run(prana({"t": T})))
    ours["rows"][-1] = ["halfway" if part == "completed" else part for part in ours["rows"][-1]]
    with pytest.raises(StorageError) as caught:
        from_storage_format(ours, graph_of(prana({"t": T})))
    assert caught.value.code == "row_invalid"


STORED: dict[str, Check] = {
    "ES1": every_field_comes_back,
    "ES2": the_least_has_defaults,
    "ES3": several_records_keep_their_order,
    "ES4": the_graph_is_given,
    "ES5": a_suspension_comes_back,
    "ES6": caches_are_dropped,
    "ES7": a_record_keeps_its_fields,
    "ES8": a_record_of_nothing_has_not_run,
    "ES9": a_failed_record_keeps_its_error,
    "ES10": a_suspended_record_keeps_its_wait,
    "ES11": nested_data_survive,
    "ES12": times_survive,
    "ES13": without_required_fields_it_is_refused,
    "ES14": a_record_without_its_node_is_refused,
    "ES15": storing_and_loading_is_the_same,
    "ES16": storing_and_loading_a_record_is_the_same,
    "X61": an_unknown_status_is_refused,
}


# ── AP: live work ────────────────────────────────────────────────────────────────────────────────────────────────────


def reloading_shows_what_is_next() -> None:
    execution = loaded(LINE, ran("t", 0), ran("p", 1))
    assert (execution.completed_nodes.keys(), execution.node_depth) == ({"t", "p"}, {"end": 2})


def reloading_in_a_loop() -> None:
    execution = loaded(LOOP, ran("t", 0), ran("head", 1), ran("body", 2))
    assert execution.node_depth == {"head": 3}
    assert execution.completed_nodes.keys() == {"t", "head", "body"}


def reloading_before_anything_ran() -> None:
    assert loaded(LINE).node_depth == {"t": 0}


def reloading_a_node_that_leads_to_itself() -> None:
    itself = graph_of(prana({"t": T, "a": S}, "t > a; a > a"))
    execution = loaded(itself, ran("t", 0), ran("a", 1))
    assert (execution.node_depth, len(execution.frontier)) == ({"a": 2}, 1)


def stepwise(workflow: Any, *keys: str) -> list[Execution]:
    """The execution before anything ran, and after each of these nodes."""
    executor = GraphExecutor(runtime=World().runtime)
    steps = [executor.initialize_execution(graph_of(workflow))]
    for key in keys:
        steps.append(executor.execute_node(steps[-1], key)[1])
    return steps


def completing_leaves_and_leads_on() -> None:
    before, after = stepwise(prana({"t": T, "a": S, "b": S}, "t > a; t > b"), "t")
    assert (before.node_depth, after.node_depth) == ({"t": 0}, {"a": 1, "b": 1})
    assert record(after, "t").execution_index == 0


def completing_one_leaves_the_others() -> None:
    flow = prana({"t": T, "head": S, "body": S, "other": S}, "t > head; t > other; head > body; body > head")
    *_, before, after = stepwise(flow, "t", "head", "body")
    assert (before.active_nodes, after.active_nodes) == ({"body", "other"}, {"head", "other"})
    assert before.node_depth["other"] == after.node_depth["other"] == 1


def completing_a_last_node_changes_only_that() -> None:
    *_, before, after = stepwise(prana({"t": T, "a": S, "b": S}, "t > a; t > b"), "t", "b")
    assert (before.active_nodes, after.active_nodes) == ({"a", "b"}, {"a"})
    assert (after.status, after.position) == ("running", before.position + 2)


LIVE: dict[str, Check] = {
    "AP1": reloading_shows_what_is_next,
    "AP2": reloading_in_a_loop,
    "AP3": reloading_before_anything_ran,
    "AP4": reloading_a_node_that_leads_to_itself,
    "AP5": completing_leaves_and_leads_on,
    "AP6": completing_one_leaves_the_others,
    "AP7": completing_a_last_node_changes_only_that,
}


# ── EX: what a transition changes ────────────────────────────────────────────────────────────────────────────────────


@node(type="test.remembers")
def remembers(ctx: Any, state: Any = None, context: Any = None) -> Output:
    """Updates the shared state and its own context."""
    return Output({"seen": dict(ctx.context)}, state=state, context=context)


WITH_MEMORY = (*NODES, remembers)


def remembering(links: str, **nodes: dict[str, Any]) -> Execution:
    told = {key: ("test.remembers", params) for key, params in nodes.items()}
    return run(prana({"t": T, **told, "sees": (S, {"context": "{{ $nodes.a.context }}"})}, links), nodes=WITH_MEMORY)


def only_completed_nodes_have_completed() -> None:
    execution = loaded(LINE, ran("t", 0), failed_record(1), status="failed")
    assert execution.completed_nodes == {"t": {"by": "t"}}


def without_history_nothing_has() -> None:
    assert loaded(LINE).completed_nodes == {}


def pending_and_running_ones_have_not() -> None:
    pending = ran("p", 1, status="pending", output_data=None, output_port=None)
    running = ran("p", 1, status="running", output_data=None, output_port=None)
    for told in (pending, running):
        assert from_legacy(stored(ran("t", 0), told), LINE).completed_nodes == {"t": {"by": "t"}}


def completing_writes_record_and_output() -> None:
    _, after = stepwise(prana({"t": T}), "t")
    assert (record(after, "t").status, after.completed_nodes) == ("completed", {"t": {}})


def the_record_is_what_was_written() -> None:
    _, after = stepwise(prana({"t": T}), "t")
    (row,) = (row for row in after.journal if isinstance(row, Settled))
    told = record(after, "t")
    assert (told.output, told.output_ports, told.started_at_ns, told.completed_at_ns) == (
        row.output,
        row.ports,
        row.started_at,
        row.at,
    )


def completing_works_after_loading() -> None:
    """There is no cache to lose: what a step needs comes back with the journal."""
    executor = GraphExecutor(runtime=World().runtime)
    *_, before = stepwise(prana({"t": T, "a": S}, "t > a"), "t")
    same(executor.execute_node(again(before), "a")[1], executor.execute_node(before, "a")[1])


def failing_sets_status_and_error() -> None:
    execution = run(prana({"t": T, "f": F}, "t > f"))
    assert (error_code(execution), record(execution, "f").output_port) == ("action_error", None)
    assert execution.completed_nodes == {"t": {}}


def failing_makes_a_record() -> None:
    (_, before, after) = stepwise(prana({"t": T, "f": F}, "t > f"), "t", "f")
    assert (statuses(before, "f"), statuses(after, "f")) == ([None], ["failed"])


def a_second_output_keeps_the_first() -> None:
    *_, after = stepwise(prana({"t": T, "a": S}, "t > a"), "t", "a")
    assert after.completed_nodes == {"t": {}, "a": {"from": {}}}


def stepwise_equals_rebuilt() -> None:
    for step in stepwise(prana({"t": T, "a": S, "f": F}, "t > a; a > f"), "t", "a", "f"):
        same(step, again(step))


def an_update_overwrites_one_key() -> None:
    execution = remembering("t > a; a > b", a={"state": {"x": 1, "y": 1}}, b={"state": {"x": 2}})
    assert execution.state == {"x": 2, "y": 1}


def an_update_adds_keys() -> None:
    execution = remembering("t > a; a > b", a={"state": {"x": 1}}, b={"state": {"z": 3}})
    assert execution.state == {"x": 1, "z": 3}


def state_and_outputs_are_apart() -> None:
    execution = again(remembering("t > a", a={"state": {"x": 1}}))
    assert (execution.state, execution.completed_nodes["a"]) == ({"x": 1}, {"seen": {}})


def the_state_survives() -> None:
    assert again(remembering("t > a", a={"state": {"x": [1, None]}})).state == {"x": [1, None]}


def context_seen(*contexts: dict[str, Any] | None) -> Any:
    """What a template sees of a node's context after it has run so often."""
    again_if = {"condition": "{{ $execution.run_index < " + str(len(contexts) - 1) + " }}"}
    chosen = [{"condition": f"{{{{ $execution.run_index == {n} }}}}", "context": c} for n, c in enumerate(contexts)]
    pick = {"#cond": [[[one["condition"], one["context"]] for one in chosen]]}
    nodes = {
        "t": T,
        "a": ("test.remembers", {"context": pick}),
        "if": ("logic.if", again_if),
        "sees": (S, {"context": "{{ $nodes.a.context }}"}),
    }
    execution = run(prana(nodes, "t > a; a > if; if:true > a; if:false > sees"), nodes=WITH_MEMORY)
    assert execution.status == "completed", execution.error
    return record(execution, "sees").output["context"]


def no_context_is_an_empty_one() -> None:
    assert context_seen(None) == {}


def a_context_is_given_back() -> None:
    assert context_seen({"n": 1}) == {"n": 1}


def the_first_update_makes_it() -> None:
    assert context_seen(None, {"n": 1}) == {"n": 1}


def further_updates_are_merged() -> None:
    assert context_seen({"n": 1, "m": 1}, {"n": 2}) == {"n": 2, "m": 1}


CHANGES: dict[str, Check] = {
    "EX1": only_completed_nodes_have_completed,
    "EX2": without_history_nothing_has,
    "EX3": pending_and_running_ones_have_not,
    "EX4": completing_writes_record_and_output,
    "EX5": the_record_is_what_was_written,
    "EX6": completing_works_after_loading,
    "EX7": failing_sets_status_and_error,
    "EX8": failing_makes_a_record,
    "EX9": a_second_output_keeps_the_first,
    "EX10": stepwise_equals_rebuilt,
    "EX11": an_update_overwrites_one_key,
    "EX12": an_update_adds_keys,
    "EX13": state_and_outputs_are_apart,
    "EX14": the_state_survives,
    "EX15": no_context_is_an_empty_one,
    "EX16": a_context_is_given_back,
    "EX17": the_first_update_makes_it,
    "EX18": further_updates_are_merged,
}


# ── SEL: which node goes next ────────────────────────────────────────────────────────────────────────────────────────


def next_node(execution: Execution) -> str | None:
    """The node that the driver would start."""
    match decide(execution, {}, capacity=1, now=Instant(0), due=None):
        case Launch((activation,)):
            return activation.vertex.key
        case _:
            return None


def nothing_is_next_when_nothing_is_active() -> None:
    done = run(prana({"t": T}))
    assert (done.active_nodes, next_node(done)) == (frozenset(), None)


def who_waits_for_another_is_not_next() -> None:
    flow = prana({"t": T, "a": S, "w": W, "j": (S, {}, {"join": "all"})}, "t > w; t > a; a > j; w > j")
    execution = run(flow)
    assert (execution.active_nodes, next_node(execution)) == ({"j"}, None)


def the_only_ready_one_is_next() -> None:
    assert next_node(stepwise(prana({"t": T, "a": S}, "t > a"), "t")[-1]) == "a"


def the_deeper_one_is_next() -> None:
    execution = stepwise(prana({"t": T, "a": S, "b": S, "a2": S}, "t > b; t > a; a > a2"), "t", "a")[-1]
    assert (execution.node_depth, next_node(execution)) == ({"b": 1, "a2": 2}, "a2")


def a_trigger_is_always_ready() -> None:
    assert next_node(stepwise(prana({"t": T, "a": S}, "t > a"))[0]) == "t"


def the_latest_activated_is_next() -> None:
    """A node that has completed and is active again goes by its new activation."""
    flow = prana({"t": T, "a": S, "b": S}, "t > a; t > b; a > a")
    execution = stepwise(flow, "t", "a")[-1]
    assert (execution.node_depth, next_node(execution)) == ({"a": 2, "b": 1}, "a")


def the_deepest_of_five_is_next() -> None:
    steps = ["t", *(f"n{number}" for number in range(1, 5))]
    nodes: dict[str, Any] = {"t": T}
    links = []
    for number, source in enumerate(steps, 1):
        nodes |= {f"n{number}": S, f"p{number}": S}
        links += [f"{source} > p{number}", f"{source} > n{number}"]
    execution = stepwise(prana(nodes, "; ".join(links)), *steps)[-1]
    assert execution.node_depth == {"p1": 1, "p2": 2, "p3": 3, "p4": 4, "p5": 5, "n5": 5}
    assert next_node(execution) == "p5"


NEXT: dict[str, Check] = {
    "SEL1": nothing_is_next_when_nothing_is_active,
    "SEL2": who_waits_for_another_is_not_next,
    "SEL3": the_only_ready_one_is_next,
    "SEL4": the_deeper_one_is_next,
    "SEL5": a_trigger_is_always_ready,
    "SEL6": the_latest_activated_is_next,
    "SEL7": the_deepest_of_five_is_next,
}


# ── TOP: the package ─────────────────────────────────────────────────────────────────────────────────────────────────


def the_smallest_workflow_greets() -> None:
    """The original's example says hello; so does ours, through a node."""

    @node
    def greet(name: str) -> str:
        return f"Hello, {name}!"

    flow = prana_py.WorkflowBuilder("hello")
    flow.add(greet, name="{{ $input.name }}")
    assert prana_py.run(flow.build(), {"name": "Ada"}, nodes=[greet]).output == "Hello, Ada!"


def the_public_face_can_be_imported() -> None:
    assert {"run", "node", "Execution", "WorkflowBuilder", "GraphExecutor"} <= set(prana_py.__all__)
    assert all(hasattr(prana_py, name) for name in prana_py.__all__)


PACKAGE: dict[str, Check] = {"TOP1": the_smallest_workflow_greets, "TOP2": the_public_face_can_be_imported}

ROWS = STORED | LIVE | CHANGES | NEXT | PACKAGE


@pytest.mark.parametrize("check", cases(ROWS))
def test_an_execution_keeps_the_promise_of_the_row(check: Check) -> None:
    check()


# ── beyond the rows: stored executions go on ─────────────────────────────────────────────────────────────────────────


def test_an_execution_that_waited_there_is_resumed_here():
    execution = loaded(WAITING, ran("t", 0), suspended_record(), **WAITS)
    world = World()
    world.clock.advance_to(execution.last_at)

    before = datetime(2026, 1, 2, 12, tzinfo=UTC)

    world.runtime.clock = FakeClock(before)
    execution = world.runtime.resume(execution, {"ok": True})

    assert (execution.status, execution.output, order(execution)) == (
        "completed",
        {"from": {"ok": True}},
        ["t", "w", "end"],
    )


def test_a_loop_that_was_trimmed_there_counts_on_here():
    execution = loaded(LOOP, ran("t", 0), ran("head", 7, 3), ran("body", 8, 3), ran("head", 9, 4))

    assert [told.run_index for told in records(execution, "head")] == [3, 4]
    assert execution.active_nodes == {"body"}
    assert execution.frontier[0].run == 4


def test_a_retry_that_waits_there_waits_here():
    graph = graph_of(prana({"t": T, "p": ("test.flaky", {}, {"retry_on_failed": True, "max_retries": 3})}, "t > p"))
    data = {
        "resume_at": "2026-01-02T03:05:00Z",
        "attempt_number": 2,
        "max_attempts": 3,
        "original_error": {"code": "flaky", "message": "again", "details": {}},
    }
    told = ran(
        "p", 1, status="suspended", output_port=None, output_data=None, suspension_type="retry", suspension_data=data
    )

    execution = loaded(graph, ran("t", 0), told, status="suspended", suspended_node_id="p")

    assert execution.suspension is not None
    wait = execution.suspension.wait
    assert isinstance(wait, RetryWait)
    assert (wait.attempt, record(execution, "p").attempt) == (3, 2)
    execution = World().runtime.wake(execution)
    assert (execution.status, execution.output) == ("completed", {"attempt": 3})


def test_a_child_that_the_host_carries_out_is_not_started_here():
    graph = graph_of(prana({"t": T, "s": ("workflow.execute", {"workflow_id": "child"})}, "t > s"))
    data = {"workflow_id": "child", "execution_mode": "sync", "batch_mode": "all", "input_data": {"x": 1}}
    told = ran("s", 1, status="suspended", output_port=None, suspension_type="sub_workflow_sync", suspension_data=data)
    execution = loaded(graph, ran("t", 0), told, status="suspended")
    world = World()

    waiting = world.runtime.wake(execution)
    done = world.runtime.resume(waiting, {"status": "completed", "output": 5})

    assert waiting.suspension is not None
    assert isinstance(waiting.suspension.wait, SubWorkflowWait)
    assert waiting.suspension.wait.request.input == {"x": 1}
    assert (waiting.status, done.status, done.output) == ("suspended", "completed", 5)


def test_a_join_that_ran_per_arrival_there_keeps_its_runs():
    graph = graph_of(prana({"t": T, "a": S, "b": S, "j": S}, "t > a; t > b; a > j; b > j"))

    execution = loaded(graph, ran("t", 0), ran("a", 1), ran("j", 2), ran("b", 3), ran("j", 4, 1), status="completed")

    assert (execution.status, [told.run_index for told in records(execution, "j")]) == ("completed", [0, 1])
    assert order(execution) == ["t", "a", "j", "b", "j"]


def test_what_was_ready_there_is_ready_here():
    graph = graph_of(prana({"t": T, "a": S, "b": S, "j": S}, "t > a; t > b; a > j; b > j"))

    execution = loaded(graph, ran("t", 0), ran("a", 1), execution_data={"active_nodes": {"b": 1, "j": 2}})

    assert execution.active_nodes == {"b", "j"}


def test_what_was_put_in_by_hand_there_is_ready_here():
    execution = loaded(LINE, ran("t", 0), execution_data={"active_nodes": {"p": 1, "end": 5}})

    assert {activation.vertex.key for activation in execution.frontier} == {"p", "end"}


@pytest.mark.parametrize(
    ("told", "code", "said"),
    [
        pytest.param(stored(ran("gone", 0)), "legacy_invalid", "'gone'", id="a_node_that_the_graph_has_not"),
        pytest.param(stored(workflow_id="others"), "graph_mismatch", "'others'", id="another_workflow"),
        pytest.param(stored(ran("t", 0), status="suspended"), "legacy_invalid", "waits", id="suspended_without_a_wait"),
        pytest.param(stored(started_at="yesterday"), "legacy_invalid", "started_at", id="a_moment_that_is_none"),
        pytest.param({"node_executions": 5}, "legacy_invalid", "node_executions", id="no_records"),
        pytest.param(
            stored(execution_data={"context_data": {"workflow": {"x": 1}}}),
            "legacy_invalid",
            "state",
            id="state_of_nobody",
        ),
    ],
)
def test_what_cannot_be_carried_over_says_why(told: dict[str, Any], code: str, said: str):
    error = refused(told)

    assert (error.code, said in str(error)) == (code, True)


def test_a_for_each_is_not_carried_over():
    graph = graph_of(prana({"t": T, "each": ("core.for_each", {"items": [1]}), "b": S}, "t > each; each:loop > b"))

    assert refused(stored(ran("t", 0), ran("each", 1, output_port="loop")), graph).code == "legacy_loop"


@pytest.mark.parametrize(("status", "ours"), [("cancelled", "cancelled"), ("timeout", "failed"), ("failed", "failed")])
def test_an_execution_that_ended_there_has_ended_here(status: str, ours: str):
    execution = loaded(LINE, ran("t", 0), status=status, error={"type": "no_ready_nodes"}, completed_at=ENDED)

    assert (execution.status, execution.active_nodes) == (ours, frozenset())
    assert execution.completed_at == datetime.fromisoformat(ENDED)
    assert at(execution, 2).status == "running"
