"""When a condition of a built-in node holds."""

from __future__ import annotations

from typing import Any

from prana_py.expressions.truth import loosely_true

_FALSE_TEXTS = ("false", "0")


def holds(condition: Any) -> bool:
    """As in conditions of the expression language: null, false, zero and all that is empty are false, the rest is true.

    The texts ``false`` and ``0`` are false too: a template with more in it than one expression gives text.
    """
    if isinstance(condition, str):
        return condition != "" and condition.strip().lower() not in _FALSE_TEXTS
    return loosely_true(condition)
