"""The page about the patterns says what the tests play, for all 43 of them."""

from __future__ import annotations

from tests.patterns.page import PAGE, known_patterns, page


def test_every_pattern_is_there():
    assert [shown.number for shown in known_patterns()] == list(range(1, 44))


def test_every_pattern_says_how_it_is_written():
    assert [shown.name for shown in known_patterns() if not shown.how.endswith(".")] == []


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.patterns.page"
