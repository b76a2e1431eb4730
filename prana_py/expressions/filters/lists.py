"""Filters on lists and maps, some of which take text as well."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from prana_py.expressions import limits
from prana_py.expressions.fault import Fault, LimitFault
from prana_py.expressions.look_up import look_up
from prana_py.expressions.names import MISSING
from prana_py.expressions.operators import bounded, contained, equal, instant, is_number
from prana_py.expressions.plain import outward, text, type_name


def default(value: Any, replacement: Any) -> Any:
    """Another value in the place of null, empty text or what is missing; false and zero stay."""
    return replacement if value is None or value is MISSING or (type(value) is str and not value) else value


def length(value: Any) -> int:
    """How many items, fields or characters it has."""
    counted = outward(value)
    if isinstance(counted, (list, tuple, dict, str)):
        return len(counted)
    raise Fault(f"length needs a list, a map or text, not {type_name(counted)}")


def first(value: Any) -> Any:
    """The first item or character; null when there is none."""
    items = _sequence("first", value)
    return items[0] if items else None


def last(value: Any) -> Any:
    """The last item or character; null when there is none."""
    items = _sequence("last", value)
    return items[-1] if items else None


def join(value: Any, separator: Any = ", ") -> str:
    """All items as one text."""
    between = text(separator)
    parts = [text(item) for item in _list("join", value)]
    size = sum(map(len, parts)) + len(between) * len(parts)
    if size > limits.CHARACTERS:
        raise LimitFault(f"the text has more than {limits.CHARACTERS:,} characters")
    return between.join(parts)


def sort(value: Any, field: Any = None) -> Any:
    """In ascending order, numbers before text; with a field, maps in the order of that field. Text: its characters."""
    if isinstance(value, str):
        return "".join(sorted(value))
    items = _list("sort", value)
    if field is None:
        return sorted(items, key=_rank)
    return sorted(items, key=lambda item: _rank(outward(look_up(item, field))))


def reverse(value: Any) -> Any:
    """Back to front."""
    return _sequence("reverse", value)[::-1]


def uniq(value: Any) -> list[Any]:
    """The first of each group of equal items."""
    kept: dict[Any, Any] = {}
    for item in _list("uniq", value):
        kept.setdefault(_identity(item, 0), item)
    return list(kept.values())


def compact(value: Any) -> list[Any]:
    """The items that are not null."""
    return [item for item in _list("compact", value) if item is not None]


def flatten(value: Any) -> list[Any]:
    """The items of all the lists within lists, as one list."""
    flat: list[Any] = []
    open_lists: list[Iterator[Any]] = [iter(_list("flatten", value))]
    steps = 0
    while open_lists:
        item = next(open_lists[-1], MISSING)
        steps += 1
        if steps > limits.ITEMS or len(open_lists) > limits.DATA_NESTING:
            raise LimitFault(f"flatten takes at most {limits.ITEMS:,} items, {limits.DATA_NESTING} deep")
        if item is MISSING:
            open_lists.pop()
        elif isinstance(item, (list, tuple)):
            open_lists.append(iter(item))
        else:
            flat.append(item)
    return flat


def slice_(value: Any, start: Any, count: Any = None) -> Any:
    """The items or characters from a place on, or so many of them; a negative place counts from the end."""
    items = _sequence("slice", value)
    if type(start) is not int or not (count is None or (type(count) is int and count >= 0)):
        raise Fault("slice needs a whole number to start at, and how many to take")
    begin = max(0, len(items) + start) if start < 0 else start
    return items[begin:] if count is None else items[begin : begin + count]


def contains(value: Any, item: Any) -> bool:
    """Whether a list has the item, a map the key, or a text the part."""
    if value is None or value is MISSING:
        raise Fault("contains needs a list, a map or text, not null")
    return contained(item, value)


def sum_(value: Any) -> Any:
    """The sum of a list of numbers."""
    total: Any = 0
    for item in _list("sum", value):
        if not is_number(item):
            raise Fault(f"sum needs numbers only; the list has {type_name(item)}")
        total += item
    return bounded(total)


def keys(value: Any) -> list[Any]:
    """The keys of a map."""
    return list(dict.keys(_map("keys", value)))


def values(value: Any) -> list[Any]:
    """The values of a map."""
    return list(dict.values(_map("values", value)))


def group_by(value: Any, field: Any) -> dict[str, list[Any]]:
    """The maps of a list, gathered under the text of one of their fields."""
    groups: dict[str, list[Any]] = {}
    for item in _maps("group_by", value):
        groups.setdefault(text(look_up(item, field)), []).append(item)
    return groups


def map_(value: Any, field: Any) -> list[Any]:
    """One field of every map in a list, where it is not null."""
    found = [outward(look_up(item, field)) for item in _maps("map", value)]
    return [item for item in found if item is not None]


def filter_(value: Any, field: Any, wanted: Any = True) -> list[Any]:
    """The maps of a list whose field has the value."""
    return [item for item in _maps("filter", value) if equal(look_up(item, field), wanted)]


def reject(value: Any, field: Any, unwanted: Any = True) -> list[Any]:
    """The items of a list, without the maps whose field has the value."""
    return [
        item
        for item in _list("reject", value)
        if not (isinstance(item, dict) and equal(look_up(item, field), unwanted))
    ]


def _list(filter_name: str, value: Any) -> list[Any]:
    items = outward(value)
    if isinstance(items, list):
        return items
    if isinstance(items, tuple):
        return list(items)
    raise Fault(f"{filter_name} needs a list, not {type_name(items)}")


def _sequence(filter_name: str, value: Any) -> Any:
    return value if isinstance(value, str) else _list(filter_name, value)


def _map(filter_name: str, value: Any) -> dict[Any, Any]:
    fields = outward(value)
    if isinstance(fields, dict):
        return fields
    raise Fault(f"{filter_name} needs a map, not {type_name(fields)}")


def _maps(filter_name: str, value: Any) -> list[Any]:
    return [item for item in _list(filter_name, value) if isinstance(item, dict)]


def _rank(item: Any) -> tuple[int, Any]:
    """Where an item stands among others: numbers, then null and booleans, then times, then text."""
    if is_number(item):
        return 0, item
    if item is None or isinstance(item, bool):
        return 1, -1 if item is None else int(item)
    if isinstance(item, datetime):
        return 2, instant(item)
    for place, kind in enumerate((date, time, timedelta, str), 3):
        if isinstance(item, kind):
            return place, item
    raise Fault(f"{type_name(item)} cannot be sorted; name a field to sort by")


def _identity(item: Any, depth: int) -> Any:
    """A key that equal items share: numbers by value, true and false apart from them, structures by content."""
    if depth > limits.DATA_NESTING:
        raise LimitFault(f"the value is nested more than {limits.DATA_NESTING} deep")
    item = outward(item)
    if isinstance(item, (list, tuple)):
        return "list", tuple(_identity(member, depth + 1) for member in item)
    if isinstance(item, dict):
        return "map", frozenset((key, _identity(member, depth + 1)) for key, member in dict.items(item))
    if isinstance(item, bool) or item is None:
        return "constant", item
    if isinstance(item, (int, float, str, datetime, date, time, timedelta)):
        return "value", item
    return "object", id(item)
