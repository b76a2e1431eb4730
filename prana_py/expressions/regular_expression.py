"""Regular expressions in linear time: all alternatives are followed at once, and none is ever tried again."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias, final

from prana_py.expressions import limits
from prana_py.expressions.fault import Fault, LimitFault

_CLASSES: Final = frozenset("dDwWsS")
_CONTROLS: Final = frozenset("ntrfv")
_DEPTH: Final = 40
_COUNT: Final = re.compile(r"\{(\d{1,4})(,?)(\d{0,4})\}")


class _Accepts(dict[str, bool]):
    """Which characters one place of the pattern accepts, remembered once asked."""

    __slots__ = ("pattern",)

    def __init__(self, pattern: re.Pattern[str]) -> None:
        super().__init__()
        self.pattern = pattern

    def __missing__(self, character: str) -> bool:
        accepted = self[character] = self.pattern.fullmatch(character) is not None
        return accepted


class _Character(NamedTuple):
    accepts: _Accepts


class _Assertion(NamedTuple):
    kind: str


class _Sequence(NamedTuple):
    parts: tuple[Any, ...]


class _Alternatives(NamedTuple):
    parts: tuple[Any, ...]


class _Group(NamedTuple):
    number: int
    part: Any


class _Repeat(NamedTuple):
    part: Any
    low: int
    high: int | None
    greedy: bool


class _Jump(NamedTuple):
    """Go on at all of these places, the first preferred."""

    targets: tuple[int, ...]


class _Save(NamedTuple):
    slot: int


class _Done(NamedTuple):
    pass


Captures: TypeAlias = tuple[int, ...]
"""Start and end of the match, then of each group; -1 where a group took no part."""


@final
class Searcher:
    """Finds matches of one pattern in one text, and counts its steps over all of them."""

    __slots__ = ("_left", "_program", "_slots", "subject")

    def __init__(self, pattern: Pattern, subject: str) -> None:
        self._program = pattern.program
        self._slots = 2 * (pattern.groups + 1)
        self._left = limits.PATTERN_STEPS
        self.subject = subject

    def search(self, start: int) -> Captures | None:
        """The first match that begins at or after ``start``."""
        found: Captures | None = None
        threads: list[tuple[int, Captures]] = []
        seen: set[int] = set()
        for position in range(start, len(self.subject) + 1):
            if found is None:
                self._follow(threads, seen, 0, position, (-1,) * self._slots)
            elif not threads:
                break
            threads, seen, match = self._step(threads, position)
            found = match or found
        return found

    def _step(
        self, threads: list[tuple[int, Captures]], position: int
    ) -> tuple[list[tuple[int, Captures]], set[int], Captures | None]:
        """All threads over one character; a finished one ends those that are less preferred."""
        following: list[tuple[int, Captures]] = []
        seen: set[int] = set()
        character = self.subject[position : position + 1]
        for place, captures in threads:
            instruction = self._program[place]
            if type(instruction) is _Done:
                return following, seen, captures
            if character and instruction.accepts[character]:
                self._follow(following, seen, place + 1, position + 1, captures)
        return following, seen, None

    def _follow(
        self, threads: list[tuple[int, Captures]], seen: set[int], place: int, position: int, captures: Captures
    ) -> None:
        """Add the places that are reached from here without taking a character, preferred ones first."""
        waiting = [(place, captures)]
        while waiting:
            place, captures = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            self._left -= 1
            if self._left < 0:
                raise LimitFault(f"the regular expression takes more than {limits.PATTERN_STEPS:,} steps")
            instruction = self._program[place]
            kind = type(instruction)
            if kind is _Jump:
                waiting.extend((target, captures) for target in reversed(instruction.targets))
            elif kind is _Save:
                slot = instruction.slot
                waiting.append((place + 1, (*captures[:slot], position, *captures[slot + 1 :])))
            elif kind is _Assertion:
                if _ASSERTIONS[instruction.kind](self.subject, position):
                    waiting.append((place + 1, captures))
            else:
                threads.append((place, captures))


def _at_boundary(subject: str, position: int) -> bool:
    before = position > 0 and _is_word(subject[position - 1])
    after = position < len(subject) and _is_word(subject[position])
    return before != after


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


_ASSERTIONS: Final[dict[str, Callable[[str, int], bool]]] = {
    "^": lambda _subject, position: position == 0,
    "$": lambda subject, position: position == len(subject),
    "b": _at_boundary,
    "B": lambda subject, position: not _at_boundary(subject, position),
}


@final
class Pattern:
    """A compiled regular expression."""

    __slots__ = ("groups", "program")

    def __init__(self, program: tuple[Any, ...], groups: int) -> None:
        self.program = program
        self.groups = groups


@lru_cache(maxsize=256)
def compile_pattern(source: str) -> Pattern:
    """The pattern, or a ``Fault`` that says what of it is wrong or not supported."""
    if len(source) > limits.PATTERN_CHARACTERS:
        raise LimitFault(f"the regular expression has more than {limits.PATTERN_CHARACTERS} characters")
    parser = _Parser(source)
    tree = parser.whole()
    program: list[Any] = []
    _emit(_Group(0, tree), program)
    program.append(_Done())
    return Pattern(tuple(program), parser.groups)


class _Parser:
    def __init__(self, source: str) -> None:
        self.ignore_case = source.startswith("(?i)")
        self.source = source
        self.position = 4 if self.ignore_case else 0
        self.groups = 0
        self.depth = 0

    def whole(self) -> Any:
        tree = self._alternatives()
        if self.position < len(self.source):
            self._fail("a parenthesis is closed that was never opened")
        return tree

    def _fail(self, message: str) -> NoReturn:
        raise Fault(f"the regular expression {self.source[:60]!r} is wrong at character {self.position}: {message}")

    def _accept(self, text: str) -> bool:
        found = self.source.startswith(text, self.position)
        self.position += len(text) if found else 0
        return found

    def _alternatives(self) -> Any:
        parts = [self._sequence()]
        while self._accept("|"):
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else _Alternatives(tuple(parts))

    def _sequence(self) -> Any:
        parts = []
        while self.position < len(self.source) and self.source[self.position] not in "|)":
            parts.append(self._repeated(self._atom()))
        return _Sequence(tuple(parts))

    def _repeated(self, part: Any) -> Any:
        bounds = self._bounds()
        if bounds is None:
            return part
        greedy = not self._accept("?")
        if self._bounds() is not None:
            self._fail("a repetition cannot be repeated")
        low, high = bounds
        if high is not None and high < low:
            self._fail("a repetition ends before it begins")
        return _Repeat(part, low, high, greedy)

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in _BOUNDS:
            if self._accept(sign):
                return bounds
        match = _COUNT.match(self.source, self.position)
        if match is None:
            return None
        self.position = match.end()
        low, comma, high = match.groups()
        return int(low), (int(high) if high else None) if comma else int(low)

    def _atom(self) -> Any:
        character = self.source[self.position]
        if character in "*+?" or _COUNT.match(self.source, self.position):
            self._fail("there is nothing to repeat")
        self.position += 1
        if character == "(":
            return self._group()
        if character == "[":
            return self._character(self._set())
        if character == "\\":
            return self._escape()
        if character in "^$":
            return _Assertion(character)
        return self._character("." if character == "." else re.escape(character))

    def _character(self, source: str) -> _Character:
        try:
            return _Character(_Accepts(re.compile(source, re.IGNORECASE if self.ignore_case else re.NOFLAG)))
        except re.error as error:
            raise Fault(f"the regular expression {self.source[:60]!r} is wrong: {error}") from error

    def _group(self) -> Any:
        self.depth += 1
        if self.depth > _DEPTH:
            self._fail(f"groups are nested more than {_DEPTH} deep")
        number = -1
        if not self._accept("?:"):
            if self._accept("?"):
                self._fail("looking around, names and flags within are not supported; (?: ) and a leading (?i) are")
            self.groups += 1
            number = self.groups
        part = self._alternatives()
        if not self._accept(")"):
            self._fail("a parenthesis is never closed")
        self.depth -= 1
        return part if number < 0 else _Group(number, part)

    def _escape(self) -> Any:
        escaped = self._escaped()
        return _Assertion(escaped) if escaped in ("b", "B") else self._character("\\" + escaped)

    def _escaped(self) -> str:
        if self.position >= len(self.source):
            self._fail("it ends in the middle of an escape")
        escaped = self.source[self.position]
        known = escaped in _CLASSES or escaped in _CONTROLS or escaped in "bB"
        if escaped.isalnum() and not known:
            self._fail(f"\\{escaped} is not supported")
        self.position += 1
        return escaped

    def _set(self) -> str:
        """A set of characters in the notation of ``re``, with all that has a special meaning there escaped."""
        opening = "[^" if self._accept("^") else "["
        members: list[str] = []
        while not members or not self._accept("]"):
            if self.position >= len(self.source):
                self._fail("a set of characters is never closed")
            members.append(self._member())
        return "".join([opening, *members, "]"])

    def _member(self) -> str:
        character = self.source[self.position]
        self.position += 1
        if character == "\\":
            escaped = self._escaped()
            if escaped in ("b", "B"):
                self._fail("\\b has no meaning in a set")
            return "\\" + escaped
        range_sign = character == "-" and not self.source.startswith(("-", "]"), self.position)
        return character if range_sign or character.isalnum() else re.escape(character)


_BOUNDS: Final[tuple[tuple[str, tuple[int, int | None]], ...]] = (("*", (0, None)), ("+", (1, None)), ("?", (0, 1)))


def _emit(node: Any, program: list[Any]) -> None:
    if len(program) > limits.PATTERN_STATES:
        raise LimitFault(f"the regular expression is too large: it has more than {limits.PATTERN_STATES:,} states")
    match node:
        case _Sequence(parts):
            for part in parts:
                _emit(part, program)
        case _Alternatives(parts):
            _emit_alternatives(parts, program)
        case _Group(number, part):
            program.append(_Save(2 * number))
            _emit(part, program)
            program.append(_Save(2 * number + 1))
        case _Repeat():
            _emit_repeat(node, program)
        case _:
            program.append(node)


def _emit_alternatives(parts: tuple[Any, ...], program: list[Any]) -> None:
    fork = len(program)
    program.append(None)
    starts, ends = [], []
    for part in parts:
        starts.append(len(program))
        _emit(part, program)
        ends.append(len(program))
        program.append(None)
    program[fork] = _Jump(tuple(starts))
    for end in ends:
        program[end] = _Jump((len(program),))


def _emit_repeat(node: _Repeat, program: list[Any]) -> None:
    before = len(program)
    for _ in range(node.low):
        _emit(node.part, program)
        if len(program) == before:
            return
    if node.high is None:
        start = len(program)
        program.append(None)
        _emit(node.part, program)
        program.append(_Jump((start,)))
        program[start] = _fork(start + 1, len(program), node.greedy)
        return
    forks = []
    for _ in range(node.high - node.low):
        forks.append(len(program))
        program.append(None)
        _emit(node.part, program)
    for fork in forks:
        program[fork] = _fork(fork + 1, len(program), node.greedy)


def _fork(into: int, past: int, greedy: bool) -> _Jump:
    return _Jump((into, past) if greedy else (past, into))
