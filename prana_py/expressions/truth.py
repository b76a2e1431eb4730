"""Which values count as true: loosely in conditions, strictly for ``&&``, ``||`` and ``!``."""

from __future__ import annotations

from typing import Any, Final

from prana_py.expressions.names import MISSING, Lookup

_FALSE_WHEN_EMPTY: Final = (bool, int, float, str, list, dict, tuple)


def loosely_true(value: Any) -> bool:
    """False for null, false, zero, and empty text, lists and maps; an object of the host is true and is not asked."""
    if value is None or value is MISSING:
        return False
    if isinstance(value, Lookup):
        value = value.plain()
    return bool(value) if isinstance(value, _FALSE_WHEN_EMPTY) else True


def strictly_true(value: Any) -> bool:
    """False for null, false and what is missing only."""
    return not (value is None or value is False or value is MISSING)


def true_in_directive(value: Any) -> bool:
    """The truth of map directives: null, false and empty text and lists are false; zero and an empty map are true."""
    return strictly_true(value) and not (isinstance(value, (str, list)) and not value)
