"""Filters with regular expressions, all of them in linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from prana_py.expressions import limits
from prana_py.expressions.fault import Fault, LimitFault
from prana_py.expressions.plain import text, type_name
from prana_py.expressions.regular_expression import Captures, Searcher, compile_pattern

_STATES_A_STEP: Final = 5
_REFERENCE: Final = re.compile(r"\$(\d{1,2}|\$)")


def matches(value: Any, pattern: Any) -> bool:
    """Whether the pattern matches somewhere; ``^`` and ``$`` tie it to the ends."""
    return _searcher("matches", value, pattern).search(0) is not None


def find(value: Any, pattern: Any, group: Any = 0) -> str | None:
    """The first match, or one group of it; null when there is none."""
    searcher = _searcher("find", value, pattern)
    captures = searcher.search(0)
    return None if captures is None else _part(searcher.subject, captures, group)


def find_all(value: Any, pattern: Any, group: Any = 0) -> list[str | None]:
    """All matches, or one group of each."""
    searcher = _searcher("find_all", value, pattern)
    return [_part(searcher.subject, captures, group) for captures in _all(searcher)]


def replace_pattern(value: Any, pattern: Any, replacement: Any) -> str:
    """Every match replaced; ``$1`` in the replacement is the first group, ``$0`` the match, ``$$`` a dollar sign."""
    searcher = _searcher("replace_pattern", value, pattern)
    subject, template = searcher.subject, text(replacement)
    parts: list[str] = []
    end, size = 0, len(subject)
    references = template.count("$")
    for captures in _all(searcher):
        size += len(template) + references * (captures[1] - captures[0])
        if size > limits.CHARACTERS:
            raise LimitFault(f"the text has more than {limits.CHARACTERS:,} characters")
        filled = _REFERENCE.sub(lambda match, found=captures: _referred(subject, found, match), template)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        parts += [subject[end : captures[0]], filled]
        end = captures[1]
    return "".join([*parts, subject[end:]])


def cost(value: Any, pattern: Any = "", *_others: Any, **keywords: Any) -> int:
    """How many steps of a template a search takes."""
    searched = pattern or keywords.get("pattern")
    states = len(compile_pattern(searched).program) if isinstance(searched, str) else 0
    return (len(text(value)) + 1) * states // _STATES_A_STEP


def _searcher(filter_name: str, value: Any, pattern: Any) -> Searcher:
    if not isinstance(pattern, str):
        raise Fault(f"{filter_name} needs a regular expression as text, not {type_name(pattern)}")
    return Searcher(compile_pattern(pattern), text(value))


def _all(searcher: Searcher) -> Iterator[Captures]:
    start = 0
    while start <= len(searcher.subject) and (captures := searcher.search(start)):
        yield captures
        start = captures[1] if captures[1] > captures[0] else captures[1] + 1


def _referred(subject: str, captures: Captures, match: re.Match[str]) -> str:
    reference = match.group(1)
    return "$" if reference == "$" else _part(subject, captures, int(reference)) or ""


def _part(subject: str, captures: Captures, group: Any) -> str | None:
    if type(group) is not int or not 0 <= 2 * group < len(captures):
        raise Fault(f"the regular expression has no group {group!r}")
    start, end = captures[2 * group], captures[2 * group + 1]
    return subject[start:end] if start >= 0 and end >= 0 else None
