"""Values as JSON Schema sees them, and how much of them a check may look at."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

DEEPEST_VISIT: Final = 64
MOST_STEPS: Final = 200_000


class TooMuch(Exception):
    """A check would take too long; it says what there is too much of."""


class Visit:
    """One check of one value: how deep references have led into it, and the steps that are left to all of it."""

    __slots__ = ("_depth", "_left")

    def __init__(self, depth: int = 0, left: list[int] | None = None) -> None:
        self._depth = depth
        self._left = [MOST_STEPS] if left is None else left

    def deeper(self) -> Visit:
        """The visit, one reference further in."""
        if self._depth >= DEEPEST_VISIT:
            raise TooMuch(f"the contract refers to itself more than {DEEPEST_VISIT} deep")
        return Visit(self._depth + 1, self._left)

    def step(self) -> None:
        """Count one schema that is held against one value."""
        self._left[0] -= 1
        if self._left[0] < 0:
            raise TooMuch(f"the value is too large for its contract: more than {MOST_STEPS:,} steps")


def is_number(value: Any) -> bool:
    """A number, which true and false are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_integer(value: Any) -> bool:
    """A whole number; ``1.0`` is one."""
    return is_number(value) and (isinstance(value, int) or (math.isfinite(value) and value == int(value)))


def is_text(value: Any) -> bool:
    """A text whose characters can be counted."""
    return isinstance(value, str)


KINDS: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": is_integer,
    "number": is_number,
    "string": lambda value: isinstance(value, (str, datetime, date)),
    "array": lambda value: isinstance(value, (list, tuple)),
    "object": lambda value: isinstance(value, Mapping),
}


def kind_of(value: Any) -> str:
    """The name of a value's kind, for messages."""
    return next((name for name, is_kind in KINDS.items() if is_kind(value)), type(value).__name__)


def same(one: Any, other: Any) -> bool:
    """Equal as JSON values: true is not 1, in containers neither."""
    pairs = [(one, other)]
    while pairs:
        left, right = pairs.pop()
        if isinstance(left, bool) or isinstance(right, bool):
            if left is not right:
                return False
        elif isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
            if len(left) != len(right):
                return False
            pairs.extend(zip(left, right, strict=True))
        elif isinstance(left, Mapping) and isinstance(right, Mapping):
            if left.keys() != right.keys():
                return False
            pairs.extend((left[key], right[key]) for key in left)
        elif left != right:
            return False
    return True


def is_multiple(value: Any, step: Any) -> bool:
    """Whether ``step`` goes into ``value``, up to the rounding of floats."""
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    try:
        quotient = value / step
    except OverflowError:
        return False
    return math.isfinite(quotient) and abs(quotient - round(quotient)) < 1e-9
