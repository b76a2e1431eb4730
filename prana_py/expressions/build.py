"""From source text to a compiled template."""

from __future__ import annotations

from prana_py.errors import TemplateError
from prana_py.expressions import limits
from prana_py.expressions.body import bounded_value, text_of_body, text_of_outputs
from prana_py.expressions.compiled import Template
from prana_py.expressions.compiler import Compiler
from prana_py.expressions.evaluation import Compute
from prana_py.expressions.expression_parser import ExpressionParser
from prana_py.expressions.lexer import Piece, expression_tokens, pieces
from prana_py.expressions.syntax import Expression, Output
from prana_py.expressions.template_parser import parse_template


def template_from(source: str, *, strict: bool) -> Template:
    """The template that a text with ``{{``, ``{%`` or ``{#`` is."""
    try:
        return _template_from(source, strict=strict)
    except RecursionError as error:
        raise _too_deep(source) from error


def expression_from(source: str, *, strict: bool) -> Template:
    """The template that an expression without braces around it is."""
    try:
        tokens = expression_tokens(source)
        metered = len(tokens) > limits.UNMETERED_TOKENS
        return _native(source, ExpressionParser(tokens, source).whole(), strict=strict, metered=metered)
    except RecursionError as error:
        raise _too_deep(source) from error


def _template_from(source: str, *, strict: bool) -> Template:
    parts = pieces(source)
    body = parse_template(source, parts)
    has_tags = any(piece.kind == "tag" for piece in parts)
    metered = has_tags or sum(len(piece.tokens) for piece in parts) > limits.UNMETERED_TOKENS
    if _is_one_expression(source, parts) and isinstance(body[0], Output):
        return _native(source, body[0].value, strict=strict, metered=metered)
    compiler = Compiler(source, strict=strict, metered=metered)
    compute = text_of_body(compiler, body) if metered else text_of_outputs(compiler, body)
    return _template(source, compiler, compute, is_native=False)


def _is_one_expression(source: str, parts: list[Piece]) -> bool:
    """Nothing but ``{{ … }}``, not even a space beside it."""
    if len(parts) != 1 or parts[0].kind != "output" or parts[0].position != 0:
        return False
    closing = source[parts[0].tokens[-1].position :]
    return closing in ("}}", "-}}")


def _native(source: str, expression: Expression, *, strict: bool, metered: bool) -> Template:
    compiler = Compiler(source, strict=strict, metered=metered)
    compute = compiler.compute(expression)
    if metered:
        compute = bounded_value(compiler, compute)
    return _template(source, compiler, compute, is_native=True)


def _template(source: str, compiler: Compiler, compute: Compute, *, is_native: bool) -> Template:
    return Template(
        source=source,
        paths=frozenset(compiler.paths),
        is_native=is_native,
        compute=compute,
        is_metered=compiler.metered,
    )


def _too_deep(source: str) -> TemplateError:
    return TemplateError("the template is nested too deeply", position=0, template=source)
