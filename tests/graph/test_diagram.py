"""Pictures of graphs: every node is in them, and hostile names do no harm."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from xml.etree import ElementTree

import pytest

from prana_py.errors import UsageError
from prana_py.graph.compile import compile_workflow
from prana_py.graph.diagram import draw
from prana_py.graph.layout import centres, lay_out
from prana_py.graph.skeleton import connection_keys
from prana_py.model.connection import Connection
from prana_py.model.node import Node
from prana_py.model.workflow import Workflow
from tests.graph.test_reach import compiled_graphs
from tests.graph.types import Types, graph

CHOICE = "t > i; i:true > a; i:false > bee; a > m:x; bee > m:y; m > i2; i2:true > a"
NAMES = ["quote\"'", "a<b>&c", "]]--|{x}", "`code` #1;", "ünïcode", "<script>alert(1)</script>"]


def test_mermaid_text():
    assert draw(graph(CHOICE), "mermaid", states={"a": "completed"}) == (
        "flowchart TD\n"
        '    n0(["t"])\n'
        '    n1{"i"}\n'
        '    n2["a"]\n'
        '    n3["m"]\n'
        '    n4["i2"]\n'
        '    n5["bee"]\n'
        "    n0 --> n1\n"
        '    n1 -->|"true"| n2\n'
        '    n1 -->|"false"| n5\n'
        "    n2 --> n3\n"
        "    n5 --> n3\n"
        "    n3 --> n4\n"
        '    n4 -.->|"true"| n2\n'
        "    style n2 fill:#d4f4dd,stroke:#1e8449\n"
    )


def test_plain_text():
    picture = draw(graph(CHOICE), "ascii", states={"a": "completed"})

    assert picture.splitlines() == [
        "             [ t ]",
        "               |",
        "               v",
        "             [ i ]",
        "               |",
        "        +------+------+",
        "        v             v",
        "[ a: completed ]   [ bee ]",
        "        |             |",
        "        +------+------+",
        "               v",
        "             [ m ]",
        "               |",
        "               v",
        "            [ i2 ]",
        "",
        "i true --> a",
        "i false --> bee",
        "i2 true ..> a",
    ]


def test_dot_text():
    assert draw(graph("t > a; a:error > a"), "dot") == (
        "digraph workflow {\n"
        "    rankdir=TB;\n"
        '    node [shape=box, style="rounded,filled", fillcolor=white];\n'
        '    n0 [label="t"];\n'
        '    n1 [label="a"];\n'
        "    n0 -> n1;\n"
        '    n1 -> n1 [label="error", style=dashed, constraint=false];\n'
        "}\n"
    )


@pytest.mark.parametrize("form", ["mermaid", "dot", "svg", "ascii"])
def test_every_node_is_in_every_picture(form):
    for links, compiled in compiled_graphs(owners=4, count=40):
        picture = draw(compiled, form)
        assert all(key in picture for key in compiled.nodes), links


@pytest.mark.parametrize("name", NAMES)
def test_names_cannot_break_out_of_a_picture(name):
    nodes = (Node(key="t", type="start"), Node(key=name, type="step"))
    connections = (Connection(from_node="t", to_node=name),)
    hostile = compile_workflow(Workflow(id="w", name="W", nodes=nodes, connections=connections), Types())

    tree = ElementTree.fromstring(draw(hostile, "svg", states={name: "failed"}))
    assert [text.text for text in tree.iter("{http://www.w3.org/2000/svg}text")] == ["t", name]
    assert draw(hostile, "mermaid").count('"') == draw(graph("t > a"), "mermaid").count('"')
    assert draw(hostile, "dot").replace('\\"', "").count('"') == draw(graph("t > a"), "dot").count('"')


def test_boxes_of_one_layer_do_not_touch():
    for links, compiled in compiled_graphs(owners=2, count=100):
        layout = lay_out(compiled)
        middle = centres(layout, lambda spot: 10, 3)
        for layer in layout.layers:
            assert all(middle[right] - middle[left] >= 13 for left, right in pairwise(layer)), links


def test_lines_that_need_not_cross_do_not():
    layout = lay_out(graph("t > a1; t > a2; t > a3; a1 > b1; a2 > b2; a3 > b3; b3 > c3; b2 > c2; b1 > c1"))

    orders = [list(layer) for layer in layout.layers[1:]]
    assert len({len(order) for order in orders}) == 1
    [first, second, third] = orders
    follows = {strand.spots[0]: strand.spots[1] for strand in layout.strands}
    assert [follows[spot] for spot in first] == second
    assert [follows[spot] for spot in second] == third


def test_a_large_graph_is_still_drawn():
    random = Random(1)
    links = ["t > a0"] + [f"a{random.randrange(number)} > a{number}" for number in range(1, 400)]

    assert draw(graph(";".join(links)), "svg").count("<rect") == 401


def test_an_unknown_form_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'mermaid'"):
        draw(graph("t > a"), "mermeid")  # type: ignore[arg-type]  # the mistake that is tested


def test_connection_keys_stay_apart_whatever_the_names():
    connections = [
        Connection(from_node="a", from_port="b->c:d", to_node="e", to_port="f"),
        Connection(from_node="a", from_port="b", to_node="c", to_port="d->e:f"),
        Connection(from_node="x", to_node="y"),
        Connection(from_node="x", to_node="y"),
        Connection(from_node="x", to_node="y", to_port="main#2"),
        Connection(from_node="x", to_node="y"),
    ]

    assert len(set(connection_keys(connections))) == len(connections)
