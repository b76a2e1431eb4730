"""Workflow documents that mean harm, from the text to the end of their execution."""

from __future__ import annotations

import copy
import json
import random
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prana_py import Execution, LocalRuntime, PranaError, load_workflow, workflow_from_dict
from prana_py.execution.storage import load_rows, rows_of
from tests.hostile.test_stored_executions import mutate
from tests.hostile.worlds import NODES

TRIGGER = {"key": "t", "type": "manual.trigger"}


def node(key: str, type: str = "core.noop", **more: Any) -> dict[str, Any]:
    return {"key": key, "type": type, **more}


def to(source: str, target: str, **more: Any) -> dict[str, Any]:
    return {"from": source, "to": target, **more}


def document(nodes: list[dict[str, Any]], connections: list[dict[str, Any]], id: str = "w") -> dict[str, Any]:
    few = {"max_iterations": 50}
    return {"id": id, "name": id, "nodes": [TRIGGER, *nodes], "connections": connections, "settings": few}


def run(*documents: dict[str, Any], value: Any = None) -> Execution:
    """Load, compile and run the first; the others are there to be called. It survives storage."""
    workflows = [workflow_from_dict(document) for document in documents]
    runtime = LocalRuntime(NODES, workflows=workflows)
    execution = runtime.execute(workflows[0], value)
    stored = json.loads(json.dumps(execution.to_storage_format()))
    assert Execution.from_storage_format(stored, execution.execution_graph).to_storage_format() == stored
    return execution


MANY = 9_997
NUMBERS = range(MANY)
GRAPHS = {
    "a star": ([node(f"n{i}") for i in NUMBERS], [to("t", f"n{i}") for i in NUMBERS]),
    "a star and back": (
        [node("end"), *(node(f"n{i}") for i in NUMBERS)],
        [to("t", f"n{i}") for i in NUMBERS] + [to(f"n{i}", "end") for i in NUMBERS],
    ),
    "a chain": (
        [node(f"n{i}") for i in NUMBERS],
        [to("t", "n0"), *(to(f"n{i}", f"n{i + 1}") for i in range(MANY - 1))],
    ),
    "everything after everything": (
        [node(f"n{i}") for i in range(120)],
        [to("t", "n0"), *(to(f"n{i}", f"n{j}") for j in range(120) for i in range(j))],
    ),
}


@pytest.mark.parametrize(("nodes", "connections"), GRAPHS.values(), ids=GRAPHS)
def test_graphs_at_their_limits_compile_and_run(nodes: list[dict[str, Any]], connections: list[dict[str, Any]]):
    began = time.process_time()
    execution = run(document(nodes, connections))

    assert execution.status == "completed"
    assert len(execution.node_executions) == len(nodes) + 1
    assert time.process_time() - began < 10


def test_cycles_of_sub_workflows_end_at_a_limit():
    call = "workflow.execute"
    first = document([node("b", call, params={"workflow_id": "two"})], [to("t", "b")], "one")
    second = document([node("a", call, params={"workflow_id": "one"})], [to("t", "a")], "two")

    execution = run(first, second)

    assert execution.status == "failed"
    assert execution.error is not None
    assert execution.error.code == "sub_workflow_failed"
    assert len(execution.error.message) < 10_000


def test_a_node_that_follows_itself_ends_at_a_limit():
    execution = run(document([node("a")], [to("t", "a"), to("a", "a")]))

    assert execution.error is not None
    assert execution.error.code == "loop_limit"


KEYS = [
    "a:b",
    "a#0",
    "a#0:b",
    "a->b",
    "a/b",
    "each#0[0]",
    "each#0[0]/ask",
    "$x",
    "__class__",
    "a.b",
    "0",
    "%",
    "é",
    " ",
]


@pytest.mark.parametrize("key", KEYS)
def test_strange_keys_are_keys_like_all_others(key: str):
    nodes = [node(key, "ask"), node("ask", "ask"), node("a", "ask")]
    execution = run(document(nodes, [to("t", key), to("t", "ask"), to("t", "a")]))

    assert len(execution.suspensions) == 3
    runtime = LocalRuntime(NODES)
    while execution.suspensions:
        execution = runtime.resume(execution, {}, wait_id=min(execution.suspensions))
    assert execution.status == "completed"
    assert len(execution.node_executions) == 4


def test_a_key_that_looks_like_a_place_in_a_loop_has_waits_of_its_own():
    nodes = [node("each", "core.for_each", params={"items": [1]}), node("ask", "ask"), node("each#0[0]/ask", "ask")]
    ways = [to("t", "each"), to("each", "ask", from_port="loop"), to("ask", "each"), to("t", "each#0[0]/ask")]

    execution = run(document(nodes, ways))

    assert set(execution.suspensions) == {"each#0[0]/ask#0", "each%230[0]%2Fask#0"}


def test_a_key_that_looks_like_a_race_has_waits_of_its_own():
    waits = {"p#0": {"mode": "webhook"}, "q": {"mode": "webhook"}}
    nodes = [node("a", "wait.race", params={"waits": waits}), node("a#0:p", "ask")]

    execution = run(document(nodes, [to("t", "a"), to("t", "a#0:p")]))

    assert set(execution.suspensions) == {"a#0:p#0", "a#0:q", "a%230:p#0"}


VALID = [
    document(
        [node("a", params={"x": "{{ $input }}"}), node("b")], [to("t", "a"), to("a", "b", condition="{{ true }}")]
    ),
    document(
        [
            node("each", "core.for_each", params={"items": [1, 2], "max_concurrency": 2}),
            node("body", settings={"retry": {"max_attempts": 2, "delay": "1s"}, "on_error": "error_port"}),
        ],
        [to("t", "each"), to("each", "body", from_port="loop"), to("body", "each")],
    ),
    document(
        [node("a", settings={"join": "first"}), node("b", "logic.if", params={"condition": "{{ 1 > 2 }}"})],
        [to("t", "a"), to("a", "b", mapping={"x.y": "z"}), to("b", "a", from_port="true")],
    ),
    document(
        [
            node("a", "wait.wait", params={"mode": "webhook"}),
            node("b", settings={"mutex": "m", "enabled_if": "{{ 1 }}"}),
        ],
        [to("t", "a"), to("t", "b"), to("a", "b", contract={"type": "object"})],
    ),
]


@given(which=st.integers(0, len(VALID) - 1), seed=st.integers(0, 1 << 32), times=st.integers(1, 4))
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_document_that_was_changed_runs_or_is_refused(which: int, seed: int, times: int):
    changed = mutate(copy.deepcopy(VALID[which]), random.Random(seed), times)
    began = time.process_time()
    try:
        execution = run(changed, value={"a": 1})
    except PranaError as error:
        json.dumps(error.details())
    else:
        load_rows(execution.execution_graph, rows_of(execution))
    assert time.process_time() - began < 10


@given(text=st.text(max_size=200) | st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_a_text_that_is_no_workflow_is_refused(text: Any):
    with pytest.raises(PranaError):
        load_workflow(text)
