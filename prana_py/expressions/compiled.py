"""Compiled templates: what a string of a node's parameters becomes, and what all of them become together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, final

import msgspec

from prana_py.errors import DocumentError, TemplateError
from prana_py.expressions.evaluation import Compute, Evaluation
from prana_py.expressions.names import MISSING, Lookup, Names
from prana_py.expressions.truth import loosely_true

MARKS: Final = ("{{", "{%", "{#")
"""What makes a text a template."""


@final
class Template(msgspec.Struct, frozen=True, eq=False, weakref=True):
    """A parsed template or expression: immutable, and safe to evaluate from many threads."""

    source: str
    paths: frozenset[tuple[str, ...]]
    """What it can look up: each root with the keys that are written out, such as ``("$nodes", "fetch", "output")``."""
    is_native: bool
    """It gives the value itself; a template that is not native gives text."""
    compute: Compute
    is_metered: bool
    """It is long enough, or has loops, so that its steps must be counted."""

    @property
    def names(self) -> frozenset[str]:
        """The ``$``-roots and bare names it can look up."""
        return frozenset(path[0] for path in self.paths)

    def evaluate(self, names: Names) -> Any:
        """The value of an expression, or the text of a template; a missing value is ``None``."""
        try:
            value = self.compute(Evaluation(names) if self.is_metered else names)
        except RecursionError as error:
            raise TemplateError(
                "the expression, or the data in it, is nested too deeply", code="template_limit", template=self.source
            ) from error
        if value is MISSING:
            return None
        return value.plain() if isinstance(value, Lookup) else value

    def test(self, names: Names) -> bool:
        """Whether the value counts as true in a condition: null, false, zero and all that is empty do not."""
        return loosely_true(self.evaluate(names))


@final
class Params(msgspec.Struct, frozen=True, eq=False):
    """The parameters of a node, compiled: the static parts as they are, and what fills in the others."""

    source: dict[str, Any]
    templated: frozenset[str] = frozenset()
    """The top-level names whose value holds a template."""
    paths: frozenset[tuple[str, ...]] = frozenset()
    """What rendering can look up, as in ``Template.paths``."""
    renderer: Callable[[Names], dict[str, Any]] | None = None

    @property
    def static(self) -> bool:
        """There is nothing to evaluate."""
        return self.renderer is None

    def render(self, names: Names) -> dict[str, Any]:
        """The parameters with every template evaluated; static parts are shared, so the caller must not change them."""
        if self.renderer is None:
            return self.source
        try:
            return self.renderer(names)
        except RecursionError as error:
            raise TemplateError(
                "the params, or the data in them, are nested too deeply", code="template_limit"
            ) from error


class TemplateProblems(DocumentError):
    """Templates of one node's parameters do not compile: all of them, each with its place in the parameters."""

    code = "template_invalid"


def has_template(source: str) -> bool:
    """Whether the text has anything in it to evaluate."""
    return "{" in source and any(mark in source for mark in MARKS)
