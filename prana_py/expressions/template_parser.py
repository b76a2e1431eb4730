"""From pieces of a template to its syntax tree: texts, outputs and the blocks that tags make."""

from __future__ import annotations

from typing import Final, NoReturn

from prana_py.errors import TemplateError
from prana_py.expressions import limits
from prana_py.expressions.expression_parser import ExpressionParser
from prana_py.expressions.lexer import Piece
from prana_py.expressions.syntax import Assignment, Body, Branch, Conditional, Expression, Loop, Output, Statement, Text

_TAGS: Final = "assign, else, elsif, endfor, endif, for, if and set"
_BRANCH_TAGS: Final = frozenset({"elsif", "elif", "else", "endif"})


def parse_template(source: str, parts: list[Piece]) -> Body:
    """The statements of a template that has been taken into pieces."""
    parser = _TemplateParser(source, parts)
    body = parser.body(frozenset())
    if parser.index < len(parser.pieces):
        piece = parser.pieces[parser.index]
        parser.fail(f"{{% {piece.tokens[0].value} %}} has nothing that it belongs to", piece.position)
    return body


class _TemplateParser:
    def __init__(self, source: str, parts: list[Piece]) -> None:
        self.source = source
        self.pieces = parts
        self.index = 0
        self.depth = 0

    def body(self, ends: frozenset[str]) -> Body:
        """Statements up to a tag in ``ends``, which is left to the caller, or to the end of the template."""
        statements: list[Statement] = []
        while self.index < len(self.pieces):
            piece = self.pieces[self.index]
            if piece.kind == "tag" and (_word(piece) in ends or _word(piece) in _CLOSING):
                break
            self.index += 1
            statements.append(self._statement(piece))
        return tuple(statements)

    def fail(self, message: str, position: int) -> NoReturn:
        raise TemplateError(f"{message} (at character {position})", position=position, template=self.source)

    def _statement(self, piece: Piece) -> Statement:
        if piece.kind == "text":
            return Text(piece.position, piece.text)
        parser = self._expressions(piece)
        if piece.kind == "output":
            return Output(piece.position, parser.whole())
        word = _word(piece)
        parser.index = 1
        if word in ("set", "assign"):
            return self._assignment(piece, parser)
        if word not in ("if", "for"):
            self.fail(f"there is no tag {word!r}; there are {_TAGS}", piece.position)
        self._enter(piece)
        statement = self._conditional(piece, parser) if word == "if" else self._loop(piece, parser)
        self.depth -= 1
        return statement

    def _expressions(self, piece: Piece) -> ExpressionParser:
        return ExpressionParser(piece.tokens, self.source, self.depth)

    def _enter(self, piece: Piece) -> None:
        self.depth += 1
        if self.depth > limits.NESTING:
            self.fail(f"the template is nested more than {limits.NESTING} deep", piece.position)

    def _assignment(self, piece: Piece, parser: ExpressionParser) -> Assignment:
        name = parser.word("the name to set")
        parser.expect("=")
        return Assignment(piece.position, name, parser.whole())

    def _loop(self, piece: Piece, parser: ExpressionParser) -> Loop:
        name = parser.word("the name of the loop variable")
        parser.expect("in")
        items = parser.whole()
        body = self.body(frozenset({"endfor"}))
        self._close(piece, "endfor")
        return Loop(piece.position, name, items, body)

    def _conditional(self, piece: Piece, parser: ExpressionParser) -> Conditional:
        condition: Expression | None = parser.whole()
        branches = [Branch(condition, self.body(_BRANCH_TAGS))]
        while (word := self._next_word()) in ("elsif", "elif", "else"):
            if condition is None:
                self.fail(f"{{% {word} %}} cannot follow {{% else %}}", self.pieces[self.index].position)
            condition = self._branch_condition()
            branches.append(Branch(condition, self.body(_BRANCH_TAGS)))
        self._close(piece, "endif")
        return Conditional(piece.position, tuple(branches))

    def _branch_condition(self) -> Expression | None:
        piece = self.pieces[self.index]
        self.index += 1
        parser = self._expressions(piece)
        parser.index = 1
        if _word(piece) != "else":
            return parser.whole()
        parser.end()
        return None

    def _next_word(self) -> str:
        return _word(self.pieces[self.index]) if self.index < len(self.pieces) else ""

    def _close(self, opened: Piece, word: str) -> None:
        if self._next_word() != word:
            self.fail(f"{{% {_word(opened)} %}} is never closed by {{% {word} %}}", opened.position)
        piece = self.pieces[self.index]
        parser = self._expressions(piece)
        parser.index = 1
        parser.end()
        self.index += 1


_CLOSING: Final = frozenset({"elsif", "elif", "else", "endif", "endfor"})


def _word(piece: Piece) -> str:
    return piece.tokens[0].value if piece.tokens and piece.kind == "tag" else ""
