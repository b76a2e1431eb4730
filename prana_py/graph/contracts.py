"""Contracts: what may pass over a connection, as a JSON Schema that is compiled once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final, TypeAlias, final

import msgspec

from prana_py.errors import nearest
from prana_py.expressions.fault import Fault
from prana_py.expressions.regular_expression import Searcher, compile_pattern

DEEPEST: Final = 64
"""How deep schemas may nest, and how deep references may lead into a value."""

MOST_FAULTS: Final = 20
"""After so many nobody reads on."""

Check: TypeAlias = Callable[[Any, str, int], Iterator[tuple[str, str]]]
"""What is wrong with a value at a path, in a depth: pairs of path and message."""


class ContractError(ValueError):
    """A schema that cannot be used: where in it, and why."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


@final
class Contract(msgspec.Struct, frozen=True, eq=False):
    """A compiled schema."""

    schema: dict[str, Any]
    check: Check

    def faults(self, value: Any) -> list[tuple[str, str]]:
        """What is wrong with a value, as pairs of path and message; at most the first twenty."""
        found: list[tuple[str, str]] = []
        for fault in self.check(value, "", 0):
            found.append(fault)
            if len(found) == MOST_FAULTS:
                break
        return found


def compile_contract(schema: Mapping[str, Any]) -> Contract:
    """The contract of a schema; ``ContractError`` for keywords, types and references that are not known."""
    return Contract(schema=dict(schema), check=_Compiler(schema).schema(schema, "", 0))


class _Compiler:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.references: dict[str, list[Check]] = {}
        """What each reference leads to: empty while it is being compiled, for schemas may refer to themselves."""

    def schema(self, schema: Any, path: str, depth: int) -> Check:
        if schema is True or schema == {}:
            return _all([])
        if schema is False:
            return lambda value, where, level: iter([(where, "nothing is allowed here")])
        if not isinstance(schema, Mapping):
            raise ContractError(path, f"a schema is an object, true or false, not {_kind(schema)}")
        if depth > DEEPEST:
            raise ContractError(path, f"the schema is nested more than {DEEPEST} deep")
        checks: list[Check] = []
        for keyword, argument in schema.items():
            if keyword in _DESCRIBES:
                continue
            where = _join(path, str(keyword))
            make = _KEYWORDS.get(keyword)
            if make is None:
                raise ContractError(where, f"the keyword {keyword!r} is not known{nearest(str(keyword), _KEYWORDS)}")
            checks.append(make(self, argument, where, depth + 1, schema))
        return _all(checks)

    def reference(self, argument: Any, path: str, depth: int) -> Check:
        if not isinstance(argument, str):
            raise ContractError(path, "a reference is a text")
        if argument not in self.references:
            self.references[argument] = []
            target = self.resolve(argument, path)
            self.references[argument].append(self.schema(target, path, depth))
        found = self.references[argument]
        return lambda value, where, level: _follow(found, value, where, level)

    def resolve(self, reference: str, path: str) -> Any:
        if reference != "#" and not reference.startswith("#/"):
            raise ContractError(path, f"the reference {reference!r} leads outside of the schema, which is not allowed")
        target: Any = self.root
        for part in reference.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, Mapping) or name not in target:
                raise ContractError(path, f"the reference {reference!r} leads to nothing in the schema")
            target = target[name]
        return target


Make: TypeAlias = Callable[[_Compiler, Any, str, int, Mapping[str, Any]], Check]


def _all(checks: list[Check]) -> Check:
    if len(checks) == 1:
        return checks[0]

    def check(value: Any, where: str, level: int) -> Iterator[tuple[str, str]]:
        for one in checks:
            yield from one(value, where, level)

    return check


def _follow(found: list[Check], value: Any, where: str, level: int) -> Iterator[tuple[str, str]]:
    if level >= DEEPEST:
        yield where, f"the schema refers to itself more than {DEEPEST} deep here"
        return
    yield from found[0](value, where, level + 1)


# ── kinds of values ──────────────────────────────────────────────────────────────────────────────────────────────────


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return _is_number(value) and (isinstance(value, int) or (math.isfinite(value) and value == int(value)))


_KINDS: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "number": _is_number,
    "string": lambda value: isinstance(value, (str, datetime, date)),
    "array": lambda value: isinstance(value, (list, tuple)),
    "object": lambda value: isinstance(value, Mapping),
}


def _kind(value: Any) -> str:
    return next((name for name, is_kind in _KINDS.items() if is_kind(value)), type(value).__name__)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON values: true is not 1, in containers neither."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


# ── keywords ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _type(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
    names = [argument] if isinstance(argument, str) else argument
    if not isinstance(names, list) or not names:
        raise ContractError(path, "a type is a name or a list of names")
    for name in names:
        if not isinstance(name, str) or name not in _KINDS:
            raise ContractError(path, f"the type {name!r} is not known{nearest(str(name), _KINDS)}")
    kinds = [_KINDS[name] for name in names]
    wanted = " or ".join(names)

    def check(value: Any, where: str, level: int) -> Iterator[tuple[str, str]]:
        if not any(is_kind(value) for is_kind in kinds):
            yield where, f"must be {wanted}, not {_kind(value)}"

    return check


def _enum(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
    if not isinstance(argument, list) or not argument:
        raise ContractError(path, "an enum is a list of values")
    listing = ", ".join(repr(item) for item in argument[:10])
    return _value_check(lambda value: any(_same(value, item) for item in argument), f"must be one of {listing}")


def _const(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
    return _value_check(lambda value: _same(value, argument), f"must be {argument!r}")


def _value_check(holds: Callable[[Any], bool], message: str, applies: Callable[[Any], bool] | None = None) -> Check:
    def check(value: Any, where: str, level: int) -> Iterator[tuple[str, str]]:
        if (applies is None or applies(value)) and not holds(value):
            yield where, message

    return check


def _comparing(wording: str, holds: Callable[[Any, Any], bool]) -> Make:
    def make(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
        if not _is_number(argument):
            raise ContractError(path, "is a number")
        return _value_check(lambda value: holds(value, argument), f"must be {wording} {argument}", _is_number)

    return make


def _multiple(value: Any, step: Any) -> bool:
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    quotient = value / step
    return math.isfinite(quotient) and abs(quotient - round(quotient)) < 1e-9


def _multiple_of(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
    if not _is_number(argument) or argument <= 0:
        raise ContractError(path, "is a number above zero")
    return _value_check(lambda value: _multiple(value, argument), f"must be a multiple of {argument}", _is_number)


def _counting(kind: str, wording: str, unit: str, holds: Callable[[int, int], bool]) -> Make:
    def make(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
        if not isinstance(argument, int) or isinstance(argument, bool) or argument < 0:
            raise ContractError(path, "is a whole number, not below zero")
        applies = (lambda value: isinstance(value, str)) if kind == "string" else _KINDS[kind]
        return _value_check(
            lambda value: holds(len(value), argument), f"must have {wording} {argument} {unit}", applies
        )

    return make


def _pattern(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
    if not isinstance(argument, str):
        raise ContractError(path, "a pattern is a text")
    try:
        pattern = compile_pattern(argument)
    except Fault as fault:
        raise ContractError(path, str(fault)) from fault

    def check(value: Any, where: str, level: int) -> Iterator[tuple[str, str]]:
        if not isinstance(value, str):
            return
        try:
            found = Searcher(pattern, value).search(0)
        except Fault as fault:
            yield where, str(fault)
        else:
            if found is None:
                yield where, f"must match {argument!r}"

    return check


def _properties(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
    if not isinstance(argument, Mapping):
        raise ContractError(path, "is an object of schemas")
    checks = {name: compiler.schema(part, _join(path, str(name)), depth) for name, part in argument.items()}

    def check(value: Any, where: str, level: int) -> Iterator[tuple[str, str]]:
        if isinstance(value, Mapping):
            for name, one in checks.items():
                if name in value:
                    yield from one(value[name], _join(where, name), level)

    return check


def _additional(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
    declared = schema.get("properties", {})
    one = compiler.schema(argument, path, depth)

    def check(value: Any, where: str, level: int) -> Iterator[tuple[str, str]]:
        if isinstance(value, Mapping):
            for name, item in value.items():
                if name not in declared:
                    yield from one(item, _join(where, str(name)), level)

    return check


def _required(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
    if not isinstance(argument, list) or not all(isinstance(name, str) for name in argument):
        raise ContractError(path, "is a list of names")

    def check(value: Any, where: str, level: int) -> Iterator[tuple[str, str]]:
        if isinstance(value, Mapping):
            for name in argument:
                if name not in value:
                    yield _join(where, name), "is missing"

    return check


def _items(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
    first = schema.get("prefixItems", [])
    skipped = len(first) if isinstance(first, list) else 0
    one = compiler.schema(argument, path, depth)

    def check(value: Any, where: str, level: int) -> Iterator[tuple[str, str]]:
        if isinstance(value, (list, tuple)):
            for index, item in enumerate(value[skipped:], skipped):
                yield from one(item, f"{where}[{index}]", level)

    return check


def _prefix_items(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
    checks = _list_of(compiler, argument, path, depth)

    def check(value: Any, where: str, level: int) -> Iterator[tuple[str, str]]:
        if isinstance(value, (list, tuple)):
            for index, (item, one) in enumerate(zip(value, checks, strict=False)):
                yield from one(item, f"{where}[{index}]", level)

    return check


def _unique_items(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
    def distinct(value: Any) -> bool:
        try:
            encoded = {msgspec.json.encode(item, order="deterministic") for item in value}
        except (TypeError, ValueError):
            return True
        return len(encoded) == len(value)

    return _value_check(distinct, "must not hold equal items", _KINDS["array"]) if argument else _all([])


def _list_of(compiler: _Compiler, argument: Any, path: str, depth: int) -> list[Check]:
    if not isinstance(argument, list) or not argument:
        raise ContractError(path, "is a list of schemas")
    return [compiler.schema(part, f"{path}[{index}]", depth) for index, part in enumerate(argument)]


def _holds(one: Check, value: Any, where: str, level: int) -> bool:
    return next(one(value, where, level), None) is None


def _all_of(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
    return _all(_list_of(compiler, argument, path, depth))


def _choosing(enough: Callable[[int], bool], message: str) -> Make:
    def make(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
        checks = _list_of(compiler, argument, path, depth)

        def check(value: Any, where: str, level: int) -> Iterator[tuple[str, str]]:
            if not enough(sum(_holds(one, value, where, level) for one in checks)):
                yield where, message

        return check

    return make


def _not(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
    one = compiler.schema(argument, path, depth)

    def check(value: Any, where: str, level: int) -> Iterator[tuple[str, str]]:
        if _holds(one, value, where, level):
            yield where, "must not be as the schema under 'not' says"

    return check


def _reference(compiler: _Compiler, argument: Any, path: str, depth: int, schema: Mapping[str, Any]) -> Check:
    return compiler.reference(argument, path, depth)


_DESCRIBES = frozenset(
    [
        "$schema",
        "$id",
        "$defs",
        "definitions",
        "$comment",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "format",
    ]
)
"""Keywords that ask nothing of a value."""

_KEYWORDS: dict[str, Make] = {
    "$ref": _reference,
    "type": _type,
    "enum": _enum,
    "const": _const,
    "minimum": _comparing("at least", lambda value, bound: bool(value >= bound)),
    "maximum": _comparing("at most", lambda value, bound: bool(value <= bound)),
    "exclusiveMinimum": _comparing("above", lambda value, bound: bool(value > bound)),
    "exclusiveMaximum": _comparing("below", lambda value, bound: bool(value < bound)),
    "multipleOf": _multiple_of,
    "minLength": _counting("string", "at least", "characters", lambda count, bound: count >= bound),
    "maxLength": _counting("string", "at most", "characters", lambda count, bound: count <= bound),
    "minItems": _counting("array", "at least", "items", lambda count, bound: count >= bound),
    "maxItems": _counting("array", "at most", "items", lambda count, bound: count <= bound),
    "minProperties": _counting("object", "at least", "fields", lambda count, bound: count >= bound),
    "maxProperties": _counting("object", "at most", "fields", lambda count, bound: count <= bound),
    "pattern": _pattern,
    "properties": _properties,
    "additionalProperties": _additional,
    "required": _required,
    "items": _items,
    "prefixItems": _prefix_items,
    "uniqueItems": _unique_items,
    "allOf": _all_of,
    "anyOf": _choosing(lambda count: count > 0, "fits none of the schemas that are allowed"),
    "oneOf": _choosing(lambda count: count == 1, "must fit exactly one of the schemas that are allowed"),
    "not": _not,
}
