"""The rows NE of the original Prana that need an execution around the node: records, names, numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from prana_py import NodeFailure, Output, node
from tests.conformance.fixtures import NODES, Check, S, T, W, World, cases, error_code, prana, record, records, run


@node(type="test.ports", outputs=("main", "other"))
def by_port(port: str | None = None, **state: Any) -> Output:
    """Leaves by a port, with updates of the state."""
    return Output({"left": True}, port, state or None)


def success_leaves_by_the_default_port() -> None:
    execution = run(prana({"t": T, "n": (S, {"id": "{{ $input.id }}"})}, "t > n"), {"id": 7})
    done = record(execution, "n")
    assert (done.status, done.output_port, done.params) == ("completed", "main", {"id": 7})
    assert (done.execution_index, done.run_index) == (1, 0)
    assert done.duration is not None


def ported(**params: Any) -> Any:
    return run(prana({"t": T, "n": ("test.ports", params)}, "t > n"), nodes=[*NODES, by_port])


def success_may_name_its_port() -> None:
    assert record(ported(port="other"), "n").output_port == "other"


def state_is_merged() -> None:
    assert ported(seen=[1, 2], by="n").state == {"seen": [1, 2], "by": "n"}


def a_nodes_error_is_the_records() -> None:
    @node(type="test.own_error")
    def own_error() -> None:
        raise NodeFailure("out_of_stock", "nothing is left", details={"sku": 7})

    execution = run(prana({"t": T, "n": "test.own_error"}, "t > n"), nodes=[*NODES, own_error])
    error = record(execution, "n").error
    assert error is not None
    assert (error.code, error.message, error.details["sku"]) == ("out_of_stock", "nothing is left", 7)


def a_suspension_has_its_fields() -> None:
    world = World()
    execution = world.runtime.execute(prana({"t": T, "n": W}, "t > n"))
    (suspension,) = record(execution, "n").suspensions
    assert (suspension.type, suspension.node_key, suspension.run) == ("webhook", "n", 0)
    assert (suspension.suspended_at, execution.suspensions[suspension.wait_id]) == (world.clock.now(), suspension)


def null_parameters_are_none() -> None:
    execution = run(prana({"t": T, "n": (S, None)}, "t > n"))
    assert (execution.status, record(execution, "n").params) == ("completed", {})


def templates_keep_types() -> None:
    params = {"number": "{{ $input.n }}", "list": "{{ $nodes.t.output.l }}", "flag": "{{ $env.flag }}"}
    given = {"n": 1.5, "l": [1, None]}
    execution = run(prana({"t": T, "n": (S, params)}, "t > n"), given, environment={"flag": False})
    assert record(execution, "n").params == {"number": 1.5, "list": [1, None], "flag": False}


def resuming_an_unknown_type_fails() -> None:
    execution = run(prana({"t": T, "n": W}, "t > n"))
    poorer = World([each for each in NODES if each.spec.type != W])
    assert error_code(poorer.runtime.resume(execution, 1)) == "node_type_unknown"


def templates_see_all_there_is() -> None:
    params = {
        "input": "{{ $input }}",
        "nodes": "{{ $nodes.t.output }}",
        "env": "{{ $env.region }}",
        "vars": "{{ $vars.limit }}",
        "workflow": "{{ $workflow.id }}",
        "execution": "{{ $execution.id }}",
        "key": "{{ $execution.current_node_key }}",
        "index": "{{ $execution.execution_index }}",
        "run": "{{ $execution.run_index }}",
        "mode": "{{ $execution.mode }}",
        "now": "{{ $now }}",
    }
    flow = prana({"t": T, "n": (S, params)}, "t > n", variables={"limit": 3})
    execution = run(flow, {"a": 1}, environment={"region": "eu"})
    assert record(execution, "n").params == {
        "input": {"a": 1},
        "nodes": {"a": 1},
        "env": "eu",
        "vars": 3,
        "workflow": "orders",
        "execution": execution.id,
        "key": "n",
        "index": 1,
        "run": 0,
        "mode": "async",
        "now": datetime(2030, 1, 1, tzinfo=UTC),
    }


def a_record_keeps_its_numbers() -> None:
    again = {"condition": "{{ $execution.run_index < 2 }}"}
    execution = run(prana({"t": T, "n": S, "if": ("logic.if", again)}, "t > n; n > if; if:true > n"))
    assert [(done.execution_index, done.run_index) for done in records(execution, "n")] == [(1, 0), (3, 1), (5, 2)]


ROWS: dict[str, Check] = {
    "NE1": success_leaves_by_the_default_port,
    "NE2": success_may_name_its_port,
    "NE3": state_is_merged,
    "NE4": a_nodes_error_is_the_records,
    "NE5": a_suspension_has_its_fields,
    "NE6": null_parameters_are_none,
    "NE7": templates_keep_types,
    "NE19": resuming_an_unknown_type_fails,
    "NE33": templates_see_all_there_is,
    "NE34": a_record_keeps_its_numbers,
}


@pytest.mark.parametrize("check", cases(ROWS))
def test_a_run_of_a_node_keeps_the_promise_of_the_row(check: Check) -> None:
    check()
