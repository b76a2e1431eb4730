"""The page on expressions lists what there is, and its examples hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prana_py.expressions import Names, compile_expression, limits
from prana_py.expressions.directives import DIRECTIVES
from prana_py.expressions.expression_parser import FUNCTIONS
from prana_py.expressions.filters import FILTERS
from prana_py.expressions.plain import json_text

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "expressions.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([a-z_]+)(?:\((.*)\))?` \| .+ \| `(.+)` → `(.+)` \|$", PAGE, re.MULTILINE)


def test_every_filter_is_listed_with_its_arguments() -> None:
    assert {name: signature for name, signature, _, _ in ROWS} == {
        name: item.signature for name, item in FILTERS.items()
    }
    assert [row[0] for row in ROWS] == sorted(FILTERS)


@pytest.mark.parametrize(("name", "signature", "example", "value"), ROWS, ids=[row[0] for row in ROWS])
def test_the_example_of_a_filter_holds(name: str, signature: str, example: str, value: str) -> None:
    assert f"| {name}" in example
    assert json_text(compile_expression(example).evaluate(Names())) == value, signature


def test_every_directive_function_and_bound_is_listed() -> None:
    assert set(re.findall(r'^\| `\{"(#\w+)":', PAGE, re.MULTILINE)) == set(DIRECTIVES)
    assert all(f"`{name}(" in PAGE for name in FUNCTIONS)
    listed = dict(re.findall(r"^\| `([A-Z_]+)`: .+ \| ([\d,]+) \|$", PAGE, re.MULTILINE))
    known = {
        name: f"{getattr(limits, name):,}" for name in dir(limits) if name.isupper() and name != "UNMETERED_TOKENS"
    }
    assert listed == known
    assert f"more than {limits.UNMETERED_TOKENS} words" in PAGE
