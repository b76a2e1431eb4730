"""Copies of data."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from prana_py.nodes.copying import copied


@pytest.mark.parametrize(
    "value",
    [
        None, True, 1, 2**80, 1.5, "x", "\ud800", b"x", date(2030, 1, 1), datetime(2030, 1, 1, tzinfo=UTC),
        datetime(2030, 7, 1, tzinfo=ZoneInfo("Europe/Berlin")), timedelta(1), Decimal("1.10"), UUID(int=1),
    ],
)  # fmt: skip
def test_a_copy_is_equal_down_to_the_type(value: Any):
    deep = {"a": [value, {"b": value}], 1: value}
    copy = copied(deep)

    assert copy == deep
    assert type(copy["a"][0]) is type(value)
    assert getattr(copy["a"][0], "tzinfo", None) is getattr(value, "tzinfo", None)


def test_no_container_is_shared():
    data: dict[str, Any] = {"a": [1, {"b": []}]}
    copy = copied(data)
    copy["a"][1]["b"].append(1)
    copy["a"].append(2)

    assert data == {"a": [1, {"b": []}]}


def test_what_is_no_plain_data_is_handed_on_in_containers_of_its_own():
    odd = object()
    data = {"a": [odd]}
    copy = copied(data)

    assert copy["a"] is not data["a"]
    assert copy["a"][0] is odd
