"""Filters on numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from prana_py.expressions.fault import Fault
from prana_py.expressions.operators import bounded, is_number, remainder
from prana_py.expressions.plain import outward, type_name

_DECIMALS: Final = 15


def absolute(value: Any) -> Any:
    """The number without its sign."""
    return abs(_number("abs", value))


def ceil(value: Any) -> int:
    """The nearest whole number that is not smaller."""
    rounded: int = math.ceil(_number("ceil", value))
    return rounded


def floor(value: Any) -> int:
    """The nearest whole number that is not larger."""
    rounded: int = math.floor(_number("floor", value))
    return rounded


def round_(value: Any, decimals: Any = 0) -> Any:
    """Rounded half away from zero: to a whole number, or to a float with so many decimals."""
    number_ = _number("round", value)
    if type(decimals) is not int or not 0 <= decimals <= _DECIMALS:
        raise Fault(f"round needs a number of decimals from 0 to {_DECIMALS}")
    if type(number_) is int:
        return number_
    if number_ - number_ != 0:
        raise Fault("round needs a finite number")
    if decimals and abs(number_) >= 2**53:
        return number_
    if not decimals:
        return int(Decimal(number_).to_integral_value(ROUND_HALF_UP))
    return float(Decimal(repr(number_)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


def largest(value: Any, other: Any = None) -> Any:
    """The largest number of a list, or the larger of two."""
    return _extreme("max", max, value, other)


def smallest(value: Any, other: Any = None) -> Any:
    """The smallest number of a list, or the smaller of two."""
    return _extreme("min", min, value, other)


def power(value: Any, exponent: Any) -> float:
    """The number raised to a power, as a float."""
    base, raised = float(_number("power", value)), float(_number("power", exponent))
    result: float = bounded(math.pow(base, raised))
    return result


def square_root(value: Any) -> float:
    """The square root, as a float."""
    number_ = _number("sqrt", value)
    if number_ < 0:
        raise Fault("sqrt needs a number that is not negative")
    return math.sqrt(number_)


def modulo(value: Any, divisor: Any) -> int:
    """The remainder of a division of whole numbers, with the sign of the number divided."""
    return remainder(value, divisor)


def clamp(value: Any, low: Any, high: Any) -> Any:
    """The number, or the bound that it would pass."""
    number_, lowest, highest = _number("clamp", value), _number("clamp", low), _number("clamp", high)
    if lowest > highest:
        raise Fault("clamp needs a lower bound that is not above the upper one")
    return max(lowest, min(number_, highest))


def number(value: Any) -> Any:
    """The number that a text writes; a number is itself."""
    if is_number(value):
        return value
    if not isinstance(value, str):
        raise Fault(f"number needs text or a number, not {type_name(value)}")
    written = value.strip()
    if len(written) > 400 or "_" in written:
        raise Fault(f"{written[:40]!r} is not a number")
    try:
        return int(written)
    except ValueError:
        return _float(written)


def _float(written: str) -> float:
    try:
        result: float = bounded(float(written))
    except ValueError as error:
        raise Fault(f"{written[:40]!r} is not a number") from error
    return result


def _number(filter_name: str, value: Any) -> Any:
    if not is_number(value):
        raise Fault(f"{filter_name} needs a number, not {type_name(value)}")
    return value


def _extreme(filter_name: str, pick: Callable[[list[Any]], Any], value: Any, other: Any) -> Any:
    if other is not None:
        return pick([_number(filter_name, value), _number(filter_name, other)])
    items = outward(value)
    if not isinstance(items, (list, tuple)):
        raise Fault(f"{filter_name} needs a list, or two numbers, not {type_name(items)}")
    numbers = [item for item in items if is_number(item)]
    if not numbers:
        raise Fault(f"{filter_name} needs a list with at least one number")
    return pick(numbers)
