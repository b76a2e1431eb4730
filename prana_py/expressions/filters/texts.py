"""Filters on text; other values are taken as the text they would be shown as."""

from __future__ import annotations

from typing import Any

from prana_py.expressions import limits
from prana_py.expressions.fault import Fault, LimitFault
from prana_py.expressions.plain import json_text, text, type_name


def upper_case(value: Any) -> str:
    """All letters as capitals."""
    return (value if type(value) is str else text(value)).upper()


def lower_case(value: Any) -> str:
    """All letters small."""
    return (value if type(value) is str else text(value)).lower()


def capitalize(value: Any) -> str:
    """The first letter as a capital, the rest small."""
    shown = text(value)
    return shown[:1].upper() + shown[1:].lower()


def strip(value: Any) -> str:
    """Without white space at either end."""
    return text(value).strip()


def truncate(value: Any, length: Any, suffix: Any = "...") -> str:
    """At most so many characters, the suffix included."""
    if not isinstance(value, str):
        raise Fault(f"truncate needs text, not {type_name(value)}")
    if type(length) is not int or length < 0:
        raise Fault("truncate needs a length of zero or more")
    if len(value) <= length:
        return value
    ending = text(suffix)
    return value[: length - len(ending)] + ending if len(ending) < length else ending[:length]


def replace(value: Any, old: Any, new: Any) -> str:
    """Every occurrence of one text replaced by another."""
    shown, old_text, new_text = text(value), text(old), text(new)
    if not old_text:
        raise Fault("replace needs a text to look for")
    size = len(shown) + shown.count(old_text) * (len(new_text) - len(old_text))
    if size > limits.CHARACTERS:
        raise LimitFault(f"the text has more than {limits.CHARACTERS:,} characters")
    return shown.replace(old_text, new_text)


def split(value: Any, separator: Any = None) -> list[str]:
    """The parts between separators; without one, the words."""
    shown = text(value)
    if separator is not None and not text(separator):
        raise Fault("split needs a separator that is not empty")
    if len(shown) > limits.ITEMS:
        raise LimitFault(f"split takes at most {limits.ITEMS:,} characters")
    return shown.split(None if separator is None else text(separator))


def dump(value: Any) -> str:
    """The value as JSON text."""
    return json_text(value)


def to_text(value: Any) -> str:
    """The value as it is shown in text."""
    return text(value)
