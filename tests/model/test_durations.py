"""Durations as text: read leniently, written one way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prana_py.model.durations import LONGEST, format_duration, parse_duration


@pytest.mark.parametrize(
    ("written", "duration"),
    [
        (30, timedelta(seconds=30)),
        (0.25, timedelta(milliseconds=250)),
        ("500ms", timedelta(milliseconds=500)),
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("2h", timedelta(hours=2)),
        ("3d", timedelta(days=3)),
        ("1w", timedelta(weeks=1)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        (" 90m ", timedelta(minutes=90)),
        ("PT5M", timedelta(minutes=5)),
        ("P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("P2W", timedelta(weeks=2)),
        ("0s", timedelta()),
    ],
)
def test_a_duration_can_be_written_in_several_ways(written: str | float, duration: timedelta):
    assert parse_duration(written) == duration


@pytest.mark.parametrize(
    "written",
    ["", "5", "s", "5 parsecs", "1m1h", "-5s", "P", "PT", "P1Y", "P1M", "5S", "٣s", "1e3s", -1, float("nan"), 1e300],
)
def test_anything_else_is_no_duration(written: str | float):
    with pytest.raises(ValueError, match=r"is (not|negative|longer)"):
        parse_duration(written)


@given(st.timedeltas(timedelta(), LONGEST))
def test_the_short_form_is_exact_and_stays_the_same(duration: timedelta):
    written = format_duration(duration)

    assert parse_duration(written) == duration
    assert format_duration(parse_duration(written)) == written


def test_the_short_form_uses_the_largest_units():
    assert format_duration(timedelta(days=1, minutes=90, microseconds=1_500)) == "1d1h30m1ms500us"
