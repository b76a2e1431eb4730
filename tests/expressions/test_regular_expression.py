"""Regular expressions match as Python's own do, wherever they support the same, and take time in proportion."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prana_py.expressions.fault import Fault, LimitFault
from prana_py.expressions.regular_expression import Searcher, compile_pattern

ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "\\d", "\\w", "1", "\\b", "^", "\\B", "\\."])
REPETITIONS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}", "{1,}", "*?", "+?", "??"])


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    part = st.one_of(
        inner,
        inner.map(lambda text: f"({text})"),
        st.tuples(inner, inner).map("|".join).map(lambda text: f"(?:{text})"),
    )
    return st.lists(part, min_size=1, max_size=3).map("".join)


PATTERNS = st.recursive(
    st.tuples(ATOMS, REPETITIONS).map(lambda pair: pair[0] + ("" if pair[0] in ("^", "\\b", "\\B") else pair[1])),
    joined,
    max_leaves=5,
)


@settings(max_examples=800, deadline=None)
@given(PATTERNS, st.text(alphabet="ab1. \n", min_size=1, max_size=10))
def test_it_finds_what_python_finds(pattern: str, subject: str) -> None:
    found = Searcher(compile_pattern(pattern), subject).search(0)
    expected = re.search(pattern, subject)

    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found[:2] == expected.span()


@pytest.mark.parametrize(
    ("pattern", "subject", "captures"),
    [
        ("(a)|(b)", "xb", (1, 2, -1, -1, 1, 2)),
        ("(a+)(b*?)(c)", "aac", (0, 3, 0, 2, 2, 2, 2, 3)),
        ("(?:ab)+", "xababx", (1, 5)),
        ("(?i)ÄB", "äb", (0, 2)),
        ("[]a]+", "]a]", (0, 3)),
        ("[^]]", "]x", (1, 2)),
        ("[a-c-]+", "b-c", (0, 3)),
        ("[[&&~~||]+", "&|[~", (0, 4)),
        ("a{,2}", "a{,2}", (0, 5)),
        ("x{", "x{", (0, 2)),
        ("$", "a", (1, 1)),
        ("a$", "a\n", None),
        ("(a|ab)(c|bcd)", "abcd", (0, 4, 0, 1, 1, 4)),
        ("\\n", "\n", (0, 1)),
    ],
)
def test_a_search_gives_the_match_and_its_groups(pattern: str, subject: str, captures: tuple[int, ...] | None) -> None:
    assert Searcher(compile_pattern(pattern), subject).search(0) == captures


@pytest.mark.parametrize(
    "pattern",
    [
        *("(", ")", "a)", "[", "[a", "*", "a**", "a*+", "+a", "a{2}{3}", "{2}", "a{3,2}", "\\", "\\1", "\\x41", "\\Z"),
        *("(?=a)", "(?!a)", "(?<=a)", "(?P<n>a)", "(?P=n)", "(?#c)", "a(?i)", "(?>a)", "[z-a]", "[\\b]", "[\\1]"),
    ],
)
def test_what_is_wrong_or_not_supported_is_refused(pattern: str) -> None:
    with pytest.raises(Fault):
        compile_pattern(pattern)


def test_a_pattern_and_a_search_are_bounded() -> None:
    with pytest.raises(LimitFault):
        compile_pattern("a" * 501)
    with pytest.raises(LimitFault):
        compile_pattern("((a{99}){99}){99}")
    with pytest.raises(LimitFault):
        Searcher(compile_pattern("(?:a?){900}b"), "a" * 100_000).search(0)
