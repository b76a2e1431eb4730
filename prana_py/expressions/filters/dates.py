"""Filters on instants and durations; none of them asks for the time or the place."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from prana_py.expressions.fault import Fault
from prana_py.expressions.operators import add, bounded, instant, is_number
from prana_py.expressions.plain import type_name

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def _offset(when: datetime) -> str:
    total = int((when.utcoffset() or timedelta()).total_seconds()) // 60
    return f"{'-' if total < 0 else '+'}{abs(total) // 60:02d}{abs(total) % 60:02d}"


_DIRECTIVE: Final = re.compile(r"%(.)", re.DOTALL)
_WRITE: Final[dict[str, Callable[[datetime], str]]] = {
    "Y": lambda when: f"{when.year:04d}",
    "y": lambda when: f"{when.year % 100:02d}",
    "m": lambda when: f"{when.month:02d}",
    "d": lambda when: f"{when.day:02d}",
    "e": lambda when: str(when.day),
    "j": lambda when: f"{when.timetuple().tm_yday:03d}",
    "H": lambda when: f"{when.hour:02d}",
    "I": lambda when: f"{(when.hour + 11) % 12 + 1:02d}",
    "p": lambda when: "AM" if when.hour < 12 else "PM",
    "M": lambda when: f"{when.minute:02d}",
    "S": lambda when: f"{when.second:02d}",
    "f": lambda when: f"{when.microsecond:06d}",
    "A": lambda when: _DAYS[when.weekday()],
    "a": lambda when: _DAYS[when.weekday()][:3],
    "B": lambda when: _MONTHS[when.month - 1],
    "b": lambda when: _MONTHS[when.month - 1][:3],
    "u": lambda when: str(when.isoweekday()),
    "V": lambda when: f"{when.isocalendar().week:02d}",
    "G": lambda when: f"{when.isocalendar().year:04d}",
    "z": _offset,
    "F": lambda when: f"{when.year:04d}-{when.month:02d}-{when.day:02d}",
    "T": lambda when: f"{when.hour:02d}:{when.minute:02d}:{when.second:02d}",
    "%": lambda _when: "%",
}
_READ: Final = {
    "Y": r"(?P<year>\d{4})",
    "m": r"(?P<month>\d{2})",
    "d": r"(?P<day>\d{2})",
    "H": r"(?P<hour>\d{2})",
    "M": r"(?P<minute>\d{2})",
    "S": r"(?P<second>\d{2})",
    "f": r"(?P<microsecond>\d{6})",
    "F": r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})",
    "T": r"(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})",
    "z": r"(?P<zone>Z|[+-]\d{2}:?\d{2})",
    "%": "%",
}
_ISO_DURATION: Final = re.compile(
    r"(?P<sign>-?)P(?:(?P<weeks>\d{1,9})W)?(?:(?P<days>\d{1,9})D)?"
    r"(?:T(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9}(?:\.\d{1,6})?)S)?)?"
)
_SHORT_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(ms|s|m|h|d|w)\s*")
_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_PATTERN_LENGTH: Final = 200


def parse_date(value: Any, pattern: Any = None) -> datetime:
    """The instant that a text writes in ISO 8601 or by a pattern, or that is so many seconds after 1970; else UTC."""
    if isinstance(value, datetime):
        return instant(value)
    if type(value) is date:
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if is_number(value):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)
    if not isinstance(value, str):
        raise Fault(f"parse_date needs text or a number, not {type_name(value)}")
    if pattern is not None:
        return _read_by_pattern(value, pattern)
    try:
        return instant(datetime.fromisoformat(value.strip()))
    except ValueError as error:
        raise Fault(f"{value[:40]!r} is not an instant in ISO 8601") from error


def format_date(value: Any, pattern: Any) -> str:
    """The instant written by a pattern such as ``%Y-%m-%d %H:%M``."""
    when = parse_date(value)
    directives = _pattern("format_date", pattern)
    return _DIRECTIVE.sub(lambda match: _directive(_WRITE, match)(when), directives)


def timestamp(value: Any) -> float:
    """The seconds from 1970 to the instant."""
    return parse_date(value).timestamp()


def duration(value: Any) -> timedelta:
    """A duration from ``1h 30m``, ``PT1H30M`` or a number of seconds."""
    if isinstance(value, timedelta):
        return value
    if is_number(value):
        return seconds(value)
    if not isinstance(value, str):
        raise Fault(f"duration needs text or a number, not {type_name(value)}")
    written = value.strip()
    iso = _ISO_DURATION.fullmatch(written) if len(written) <= _PATTERN_LENGTH else None
    if iso and any(iso.group(unit) for unit in ("weeks", "days", "hours", "minutes", "seconds")):
        parts = {unit: float(number) for unit, number in iso.groupdict().items() if number and unit != "sign"}
        return timedelta(**parts) * (-1 if iso.group("sign") else 1)
    return _short_duration(written)


def seconds(value: Any) -> timedelta:
    """So many seconds."""
    return timedelta(seconds=_count("seconds", value))


def minutes(value: Any) -> timedelta:
    """So many minutes."""
    return timedelta(minutes=_count("minutes", value))


def hours(value: Any) -> timedelta:
    """So many hours."""
    return timedelta(hours=_count("hours", value))


def days(value: Any) -> timedelta:
    """So many days."""
    return timedelta(days=_count("days", value))


def weeks(value: Any) -> timedelta:
    """So many weeks."""
    return timedelta(weeks=_count("weeks", value))


def total_seconds(value: Any) -> float:
    """The length of a duration in seconds."""
    return duration(value).total_seconds()


def add_duration(value: Any, length: Any) -> Any:
    """The instant moved by a duration, written as for ``duration``; a number plus another."""
    if is_number(value):
        return add(value, length)
    moment = value if isinstance(value, (datetime, timedelta)) else parse_date(value)
    return add(moment, duration(length))


def _count(filter_name: str, value: Any) -> Any:
    if not is_number(value):
        raise Fault(f"{filter_name} needs a number, not {type_name(value)}")
    return bounded(value)


def _short_duration(written: str) -> timedelta:
    total = timedelta()
    position = 0
    sign = -1 if written.startswith("-") else 1
    body = written[1:] if sign < 0 else written
    while len(body) <= _PATTERN_LENGTH and (match := _SHORT_DURATION.match(body, position)):
        total += timedelta(seconds=float(match.group(1)) * _SECONDS[match.group(2)])
        position = match.end()
    if position == 0 or position != len(body):
        raise Fault(f"{written[:40]!r} is not a duration; write it as '1h 30m' or 'PT1H30M'")
    return total * sign


def _pattern(filter_name: str, pattern: Any) -> str:
    if not isinstance(pattern, str) or len(pattern) > _PATTERN_LENGTH:
        raise Fault(f"{filter_name} needs a pattern of at most {_PATTERN_LENGTH} characters")
    return pattern


def _directive(table: dict[str, Any], match: re.Match[str]) -> Any:
    found = table.get(match.group(1))
    if found is None:
        known = " ".join(f"%{name}" for name in table)
        raise Fault(f"%{match.group(1)} is not known in a date pattern; there are {known}")
    return found


def _read_by_pattern(value: str, pattern: Any) -> datetime:
    directives = _DIRECTIVE.split(_pattern("parse_date", pattern))
    parts = [_READ.get(part, "") if index % 2 else re.escape(part) for index, part in enumerate(directives)]
    unknown = [part for part in directives[1::2] if part not in _READ]
    if unknown:
        raise Fault(f"%{unknown[0]} cannot be read; there are {' '.join(f'%{name}' for name in _READ)}")
    try:
        match = re.fullmatch("".join(parts), value.strip())
    except re.error as error:
        raise Fault("a date pattern can name each part only once") from error
    if match is None:
        raise Fault(f"{value[:40]!r} is not written as {pattern}")
    return _instant_of(match.groupdict())


def _instant_of(fields: dict[str, str]) -> datetime:
    zone = fields.pop("zone", None) or "Z"
    offset = datetime.fromisoformat(f"2000-01-01T00:00:00{zone}").tzinfo
    numbers = {name: int(digits) for name, digits in fields.items()}
    try:
        return datetime(1970, 1, 1, tzinfo=offset).replace(**numbers)  # type: ignore[arg-type]  # names of _READ
    except ValueError as error:
        raise Fault(f"there is no such date: {error}") from error
