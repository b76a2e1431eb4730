"""Arithmetic and comparison: bounded, and only between values that belong together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from prana_py.expressions import limits
from prana_py.expressions.fault import Fault, LimitFault
from prana_py.expressions.names import MISSING, Lookup
from prana_py.expressions.plain import is_scalar, outward, text, type_name

_NUMBERS: Final = frozenset({int, float})


def is_number(value: Any) -> bool:
    """A whole number or a float; true and false are not numbers, and neither are numbers of the host's own types."""
    return type(value) in _NUMBERS


def bounded(value: Any) -> Any:
    """The number, unless it is infinite, not a number, or too large."""
    if type(value) is float:
        if value - value == 0:
            return value
        raise Fault("the result is not a finite number")
    if value.bit_length() > limits.INTEGER_BITS:
        raise LimitFault(f"the result has more than {limits.INTEGER_BITS} bits")
    return value


def add(left: Any, right: Any) -> Any:
    """Sum of numbers, an instant or duration moved by a duration, or texts put together (null is nothing)."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return bounded(left + right)
    if isinstance(left, str) or isinstance(right, str) or _nothing(left) or _nothing(right):
        return _joined(text(left), text(right))
    if isinstance(right, timedelta) and isinstance(left, (datetime, timedelta, date)):
        return _moved(left, right)
    if isinstance(left, timedelta) and isinstance(right, (datetime, date)):
        return _moved(right, left)
    raise _mismatch("+", left, right)


def subtract(left: Any, right: Any) -> Any:
    """Difference of numbers, of instants, or an instant or duration moved back by a duration."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return bounded(left - right)
    if isinstance(right, timedelta) and isinstance(left, (datetime, timedelta, date)):
        return _moved(left, -right)
    if isinstance(left, datetime) and isinstance(right, datetime):
        return instant(left) - instant(right)
    if type(left) is date and type(right) is date:
        return left - right
    raise _mismatch("-", left, right)


def multiply(left: Any, right: Any) -> Any:
    """Product of numbers, or a duration so many times."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        if type(left) is type(right) is int and left.bit_length() + right.bit_length() > limits.INTEGER_BITS + 1:
            raise LimitFault(f"the result has more than {limits.INTEGER_BITS} bits")
        return bounded(left * right)
    if isinstance(left, timedelta) and is_number(right):
        return left * right
    if is_number(left) and isinstance(right, timedelta):
        return right * left
    raise _mismatch("*", left, right)


def divide(left: Any, right: Any) -> Any:
    """Quotient, always a float; a duration divided by a number is a duration."""
    if is_number(right):
        if right == 0:
            raise Fault("division by zero")
        if is_number(left) or isinstance(left, timedelta):
            return left / right if isinstance(left, timedelta) else bounded(left / right)
    if isinstance(left, timedelta) and isinstance(right, timedelta) and right:
        return left / right
    raise _mismatch("/", left, right)


def remainder(left: Any, right: Any) -> int:
    """What is left of a division of whole numbers, with the sign of the number divided."""
    if not (type(left) is int and type(right) is int):
        raise Fault(f"a remainder needs two whole numbers, not {type_name(left)} and {type_name(right)}")
    if right == 0:
        raise Fault("division by zero")
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def negate(value: Any) -> Any:
    """The number or duration with the other sign."""
    if is_number(value) or isinstance(value, timedelta):
        return -value
    raise Fault(f"{type_name(value)} cannot be negated")


def equal(left: Any, right: Any) -> bool:
    """The same value: numbers across whole and float, lists and maps by content, null and missing alike."""
    return _equal(left, right, 0)


def unequal(left: Any, right: Any) -> bool:
    """Not the same value."""
    return not _equal(left, right, 0)


def less(left: Any, right: Any) -> bool:
    """Smaller, of two numbers, texts, instants, dates or durations."""
    left, right = _comparable("<", left, right)
    return bool(left < right)


def less_or_equal(left: Any, right: Any) -> bool:
    """Smaller or the same."""
    left, right = _comparable("<=", left, right)
    return bool(left <= right)


def greater(left: Any, right: Any) -> bool:
    """Larger."""
    left, right = _comparable(">", left, right)
    return bool(left > right)


def greater_or_equal(left: Any, right: Any) -> bool:
    """Larger or the same."""
    left, right = _comparable(">=", left, right)
    return bool(left >= right)


def contained(item: Any, container: Any) -> bool:
    """Whether a list has the item, a map the key, or a text the part; nothing is in null."""
    container = outward(container)
    if isinstance(container, (list, tuple)):
        return any(_equal(item, member, 0) for member in container)
    if isinstance(container, str):
        return text(item) in container
    if isinstance(container, dict):
        return isinstance(item, (str, int)) and dict.__contains__(container, item)
    if container is None:
        return False
    raise Fault(f"nothing can be in {type_name(container)}; lists, maps and text have members")


def not_contained(item: Any, container: Any) -> bool:
    """The opposite of ``contained``."""
    return not contained(item, container)


def instant(value: datetime) -> datetime:
    """The instant with a zone; one without is taken as UTC."""
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _nothing(value: Any) -> bool:
    return value is None or value is MISSING


def _joined(left: str, right: str) -> str:
    if len(left) + len(right) > limits.CHARACTERS:
        raise LimitFault(f"the text has more than {limits.CHARACTERS:,} characters")
    return left + right


def _moved(value: Any, by: timedelta) -> Any:
    return value + by


def _mismatch(sign: str, left: Any, right: Any) -> Fault:
    return Fault(f"{type_name(left)} {sign} {type_name(right)} cannot be computed")


def _comparable(sign: str, left: Any, right: Any) -> tuple[Any, Any]:
    if (type(left) in _NUMBERS and type(right) in _NUMBERS) or (isinstance(left, str) and isinstance(right, str)):
        return left, right
    if isinstance(left, datetime) and isinstance(right, datetime):
        return instant(left), instant(right)
    if isinstance(left, timedelta) and isinstance(right, timedelta):
        return left, right
    if type(left) is date and type(right) is date:
        return left, right
    raise Fault(f"{type_name(left)} {sign} {type_name(right)} cannot be compared")


def _equal(left: Any, right: Any, depth: int) -> bool:
    if left is right:
        return True
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return bool(left == right)
    if isinstance(left, Lookup) or isinstance(right, Lookup):
        left, right = outward(left), outward(right)
    if isinstance(left, str) or is_scalar(left):
        return (isinstance(right, str) or is_scalar(right)) and bool(left == right)
    if _nothing(left) or _nothing(right):
        return _nothing(left) and _nothing(right)
    return _same_structure(left, right, depth)


def _same_structure(left: Any, right: Any, depth: int) -> bool:
    if depth > limits.DATA_NESTING:
        raise LimitFault(f"the values are nested more than {limits.DATA_NESTING} deep")
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(_equal(a, b, depth + 1) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return len(left) == len(right) and all(
            key in right and _equal(item, right[key], depth + 1) for key, item in dict.items(left)
        )
    return left is right


OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": remainder,
    "==": equal,
    "!=": unequal,
    "<": less,
    "<=": less_or_equal,
    ">": greater,
    ">=": greater_or_equal,
    "in": contained,
    "not in": not_contained,
}
