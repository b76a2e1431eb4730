"""One metered evaluation: the names outside, the template's own variables, and what it may still use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, final

from prana_py.expressions import limits
from prana_py.expressions.fault import LimitFault
from prana_py.expressions.names import Names

Compute: TypeAlias = Callable[[Any], Any]
"""A compiled expression: from the names (an ``Evaluation`` when it is metered) to its value."""


@final
class Evaluation(Names):
    """Names with local variables in front of them; one within another counts its steps with it."""

    __slots__ = ("_budget", "outside")

    def __init__(self, outside: Names) -> None:
        super().__init__()
        self.outside = outside
        self._budget: list[int] = outside._budget if isinstance(outside, Evaluation) else [limits.STEPS]

    def __missing__(self, name: str) -> Any:
        return self.outside[name]

    def spend(self, steps: int) -> None:
        """Count steps; a ``LimitFault`` when none are left."""
        self._budget[0] -= steps
        if self._budget[0] < 0:
            raise LimitFault(f"the template takes more than {limits.STEPS:,} steps")


def weight(value: Any) -> int:
    """How many steps it takes to go through all of a value."""
    kind = type(value)
    if kind is str:
        return len(value) // 100 + 1
    return _weight_of_all(value) // 10 + 1 if kind is list or kind is dict or kind is tuple else 1


def _weight_of_all(value: Any) -> int:
    counted = 0
    waiting = [value]
    while waiting and counted <= 10 * limits.STEPS:
        item = waiting.pop()
        kind = type(item)
        if kind is list or kind is tuple:
            counted += len(item)
            waiting.extend(item)
        elif kind is dict:
            counted += len(item)
            waiting.extend(item.values())
        elif kind is str:
            counted += len(item) // 10
    return counted
