"""Python values as documents write them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from prana_py.model.durations import format_duration
from prana_py.model.reading import DEFAULT_LIMITS


def plain(value: Any, depth: int = 0) -> Any:
    """A copy of a Python value with what documents write as text written as text: instants, dates, durations."""
    if depth > DEFAULT_LIMITS.max_depth:
        return value
    if isinstance(value, Mapping):
        return {key: plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, timedelta):
        return format_duration(value)
    return value.isoformat() if isinstance(value, (datetime, date)) else value
