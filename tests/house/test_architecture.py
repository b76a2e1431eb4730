"""Imports point one way, the core is pure, and every module says its idea."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from tests.house.sources import PACKAGE, TOP, modules, syntax

PURE = ("errors.py", "identifiers.py", "model", "expressions", "graph", "execution", "driver", "schedules")

ENTRY_POINTS = {
    "prana_py.engine.core",
    "prana_py.cli.__main__",
    "prana_py.cli.main",
    "prana_py.testing.contracts",
}
"""Modules that are called from outside, so that nothing inside imports them."""

EMPTY_WORDS = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}

ASYNC_SYNTAX = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)


@pytest.mark.parametrize("contract", ["layers", "purity", "siblings", "networkx"])
def test_the_import_contract_holds(contract: str):
    lint = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", lint, "--contract", contract, "--no-cache", "--no-logo"]

    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", modules(*PURE), ids=str)
def test_the_core_has_nothing_asynchronous(path: Path):
    lines = [node.lineno for node in ast.walk(syntax(path)) if isinstance(node, ASYNC_SYNTAX)]

    assert not lines


@pytest.mark.parametrize("path", modules(), ids=str)
def test_a_module_says_its_idea_in_its_first_line(path: Path):
    tree = syntax(path)
    if not tree.body and path.name == "__init__.py":
        return

    heading, *rest = (ast.get_docstring(tree) or "").splitlines()

    assert heading.endswith((".", "?", "!", "``", ":")), "the docstring begins with one line that is a sentence"
    assert not rest or not rest[0], "an empty line follows it"


def test_every_module_is_imported_by_another():
    graph = grimp.build_graph("prana_py", cache_dir=None)
    packages = {_name(path.parent) for path in modules() if path.name == "__init__.py"}

    alone = {module for module in graph.modules if not graph.find_modules_that_directly_import(module)}

    assert alone - packages - ENTRY_POINTS == set()


def test_files_are_named_for_their_idea():
    assert [path for path in PACKAGE.rglob("*") if path.stem in EMPTY_WORDS] == []


def _name(path: Path) -> str:
    return ".".join(path.parts)
