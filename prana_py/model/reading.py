"""Reading plain data into structs, so that every problem of a document is found at once."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import timedelta
from functools import partial
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

import msgspec

from prana_py.errors import Problem, nearest
from prana_py.model.bounds import LONGER_THAN_ZERO, LONGEST_NAME, Name
from prana_py.model.durations import LONGEST, parse_duration

SMALLEST_INTEGER = -(2**63)
LARGEST_INTEGER = 2**64 - 1
"""Integers beyond these cannot be stored."""

_LARGEST_SEARCH = 50_000
"""How many names one document may be compared with for suggestions: that is slow, and hostile documents are long."""

_LONGEST_SHOWN = 60
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How large a document may be before it is refused without being read to its end."""

    max_bytes: int = 16 * 2**20
    max_depth: int = 100
    max_nodes: int = 10_000
    max_values: int = 2_000_000
    max_problems: int = 1_000


DEFAULT_LIMITS: Final = Limits()

INVALID: Final[Any] = object()
"""What a reader answers when it has reported a problem; it never gets into a struct."""


class RepeatedKeys(dict[str, Any]):
    """An object in whose text some keys stood more than once."""

    repeated: tuple[str, ...] = ()

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        """The pairs as a dict; a plain one, unless a key is repeated."""
        pairs = list(pairs)
        plain = dict(pairs)
        if len(plain) == len(pairs):
            return plain
        marked = cls(plain)
        marked.repeated = tuple(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        return marked


class Abandoned(Exception):
    """The document is not worth reading any further; never leaves ``Reading.read``."""


Reader: TypeAlias = "Callable[[Reading, Any], Any]"
"""Turns one value into what belongs in the struct, or reports a problem and answers ``INVALID``."""


class Reading:
    """One document being read: where the reader is, and what it found wrong so far."""

    __slots__ = ("compared", "limits", "node_key", "path", "problems", "typed", "values")

    def __init__(self, *, limits: Limits = DEFAULT_LIMITS, typed: bool = False) -> None:
        self.limits = limits
        self.typed = typed
        """The data are structs made in Python: their fields must have the right types already."""
        self.path: list[str | int] = []
        self.problems: list[Problem] = []
        self.values = 0
        self.compared = 0
        self.node_key: str | None = None

    def read(self, reader: Reader, value: Any) -> Any:
        """What ``reader`` makes of the whole document, ``INVALID`` if there are problems."""
        try:
            result = reader(self, value)
        except Abandoned:
            return INVALID
        return INVALID if self.problems else result

    def within(self, step: str | int, reader: Reader, value: Any) -> Any:
        """What ``reader`` makes of a part of the document."""
        self.path.append(step)
        result = reader(self, value)
        self.path.pop()
        return result

    def problem(self, code: str, message: str, *, at: str | tuple[str | int, ...] = ()) -> Any:
        """Take down what is wrong here, or at a part of what is here; answers ``INVALID``."""
        path = [*self.path, at] if isinstance(at, str) else [*self.path, *at]
        self.problems.append(Problem(code=code, message=message, place=place(path), node_key=self.node_key))
        if len(self.problems) >= self.limits.max_problems:
            self.abandon("too_many_problems", f"reading stopped after {len(self.problems)} problems")
        return INVALID

    def abandon(self, code: str, message: str) -> None:
        """Take down a last problem and read no further."""
        self.problems.append(Problem(code=code, message=message, place=place(self.path), node_key=self.node_key))
        raise Abandoned

    def suggestion(self, name: str, known: Collection[str]) -> str:
        """The nearest known name as the end of a message, while it is cheap to find."""
        self.compared += len(known)
        return nearest(name, known) if self.compared <= _LARGEST_SEARCH and len(name) <= 100 else ""

    def count(self, values: int) -> None:
        """So many more values: deeply shared or endless data end here, not in memory."""
        self.values += values
        if self.values > self.limits.max_values:
            self.abandon("too_large", f"the document has more than {self.limits.max_values} values")

    def enter(self) -> bool:
        """Whether a list or object may stand this deep."""
        if len(self.path) < self.limits.max_depth:
            return True
        self.problem("too_deep", f"lists and objects are nested deeper than {self.limits.max_depth}")
        return False

    def mapping(self, value: Any, what: str) -> Any:
        """The value as a dict whose keys are text, each once, or ``INVALID``."""
        if not isinstance(value, Mapping):
            return self.problem("wrong_type", f"expected {what}, got {shown(value)}")
        if not self.enter():
            return INVALID
        for key in getattr(value, "repeated", ()):
            self.problem("duplicate_key", f"the key {shown(key)} stands here more than once", at=key)
        if all(isinstance(key, str) and key.isascii() for key in value):
            return value
        return value if sum(not read_key(self, key) for key in value) == 0 else INVALID


def place(path: Iterable[str | int]) -> str:
    """A path as people write it: ``nodes[2].settings.retry.max_attempts``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.isidentifier() and len(step) <= _LONGEST_SHOWN:
            text += f".{step}" if text else step
        else:
            text += f"[{shown(step)}]"
    return text


def shown(value: Any) -> str:
    """A value for a message: short, whatever it is."""
    if isinstance(value, str):
        start = value[:_LONGEST_SHOWN]
        return (repr(start) if _encodable(start) else ascii(start)) + ("…" if len(value) > _LONGEST_SHOWN else "")
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"the number {value}" if value.bit_length() <= 64 else f"a number of {value.bit_length()} bits"
    if isinstance(value, float):
        return f"the number {value!r}"
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, (list, tuple)) else f"a Python {type(value).__name__}"


def read_key(reading: Reading, key: Any) -> bool:
    """Whether a key of an object is text that can be stored."""
    if not isinstance(key, str):
        reading.problem("wrong_type", f"the keys of an object are text, got {shown(key)}")
        return False
    if not _encodable(key):
        reading.problem("bad_text", f"the key {shown(key)} has half of a surrogate pair, which no file can hold")
        return False
    return True


def read_text(reading: Reading, value: Any) -> Any:
    """Text that can be stored."""
    if not isinstance(value, str):
        hint = "; write it in quotes" if isinstance(value, (bool, int, float)) else ""
        return reading.problem("wrong_type", f"expected text, got {shown(value)}{hint}")
    if not _encodable(value):
        return reading.problem("bad_text", f"{shown(value)} has half of a surrogate pair, which no file can hold")
    return value if type(value) is str else str.__str__(value)


def read_name(reading: Reading, value: Any) -> Any:
    """Text that may name something; nearly every name takes the short way."""
    if type(value) is str and 0 < len(value) <= LONGEST_NAME and value.isascii() and value.isprintable():
        return value
    text = read_text(reading, value)
    if text is INVALID:
        return INVALID
    if not 0 < len(text) <= LONGEST_NAME:
        return reading.problem("out_of_range", f"a name has 1 to {LONGEST_NAME} characters, this has {len(text)}")
    if _CONTROL.search(text):
        return reading.problem("wrong_format", f"{shown(text)} has control characters")
    return text


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_boolean(reading: Reading, value: Any) -> Any:
    """``true`` or ``false``."""
    return (
        value
        if isinstance(value, bool)
        else reading.problem("wrong_type", f"expected true or false, got {shown(value)}")
    )


def read_integer(reading: Reading, value: Any) -> Any:
    """A whole number that can be stored."""
    if isinstance(value, bool) or not isinstance(value, int):
        return reading.problem("wrong_type", f"expected a whole number, got {shown(value)}")
    if not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
        return reading.problem("out_of_range", "the number is beyond 64 bits")
    return int(value)


def read_number(reading: Reading, value: Any) -> Any:
    """A finite number."""
    if isinstance(value, float):
        finite = math.isfinite(value)
        return float(value) if finite else reading.problem("out_of_range", f"{value!r} is not a finite number")
    if isinstance(value, bool) or not isinstance(value, int):
        return reading.problem("wrong_type", f"expected a number, got {shown(value)}")
    whole = read_integer(reading, value)
    return whole if whole is INVALID else float(whole)


def read_duration(reading: Reading, value: Any) -> Any:
    """A duration: in a document a number of seconds or text, in Python a ``timedelta``."""
    if isinstance(value, timedelta):
        if timedelta() <= value <= LONGEST:
            return value
        return reading.problem("out_of_range", f"a duration lies between 0 and {LONGEST.days} days")
    if reading.typed or isinstance(value, bool) or not isinstance(value, (str, int, float)):
        expected = "a timedelta" if reading.typed else "a duration, such as '30s' or a number of seconds"
        return reading.problem("wrong_type", f"expected {expected}, got {shown(value)}")
    try:
        return parse_duration(value)
    except ValueError as error:
        code = "wrong_format" if isinstance(value, str) and "not a duration" in str(error) else "out_of_range"
        return reading.problem(code, f"{shown(value)} {error}")


def read_data(reading: Reading, value: Any) -> Any:
    """Data of the user's own: whatever JSON can say, copied."""
    if value is None or isinstance(value, bool):
        return value
    for kind, reader in _DATA_READERS:
        if isinstance(value, kind):
            return reader(reading, value)
    return reading.problem("wrong_type", f"expected data that JSON can hold, got {shown(value)}")


def read_object(reading: Reading, value: Any) -> Any:
    """An object of the user's own data; nearly every text in it takes the short way."""
    mapping = reading.mapping(value, "an object")
    if mapping is INVALID:
        return INVALID
    reading.count(len(mapping))
    return {
        str(key): item if type(item) is str and item.isascii() else reading.within(key, read_data, item)
        for key, item in mapping.items()
    }


def read_list(reading: Reading, value: Any, item_reader: Reader = read_data) -> Any:
    """A list, each item by the same reader."""
    if not isinstance(value, (list, tuple)):
        return reading.problem("wrong_type", f"expected a list, got {shown(value)}")
    if not reading.enter():
        return INVALID
    reading.count(len(value))
    return [reading.within(index, item_reader, item) for index, item in enumerate(value)]


_DATA_READERS: Final[tuple[tuple[type, Reader], ...]] = (
    (str, read_text),
    (int, read_integer),
    (float, read_number),
    (dict, read_object),
    (list, read_list),
    (tuple, read_list),
    (Mapping, read_object),
)


def read_choice(reading: Reading, value: Any, choices: tuple[str, ...]) -> Any:
    """One of a few words."""
    if isinstance(value, str) and value in choices:
        return str.__str__(value)
    known = ", ".join(map(repr, choices))
    hint = reading.suggestion(value, choices) if isinstance(value, str) else ""
    return reading.problem("unknown_value", f"expected one of {known}, got {shown(value)}{hint}")


class Field(msgspec.Struct, frozen=True):
    """A field of a struct, and how it is read."""

    name: str
    written: str
    reader: Reader
    required: bool
    nullable: bool
    default: Any


class StructReader:
    """Reads an object into one kind of struct: unknown, missing and wrong fields are all reported."""

    def __init__(self, struct: type[msgspec.Struct], readers: Readers) -> None:
        self.struct = struct
        self.what = f"an object with the fields of {struct.__name__}"
        self.fields: dict[str, Field] = {}
        for info in msgspec.structs.fields(struct):
            self.fields[info.encode_name] = Field(
                name=info.name,
                written=info.encode_name,
                reader=readers.reader(info.type),
                required=info.required,
                nullable=NoneType in get_args(info.type),
                default=info.default,
            )
        self._fields = tuple(self.fields.values())

    def __call__(self, reading: Reading, value: Any) -> Any:
        if isinstance(value, self.struct):
            return self._read_struct(reading, value)
        if reading.typed:
            return reading.problem("wrong_type", f"expected a {self.struct.__name__}, got {shown(value)}")
        return self._read_mapping(reading, value)

    def _read_struct(self, reading: Reading, value: Any) -> Any:
        values = {}
        typed, reading.typed = reading.typed, True
        for field in self._fields:
            item = getattr(value, field.name)
            if item is not field.default:
                values[field.name] = reading.within(field.written, field.reader, item)
        reading.typed = typed
        return self._make(values)

    def _read_mapping(self, reading: Reading, value: Any) -> Any:
        mapping = reading.mapping(value, self.what)
        if mapping is INVALID:
            return INVALID
        values = {}
        for written in mapping:
            field, item = self.fields.get(written), mapping[written]
            if field is None:
                self._unknown(reading, written)
            elif item is not None or field.required or field.nullable:
                values[field.name] = reading.within(written, field.reader, item)
        for field in self.fields.values():
            if field.required and field.written not in mapping:
                values[field.name] = reading.problem(
                    "missing_field", f"{field.written!r} is required", at=field.written
                )
        return self._make(values)

    def _unknown(self, reading: Reading, written: str) -> None:
        hint = reading.suggestion(written, self.fields) or f"; known are {', '.join(self.fields)}"
        name = self.struct.__name__
        reading.problem("unknown_field", f"a {name} has no field {shown(written)}{hint}", at=written)

    def _make(self, values: dict[str, Any]) -> Any:
        return INVALID if any(value is INVALID for value in values.values()) else self.struct(**values)


class Readers:
    """The reader of every type, made from the types themselves; ``special`` ones read what has a form of its own."""

    def __init__(self, special: Mapping[Any, Callable[[Readers], Reader]]) -> None:
        self._special = special
        self._known: dict[Any, Reader] = {
            str: read_text,
            Name: read_name,
            int: read_integer,
            bool: read_boolean,
            float: read_number,
            timedelta: read_duration,
            Any: read_data,
            dict[str, Any]: read_object,
        }

    def reader(self, annotation: Any) -> Reader:
        """How values of this type are read."""
        known = self._known.get(annotation)
        if known is None:
            special = self._special.get(_union(annotation) or annotation)
            known = self._known[annotation] = special(self) if special else self._make(annotation)
        return known

    def listing(self, annotation: Any) -> Reader:
        """How a list of values of this type is read, past any special reader."""
        return partial(_read_tuple, item_reader=self.reader(annotation))

    def struct(self, struct: type[msgspec.Struct]) -> StructReader:
        """How the plain form of a struct is read, past any special reader."""
        return StructReader(struct, self)

    def _make(self, annotation: Any) -> Reader:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return partial(_read_bounded, reader=self.reader(arguments[0]), bounds=arguments[1:])
        if origin in (Union, UnionType):
            return self._optional(arguments)
        if origin is Literal:
            return partial(read_choice, choices=arguments)
        if origin is tuple:
            return self.listing(arguments[0])
        if origin is dict:
            return partial(_read_dict, item_reader=self.reader(arguments[1]))
        return StructReader(annotation, self)

    def _optional(self, arguments: tuple[Any, ...]) -> Reader:
        rest = [argument for argument in arguments if argument is not NoneType]
        special = self._special.get(frozenset(rest))
        reader = special(self) if special else self.reader(rest[0])
        return partial(_read_optional, reader=reader) if NoneType in arguments else reader


def _union(annotation: Any) -> frozenset[Any] | None:
    return frozenset(get_args(annotation)) if get_origin(annotation) in (Union, UnionType) else None


def _read_optional(reading: Reading, value: Any, reader: Reader) -> Any:
    return None if value is None else reader(reading, value)


def _read_tuple(reading: Reading, value: Any, item_reader: Reader) -> Any:
    items = read_list(reading, value, item_reader)
    return INVALID if items is INVALID or any(item is INVALID for item in items) else tuple(items)


def _read_dict(reading: Reading, value: Any, item_reader: Reader) -> Any:
    mapping = reading.mapping(value, "an object")
    if mapping is INVALID:
        return INVALID
    return {str(key): reading.within(key, item_reader, mapping[key]) for key in mapping}


def _read_bounded(reading: Reading, value: Any, reader: Reader, bounds: tuple[Any, ...]) -> Any:
    result = reader(reading, value)
    if result is INVALID:
        return INVALID
    for bound in bounds:
        broken = _broken_duration(result) if bound is LONGER_THAN_ZERO else _broken_bound(result, bound)
        if broken is not None:
            return reading.problem(*broken)
    return result


def _broken_duration(value: timedelta) -> tuple[str, str] | None:
    return None if value else ("out_of_range", "the duration must be longer than zero")


def _broken_bound(value: Any, bound: msgspec.Meta) -> tuple[str, str] | None:
    if (bound.ge is not None and value < bound.ge) or (bound.le is not None and value > bound.le):
        return "out_of_range", f"{value} is not between {bound.ge} and {bound.le}"
    return None
