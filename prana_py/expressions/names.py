"""What an expression can see: names that are looked up when they are asked for."""

from __future__ import annotations

from typing import Any, Final, final


@final
class Missing:
    """The value of a name, field or index that is not there: falsy, and nothing when rendered."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()

ROOTS: Final = frozenset(
    {
        "$env",
        "$execution",
        "$input",
        "$inputs",
        "$loop",
        "$nodes",
        "$now",
        "$results",
        "$secrets",
        "$state",
        "$vars",
        "$workflow",
    }
)
"""The ``$``-names that an execution offers."""


class Lookup:
    """A value that answers field and index look-ups without being a dict: made when asked, read only.

    Not an abstract base class: telling whether a value is one must be cheap.
    """

    __slots__ = ()

    def look_up(self, key: Any) -> Any:
        """The value under ``key``, or ``MISSING``."""
        raise NotImplementedError

    def plain(self) -> Any:
        """The whole as plain data, for rendering and for filters."""
        raise NotImplementedError


class Names(dict[str, Any]):
    """The names of one evaluation, ``$``-names with their sign.

    A subclass fills in on demand by ``__missing__``, which must return ``MISSING`` for a name that does not exist
    (a name without ``$`` is a field of the input).
    """

    __slots__ = ()

    def __missing__(self, name: str) -> Any:
        return MISSING
