"""Every promise on the page about reliability names a test that exists."""

from __future__ import annotations

import ast
import re

from tests.house.sources import TOP

PAGE = TOP / "docs" / "reliability.md"

_ROW = re.compile(r"^\| (?P<promise>[^|]+) \| (?P<test>[^|]+) \| (?P<count>[^|]+) \|$", re.MULTILINE)
_TEST = re.compile(r"`(?P<file>tests/[\w/]+\.py)::(?P<name>test_\w+)`")


def promises() -> dict[str, str]:
    """Each promise, with what stands in the column of its test."""
    rows = _ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {promise: test for promise, test, _ in rows if promise != "Promise" and set(promise) != {"-"}}


def test_there_are_promises():
    assert len(promises()) > 30


def test_a_promise_names_a_test_that_exists():
    missing = []
    for promise, told in promises().items():
        match = _TEST.fullmatch(told)
        if match is None or match["name"] not in names_in(match["file"]):
            missing.append(promise)

    assert missing == []


def names_in(file: str) -> set[str]:
    """The functions of a test module."""
    path = TOP / file
    if not path.exists():
        return set()
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}
