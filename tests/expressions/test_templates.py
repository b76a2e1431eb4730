"""Templates: when they give values and when text, their tags, and the rows X39 to X42 of the original."""

from __future__ import annotations

import math
from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from prana_py.errors import TemplateError
from prana_py.expressions import MISSING, Lookup, Names, Template, compile_template


class Nodes(Lookup):
    """Outputs that are looked up when asked for."""

    __slots__ = ()

    def look_up(self, key: Any) -> Any:
        return {"output": key} if key != "none" else MISSING

    def plain(self) -> Any:
        return {"all": [1]}


class Asked(Names):
    """Names that are found on demand."""

    __slots__ = ()

    def __missing__(self, name: str) -> Any:
        return {"$late": 5, "$nodes": Nodes(), "resume_url": Nodes()}.get(name, MISSING)


NAMES = Asked(
    {
        "$input": {"name": "Ada", "n": 7, "list": [1, "a", None], "map": {"k": 1.5}, "none": None, "yes": True},
        "$now": datetime(2026, 3, 5, 14, 7, tzinfo=UTC),
        "items": [{"n": "a"}, {"n": "b"}],
    }
)


def rendered(source: str, names: Names = NAMES, *, strict: bool = False) -> Any:
    template = compile_template(source, strict=strict)
    return template.evaluate(names) if isinstance(template, Template) else template


@pytest.mark.row("X39")
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ $input.n }}", 7),
        ("{{$input.n}}", 7),
        ("{{- $input.n -}}", 7),
        ("{{ $input.yes }}", True),
        ("{{ $input.none }}", None),
        ("{{ $input.list }}", [1, "a", None]),
        ("{{ $input.map }}", {"k": 1.5}),
        ("{{ $now }}", datetime(2026, 3, 5, 14, 7, tzinfo=UTC)),
        ("{{ '}}' }}", "}}"),
        ('{{ {"a": {"b": 1}} }}', {"a": {"b": 1}}),
        ('{{{"a": {}}}}', {"a": {}}),
        ("{{ '123' }}", "123"),
    ],
)
def test_a_template_of_one_expression_gives_the_value_itself(source: str, expected: Any) -> None:
    value = rendered(source)

    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.row("X39")
def test_a_value_is_handed_on_and_not_copied() -> None:
    assert rendered("{{ $input.list }}") is NAMES["$input"]["list"]


@pytest.mark.row("X39")
@pytest.mark.parametrize(
    "source", [" {{ $input.n }}", "{{ $input.n }} ", "{{ $input.n }}{# #}", "{# #}{{ $input.n }}", "{{ $input.n -}} "]
)
def test_anything_beside_the_expression_makes_it_text(source: str) -> None:
    assert rendered(source).strip() == "7"


@pytest.mark.row("X40")
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("={{ $input.list }}", '=[1,"a",null]'),
        ("={{ $input.map }}", '={"k":1.5}'),
        ("={{ $now }}", "=2026-03-05T14:07:00Z"),
        ("={{ [$now, {a: $now}] }}", '=["2026-03-05T14:07:00Z",{"a":"2026-03-05T14:07:00Z"}]'),
        ("={{ $input.name }}", "=Ada"),
        ("={{ 7 }}{{ 1.5 }}{{ 2.0 }}", "=71.52.0"),
        ("={{ true }}{{ false }}", "=truefalse"),
        ("={{ null }}{{ $input.none }}{{ nothing }}", "="),
        ("={{ hours(1.5) }}", "=PT5400S"),
        ("={{ {a: nothing} }}", '={"a":null}'),
        ("={{ 'é' }} {{ ['é', '\"'] }}", '=é ["é","\\""]'),
    ],
)
def test_structured_values_in_text_are_json_and_instants_iso_8601(source: str, expected: str) -> None:
    assert rendered(source) == expected


@pytest.mark.row("X40")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2026, 3, 5), "2026-03-05T00:00:00"),  # noqa: DTZ001 – a user's value without a zone
        (date(2026, 3, 5), "2026-03-05"),
        (timedelta(days=1), "P1D"),
        (Decimal("1.50"), "1.50"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (b"ab", "YWI="),
        ((1, 2), "[1,2]"),
        (OrderedDict(a=1), '{"a":1}'),
        ({1: [2**70]}, '{"1":[1180591620717411303424]}'),
        ([math.inf], "[null]"),
    ],
)
def test_other_plain_values_have_a_text_too(value: Any, expected: str) -> None:
    assert rendered("{{ v }}.", Names({"v": value})) == expected + "."


@pytest.mark.row("X41")
@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("{{ 1 | nope }}", "template_invalid"),
        ("{{ 1 + }}", "template_invalid"),
        ("{{ $nodes.my-node.output }}", "template_failed"),
        ("{{ null > 3 }}", "template_failed"),
        ("{{ 1 / 0 }}", "template_failed"),
        ("text {{ 1 / 0 }}", "template_failed"),
        ("{{ true + 1 }}", "template_failed"),
    ],
)
def test_a_mistake_is_an_error_with_its_place_and_never_the_raw_text(source: str, code: str) -> None:
    with pytest.raises(TemplateError) as caught:
        rendered(source)

    assert caught.value.code == code
    assert caught.value.position is not None
    assert caught.value.template == source
    assert f"at character {caught.value.position}" in caught.value.message


@pytest.mark.row("X42")
@pytest.mark.parametrize(
    "source", ["{{ nothing }}", "{{ $input.nothing }}", "{{ $input.list[9] }}", "{{ $input.nothing.at.all[0].x }}"]
)
def test_what_is_missing_is_null_and_in_strict_mode_an_error(source: str) -> None:
    assert rendered(source) is None
    assert rendered(source + "!") == "!"
    with pytest.raises(TemplateError, match="is missing"):
        rendered(source, strict=True)


@pytest.mark.row("X42")
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ $input.none }}", None),
        ("{{ $input?.nothing }}", None),
        ("{{ $input.nothing?.at.all }}", None),
        ("{{ $input.nothing | default(5) }}", 5),
        ("{{ default(nothing, 5) }}", 5),
        ("{{ nothing is defined }}", False),
        ("{% if nothing is defined %}a{% else %}b{% endif %}", "b"),
        ("{% for x in items %}{{ x.n }}{{ forloop.index }}{% endfor %}", "a0b1"),
    ],
)
def test_strict_mode_allows_what_says_that_it_may_be_missing(source: str, expected: Any) -> None:
    assert rendered(source, strict=True) == expected


@pytest.mark.parametrize("source", ["{{ a.b[c] }}", "{{ a | default(b) | upper }}", "{{ 1 + nothing }}", "{{ $x }}"])
def test_strict_mode_finds_missing_names_everywhere(source: str) -> None:
    with pytest.raises(TemplateError, match="is missing"):
        rendered(source, Names({"a": {"b": {}}} if "c" in source else {}), strict=True)


@pytest.mark.parametrize("source", ["", "plain", "$input.name", "{ x }", "{'a': 1}", "100 %}", "}}", "a # b"])
def test_text_without_marks_comes_back_as_it_is(source: str) -> None:
    assert compile_template(source) is source


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Hello {{ $input.name }}!", "Hello Ada!"),
        ("a {# {{ nothing }} #}b", "a b"),
        ("a {#- x -#} b", "ab"),
        ("a  {{- 1 -}}  b", "a1b"),
        ("a  {{ 1 -}}  b", "a  1b"),
        ("a\n{%- if true -%}\n b \n{%- endif %} c", "ab c"),
        ("{% if 0 %}a{% elsif 1 %}b{% else %}c{% endif %}", "b"),
        ("{% if 0 %}a{% elif 0 %}b{% else %}c{% endif %}", "c"),
        ("{% if 0 %}a{% endif %}", ""),
        ("{% if 1 %}{% if 0 %}a{% else %}b{% endif %}{% endif %}", "b"),
        ("{% for x in [1, 2] %}{{ x }},{% endfor %}", "1,2,"),
        ("{% for x in [] %}a{% endfor %}{% for x in null %}b{% endfor %}{% for x in nothing %}c{% endfor %}", ""),
        ("{% for x in items %}{{ forloop.index }}{{ forloop.rindex }}{{ forloop.length }}{% endfor %}", "012102"),
        ("{% for x in items %}{% if forloop.first %}f{% endif %}{% if forloop.last %}l{% endif %}{% endfor %}", "fl"),
        (
            "{% for x in [1,2] %}{% for y in [3]%}{{ forloop.parentloop.index }}{{ y }}{% endfor %}{{ x }}{% endfor %}",
            "031132",
        ),
        ("{% for x in [1] %}{{ forloop.parentloop }}{% endfor %}{{ forloop }}", ""),
        ("{% set x = 1 %}{% for x in [5] %}{{ x }}{% endfor %}{{ x }}", "51"),
        ("{% for x in [5] %}{% endfor %}{{ x }}", ""),
        ("{% assign x = $input.n + 1 %}{{ x }}", "8"),
        ("{% set t = 0 %}{% for x in [1, 2] %}{% set t = t + x %}{% endfor %}{{ t }}", "3"),
        ("{% set name = 'own' %}{{ name }} {{ $input.name }}", "own Ada"),
        ("{% set x = nothing %}{{ x is defined }}", "true"),
        ("{% if $late == 5 %}{{ $late }}{% endif %}", "5"),
        ("{{ '{{' }}{{ \"{%\" }}", "{{{%"),
        ("{{ 1 }}{{ 2 }}", "12"),
    ],
)
def test_a_template_gives_its_text(source: str, expected: str) -> None:
    assert rendered(source) == expected


@pytest.mark.parametrize(
    ("source", "position"),
    [
        ("{{ 1", 2),
        ("{{ }}", 3),
        ("a {{ 'x }}", 5),
        ("{# a", 0),
        ("{{ a b }}", 5),
        ("{{ a. }}", 6),
        ("{{ a.-b }}", 5),
        ("{{ [1 }}", 6),
        ("{{ (1 }}", 6),
        ("{{ {a 1} }}", 6),
        ("{{ 1 @ 2 }}", 5),
        ("{{ a ? 1 }}", 9),
        ("{{ a if b }}", 10),
        ("{{ and }}", 3),
        ("{{ not }}", 7),
        ("{{ $ }}", 3),
        ("{{ ~ }}", 3),
        ("{{ a is big }}", 8),
        ("{{ x?. }}", 7),
        ("{{ 1e999 }}", 3),
        ("{{ " + "9" * 500 + " }}", 3),
        ("{{ '\\ud800' }}", 3),
        ("{{ a | upper + 'x' | lower }}", 19),
        ("{{ :$a }}", 4),
        ("{% if a %}b", 0),
        ("a{% endif %}", 1),
        ("{% if a %}{% endfor %}", 0),
        ("{% if a %}{% else %}{% else %}{% endif %}", 20),
        ("{% if a %}{% else x %}{% endif %}", 18),
        ("{% if %}{% endif %}", 6),
        ("{% for x %}{% endfor %}", 9),
        ("{% for $x in a %}{% endfor %}", 7),
        ("{% for if in a %}{% endfor %}", 7),
        ("{% set x %}", 9),
        ("{% set x.y = 1 %}", 8),
        ("{% include 'a' %}", 0),
        ("{% %}", 0),
        ("{% endif x %}", 0),
        ("{% if a %}{% endif x %}", 19),
    ],
)
def test_bad_syntax_is_refused_with_its_position(source: str, position: int) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template(source)

    assert caught.value.code == "template_invalid"
    assert caught.value.position == position


@pytest.mark.parametrize(
    ("source", "position"),
    [
        ("{{ 1 / 0 }}", 5),
        ("ab {{ 1 }} {{ 1 + 2 - 'a' }}", 20),
        ("{{ 'a' | abs }}", 9),
        ("{% for x in 5 %}{% endfor %}", 0),
        ("a {% if 1 < 'a' %}{% endif %}", 10),
        ("{{ resume_url('x') }}", 3),
    ],
)
def test_a_failure_tells_where_it_happened(source: str, position: int) -> None:
    with pytest.raises(TemplateError) as caught:
        rendered(source, Names())

    assert caught.value.code == "template_failed"
    assert caught.value.position == position


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ $nodes.fetch.output }}", "fetch"),
        ("{{ $nodes['my node'].output }}", "my node"),
        ("{{ $nodes.none.output }}", None),
        ("{{ $nodes }}", {"all": [1]}),
        ("{{ [$nodes] }}", [{"all": [1]}]),
        ("{{ $nodes | keys }}", ["all"]),
        ("{{ $nodes == {all: [1]} }}", True),
        ("={{ $nodes }}", '={"all":[1]}'),
        ("={{ [[$nodes]] }}", '=[[{"all":[1]}]]'),
        ("{{ 'all' in $nodes }}", True),
        ("{{ resume_url('wait').output }}", "wait"),
        ("Go to {{ resume_url('wait') }}", 'Go to {"output":"wait"}'),
        ("{{ $late }}", 5),
    ],
)
def test_lookups_answer_when_they_are_asked(source: str, expected: Any) -> None:
    assert rendered(source) == expected


def test_a_template_tells_its_names_without_those_of_its_own() -> None:
    template = compile_template("{% for x in $input.list %}{{ x.a }}{{ forloop.index }}{{ y }}{% endfor %}{{ x }}")

    assert isinstance(template, Template)
    assert template.names == {"$input", "y", "x"}


def test_an_evaluation_leaves_the_names_as_they_were() -> None:
    names = Names({"x": 1})

    rendered("{% set x = 2 %}{% for y in [1] %}{% endfor %}{{ x }}", names)

    assert names == {"x": 1}
