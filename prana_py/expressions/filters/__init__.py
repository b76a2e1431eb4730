"""All filters of the template language, by name."""

from __future__ import annotations

from typing import Final

from prana_py.expressions.filters import dates, lists, numbers, patterns, texts
from prana_py.expressions.filters.filter import Filter, FilterFunction

_FUNCTIONS: Final[dict[str, FilterFunction]] = {
    "upper_case": texts.upper_case,
    "lower_case": texts.lower_case,
    "capitalize": texts.capitalize,
    "strip": texts.strip,
    "upper": texts.upper_case,
    "lower": texts.lower_case,
    "trim": texts.strip,
    "truncate": texts.truncate,
    "replace": texts.replace,
    "split": texts.split,
    "dump": texts.dump,
    "json": texts.dump,
    "text": texts.to_text,
    "default": lists.default,
    "length": lists.length,
    "first": lists.first,
    "last": lists.last,
    "join": lists.join,
    "sort": lists.sort,
    "reverse": lists.reverse,
    "uniq": lists.uniq,
    "compact": lists.compact,
    "flatten": lists.flatten,
    "slice": lists.slice_,
    "contains": lists.contains,
    "sum": lists.sum_,
    "keys": lists.keys,
    "values": lists.values,
    "group_by": lists.group_by,
    "map": lists.map_,
    "filter": lists.filter_,
    "reject": lists.reject,
    "abs": numbers.absolute,
    "ceil": numbers.ceil,
    "floor": numbers.floor,
    "round": numbers.round_,
    "max": numbers.largest,
    "min": numbers.smallest,
    "power": numbers.power,
    "sqrt": numbers.square_root,
    "mod": numbers.modulo,
    "clamp": numbers.clamp,
    "number": numbers.number,
    "parse_date": dates.parse_date,
    "format_date": dates.format_date,
    "timestamp": dates.timestamp,
    "duration": dates.duration,
    "seconds": dates.seconds,
    "minutes": dates.minutes,
    "hours": dates.hours,
    "days": dates.days,
    "weeks": dates.weeks,
    "total_seconds": dates.total_seconds,
    "add": dates.add_duration,
}
_PATTERN_FUNCTIONS: Final[dict[str, FilterFunction]] = {
    "matches": patterns.matches,
    "find": patterns.find,
    "find_all": patterns.find_all,
    "replace_pattern": patterns.replace_pattern,
}

FILTERS: Final[dict[str, Filter]] = {
    **{name: Filter(function) for name, function in _FUNCTIONS.items()},
    **{name: Filter(function, patterns.cost) for name, function in _PATTERN_FUNCTIONS.items()},
}
