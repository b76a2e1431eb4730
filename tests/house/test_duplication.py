"""Nothing is written twice, also not once with `async` and once without."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from tests.house.sources import functions, modules

LEAST_STATEMENTS = 6


class Shape(ast.NodeTransformer):
    """A syntax tree without what people change when they copy: names, annotations, docstrings and `async`."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name("_", ast.Load())

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg("_")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        arguments = self.visit(node.args)
        return ast.FunctionDef("_", arguments, [self.visit(statement) for statement in _work(node)], [])

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self.visit_FunctionDef(ast.FunctionDef(node.name, node.args, node.body, []))

    def visit_Await(self, node: ast.Await) -> Any:
        return self.visit(node.value)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> Any:
        return self.visit(ast.For(node.target, node.iter, node.body, node.orelse))

    def visit_AsyncWith(self, node: ast.AsyncWith) -> Any:
        return self.visit(ast.With(node.items, node.body))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        return self.visit(ast.Assign([node.target], node.value)) if node.value else ast.Pass()


def shape(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """What two functions have in common when one is a copy of the other."""
    return ast.dump(Shape().visit(deepcopy(function)))


def size(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many statements a function has, those inside of others too."""
    return sum(isinstance(node, ast.stmt) for statement in _work(function) for node in ast.walk(statement))


def copies(places: Iterable[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]) -> list[list[str]]:
    """The places of functions that have one shape, grouped."""
    groups: dict[str, list[str]] = defaultdict(list)
    for place, function in places:
        if size(function) >= LEAST_STATEMENTS:
            groups[shape(function)].append(place)
    return [group for group in groups.values() if len(group) > 1]


def test_no_function_is_a_copy_of_another():
    everywhere = (
        (f"{path}:{function.lineno} {function.name}", function) for path in modules() for function in functions(path)
    )

    assert copies(everywhere) == []


def test_a_copy_is_found_though_its_names_and_its_async_differ():
    source = """
def wait(each):
    "One docstring."
    found = each
    for one in found:
        found = look(one)
    left = found
    if left:
        return left
    return found

async def hold(every: int):
    kept: int = every
    async for item in kept:
        kept = await see(item)
    rest = kept
    if rest:
        return rest
    return kept

def other(every):
    return every
"""
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

    assert copies((function.name, function) for function in functions) == [["wait", "hold"]]


def _work(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    return function.body[1:] if ast.get_docstring(function) is not None else function.body
