"""The original's rows on its compiler and loop detection, and the scenarios it never tested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from prana_py.errors import CompileError
from prana_py.graph.compile import compile_workflow
from tests.graph.types import Types, graph, keys_of, workflow

LINEAR = "t > a; a > b"
DIAMOND = "t > a; t > b; a > m:left; b > m:right"
TWO_TRIGGERS = "t1 > a; t2 > b"


def codes(links: str, **options: Any) -> list[str]:
    with pytest.raises(CompileError) as caught:
        graph(links, **options)
    return [problem.code for problem in caught.value.problems]


def wc1():
    compiled = graph(LINEAR)
    assert len(compiled.nodes) == 3
    assert compiled.trigger_node_key == "t"
    assert len(compiled.connection_map) == 2


def wc2():
    assert len(graph("t > a; t > b").connection_map["t", "main"]) == 2


def wc3():
    assert graph(LINEAR).dependency_graph == {"a": ("t",), "b": ("a",)}


def wc4():
    assert codes("") == ["trigger_missing"]


def wc5():
    assert codes(LINEAR, trigger="nobody") == ["trigger_unknown"]


def wc6():
    assert graph(TWO_TRIGGERS, trigger="t1").trigger_node_key == "t1"
    assert graph(TWO_TRIGGERS, trigger="t2").trigger_node_key == "t2"


def wc7():
    assert codes(LINEAR, trigger="a") == ["trigger_not_trigger"]


def wc8():
    with pytest.raises(CompileError, match="trigger_ambiguous") as caught:
        graph(TWO_TRIGGERS)
    assert "'t1', 't2'" in str(caught.value)


def wc9():
    assert set(graph(DIAMOND).nodes) == {"t", "a", "b", "m"}


def wc10():
    written = workflow(LINEAR)
    assert [graph(LINEAR).nodes[node.key] for node in written.nodes] == list(written.nodes)


def wc11():
    targets = [connection.to_node for connection in graph(DIAMOND).connection_map["t", "main"]]
    assert targets == ["a", "b"]


def wc12():
    assert len(graph(LINEAR).vertices) == 3
    assert len(graph(DIAMOND).vertices) == 4


def wc13():
    assert graph(DIAMOND).dependency_graph["m"] == ("a", "b")


def wc14():
    dependencies = graph(DIAMOND).dependency_graph
    assert dependencies["a"] == dependencies["b"] == ("t",)


def wc15():
    compiled = graph("t > i; i:true > a; i:false > b")
    assert compiled.connection_map["i", "true"][0].to_node == "a"
    assert compiled.connection_map["i", "false"][0].to_node == "b"


def wc16():
    assert not [key for key in graph(LINEAR).connection_map if key[0] == "b"]


def wc17():
    assert ("a", "nowhere") not in graph(LINEAR).connection_map


def wc18():
    compiled = graph("t > a; t > b")
    assert list(compiled.connection_map) == [("t", "main")]
    assert len({connection.to_node for connection in compiled.connection_map["t", "main"]}) == 2


def ld1():
    compiled = graph("t > a; a > b; b > c; c > b")
    assert not compiled.vertex("a").in_loop
    [cycle] = compiled.cycles
    assert compiled.vertices[cycle.head].key == "b"
    assert keys_of(compiled, cycle.members) == {"b", "c"}


def ld2():
    compiled = graph("t > a; a > a")
    [cycle] = compiled.cycles
    assert keys_of(compiled, cycle.members) == {"a"}
    assert compiled.vertex("a").in_loop


def ld3():
    """Loops that really nest are told apart, which the original's detection could not do."""
    compiled = graph("t > a; a > b; b > i1; i1:true > b; i1:false > i2; i2:true > a")
    members = {compiled.vertices[cycle.head].key: keys_of(compiled, cycle.members) for cycle in compiled.cycles}
    assert members == {"b": {"b", "i1"}, "a": {"a", "b", "i1", "i2"}}


def ld4():
    compiled = graph(DIAMOND)
    assert compiled.cycles == ()
    assert not any(vertex.in_loop for vertex in compiled.vertices)


def x13():
    assert codes("t > a:nowhere") == ["port_unknown"]


def x14():
    assert codes("t > a; a:nowhere > b") == ["port_unknown"]


def x15():
    written = workflow(LINEAR)
    without_b = msgspec.structs.replace(written, nodes=written.nodes[:-1])
    with pytest.raises(CompileError, match="connection_dangling"):
        compile_workflow(without_b, Types())


def x16():
    compiled = graph("t > a; b > c")
    assert set(compiled.nodes) == {"t", "a"}
    assert [(warning.code, warning.node_key) for warning in compiled.warnings] == [
        ("unreachable_node", "b"),
        ("unreachable_node", "c"),
    ]


def x17():
    compiled = graph("t > i; i:true > a")
    assert [warning.code for warning in compiled.warnings] == ["output_unconnected"]


def x18():
    assert graph("t > a; a > a").cycles[0].max_iterations == 10_000
    assert graph("t > e; e:loop > a; a > e").cycles == ()


def x59():
    compiled = graph("t1 > a; t2 > b; b > c; a > d", trigger="t1")
    assert set(compiled.nodes) == {"t1", "a", "d"}
    assert [warning.node_key for warning in compiled.warnings] == ["t2", "b", "c"]


ROWS: dict[str, Callable[[], None]] = {
    "WC1": wc1, "WC2": wc2, "WC3": wc3, "WC4": wc4, "WC5": wc5, "WC6": wc6, "WC7": wc7, "WC8": wc8, "WC9": wc9,
    "WC10": wc10, "WC11": wc11, "WC12": wc12, "WC13": wc13, "WC14": wc14, "WC15": wc15, "WC16": wc16, "WC17": wc17,
    "WC18": wc18, "LD1": ld1, "LD2": ld2, "LD3": ld3, "LD4": ld4, "X13": x13, "X14": x14, "X15": x15, "X16": x16,
    "X17": x17, "X18": x18, "X59": x59,
}  # fmt: skip


@pytest.mark.parametrize("promise", [pytest.param(f, id=row, marks=pytest.mark.row(row)) for row, f in ROWS.items()])
def test_the_row_holds(promise):
    promise()
