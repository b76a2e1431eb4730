"""Fields and items: the only way into a value, and it never touches an attribute."""

from __future__ import annotations

from typing import Any, TypeAlias

from prana_py.expressions.evaluation import Compute
from prana_py.expressions.fault import Fault
from prana_py.expressions.names import MISSING, Lookup
from prana_py.expressions.plain import type_name

Key: TypeAlias = str | int


def look_up(value: Any, key: Any) -> Any:
    """The field or item, or ``MISSING``; whatever is not a map, a list or a look-up has none."""
    if isinstance(value, dict):
        return _field(value, key)
    if isinstance(value, (list, tuple)):
        return value[key] if type(key) is int and 0 <= key < len(value) else _nothing(key)
    if isinstance(value, Lookup):
        return value.look_up(_checked(key))
    return _nothing(key)


def constant_path(root: str, keys: tuple[Key, ...]) -> Compute:
    """Follow known keys from a name; what is missing on the way is missing at the end."""
    if not keys:
        return lambda names: names[root]
    if len(keys) == 1 and isinstance(keys[0], str):
        return _one_field(root, keys[0])

    return _fields(root, keys) if all(type(key) is str for key in keys) else _steps(root, keys)


def _steps(root: str, keys: tuple[Key, ...]) -> Compute:
    def path(names: Any) -> Any:
        value = names[root]
        for key in keys:
            if type(key) is str and type(value) is dict:
                value = value.get(key, MISSING)
            elif type(value) is list and type(key) is int and key < len(value):
                value = value[key]
            else:
                value = look_up(value, key)
        return value

    return path


def _fields(root: str, keys: tuple[Key, ...]) -> Compute:
    def path(names: Any) -> Any:
        value = names[root]
        for key in keys:
            value = value.get(key, MISSING) if type(value) is dict else look_up(value, key)
        return value

    return path


def _one_field(root: str, key: str) -> Compute:
    def path(names: Any) -> Any:
        value = names[root]
        return value.get(key, MISSING) if type(value) is dict else look_up(value, key)

    return path


def _field(value: dict[Any, Any], key: Any) -> Any:
    """A number is also tried as text: the keys of JSON are all text."""
    found = dict.get(value, _checked(key), MISSING)
    return dict.get(value, str(key), MISSING) if found is MISSING and type(key) is int else found


def _nothing(key: Any) -> Any:
    _checked(key)
    return MISSING


def _checked(key: Any) -> Any:
    if type(key) is str or type(key) is int or type(key) is bool:
        return key
    if key is None or key is MISSING:
        return None
    raise Fault(f"{type_name(key)} cannot be a key; text and whole numbers can")
