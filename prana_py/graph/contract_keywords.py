"""The keywords of JSON Schema that contracts know, each compiled to a check."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec

from prana_py.errors import nearest
from prana_py.expressions.fault import Fault
from prana_py.expressions.regular_expression import Searcher, compile_pattern
from prana_py.graph.contract_values import KINDS, Visit, is_multiple, is_number, is_text, kind_of, same

Faults: TypeAlias = Iterator[tuple[str, str]]
"""Pairs of path and message."""

Check: TypeAlias = Callable[[Any, str, Visit], Faults]
"""What is wrong with a value that stands at a path."""

Test: TypeAlias = Callable[[Any], str | None]
"""What is wrong with a value by itself."""


class ContractError(ValueError):
    """A schema that cannot be used: where in it, and why."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


class Compiler(Protocol):
    """What compiles the schemas inside a schema."""

    def compile(self, schema: Any, path: str, depth: int) -> Check: ...

    def reference(self, reference: str, path: str, depth: int) -> Check: ...


class Keyword(NamedTuple):
    """One keyword as it stands in a schema."""

    compiler: Compiler
    argument: Any
    path: str
    depth: int
    schema: Mapping[str, Any]

    def inner(self) -> Check:
        """The argument, which is a schema."""
        return self.compiler.compile(self.argument, self.path, self.depth + 1)

    def inner_list(self) -> list[Check]:
        """The argument, which is a list of schemas."""
        if not isinstance(self.argument, list) or not self.argument:
            raise self.refused("is a list of schemas")
        return [
            self.compiler.compile(schema, f"{self.path}[{index}]", self.depth + 1)
            for index, schema in enumerate(self.argument)
        ]

    def inner_map(self) -> dict[str, Check]:
        """The argument, which is an object of schemas."""
        if not isinstance(self.argument, Mapping):
            raise self.refused("is an object of schemas")
        return {
            name: self.compiler.compile(schema, inside(self.path, str(name)), self.depth + 1)
            for name, schema in self.argument.items()
        }

    def refused(self, message: str) -> ContractError:
        """The error that this keyword is not written as it must be."""
        return ContractError(self.path, message)


def inside(path: str, name: str) -> str:
    """The path of a field."""
    return f"{path}.{name}" if path else name


def all_hold(checks: list[Check]) -> Check:
    """Every one of the checks."""

    def check(value: Any, where: str, visit: Visit) -> Faults:
        visit.step()
        for one in checks:
            yield from one(value, where, visit)

    return check


def _alone(test: Test) -> Check:
    def check(value: Any, where: str, _visit: Visit) -> Faults:
        message = test(value)
        if message is not None:
            yield where, message

    return check


def _type(keyword: Keyword) -> Check:
    names = [keyword.argument] if isinstance(keyword.argument, str) else keyword.argument
    if not isinstance(names, list) or not names:
        raise keyword.refused("a type is a name or a list of names")
    for name in names:
        if not isinstance(name, str) or name not in KINDS:
            raise keyword.refused(f"the type {name!r} is not known{nearest(str(name), KINDS)}")
    kinds = [KINDS[name] for name in names]
    wanted = " or ".join(names)
    return _alone(
        lambda value: None if any(is_kind(value) for is_kind in kinds) else f"must be {wanted}, not {kind_of(value)}"
    )


def _enum(keyword: Keyword) -> Check:
    allowed = keyword.argument
    if not isinstance(allowed, list) or not allowed:
        raise keyword.refused("an enum is a list of values")
    message = "must be one of " + ", ".join(repr(item) for item in allowed[:10])
    return _alone(lambda value: None if any(same(value, item) for item in allowed) else message)


def _const(keyword: Keyword) -> Check:
    only = keyword.argument
    return _alone(lambda value: None if same(value, only) else f"must be {only!r}")


def _comparing(wording: str, holds: Callable[[Any, Any], bool]) -> Callable[[Keyword], Check]:
    def make(keyword: Keyword) -> Check:
        bound = keyword.argument
        if not is_number(bound):
            raise keyword.refused("is a number")
        message = f"must be {wording} {bound}"
        return _alone(lambda value: message if is_number(value) and not holds(value, bound) else None)

    return make


def _multiple_of(keyword: Keyword) -> Check:
    step = keyword.argument
    if not is_number(step) or step <= 0:
        raise keyword.refused("is a number above zero")
    message = f"must be a multiple of {step}"
    return _alone(lambda value: message if is_number(value) and not is_multiple(value, step) else None)


def _counting(
    counts: Callable[[Any], bool], wording: str, unit: str, holds: Callable[[int, int], bool]
) -> Callable[[Keyword], Check]:
    def make(keyword: Keyword) -> Check:
        bound = keyword.argument
        if not isinstance(bound, int) or isinstance(bound, bool) or bound < 0:
            raise keyword.refused("is a whole number, not below zero")
        message = f"must have {wording} {bound} {unit}"
        return _alone(lambda value: message if counts(value) and not holds(len(value), bound) else None)

    return make


def _pattern(keyword: Keyword) -> Check:
    written = keyword.argument
    if not isinstance(written, str):
        raise keyword.refused("a pattern is a text")
    try:
        pattern = compile_pattern(written)
    except Fault as fault:
        raise keyword.refused(fault.message) from fault

    def test(value: Any) -> str | None:
        if not isinstance(value, str):
            return None
        try:
            found = Searcher(pattern, value).search(0)
        except Fault as fault:
            return fault.message
        return f"must match {written!r}" if found is None else None

    return _alone(test)


def _properties(keyword: Keyword) -> Check:
    checks = keyword.inner_map()

    def check(value: Any, where: str, visit: Visit) -> Faults:
        if isinstance(value, Mapping):
            for name, one in checks.items():
                if name in value:
                    yield from one(value[name], inside(where, name), visit)

    return check


def _additional_properties(keyword: Keyword) -> Check:
    declared = keyword.schema.get("properties", {})
    one = keyword.inner()

    def check(value: Any, where: str, visit: Visit) -> Faults:
        if isinstance(value, Mapping):
            for name, item in value.items():
                if name not in declared:
                    yield from one(item, inside(where, str(name)), visit)

    return check


def _required(keyword: Keyword) -> Check:
    names = keyword.argument
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise keyword.refused("is a list of names")

    def check(value: Any, where: str, _visit: Visit) -> Faults:
        if isinstance(value, Mapping):
            for name in names:
                if name not in value:
                    yield inside(where, name), "is missing"

    return check


def _items(keyword: Keyword) -> Check:
    first = keyword.schema.get("prefixItems", [])
    skipped = len(first) if isinstance(first, list) else 0
    one = keyword.inner()

    def check(value: Any, where: str, visit: Visit) -> Faults:
        if isinstance(value, (list, tuple)):
            for index, item in enumerate(value[skipped:], skipped):
                yield from one(item, f"{where}[{index}]", visit)

    return check


def _prefix_items(keyword: Keyword) -> Check:
    checks = keyword.inner_list()

    def check(value: Any, where: str, visit: Visit) -> Faults:
        if isinstance(value, (list, tuple)):
            for index, (item, one) in enumerate(zip(value, checks, strict=False)):
                yield from one(item, f"{where}[{index}]", visit)

    return check


def _unique_items(keyword: Keyword) -> Check:
    def test(value: Any) -> str | None:
        if not isinstance(value, (list, tuple)):
            return None
        encoded = {msgspec.json.encode(item, order="sorted") for item in value}
        return None if len(encoded) == len(value) else "must not hold equal items"

    return _alone(test) if keyword.argument else all_hold([])


def _all_of(keyword: Keyword) -> Check:
    return all_hold(keyword.inner_list())


def _choosing(enough: Callable[[int], bool], message: str) -> Callable[[Keyword], Check]:
    def make(keyword: Keyword) -> Check:
        checks = keyword.inner_list()

        def check(value: Any, where: str, visit: Visit) -> Faults:
            if not enough(sum(_fits(one, value, where, visit) for one in checks)):
                yield where, message

        return check

    return make


def _not(keyword: Keyword) -> Check:
    one = keyword.inner()

    def check(value: Any, where: str, visit: Visit) -> Faults:
        if _fits(one, value, where, visit):
            yield where, "must not be as the schema under 'not' says"

    return check


def _fits(one: Check, value: Any, where: str, visit: Visit) -> bool:
    return next(one(value, where, visit), None) is None


def _reference(keyword: Keyword) -> Check:
    if not isinstance(keyword.argument, str):
        raise keyword.refused("a reference is a text")
    return keyword.compiler.reference(keyword.argument, keyword.path, keyword.depth)


DESCRIPTIVE: frozenset[str] = frozenset(
    {"$schema", "$id", "$defs", "definitions", "$comment", "title", "description", "default", "examples"}
    | {"deprecated", "readOnly", "writeOnly", "format"}
)
"""Keywords that ask nothing of a value."""

KEYWORDS: dict[str, Callable[[Keyword], Check]] = {
    "$ref": _reference,
    "type": _type,
    "enum": _enum,
    "const": _const,
    "minimum": _comparing("at least", lambda value, bound: bool(value >= bound)),
    "maximum": _comparing("at most", lambda value, bound: bool(value <= bound)),
    "exclusiveMinimum": _comparing("above", lambda value, bound: bool(value > bound)),
    "exclusiveMaximum": _comparing("below", lambda value, bound: bool(value < bound)),
    "multipleOf": _multiple_of,
    "minLength": _counting(is_text, "at least", "characters", lambda count, bound: count >= bound),
    "maxLength": _counting(is_text, "at most", "characters", lambda count, bound: count <= bound),
    "minItems": _counting(KINDS["array"], "at least", "items", lambda count, bound: count >= bound),
    "maxItems": _counting(KINDS["array"], "at most", "items", lambda count, bound: count <= bound),
    "minProperties": _counting(KINDS["object"], "at least", "fields", lambda count, bound: count >= bound),
    "maxProperties": _counting(KINDS["object"], "at most", "fields", lambda count, bound: count <= bound),
    "pattern": _pattern,
    "properties": _properties,
    "additionalProperties": _additional_properties,
    "required": _required,
    "items": _items,
    "prefixItems": _prefix_items,
    "uniqueItems": _unique_items,
    "allOf": _all_of,
    "anyOf": _choosing(lambda count: count > 0, "fits none of the schemas that are allowed"),
    "oneOf": _choosing(lambda count: count == 1, "must fit exactly one of the schemas that are allowed"),
    "not": _not,
}
