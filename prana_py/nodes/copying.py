"""Copies of data, so that no node can change what another one recorded."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

SCALARS: Final[frozenset[type]] = frozenset(
    (str, int, float, bool, type(None), bytes, datetime, date, time, timedelta, Decimal, UUID)
)
"""Values of exactly these types cannot be changed, so they are never copied."""

_KEPT: Final = (bytes, bytearray, memoryview, datetime, date, time, timedelta, Decimal, UUID)


def copied(value: Any) -> Any:
    """The same data in containers of its own; what is no plain data is handed on as it is."""
    if type(value) in SCALARS:
        return value
    try:
        # In C, and three times as fast as a walk in Python; deepcopy takes twenty times as long.
        return msgspec.to_builtins(value, builtin_types=_KEPT)
    except (TypeError, ValueError):
        return _walked(value)


def uncopied(value: Any) -> Any:
    """The data itself: for nodes that promise only to read."""
    return value


def _walked(value: Any) -> Any:
    if type(value) is dict:
        return {key: _walked(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return [_walked(item) for item in value]
    return value
