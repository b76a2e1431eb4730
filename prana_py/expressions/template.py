"""The ways into the template language; what compiles is imported when there is something to compile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prana_py.errors import TemplateError
from prana_py.expressions.compiled import MARKS, Params, Template, TemplateProblems, has_template

__all__ = [
    "Params",
    "Template",
    "TemplateProblems",
    "compile_expression",
    "compile_params",
    "compile_template",
    "has_template",
]


def compile_template(source: str, *, strict: bool = False) -> Template | str:
    """The template in ``source``; text without ``{{``, ``{%`` and ``{#`` comes back as it is."""
    if not has_template(source):
        return source
    from prana_py.expressions.build import template_from

    return template_from(source, strict=strict)


def compile_expression(source: str, *, strict: bool = False) -> Template:
    """A condition: ``value > 5`` or ``{{ value > 5 }}``, where bare names are fields of the input."""
    from prana_py.expressions.build import expression_from, template_from

    stripped = source.strip()
    if not stripped.startswith(MARKS):
        return expression_from(source, strict=strict)
    template = template_from(stripped, strict=strict)
    if template.is_native:
        return template
    message = "a condition must be one expression, since text around it would always be true"
    raise TemplateError(message, position=0, template=source)


def compile_params(params: Mapping[str, Any], *, strict: bool = False) -> Params:
    """The parameters of a node; ``TemplateProblems`` tells of every template in them that does not compile."""
    from prana_py.expressions.params import params_from

    return params_from(params, strict=strict)
