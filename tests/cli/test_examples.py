"""The examples print what their readers are told, and the picture in the README is that of the example."""

from __future__ import annotations

import re
import runpy

import pytest

from prana_py import compile_workflow
from prana_py.graph.diagram import draw
from tests.cli.command import EXAMPLES, TOP

PRINTED = {
    "async_nodes.py": "EXAMPLE.ORG\n",
    "durable_order.py": (
        "the first process ended by SIGKILL\n"
        "order-7 suspended at approval\n"
        "order-7 completed – {'ok': True, 'by': 'Grace'}\n"
        "price\n"
        "charge, with the key of its own\n"
        "charge, with the key of before\n"
    ),
    "fan_out.py": "{'shop': 'market', 'item': 'tea', 'price': 9}\n",
    "for_each.py": (
        "an album of small-sea.jpg, small-hill.jpg\n"
        "each[0] completed: small-sea.jpg\n"
        "each[1] failed: notes.txt is no picture\n"
        "each[2] completed: small-hill.jpg\n"
    ),
    "hello.py": "Hello, Ada!\n",
    "order_approval.py": "suspended at approval\ncompleted – order 7 is on its way, in a small box\n",
    "pure_core.py": "suspended 3 rows\ncompleted – a lamp, paid 30\n",
}


def test_every_example_is_held_here():
    assert {path.name for path in EXAMPLES.glob("*.py")} == PRINTED.keys()


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_prints_what_its_readers_expect(name: str, capsys: pytest.CaptureFixture[str]):
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")

    assert capsys.readouterr().out == PRINTED[name]


def test_the_picture_in_the_readme_is_that_of_the_example():
    example = runpy.run_path(str(EXAMPLES / "order_approval.py"))
    picture = draw(compile_workflow(example["workflow"], example["NODES"]), "mermaid").strip()

    readme = (TOP / "README.md").read_text(encoding="utf-8")
    shown = re.search(
        r"<!-- prana graph examples/order_approval.py -f mermaid -->\n```mermaid\n(.*?)\n```", readme, re.DOTALL
    )

    assert shown is not None
    assert shown[1] == picture
