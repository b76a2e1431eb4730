"""The syntax tree of a template: what the parser makes and the compiler reads."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec


class _Node(msgspec.Struct, frozen=True, eq=False):
    position: int
    """The character of the source where it begins, or where its operator stands."""


class Literal(_Node, frozen=True, eq=False):
    """Text, a number, true, false or null."""

    value: Any


class Name(_Node, frozen=True, eq=False):
    """A ``$``-name, a bare name or a local variable."""

    name: str


class Key(msgspec.Struct, frozen=True, eq=False):
    """One step into a value: ``.field``, ``[item]`` or, when ``safe``, ``?.field``."""

    value: Expression
    safe: bool


class Access(_Node, frozen=True, eq=False):
    """Steps into a value, one after the other."""

    base: Expression
    keys: tuple[Key, ...]


class ListLiteral(_Node, frozen=True, eq=False):
    """``[a, b]``"""

    items: tuple[Expression, ...]


class MapLiteral(_Node, frozen=True, eq=False):
    """``{a: b}``"""

    items: tuple[tuple[Expression, Expression], ...]


class FilterCall(_Node, frozen=True, eq=False):
    """One filter with its arguments, without the value it is applied to."""

    name: str
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...]


class Pipe(_Node, frozen=True, eq=False):
    """A value and the filters it goes through."""

    subject: Expression
    filters: tuple[FilterCall, ...]


class FunctionCall(_Node, frozen=True, eq=False):
    """A function that the names provide, with its one argument."""

    name: str
    argument: Expression


class Prefix(_Node, frozen=True, eq=False):
    """``-a``, ``!a`` or ``not a``."""

    sign: str
    operand: Expression


class Operation(msgspec.Struct, frozen=True, eq=False):
    """One operator with what stands on its right."""

    position: int
    sign: str
    operand: Expression


class Chain(_Node, frozen=True, eq=False):
    """Operators of one precedence, done from left to right: ``a + b - c``."""

    first: Expression
    rest: tuple[Operation, ...]


class Comparison(_Node, frozen=True, eq=False):
    """``a < b <= c``: each pair is compared, and all must hold."""

    first: Expression
    rest: tuple[Operation, ...]


class Logic(_Node, frozen=True, eq=False):
    """Operators of one precedence among ``and``, ``&&``, ``or`` and ``||``."""

    first: Expression
    rest: tuple[Operation, ...]


class Defined(_Node, frozen=True, eq=False):
    """``a is defined`` or ``a is not defined``."""

    operand: Expression
    negated: bool


class Choice(_Node, frozen=True, eq=False):
    """``condition ? yes : no`` or ``yes if condition else no``."""

    condition: Expression
    yes: Expression
    no: Expression


Expression: TypeAlias = (
    Literal
    | Name
    | Access
    | ListLiteral
    | MapLiteral
    | Pipe
    | FunctionCall
    | Prefix
    | Chain
    | Comparison
    | Logic
    | Defined
    | Choice
)


class Text(_Node, frozen=True, eq=False):
    """Text that stands for itself."""

    text: str


class Output(_Node, frozen=True, eq=False):
    """``{{ value }}``"""

    value: Expression


class Assignment(_Node, frozen=True, eq=False):
    """``{% set name = value %}``"""

    name: str
    value: Expression


class Branch(msgspec.Struct, frozen=True, eq=False):
    """One ``if``, ``elsif`` or, with no condition, ``else``."""

    condition: Expression | None
    body: Body


class Conditional(_Node, frozen=True, eq=False):
    """``{% if %}`` with all its branches."""

    branches: tuple[Branch, ...]


class Loop(_Node, frozen=True, eq=False):
    """``{% for name in items %}``"""

    name: str
    items: Expression
    body: Body


Statement: TypeAlias = Text | Output | Assignment | Conditional | Loop
Body: TypeAlias = tuple[Statement, ...]
