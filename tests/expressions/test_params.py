"""The params of a node: what is shared, what is filled in, and the map directives."""

from __future__ import annotations

from typing import Any

import pytest

from prana_py.errors import TemplateError
from prana_py.expressions import Names, TemplateProblems, compile_params

NAMES = Names({"$input": {"n": 7, "list": [1, 2, 3], "people": [{"n": "Ada"}, {"n": "Bob"}], "map": {"a": 1, "b": 2}}})


def rendered(value: Any) -> Any:
    return compile_params({"p": value}).render(NAMES)["p"]


def test_static_params_are_the_very_object_they_were() -> None:
    source = {"a": 1, "b": ["x", {"y": None}], "c": "plain", "#map": 1, "d": {"#if": "no list"}}
    params = compile_params(source)

    assert params.static
    assert params.render(NAMES) is source
    assert params.templated == frozenset()


def test_templates_are_filled_in_wherever_they_are() -> None:
    source: dict[str, Any] = {
        "url": "/{{ $input.n }}",
        "deep": {"list": ["a", {"n": "{{ $input.n }}"}]},
        "static": {"x": [1]},
    }
    params = compile_params(source)

    filled = params.render(NAMES)

    assert filled == {"url": "/7", "deep": {"list": ["a", {"n": 7}]}, "static": {"x": [1]}}
    assert list(filled) == list(source)
    assert filled["static"] is source["static"]
    assert source["deep"]["list"][1] == {"n": "{{ $input.n }}"}
    assert params.templated == {"url", "deep"}
    assert params.paths == {("$input", "n")}


def test_keys_are_not_rendered() -> None:
    assert compile_params({"{{ 1 }}": 2}).static


def test_all_bad_templates_are_told_at_once_with_their_places() -> None:
    source = {"a": "{{ 1 + }}", "b": {"c": ["x", "{{ nope() }}"]}, "d": {"#if": ["{{ 1 }}", "{{ ( }}"]}, "e": "{{ 1 }}"}

    with pytest.raises(TemplateProblems) as caught:
        compile_params(source)

    assert [(problem.place, problem.code, problem.position) for problem in caught.value.problems] == [
        ("a", "template_invalid", 7),
        ("b.c[1]", "template_invalid", 3),
        ("d.#if[1]", "template_invalid", 5),
    ]


def test_strict_params_refuse_missing_names() -> None:
    with pytest.raises(TemplateError, match=r"\$input\.x is missing"):
        compile_params({"a": "{{ $input.x }}"}, strict=True).render(NAMES)


def test_params_nested_too_deeply_are_a_problem() -> None:
    source: Any = "{{ 1 }}"
    for _ in range(5_000):
        source = [source]

    with pytest.raises(TemplateProblems) as caught:
        compile_params({"a": source})

    assert caught.value.problems[0].code == "template_limit"


@pytest.mark.parametrize(
    ("directive", "expected"),
    [
        ({"#map": ["{{ $input.list }}", "{{ $loop.item * 2 }}"]}, [2, 4, 6]),
        ({"#map": ["{{ $input.people }}", {"i": "{{ $loop.index }}", "s": 1}]}, [{"i": 0, "s": 1}, {"i": 1, "s": 1}]),
        ({"#map": [[1, 2], {"#map": [[3], "{{ $loop.parentloop.item }}-{{ $loop.item }}"]}]}, [["1-3"], ["2-3"]]),
        ({"#map": ["{{ $input.n }}", "x"]}, []),
        ({"#map": [None, "x"]}, []),
        ({"#map": [[1, 2], "x"]}, ["x", "x"]),
        ({"#flat_map": [[1, 2], ["{{ $loop.item }}", 0]]}, [1, 0, 2, 0]),
        ({"#filter": ["{{ $input.list }}", "{{ $loop.item > 1 }}"]}, [2, 3]),
        ({"#filter": [[0, {}, "", None, [], False, "a"], "{{ $loop.item }}"]}, [0, {}, "a"]),
        ({"#merge": ["{{ $input.map }}", {"b": 3}, "no map"]}, {"a": 1, "b": 3}),
        ({"#if": ["{{ $input.n > 5 }}", "{{ $input.n }}", "small"]}, 7),
        ({"#if": ["{{ $input.n > 9 }}", "big", {"x": "{{ 1 }}"}]}, {"x": 1}),
        ({"#if": [False, "big"]}, None),
        ({"#if": [0, "zero is true"]}, "zero is true"),
        ({"#if": [True, 1, "{{ 1 / 0 }}"]}, 1),
        ({"#case": ["{{ $input.n }}", [[5, "five"], ["{{ 7.0 }}", "seven"]]]}, "seven"),
        ({"#case": [1, [[2, "two"]], "other"]}, "other"),
        ({"#case": [1, [[2, "two"]]]}, None),
        ({"#cond": [[["{{ $input.n > 9 }}", "big"], ["{{ $input.n > 5 }}", "middle"]]]}, "middle"),
        ({"#cond": [[[None, 1]]]}, None),
        ({"#pick": ["{{ $input.map }}", ["a", "z"]]}, {"a": 1}),
        ({"#pick": [5, ["a"]]}, {}),
        (
            {"#pipe": ["{{ $input.list }}", [{"#filter": "{{ $loop.item > 1 }}"}, {"#map": "{{ $loop.item + 1 }}"}]]},
            [3, 4],
        ),
        ({"#pipe": ["{{ $input.list }}", ["{{ $self | sum }}", "{{ $self * 2 }}"]]}, 12),
        ({"#pipe": ["{{ $input.map }}", [{"#merge": [{"c": 3}]}, {"#pick": ["b", "c"]}]]}, {"b": 2, "c": 3}),
        ({"#pipe": ["{{ $input.n }}", [{"#if": ["{{ $self }}", 0]}]]}, 7),
        ({"#pipe": [1, []]}, 1),
        ({"#if": [True, 1], "sibling": 2}, 1),
    ],
)
def test_a_directive_stands_for_its_value(directive: Any, expected: Any) -> None:
    assert rendered(directive) == expected


@pytest.mark.parametrize("value", [{"#map": [1]}, {"#if": []}, {"#case": [1, 2]}, {"#pipe": [1, 2]}, {"#map": "x"}])
def test_a_directive_with_other_arguments_is_an_ordinary_key(value: Any) -> None:
    assert rendered(value) == value


def test_a_directive_can_make_all_the_params() -> None:
    params = compile_params({"#if": ["{{ $input.n }}", {"a": "{{ $input.n }}"}]})

    assert params.render(NAMES) == {"a": 7}
    with pytest.raises(TemplateError, match="does not give a map"):
        compile_params({"#if": [True, 5]}).render(NAMES)


def test_the_names_of_directives_are_not_looked_up_outside() -> None:
    params = compile_params({"a": {"#map": ["{{ $input.list }}", "{{ $loop.item }}{{ $vars.x }}"]}, "b": "{{ $self }}"})

    assert params.paths == {("$input", "list"), ("$vars", "x"), ("$self",)}
