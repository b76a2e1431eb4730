"""From the source of a template to pieces of text and tags, and from a tag to tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from prana_py.errors import TemplateError
from prana_py.expressions import limits


class Token(NamedTuple):
    """One word of an expression; ``kind`` is name, key, number, text, sign or end."""

    kind: str
    value: str
    position: int


class Piece(NamedTuple):
    """A stretch of the source, of kind text, output or tag; the last two have tokens."""

    kind: str
    position: int
    text: str = ""
    tokens: tuple[Token, ...] = ()


_OPENING: Final = re.compile(r"\{\{-?|\{%-?|\{#-?")
_SPACE: Final = re.compile(r"\s+")
_KEY: Final = re.compile(r"\w+")
_TOKEN: Final = re.compile(
    r"""
    (?P<name>\$?[^\W\d]\w*)
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  | (?P<text>"[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*')
  | (?P<sign>&&|\|\||==|!=|<=|>=|\?\.(?!\d)|[-+*/%<>=!|?:.,()\[\]{}])
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS_FOR_OPENING: Final = {"{{": "}}", "{%": "%}"}


def expression_tokens(source: str) -> tuple[Token, ...]:
    """The tokens of a source that is one expression without braces around it."""
    _check_size(source)
    tokens, _ = _Tagged(source, 0, "").read()
    return tokens


def pieces(source: str) -> list[Piece]:
    """The whole template in pieces, with comments gone and whitespace beside ``-`` trimmed."""
    _check_size(source)
    found: list[Piece] = []
    position = 0
    trim_next = False
    while opening := _OPENING.search(source, position):
        before = source[position : opening.start()]
        _add_text(found, before, position, trim_start=trim_next, trim_end=opening.group().endswith("-"))
        piece, position = _tag(source, opening)
        trim_next = source.startswith("-", position - 3)
        if piece is not None:
            found.append(piece)
    _add_text(found, source[position:], position, trim_start=trim_next, trim_end=False)
    return found


def _add_text(found: list[Piece], text: str, position: int, *, trim_start: bool, trim_end: bool) -> None:
    text = text.lstrip() if trim_start else text
    text = text.rstrip() if trim_end else text
    if text:
        found.append(Piece("text", position, text))


def _tag(source: str, opening: re.Match[str]) -> tuple[Piece | None, int]:
    """The tag that opens here, and where the source goes on; a comment is no piece."""
    start, mark = opening.start(), opening.group()[:2]
    if mark == "{#":
        end = source.find("#}", opening.end())
        if end < 0:
            raise TemplateError("the comment is never closed by #}", position=start, template=source)
        return None, end + 2
    tokens, end = _Tagged(source, opening.end(), _WORDS_FOR_OPENING[mark]).read()
    return Piece("output" if mark == "{{" else "tag", start, tokens=tokens), end


def _check_size(source: str) -> None:
    if len(source) > limits.TEMPLATE_BYTES or len(source.encode("utf-8", "surrogatepass")) > limits.TEMPLATE_BYTES:
        raise TemplateError(f"the template is longer than {limits.TEMPLATE_BYTES:,} bytes", template=source[:200])


class _Tagged:
    """Reads the tokens of one tag up to its closing mark; braces of map literals are matched on the way."""

    def __init__(self, source: str, start: int, closing: str) -> None:
        self.source = source
        self.position = start
        self.start = start
        self.closing = closing
        self.open_braces = 0

    def read(self) -> tuple[tuple[Token, ...], int]:
        """The tokens, an ``end`` token last, and the position after the closing mark."""
        tokens = list(self._tokens())
        tokens.append(Token("end", self.closing, self.position))
        return tuple(tokens), self.position + len(self._closing_here())

    def _tokens(self) -> Iterator[Token]:
        after_dot = False
        while not self._at_end():
            token = self._token(_KEY if after_dot else _TOKEN)
            after_dot = token.kind == "sign" and token.value in (".", "?.")
            yield token

    def _at_end(self) -> bool:
        space = _SPACE.match(self.source, self.position)
        if space:
            self.position = space.end()
        if self.position < len(self.source):
            return bool(self.closing and not self.open_braces and self._closing_here())
        if self.closing:
            raise TemplateError(f"the tag is never closed by {self.closing}", position=self.start, template=self.source)
        return True

    def _closing_here(self) -> str:
        if not self.closing:
            return ""
        if self.source.startswith(self.closing, self.position):
            return self.closing
        trimming = "-" + self.closing
        return trimming if self.source.startswith(trimming, self.position) else ""

    def _token(self, pattern: re.Pattern[str]) -> Token:
        position = self.position
        match = pattern.match(self.source, position)
        if match is None:
            raise TemplateError(self._complaint(pattern), position=position, template=self.source)
        self.position = match.end()
        kind, value = match.lastgroup or "key", match.group()
        if value in "{}":
            self.open_braces = max(0, self.open_braces + (1 if value == "{" else -1))
        return Token(kind, value, position)

    def _complaint(self, pattern: re.Pattern[str]) -> str:
        character = self.source[self.position]
        if pattern is _KEY:
            return f'a name must follow the dot, not {character!r}; other keys are written as ["my-key"]'
        if character in "\"'":
            return "the text is never closed by a quotation mark"
        return f"{character!r} has no meaning in an expression"
