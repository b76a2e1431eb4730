"""What the compiler refuses, all at once, and what it advises against."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from prana_py import WorkflowBuilder
from prana_py import compile_workflow as compile_everything
from prana_py.errors import CompileError, Problem
from prana_py.execution import names as execution_names
from prana_py.expressions.names import ROOTS
from prana_py.graph.compile import compile_workflow
from prana_py.graph.contracts import ContractError, compile_contract
from prana_py.graph.fingerprint import fingerprint
from prana_py.model.connection import Connection, Cycle
from prana_py.model.join import All, FirstOf
from prana_py.model.node import Node
from prana_py.model.settings import NodeSettings, WorkflowSettings
from prana_py.model.workflow import Workflow
from tests.graph.types import Types, graph, keys_of, workflow


def problems(written: Workflow, **options: Any) -> dict[str, Problem]:
    with pytest.raises(CompileError) as caught:
        compile_workflow(written, Types(), **options)
    return {problem.code: problem for problem in caught.value.problems}


def with_connection(written: Workflow, **fields: Any) -> Workflow:
    """The workflow with its last connection changed."""
    changed = msgspec.structs.replace(written.connections[-1], **fields)
    return msgspec.structs.replace(written, connections=(*written.connections[:-1], changed))


def test_all_problems_come_at_once():
    written = Workflow(
        id="w",
        name="W",
        nodes=(
            Node(key="t", type="start"),
            Node(key="a", type="stepp"),
            Node(key="b", type="typed", params={"text": "{{ 1 + }}"}),
            Node(key="c", type="typed"),
            Node(key="c", type="step", settings=NodeSettings(compensate_with="nobody", cancels=("d", "b"))),
        ),
        connections=(
            Connection(from_node="t", to_node="a"),
            Connection(from_node="t", from_port="maim", to_node="b"),
            Connection(from_node="c", to_node="t"),
            Connection(from_node="c", to_node="d"),
            Connection(from_node="b", to_node="c", to_port="mian", condition="value >"),
        ),
    )

    found = problems(written)

    assert set(found) == {
        "duplicate_key", "node_type_unknown", "template_invalid", "params_invalid", "compensator_unknown",
        "cancels_unknown", "port_unknown", "trigger_has_inputs", "connection_dangling",
    }  # fmt: skip
    assert "did you mean 'step'?" in found["node_type_unknown"].message
    assert "did you mean 'main'?" in found["port_unknown"].message
    assert found["node_type_unknown"].place == "nodes[1].type"
    assert found["params_invalid"].place == "nodes[3].params.size"


def test_a_type_that_resembles_no_other_is_said_to_be_missing_where_types_are_handed_in():
    found = problems(Workflow(id="w", name="w", nodes=(Node(key="a", type="zzzzzz"),)))

    assert "types of your own are known where they are handed in" in found["node_type_unknown"].message


def test_a_template_that_does_not_parse_is_reported_with_its_place_and_position():
    found = problems(workflow("t > a", params={"a": {"list": ["x", "{{ 1 + }}"]}}))

    problem = found["template_invalid"]
    assert problem.place == "nodes[1].params.list[1]"
    assert problem.node_key == "a"
    assert problem.position is not None


def test_a_condition_that_does_not_parse_is_reported_at_its_connection():
    assert problems(with_connection(workflow("t > a"), condition="1 +"))["template_invalid"].place == (
        "connections[0].condition"
    )


def test_a_parameter_that_a_mapping_fills_need_not_be_written():
    written = workflow("t > a", types={"a": "typed"})
    assert problems(written)["params_invalid"].node_key == "a"

    compiled = compile_workflow(with_connection(written, mapping={"order.size": "size"}), Types())

    assert compiled.vertex("a").feeds[0].mapping == ((("order", "size"), "size"),)
    assert compiled.vertex("a").collect == "merge"


@pytest.mark.parametrize("mapping", [{"a..b": "x"}, {"a": "x", "b": "x"}, {"": "x"}])
def test_a_mapping_without_meaning_is_refused(mapping):
    assert "mapping_invalid" in problems(with_connection(workflow("t > a"), mapping=mapping))


def test_more_arrivals_than_connections_cannot_be_waited_for():
    written = workflow("t > a; t > b; a > c; b > c", nodes={"c": NodeSettings(join=FirstOf(n=3))})

    assert problems(written)["settings_invalid"].place == "nodes[3].settings.join.n"


def test_too_many_nodes_are_refused_at_once():
    nodes = tuple(Node(key=f"a{number}", type="step") for number in range(10_001))

    assert list(problems(Workflow(id="w", name="W", nodes=nodes))) == ["graph_too_large"]


def test_scopes_nested_too_deeply_are_refused():
    links = "t > e0;" + ";".join(f"e{number}:loop > e{number + 1}" for number in range(150))

    assert list(problems(workflow(links))) == ["graph_too_large"]


def test_cycles_are_refused_where_they_are_not_allowed_but_bodies_are_fine():
    settings = WorkflowSettings(allow_cycles=False)

    assert graph("t > e; e:loop > a; a > e", settings=settings).cycles == ()
    assert problems(workflow("t > a; a > b; b > a", settings=settings))["cycle_not_allowed"].place == "connections[2]"


def test_a_node_that_undoes_another_stays_and_has_no_connections():
    undo = {"a": NodeSettings(compensate_with="u")}

    compiled = graph("t > a; a > b", nodes=undo, extra=["u"])
    assert [vertex.key for vertex in compiled.vertices] == ["t", "a", "b", "u"]
    assert (compiled.reachable, compiled.has_compensation, compiled.top_slots) == (3, True, 4)
    assert "compensator_connected" in problems(workflow("t > a; a > u", nodes=undo))


def declared(links: str, name: str = "again", **fields: Any) -> Workflow:
    return with_connection(workflow(links), loop=Cycle(name=name, **fields))


def test_a_declared_way_back_is_the_way_back_however_the_cycle_is_entered():
    compiled = compile_workflow(declared("t > a; a > b; t > b; b > a", max_iterations=7), Types())

    [cycle] = compiled.cycles
    assert compiled.vertices[cycle.head].key == "a"
    assert keys_of(compiled, cycle.members) == {"a", "b"}
    assert cycle.max_iterations == 7
    assert compiled.route_list["b:main->a:main"].is_back
    assert not compiled.route_list["a:main->b:main"].is_back


def test_a_declared_cycle_that_does_not_close_is_refused():
    assert "loop_not_closed" in problems(declared("t > a; a > b"))
    assert "loop_not_closed" in problems(declared("t > e; e:loop > a; a > e"))


def test_repeated_connections_have_names_of_their_own():
    compiled = graph("t > a; t > a; t > a")

    assert list(compiled.route_list) == ["t:main->a:main", "t:main->a:main#2", "t:main->a:main#3"]


@pytest.mark.parametrize(
    ("links", "options", "expected"),
    [
        ("t > i; i:true > a", {}, ["output_unconnected"]),
        ("t > a; a > b; b > a", {}, ["cycle_without_exit"]),
        ("t > a; a > i; i:true > a", {}, ["output_unconnected"]),
        ("t > i; i:true > a; i:false > b; a > c; b > c", {}, []),
        ("t > i; i:true > a; i:false > b; a > c; b > c", {"nodes": {"c": NodeSettings(join=All())}},
         ["all_join_behind_choice"]),
        ("t > a; t > b; a > c; b > c", {}, ["collect_ambiguous"]),
        ("t > a; t > b; a > c; b > c", {"nodes": {"c": NodeSettings(collect="list")}}, []),
        ("t > a; t > b; a > m:left; b > m:right", {}, []),
        ("t > s; s:x > a; s:y > b; a > b; b > a; a > i; i:true > c; i:false > d", {},
         ["joins_upstream_of_each_other", "joins_upstream_of_each_other"]),
    ],
)  # fmt: skip
def test_what_is_probably_not_meant_is_a_warning(links, options, expected):
    assert [warning.code for warning in graph(links, **options).warnings] == expected


def test_the_warning_about_the_head_of_a_loop_within_another_says_what_to_do():
    compiled = graph("t > a; a > b; b > i; i:true > b; i:false > c; c > s; s:x > a; s:y > d")

    messages = {warning.node_key: warning.message for warning in compiled.warnings}
    assert messages["b"].endswith("'b' heads a loop within that of 'a': join \"each\" takes what comes round at once")
    assert "heads a loop" not in messages["a"]


@pytest.mark.parametrize(
    ("links", "options", "expected"),
    [
        ("t > a; t > b; a > m:x; b > m:y", {}, True),
        ("t > a; t > b; a > c; b > c", {"nodes": {"c": NodeSettings(join=FirstOf())}}, False),
        ("t > a; t > b", {"nodes": {"a": NodeSettings(mutex="x")}}, False),
        ("t > a; t > b", {"types": {"a": "workflow.set_state"}}, False),
        ("t > a; a > b", {"types": {"a": "workflow.set_state"}}, True),
        ("t > a; t > b", {"types": {"a": "core.stop"}}, False),
        ("t > a", {"types": {"a": "wait.wait"}, "params": {"a": {"mode": "signal"}}}, False),
        ("t > a", {"types": {"a": "wait.wait"}, "params": {"a": {"mode": "interval"}}}, True),
    ],
)
def test_a_graph_knows_whether_it_asks_for_a_race(links, options, expected):
    assert graph(links, **options).is_confluent is expected


def test_the_digest_is_the_same_in_every_process_and_for_every_order_that_means_nothing():
    one = workflow("t > a", params={"a": {"x": 1, "y": [1, 2]}})
    other = workflow("t > a", params={"a": {"y": [1, 2], "x": 1}})

    assert fingerprint(one, "t") == fingerprint(other, "t")
    assert fingerprint(workflow("t > a"), "t") == ("bff0ea299f8f20f2718297dd8c2e1a060addfd6052b37c70e9a02bb7810b91f3")
    assert graph("t > a").digest == fingerprint(workflow("t > a"), "t")


def test_the_digest_tells_apart_what_differs():
    written = [
        workflow("t > a"), workflow("t > b"), workflow("t > a; t > a"), workflow("t > a; t > b"),
        workflow("t > b; t > a"), workflow("t > a", params={"a": {"x": 1}}),
        workflow("t > a", params={"a": {"x": "1"}}), workflow("t > a", nodes={"a": NodeSettings(mutex="m")}),
    ]  # fmt: skip

    assert len({fingerprint(one, "t") for one in written}) == len(written)


def test_a_long_chain_compiles():
    compiled = graph("t > a0;" + ";".join(f"a{number} > a{number + 1}" for number in range(9_900)))

    assert len(compiled.vertices) == 9_902
    assert all(vertex.plain for vertex in compiled.vertices)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "integer", "minimum": 1}, [1, 2.0], [True, 0, "1", 1.5, None]),
        ({"type": ["string", "null"], "maxLength": 2}, ["ab", None], ["abc", 1]),
        ({"enum": [1, "a", [True]]}, [1, 1.0, "a", [True]], [True, [1], "b"]),
        ({"const": {"a": 1}}, [{"a": 1}], [{"a": True}, {}]),
        ({"required": ["a"], "properties": {"a": {"type": "string"}}, "additionalProperties": False},
         [{"a": "x"}, "no object"], [{}, {"a": 1}, {"a": "x", "b": 1}]),
        ({"items": {"$ref": "#/$defs/n"}, "minItems": 1, "$defs": {"n": {"multipleOf": 0.5}}}, [[1, 1.5]], [[], [1.2]]),
        ({"prefixItems": [{"type": "string"}], "items": {"type": "number"}}, [["a", 1]], [[1], ["a", "b"]]),
        ({"anyOf": [{"type": "string"}, {"maximum": 3}]}, ["a", 3], [4]),
        ({"oneOf": [{"type": "number"}, {"minimum": 3}]}, [2], [4]),
        ({"not": {"type": "null"}}, [1], [None]),
        ({"pattern": "^a+$"}, ["aa", 1], ["b"]),
        ({"uniqueItems": True}, [[1, "1"]], [[1, 1]]),
        (False, [], [1]),
    ],
)  # fmt: skip
def test_a_contract_holds_for_what_it_allows_only(schema, good, bad):
    contract = compile_contract(schema if isinstance(schema, dict) else {"allOf": [schema]})

    assert [value for value in good if contract.faults(value)] == []
    assert [value for value in bad if not contract.faults(value)] == []


def test_a_fault_says_where_it_is():
    contract = compile_contract({"properties": {"items": {"items": {"required": ["id"]}}}})

    assert contract.faults({"items": [{"id": 1}, {}]}) == [("items[1].id", "is missing")]


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"properties": {"a": {"typ": "string"}}}, "properties.a.typ"),
        ({"type": "text"}, "type"),
        ({"$ref": "http://elsewhere"}, "$ref"),
        ({"$ref": "#/$defs/none"}, "$ref"),
        ({"pattern": "("}, "pattern"),
        ({"minimum": "1"}, "minimum"),
    ],
)
def test_a_contract_that_cannot_be_used_is_refused(schema, path):
    with pytest.raises(ContractError) as caught:
        compile_contract(schema)
    assert caught.value.path == path
    assert problems(with_connection(workflow("t > a"), contract=schema))["contract_invalid"].place == (
        f"connections[0].contract.{path}"
    )


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}])
def test_a_contract_that_goes_round_in_circles_ends(schema):
    assert compile_contract(schema).faults(1)


def test_a_contract_may_describe_a_tree():
    contract = compile_contract({"required": ["id"], "properties": {"children": {"items": {"$ref": "#"}}}})

    assert contract.faults({"id": 1, "children": [{"id": 2, "children": []}]}) == []
    assert contract.faults({"id": 1, "children": [{"children": []}]}) == [("children[0].id", "is missing")]


def test_names_that_do_not_exist_are_warned_of_with_the_nearest():
    flow = WorkflowBuilder("names")
    flow.add("core.noop", key="fetch").then(
        flow.add(
            "data.set",
            key="use",
            values={"a": "{{ $inputt.x }}", "b": "{{ $nodes.fetsh.output }}", "c": "{{ $vars.x }}"},
        )
    )

    warnings = compile_everything(flow.build()).warnings

    assert [warning.code for warning in warnings] == ["name_unknown", "name_unknown"]
    assert "did you mean '$input'" in warnings[0].message
    assert "did you mean 'fetch'" in warnings[1].message


def test_every_root_that_executions_offer_is_known():
    assert set(execution_names._MAKERS) | {"$input", "$inputs", "$results", "$secrets"} == ROOTS
