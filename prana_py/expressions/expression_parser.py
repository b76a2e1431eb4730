"""From tokens to the syntax tree of one expression, by precedence climbing."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Final, NoReturn

from prana_py.errors import TemplateError, nearest
from prana_py.expressions import limits
from prana_py.expressions.filters import FILTERS
from prana_py.expressions.lexer import Token
from prana_py.expressions.syntax import (
    Access,
    Chain,
    Choice,
    Comparison,
    Defined,
    Expression,
    FilterCall,
    FunctionCall,
    Key,
    ListLiteral,
    Literal,
    Logic,
    MapLiteral,
    Name,
    Operation,
    Pipe,
    Prefix,
)

FUNCTIONS: Final = frozenset({"resume_url"})
"""Calls that the names answer: the name must be a ``Lookup`` there, and the argument is its key."""

_CONSTANTS: Final = {
    "true": True,
    "false": False,
    "null": None,
    "nil": None,
    "none": None,
    "True": True,
    "False": False,
    "None": None,
}
_RESERVED: Final = frozenset({"and", "or", "not", "in", "is", "if", "else"})
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "/": "/", "\n": ""}
_OR, _AND, _NOT, _RELATION, _EQUALITY, _SUM, _PRODUCT, _TIGHTEST = range(1, 9)
_LEVELS: Final = {
    **dict.fromkeys(("or", "||"), _OR),
    **dict.fromkeys(("and", "&&"), _AND),
    **dict.fromkeys(("<", "<=", ">", ">=", "in", "not in", "is"), _RELATION),
    **dict.fromkeys(("==", "!="), _EQUALITY),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "%"), _PRODUCT),
}
"""How tightly operators bind; filters bind loosest of all, then the choice."""

_NUMBER_LENGTH: Final = 400


class ExpressionParser:
    """Reads expressions off a list of tokens; it never looks at the rest of the template."""

    def __init__(self, tokens: tuple[Token, ...], source: str, depth: int = 0) -> None:
        self.tokens = tokens
        self.source = source
        self.index = 0
        self.depth = depth

    @property
    def token(self) -> Token:
        """The token that is read next."""
        return self.tokens[self.index]

    def whole(self) -> Expression:
        """One expression that takes all tokens."""
        expression = self.expression()
        self.end()
        return expression

    def end(self) -> None:
        """Refuse whatever is left."""
        if self.token.kind != "end":
            self.fail(f"{_shown(self.token)} was not expected here")

    def expression(self) -> Expression:
        """A choice or operation, and the filters that all of it goes through."""
        self._enter()
        expression = self._whole_choice()
        while self._at("|"):
            expression = self._piped(expression)
            if not self._at_operator():
                break
            expression = self._after_filters(expression)
        self.depth -= 1
        return expression

    def word(self, what: str) -> str:
        """A name that the template gives to something of its own."""
        token = self.token
        if token.kind != "name" or token.value in _RESERVED or token.value in _CONSTANTS or token.value[0] == "$":
            self.fail(f"{what} must be a plain name, not {_shown(token)}")
        self.index += 1
        return token.value

    def accept(self, value: str) -> bool:
        """Whether the next token is this sign or word; it is then read."""
        found = self._at(value)
        self.index += found
        return found

    def expect(self, value: str) -> None:
        """Read this sign or word."""
        if not self.accept(value):
            self.fail(f"{value!r} was expected, not {_shown(self.token)}")

    def fail(self, message: str, position: int | None = None) -> NoReturn:
        """Raise the error, at the next token unless told otherwise."""
        place = self.token.position if position is None else position
        raise TemplateError(f"{message} (at character {place})", position=place, template=self.source)

    def _enter(self) -> None:
        self.depth += 1
        if self.depth > limits.NESTING:
            self.fail(f"the template is nested more than {limits.NESTING} deep")

    def _at(self, value: str) -> bool:
        token = self.tokens[self.index]
        return token.value == value and (token.kind == "sign" or token.kind == "name")

    # filters

    def _piped(self, subject: Expression) -> Expression:
        position = self.token.position
        filters = []
        while self.accept("|"):
            token = self.token
            if token.kind != "name":
                self.fail(f"the name of a filter was expected, not {_shown(token)}")
            self.index += 1
            filters.append(self._filter_call(token, self.accept("(")))
        return Pipe(position, subject, tuple(filters))

    def _filter_call(self, token: Token, has_arguments: bool) -> FilterCall:
        known = FILTERS.get(token.value)
        if known is None:
            self.fail(f"there is no filter {token.value!r}{nearest(token.value, FILTERS)}", token.position)
        arguments, keywords = self._arguments() if has_arguments else ((), ())
        problem = known.complaint(len(arguments), [name for name, _ in keywords])
        if problem:
            self.fail(f"the filter {token.value!r} {problem}", token.position)
        return FilterCall(token.position, token.value, arguments, keywords)

    def _arguments(self) -> tuple[tuple[Expression, ...], tuple[tuple[str, Expression], ...]]:
        positional: list[Expression] = []
        keywords: list[tuple[str, Expression]] = []
        while not self.accept(")"):
            following = self.tokens[min(self.index + 1, len(self.tokens) - 1)]
            if self.token.kind == "name" and following.value == "=" and following.kind == "sign":
                name = self.word("the name of an argument")
                self.index += 1
                keywords.append((name, self.expression()))
            elif keywords:
                self.fail("a plain argument cannot follow a named one")
            else:
                positional.append(self.expression())
            if not self._at(")"):
                self.expect(",")
        return tuple(positional), tuple(keywords)

    def _at_operator(self) -> bool:
        return self._sign() in _LEVELS or self._at("?") or self._at("if")

    def _after_filters(self, left: Expression) -> Expression:
        """An operator after filters takes their result as its left side; a filter after that would be ambiguous."""
        expression = self._choice(self._operations(_OR, left))
        if self._at("|"):
            self.fail("a filter after an operator that follows a filter is ambiguous: put one of them in parentheses")
        return expression

    # operators, from the loosest to the tightest

    def _choice(self, first: Expression) -> Expression:
        position = self.token.position
        if self.accept("?"):
            yes = self._nested(self._whole_choice)
            self.expect(":")
            return Choice(position, first, yes, self._nested(self._whole_choice))
        if self.accept("if"):
            condition = self._operations(_OR)
            self.expect("else")
            return Choice(position, condition, first, self._nested(self._whole_choice))
        return first

    def _whole_choice(self) -> Expression:
        return self._choice(self._operations(_OR))

    def _operations(self, lowest: int, left: Expression | None = None) -> Expression:
        """Operands and the operators between them that bind at least as tightly as ``lowest``."""
        expression = self._operand(lowest) if left is None else left
        while True:
            level = _LEVELS.get(self._sign(), 0)
            if level < lowest or level == 0:
                return expression
            expression = self._defined(expression) if self._at("is") else self._series(level, expression)

    def _series(self, level: int, first: Expression) -> Expression:
        position = self.token.position
        rest = []
        while _LEVELS.get(sign := self._sign(), 0) == level and sign != "is":
            place = self.token.position
            self.index += 2 if sign == "not in" else 1
            rest.append(Operation(place, sign, self._operations(level + 1)))
        if level <= _AND:
            return Logic(position, first, tuple(rest))
        return (Comparison if level == _RELATION else Chain)(position, first, tuple(rest))

    def _sign(self) -> str:
        token = self.token
        if token.kind not in ("sign", "name"):
            return ""
        if token.value == "not" and self.tokens[self.index + 1].value == "in":
            return "not in"
        return token.value

    def _defined(self, operand: Expression) -> Expression:
        position = self.token.position
        self.expect("is")
        negated = self.accept("not")
        self.expect("defined")
        return Defined(position, operand, negated)

    def _operand(self, lowest: int) -> Expression:
        token = self.token
        if lowest <= _NOT and self.accept("not"):
            return Prefix(token.position, "not", self._nested(lambda: self._operations(_NOT)))
        if self.accept("!"):
            return Prefix(token.position, "!", self._nested(lambda: self._operand(_TIGHTEST)))
        if not self.accept("-"):
            return self._postfixed()
        operand = self._nested(lambda: self._operand(_TIGHTEST))
        if isinstance(operand, Literal) and type(operand.value) in (int, float):
            return Literal(token.position, -operand.value)
        return Prefix(token.position, "-", operand)

    def _nested(self, read: Callable[[], Expression]) -> Expression:
        self._enter()
        expression = read()
        self.depth -= 1
        return expression

    # operands

    def _postfixed(self) -> Expression:
        position = self.token.position
        base = self._primary()
        keys = []
        while key := self._key():
            keys.append(key)
        return Access(position, base, tuple(keys)) if keys else base

    def _key(self) -> Key | None:
        safe = self._at("?.")
        if self.accept(".") or self.accept("?."):
            if safe and self.token.kind != "key":
                self.fail(f"a name must follow '?.', not {_shown(self.token)}")
            return self._field(safe)
        if self.accept("["):
            key = self.expression()
            self.expect("]")
            return Key(key, safe=False)
        return None

    def _field(self, safe: bool) -> Key:
        token = self._read()
        if token.kind != "key":
            self.fail(f"a name must follow the dot, not {_shown(token)}", token.position)
        if self._at("("):
            self.fail(f"there are no methods; a filter is written as value | {token.value}")
        value: str | int = token.value
        if token.value.isdecimal() and token.value.isascii():
            value = self._integer(token)
        return Key(Literal(token.position, value), safe)

    def _primary(self) -> Expression:
        token = self._read()
        if token.kind == "text":
            return Literal(token.position, self._unescaped(token))
        if token.kind == "number":
            return Literal(token.position, self._number(token))
        if token.kind == "name":
            return self._named(token)
        reader = _BRACKETS.get(token.value) if token.kind == "sign" else None
        if reader is None:
            self.fail(f"a value was expected, not {_shown(token)}", token.position)
        return reader(self, token)

    def _named(self, token: Token) -> Expression:
        name = token.value
        if name in _CONSTANTS:
            return Literal(token.position, _CONSTANTS[name])
        if self._at("("):
            return self._call(token)
        if name in _RESERVED:
            self.fail(f"a value was expected, not {_shown(token)}", token.position)
        return Name(token.position, name)

    def _call(self, token: Token) -> Expression:
        """``name(a, b)``: a function of the names, or the filter ``name`` applied to ``a``."""
        self.index += 1
        if token.value not in FUNCTIONS and token.value not in FILTERS:
            known = [*FUNCTIONS, *FILTERS]
            self.fail(f"there is no function {token.value!r}{nearest(token.value, known)}", token.position)
        if self._at(")"):
            self.fail(f"{token.value}() needs a value to work on", token.position)
        subject = self.expression()
        if not self._at(")"):
            self.expect(",")
        if token.value in FUNCTIONS:
            self.expect(")")
            return FunctionCall(token.position, token.value, subject)
        return Pipe(token.position, subject, (self._filter_call(token, True),))

    def _parenthesised(self, _token: Token) -> Expression:
        expression = self.expression()
        self.expect(")")
        return expression

    def _list(self, token: Token) -> Expression:
        items = []
        while not self.accept("]"):
            items.append(self.expression())
            if not self._at("]"):
                self.expect(",")
        return ListLiteral(token.position, tuple(items))

    def _map(self, token: Token) -> Expression:
        items = []
        while not self.accept("}"):
            key = self._map_key()
            self.expect(":")
            items.append((key, self.expression()))
            if not self._at("}"):
                self.expect(",")
        return MapLiteral(token.position, tuple(items))

    def _map_key(self) -> Expression:
        following = self.tokens[min(self.index + 1, len(self.tokens) - 1)]
        if self.token.kind == "name" and following.value == ":" and self.token.value[0] != "$":
            token = self._read()
            return Literal(token.position, token.value)
        return self._operations(_OR)

    def _atom(self, token: Token) -> Expression:
        """``:name`` is the text "name"."""
        name = self._read()
        if name.kind != "name" or name.value[0] == "$":
            self.fail(f"a name must follow the colon, not {_shown(name)}", name.position)
        return Literal(token.position, name.value)

    # literals

    def _number(self, token: Token) -> int | float:
        if token.value.isdecimal():
            return self._integer(token)
        value = float(token.value)
        if not math.isfinite(value):
            self.fail("the number is too large", token.position)
        return value

    def _integer(self, token: Token) -> int:
        if len(token.value) > _NUMBER_LENGTH:
            self.fail(f"the number has more than {_NUMBER_LENGTH} digits", token.position)
        return int(token.value)

    def _unescaped(self, token: Token) -> str:
        body = token.value[1:-1]
        if "\\" not in body:
            return body
        text = _ESCAPE.sub(_unescape, body)
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self.fail("the text has half of a surrogate pair", token.position)

    def _read(self) -> Token:
        token = self.tokens[self.index]
        if token.kind == "end":
            self.fail("the expression is not complete")
        self.index += 1
        return token


_BRACKETS: Final[dict[str, Callable[[ExpressionParser, Token], Expression]]] = {
    "(": ExpressionParser._parenthesised,
    "[": ExpressionParser._list,
    "{": ExpressionParser._map,
    ":": ExpressionParser._atom,
}


def _unescape(match: re.Match[str]) -> str:
    """What an escape stands for; one without a meaning stays as it is, so that patterns can be written plainly."""
    escaped = match.group(1)
    if len(escaped) == 5:
        return chr(int(escaped[1:], 16))
    return _ESCAPED.get(escaped, "\\" + escaped)


def _shown(token: Token) -> str:
    return "the end" if token.kind == "end" else repr(token.value[:40])
