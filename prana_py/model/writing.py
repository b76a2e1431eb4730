"""Writing structs as plain data, in the forms in which they are read."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

import msgspec

from prana_py.model.durations import format_duration
from prana_py.model.forms import JOIN_WORDS
from prana_py.model.join import FirstOf

_WORDS = {join: word for word, join in JOIN_WORDS.items()}


def written(value: Any, *, with_defaults: bool = False) -> Any:
    """The value as plain data; fields that have their default are left out unless they are asked for."""
    if isinstance(value, msgspec.Struct):
        return _written_struct(value, with_defaults)
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, dict):
        return {key: written(item, with_defaults=with_defaults) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [written(item, with_defaults=with_defaults) for item in value]
    return value


def _written_struct(value: msgspec.Struct, with_defaults: bool) -> Any:
    if type(value) in _JOIN_TYPES and value in _WORDS:
        return _WORDS[value]
    data: dict[str, Any] = {}
    for name, written_name, default in _fields(type(value)):
        item = getattr(value, name)
        if with_defaults or item != default:
            data[written_name] = written(item, with_defaults=with_defaults)
    return {"n": value.n, **data} if isinstance(value, FirstOf) else data


_JOIN_TYPES = frozenset(type(join) for join in _WORDS)


@cache
def _fields(struct: type[msgspec.Struct]) -> tuple[tuple[str, str, Any], ...]:
    """Name, written name and default of each field; a field without a default equals nothing and is always written."""
    return tuple(
        (field.name, field.encode_name, {} if field.default_factory is dict else field.default)
        for field in msgspec.structs.fields(struct)
    )
