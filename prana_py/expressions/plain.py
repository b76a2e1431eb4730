"""From values to plain data and to text: JSON for what has structure, ISO 8601 for instants."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from prana_py.expressions import limits
from prana_py.expressions.fault import Fault, LimitFault
from prana_py.expressions.names import MISSING, Lookup

_JSON_ATOMS: Final = frozenset({str, int, float, bool, type(None)})
_TEXT_ATOMS: Final = (datetime, date, time, timedelta, Decimal, bytes)


def outward(value: Any) -> Any:
    """A value as it leaves an expression: what is missing is null, a look-up is its plain data."""
    if value is MISSING:
        return None
    return value.plain() if isinstance(value, Lookup) else value


def text(value: Any) -> str:
    """A value as it stands in text."""
    if isinstance(value, str):
        return str.__str__(value)
    if value is None or value is MISSING:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, (int, float)):
        return _number_text(value)
    if isinstance(value, Lookup):
        return text(value.plain())
    if is_scalar(value):
        return str(msgspec.to_builtins(value))
    return json_text(value)


def json_text(value: Any) -> str:
    """A value as JSON."""
    try:
        return msgspec.json.encode(_Plain().of(value, 0)).decode()
    except (UnicodeEncodeError, OverflowError) as error:
        raise Fault(f"the value cannot be shown as JSON: {error}") from error


def is_scalar(value: Any) -> bool:
    """Whether it is a plain value that JSON has no type of its own for: an instant, a duration, a decimal, an id."""
    if isinstance(value, _TEXT_ATOMS):
        return True
    kind = type(value)
    return kind.__name__ == "UUID" and kind.__module__ == "uuid"  # importing the module would open the system


def type_name(value: Any) -> str:
    """What kind of value it is, in the words of the template language."""
    if value is None or value is MISSING:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    for kind, name in _TYPE_NAMES:
        if isinstance(value, kind):
            return name
    return f"a {type(value).__name__}"


_TYPE_NAMES: Final[tuple[tuple[Any, str], ...]] = (
    ((int, float), "a number"),
    (str, "text"),
    ((list, tuple), "a list"),
    (dict, "a map"),
    (datetime, "an instant"),
    (date, "a date"),
    (timedelta, "a duration"),
)


def _number_text(value: float) -> str:
    if isinstance(value, int) and value.bit_length() > limits.INTEGER_BITS:
        raise LimitFault(f"the number has more than {limits.INTEGER_BITS} bits")
    return repr(value)


class _Plain:
    """Copies a value into JSON's own types, counting as it goes: shared parts are counted each time."""

    def __init__(self) -> None:
        self.left = limits.ITEMS
        self.characters = limits.CHARACTERS

    def of(self, value: Any, depth: int) -> Any:
        if type(value) in _JSON_ATOMS:
            return self._atom(value)
        if depth > limits.DATA_NESTING:
            raise LimitFault(f"the value is nested more than {limits.DATA_NESTING} deep")
        if isinstance(value, dict):
            return {self._key(key): self.of(item, depth + 1) for key, item in dict.items(value)}
        if isinstance(value, (list, tuple)):
            return [self.of(item, depth + 1) for item in value]
        if isinstance(value, Lookup):
            return self.of(value.plain(), depth + 1)
        return self._other(value)

    def _atom(self, value: Any) -> Any:
        self.left -= 1
        if type(value) is str:
            self.characters -= len(value)
        elif type(value) is int and not -(2**63) <= value < 2**64:
            return msgspec.Raw(_number_text(value).encode())
        elif type(value) is float and value - value != 0:
            return None
        if self.left < 0 or self.characters < 0:
            raise LimitFault(f"the value has more than {limits.ITEMS:,} parts or {limits.CHARACTERS:,} characters")
        return value

    def _key(self, key: Any) -> str:
        return str(self._atom(key if type(key) is str else text(key)))

    def _other(self, value: Any) -> Any:
        if value is MISSING:
            return None
        if isinstance(value, (str, int, float)):
            return self._atom(_without_subclass(value))
        if is_scalar(value):
            return self._atom(str(msgspec.to_builtins(value)))
        raise Fault(f"{type_name(value)} cannot be shown as text")


def _without_subclass(value: str | float) -> str | float:
    """The same value as an exact ``str``, ``int`` or ``float``: an enumeration's member is its value."""
    if isinstance(value, str):
        return str.__str__(value)
    return int.__int__(value) if isinstance(value, int) else float.__float__(value)
