"""The project's own modules, parsed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).parents[2]

PACKAGE = TOP / "prana_py"


def modules(*folders: str) -> list[Path]:
    """The Python files of the package, or of some of its folders and modules; paths are relative to the checkout."""
    starts = [PACKAGE / folder for folder in folders] or [PACKAGE]
    found = (path for start in starts for path in ([start] if start.is_file() else start.rglob("*.py")))
    return sorted(path.relative_to(TOP) for path in found)


def syntax(path: Path) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse((TOP / path).read_text(encoding="utf-8"), filename=str(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a module, methods and inner ones too."""
    return (node for node in ast.walk(syntax(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
