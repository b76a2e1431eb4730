"""The template language: ``{{ $input.user.name | upper }}``."""

from prana_py.expressions.names import MISSING, Lookup, Missing, Names
from prana_py.expressions.template import (
    Params,
    Template,
    TemplateProblems,
    compile_expression,
    compile_params,
    compile_template,
    has_template,
)

__all__ = [
    "MISSING",
    "Lookup",
    "Missing",
    "Names",
    "Params",
    "Template",
    "TemplateProblems",
    "compile_expression",
    "compile_params",
    "compile_template",
    "has_template",
]
