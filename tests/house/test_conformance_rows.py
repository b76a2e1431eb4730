"""The conformance table names every row of the original's suite, and `-k` finds each."""

from __future__ import annotations

import pytest

from tests.conformance.rows import OWN_GROUP, read_reasons, read_rows
from tests.conformance.table import MOST_REFUSED

pytest_plugins = ["pytester"]


def test_the_table_has_all_448_rows_of_the_original_and_63_of_our_own():
    rows = read_rows().values()

    assert sum(row.group != OWN_GROUP for row in rows) == 448
    assert sum(row.group == OWN_GROUP for row in rows) == 63


def test_at_most_thirty_rows_are_refused_and_none_of_them_comes_later():
    rows = read_rows()
    refused, later = read_reasons("refused", rows), read_reasons("later", rows)

    assert sum(rows[name].group != OWN_GROUP for name in refused) <= MOST_REFUSED
    assert not refused.keys() & later.keys()


@pytest.mark.parametrize(
    ("keyword", "found"),
    [
        pytest.param("NS1", ["test_one"], id="a_row_is_not_the_rows_that_begin_like_it"),
        pytest.param("NS1 or NS12", ["test_one", "test_twelve"], id="several_rows"),
        pytest.param("twelve", ["test_twelve"], id="any_other_word_is_pytest's_own"),
    ],
)
def test_a_keyword_that_is_a_row_selects_exactly_that_row(pytester: pytest.Pytester, keyword: str, found: list[str]):
    pytester.makeini("[pytest]\nmarkers = row(name): a row")
    pytester.makeconftest("from tests.conftest import pytest_collection_modifyitems")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.row("NS1")
        def test_one(): pass

        @pytest.mark.row("NS12")
        def test_twelve(): pass

        def test_NS1_by_name_only(): pass
        """
    )
    _, record = pytester.inline_genitems("-k", keyword)

    (finished,) = record.getcalls("pytest_collection_finish")
    assert [item.name for item in finished.session.items] == found
