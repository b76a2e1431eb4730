"""Parameters of a node: checked and converted by annotations, all problems at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
import pytest

from prana_py.nodes.definition import node
from prana_py.nodes.signature import ABSENT, PARAM
from tests.nodes.calls import error_of, value_of


class Address(msgspec.Struct, forbid_unknown_fields=True):
    street: str
    number: int = 1


@node
def typed(
    name: str,
    count: int = 0,
    share: float = 0.5,
    flag: bool = False,
    maybe: str | None = None,
    kind: Literal["a", "b"] = "a",
    address: Address | None = None,
    within: timedelta = timedelta(minutes=1),
    at: datetime | None = None,
    tags: list[str] | None = None,
    limited: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1,
) -> Any:
    return locals().copy()


def taken(**params: Any) -> dict[str, Any]:
    found: dict[str, Any] = value_of(typed, params={"name": "n", **params})
    return found


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("count", 3, 3),
        ("count", "3", 3),
        ("count", 3.0, 3),
        ("share", 1, 1.0),
        ("share", "0.25", 0.25),
        ("flag", "true", True),
        ("flag", "0", False),
        ("maybe", "text", "text"),
        ("kind", "b", "b"),
        ("address", {"street": "s", "number": 2}, Address("s", 2)),
        ("within", "1h30m", timedelta(minutes=90)),
        ("within", "PT5M", timedelta(minutes=5)),
        ("within", 30, timedelta(seconds=30)),
        ("within", timedelta(1), timedelta(1)),
        ("at", "2030-01-01T00:00:00Z", datetime(2030, 1, 1, tzinfo=UTC)),
        ("at", datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)),
        ("tags", ["a"], ["a"]),
        ("limited", 9, 9),
    ],
)
def test_a_parameter_is_converted_to_its_type(name: str, given: Any, expected: Any):
    found = taken(**{name: given})[name]

    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("name", 5, "name is invalid: expected `str`, got `int` (given: 5)"),
        ("count", "many", "count is invalid"),
        ("count", 3.5, "count is invalid"),
        ("count", True, "count is invalid"),
        ("flag", 2, "flag is invalid"),
        ("kind", "c", "kind is invalid: invalid enum value 'c'"),
        ("address", {"street": 3}, "address.street is invalid"),
        ("address", {"street": "s", "numer": 3}, "address is invalid: object contains unknown field `numer`"),
        ("within", "soon", "within is invalid"),
        ("tags", ["a", 1], "tags[1] is invalid"),
        ("limited", 10, "limited is invalid: expected `int` <= 9"),
        ("nme", 1, "nme is unknown – did you mean 'name'?"),
    ],
)
def test_a_wrong_parameter_is_an_error_that_names_node_place_and_value(name: str, given: Any, said: str):
    error = error_of(typed, params={"name": "n", name: given})

    assert (error.code, error.retryable) == ("params_invalid", False)
    assert "node type 'typed'" in error.message
    assert said in error.message


def test_all_problems_are_told_at_once():
    error = error_of(typed, params={"count": "x", "flag": [], "unknown": 1})

    assert [problem["path"] for problem in error.details["problems"]] == ["name", "count", "flag", "unknown"]


@pytest.mark.row("X44")
def test_null_takes_the_default_unless_the_type_allows_it():
    found = taken(count=None, maybe=None, within=None)

    assert (found["count"], found["maybe"], found["within"]) == (0, None, timedelta(minutes=1))


def test_null_is_not_enough_for_a_required_parameter():
    assert "name is required" in error_of(typed, params={"name": None}).message


def test_a_parameter_without_a_type_takes_anything():
    @node
    def anything(value, other=5):
        return [value, other]

    assert value_of(anything, params={"value": None, "other": {"a": 1}}) == [None, {"a": 1}]
    assert value_of(anything, params={"value": [1], "other": None}) == [[1], 5]


def test_an_absent_parameter_can_be_told_from_null():
    @node
    def told(value: Any = ABSENT) -> str:
        return "absent" if value is ABSENT else repr(value)

    assert value_of(told) == "absent"
    assert value_of(told, params={"value": None}) == "None"


def test_further_parameters_are_taken_by_a_function_that_says_so():
    @node
    def open_ended(first: int, **params: Any) -> dict[str, Any]:
        return {"first": first, **params}

    assert value_of(open_ended, params={"first": 1, "a": 2, "b": [3]}) == {"first": 1, "a": 2, "b": [3]}
    assert (open_ended.spec.params_schema or {})["additionalProperties"] is True


def test_a_parameter_may_be_called_as_something_that_is_handed_in():
    @node
    def own(input: Annotated[int, PARAM]) -> int:
        return input

    assert value_of(own, params={"input": 3}, input="not this") == 3


def test_a_parameter_may_go_by_another_name():
    @node(param_aliases={"collection": "items"})
    def known(items: list[int]) -> int:
        return len(items)

    assert value_of(known, params={"collection": [1, 2]}) == 2
    assert value_of(known, params={"items": [1], "collection": [1, 2]}) == 1
    assert known.param_problems({"collection": ["x"]}, frozenset())[0][0] == "items[0]"
    assert known.param_problems({}, frozenset(("collection",))) == []


def test_the_input_is_converted_when_its_type_is_said():
    @node
    def send(input: Address) -> str:
        return input.street

    assert value_of(send, input={"street": "s"}) == "s"
    error = error_of(send, input={"street": 5})
    assert error.code == "input_invalid"
    assert "$.street" in error.message


def test_static_parameters_are_checked_before_anything_runs():
    problems = typed.param_problems({"count": "x", "share": "{{ $input }}"}, frozenset(("share",)))

    assert [path for path, _ in problems] == ["name", "count"]


def test_what_is_known_only_later_counts_as_given():
    assert typed.param_problems({}, frozenset(("name",))) == []
    assert typed.param_problems({"name": None}, frozenset()) == [("name", "is required, and null")]
