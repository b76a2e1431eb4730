"""Every test may name the rows of the conformance table that it shows, and is found by them."""

from __future__ import annotations

import re

import pytest

from tests.conformance.rows import read_rows

ROWS = read_rows()


def rows_of(item: pytest.Item) -> set[str]:
    """The rows that a test shows."""
    return {name for marker in item.iter_markers("row") for name in marker.args}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse unknown rows, and let ``-k NS1`` mean the row NS1 and not NS11 or NS12."""
    for item in items:
        if unknown := rows_of(item) - ROWS.keys():
            raise pytest.UsageError(f"{item.nodeid} shows rows that do not exist: {', '.join(sorted(unknown))}")
    wanted = set(re.split(r"\s+or\s+", config.option.keyword.strip()))
    if not wanted <= ROWS.keys():
        return
    config.option.keyword = ""
    config.hook.pytest_deselected(items=[item for item in items if not rows_of(item) & wanted])
    items[:] = [item for item in items if rows_of(item) & wanted]
