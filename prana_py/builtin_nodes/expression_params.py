"""Whether parameters that are expressions, evaluated later, can be evaluated at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prana_py.errors import TemplateError
from prana_py.expressions import compile_expression


def expression_problems(params: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    """The problem of the expression in a parameter, as (path, message), if it has one."""
    written = params.get(name)
    if not isinstance(written, str):
        return
    try:
        compile_expression(written)
    except TemplateError as error:
        yield name, f"is no expression: {error.message}"
