"""Every error code in the code stands on its page, and the page has no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.sources import TOP

PAGE = TOP / "docs" / "reference" / "errors.md"

_CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

MAKERS = {
    "_error", "failed", "NodeFailure", "_failure", "stop_with_error", "problem", "refused", "abandon", "_warning",
    "_of_node", "_of_connection", "_problem", "_of_link",
}  # fmt: skip
"""Functions whose first argument is a code."""

KINDS_OF_WAITS = {"interval", "schedule", "signal"}
"""What the wait node's own function for errors is given first."""


def codes_in_the_sources() -> set[str]:
    """What stands as ``code=…`` or ``code = …``, in a function that makes codes, or first in one that makes errors."""
    found: set[str] = set()
    for path in (TOP / "prana_py").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for part in _told_by(node):
                found |= set(_constants(part))
    return found - KINDS_OF_WAITS


def _told_by(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call):
        yield from (keyword.value for keyword in node.keywords if keyword.arg == "code")
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in MAKERS and node.args:
            yield node.args[0]
        if name == "ChildFailed" and len(node.args) > 1:
            yield node.args[1]
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if getattr(target, "id", "") == "code":
            yield node.value
    elif isinstance(node, ast.FunctionDef) and node.name == "_code":
        yield from (line.value for line in ast.walk(node) if isinstance(line, ast.Return) and line.value is not None)


def _constants(part: ast.expr) -> Iterator[str]:
    if isinstance(part, ast.IfExp):
        yield from (*_constants(part.body), *_constants(part.orelse))
    elif isinstance(part, ast.Constant) and isinstance(part.value, str) and _CODE.fullmatch(part.value):
        yield part.value


def codes_on_the_page() -> list[str]:
    """The first cells of its tables."""
    return re.findall(r"^\| `([a-z0-9_]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_code_is_explained():
    assert sorted(codes_in_the_sources() - set(codes_on_the_page())) == []


def test_nothing_is_explained_that_does_not_exist():
    assert sorted(set(codes_on_the_page()) - codes_in_the_sources()) == []


def test_nothing_is_explained_twice():
    page = codes_on_the_page()

    assert sorted(code for code in set(page) if page.count(code) > 1) == []
