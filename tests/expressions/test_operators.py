"""Every operator, literal and path of the template language, one row each."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from prana_py.errors import TemplateError
from prana_py.expressions import Names, compile_expression

NAMES = Names(
    {
        "$input": {
            "user": {"name": "Ada", "tags": ["x", "y"], "my-key": 1, "none": None},
            "codes": {"404": "gone"},
            "n": 7,
            "zero": 0,
            "empty": "",
            "list": [1, 2, 3],
        },
        "$now": datetime(2026, 1, 31, 12, 30, tzinfo=UTC),
        "day": date(2026, 1, 31),
        "key": "name",
        "status": "ok",
        "value": 7,
    }
)

VALUES: list[tuple[str, Any]] = [
    # literals
    ("true", True),
    ("False", False),
    ("null", None),
    ("nil", None),
    ("42", 42),
    ("1e3", 1000.0),
    ("2.50", 2.5),
    ("'it\\'s'", "it's"),
    ('"a\\nb\\t\\u00e9\\"\\\\"', 'a\nb\té"\\'),
    ('"\\ud83d\\ude00"', "😀"),
    ('"\\d+"', "\\d+"),
    (":atom", "atom"),
    ("[1, 'a', [true],]", [1, "a", [True]]),
    ('{"a": 1, b: [2], "c-d": {}}', {"a": 1, "b": [2], "c-d": {}}),
    ("{'x' + 'y': 1, 5: 2}", {"xy": 1, "5": 2}),
    ("{[1][0]: 2}", {"1": 2}),
    # paths
    ("$input.user.name", "Ada"),
    ("$input.user.tags[1]", "y"),
    ("$input.user.tags.0", "x"),
    ("$input.user['my-key']", 1),
    ("$input.user[key]", "Ada"),
    ("$input.user[$input.nothing]", None),
    ("$input.codes.404", "gone"),
    ("$input.codes[404]", "gone"),
    ("$input.user.tags[-1]", None),
    ("$input.user.tags[9]", None),
    ("$input.nothing.at.all", None),
    ("$input.user.none.name", None),
    ("$input.n.name", None),
    ("$input?.user?.nothing?.name", None),
    ("$input.user.if", None),
    ("[1, 2][0]", 1),
    ("{a: {b: 5}}.a.b", 5),
    ("($input.user).name", "Ada"),
    ("value", 7),
    ("nothing", None),
    ("$variables", None),
    # arithmetic
    ("1 + 2 * 3", 7),
    ("(1 + 2) * 3", 9),
    ("10 - 2 - 3", 5),
    ("7 / 2", 3.5),
    ("4 / 2", 2.0),
    ("7 % 3", 1),
    ("-7 % 3", -1),
    ("7 % -3", 1),
    ("-value", -7),
    ("- -3", 3),
    ("2 - -3", 5),
    ("1.5 + 1", 2.5),
    ("'a' + 'b'", "ab"),
    ("'n: ' + 5", "n: 5"),
    ("5 + 'x'", "5x"),
    ("null + 5", "5"),
    ("nothing + 5", "5"),
    ("'a' + true", "atrue"),
    ("'a' + [1]", "a[1]"),
    # comparison
    ("1 == 1.0", True),
    ("1 == true", False),
    ("'1' == 1", False),
    ("null == nothing", True),
    ("[1, {a: 2}] == [1.0, {a: 2}]", True),
    ("[true] == [1]", False),
    ("{a: 1} != {a: 2}", True),
    ("1 < 2", True),
    ("'a' < 'b'", True),
    ("2 >= 2.0", True),
    ("1 < 2 < 3", True),
    ("1 < 3 < 2", False),
    ("3 > 2 >= 2 > 1", True),
    ("1 < 2 == 2", TemplateError),
    ("1 == 1 == true", True),
    ("'a' in ['a', 'b']", True),
    ("'a' not in ['a', 'b']", False),
    ("2 in [1, 2.0]", True),
    ("true in [1]", False),
    ("'name' in $input.user", True),
    ("'ell' in 'hello'", True),
    ("1 in nothing", False),
    ("$input.user.name is defined", True),
    ("$input.user.nothing is defined", False),
    ("$input.user.nothing is not defined", True),
    ("$input.user.none is defined", True),
    # logic
    ("1 and 'x'", "x"),
    ("0 and 'x'", False),
    ("'' or 5", True),
    ("0 or ''", False),
    ("not value", False),
    ("not 0", True),
    ("not not 1", True),
    ("not value == 8", True),
    ("0 && 5", 5),
    ("false && 5", False),
    ("null && 5", None),
    ("null || 5", 5),
    ("0 || 5", 0),
    ("!null", True),
    ("!0", False),
    ("!value == false", True),
    ("false and true or true", True),
    ("true or true and false", True),
    ("false and 1 / 0", False),
    ("true or 1 / 0", True),
    # choice
    ("value > 5 ? 'big' : 'small'", "big"),
    ("'big' if value > 8 else 'small'", "small"),
    ("false ? 1 : true ? 2 : 3", 2),
    ("1 if false else 2 if false else 3", 3),
    ("value ? :yes : :no", "yes"),
    ("(1 ? [1] : [])[0]", 1),
    # filters among operators
    ("'a' + 'b' | upper", "AB"),
    ("false ? 'a' : 'b' | upper", "B"),
    ("$input.list | length > 2", True),
    ("$input.list | sum | power(2) == 36.0", True),
    ("$input.list | length > 2 ? 'many' : 'few'", "many"),
    ("'long' if $input.list | length > 2 else 'short'", TemplateError),
    ("'long' if ($input.list | length) > 2 else 'short'", "long"),
    ("upper('a')", "A"),
    ("truncate('abcdef', 4, suffix='.')", "abc."),
    ("join(sort([3, 1]), '-')", "1-3"),
    ("round(1 + 1.26, 1)", 2.3),
    ("split('a b')[1]", "b"),
    # time
    ("$now + duration('1d')", datetime(2026, 2, 1, 12, 30, tzinfo=UTC)),
    ("duration('1d') + $now", datetime(2026, 2, 1, 12, 30, tzinfo=UTC)),
    ("$now - hours(2)", datetime(2026, 1, 31, 10, 30, tzinfo=UTC)),
    ("$now - parse_date('2026-01-31')", timedelta(hours=12, minutes=30)),
    ("day - parse_date('2026-01-01') is defined", TemplateError),
    ("day + days(1)", date(2026, 2, 1)),
    ("day - day", timedelta()),
    ("hours(1) + minutes(30)", timedelta(hours=1, minutes=30)),
    ("hours(1) * 2", timedelta(hours=2)),
    ("2 * hours(1)", timedelta(hours=2)),
    ("hours(1) / 2", timedelta(minutes=30)),
    ("hours(1) / minutes(30)", 2.0),
    ("-hours(1)", timedelta(hours=-1)),
    ("$now > parse_date('2026-01-01')", True),
    ("hours(1) < hours(2)", True),
    # what cannot be done
    ("1 / 0", TemplateError),
    ("1 % 0", TemplateError),
    ("1.5 % 1", TemplateError),
    ("null > 3", TemplateError),
    ("nothing > 3", TemplateError),
    ("1 < 'a'", TemplateError),
    ("true + 1", TemplateError),
    ("[1] + [2]", TemplateError),
    ("'a' * 3", TemplateError),
    ("'a' - 'b'", TemplateError),
    ("-'a'", TemplateError),
    ("1 in 5", TemplateError),
    ("$input[[1]]", TemplateError),
    ("{[1]: 2}", TemplateError),
    ("1e308 * 10", TemplateError),
    ("$now + 5", TemplateError),
    ("$now + days(999999999)", TemplateError),
]


@pytest.mark.parametrize(("source", "expected"), VALUES, ids=[source for source, _ in VALUES])
def test_an_expression_has_its_value(source: str, expected: Any) -> None:
    if expected is TemplateError:
        with pytest.raises(TemplateError):
            compile_expression(source).evaluate(NAMES)
        return

    value = compile_expression(source).evaluate(NAMES)

    assert value == expected
    assert type(value) is type(expected)


def test_numbers_can_be_written_into_a_string() -> None:
    assert compile_expression("'' + 1.0 + 2").evaluate(NAMES) == "1.02"


def test_conditions_use_loose_truth() -> None:
    falsy = ["null", "false", "0", "0.0", "''", "[]", "{}", "nothing"]
    truthy = ["true", "1", "'0'", "[0]", "{a: null}", "$now"]

    assert [source for source in falsy if compile_expression(source).test(NAMES)] == []
    assert [source for source in truthy if not compile_expression(source).test(NAMES)] == []


def test_a_condition_may_stand_in_braces_or_not() -> None:
    for source in ("value > 5 and status == 'ok'", "{{ value > 5 and status == 'ok' }}", "  {{ value > 5 }} "):
        assert compile_expression(source).test(NAMES) is True


@pytest.mark.parametrize("source", ["{{ value }} > 5", "{% if value %}true{% endif %}", "", "value > {{ 5 }}"])
def test_a_condition_is_one_expression_and_never_text(source: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_expression(source)

    assert caught.value.code == "template_invalid"


def test_braces_in_the_text_of_a_condition_are_text() -> None:
    assert compile_expression("status != '{{ value }}'").test(NAMES)


def test_the_paths_that_can_be_looked_up_are_known() -> None:
    template = compile_expression("$nodes.fetch.output.items[0][key] + $vars['a'] | default(nothing)")

    assert template.names == {"$nodes", "key", "$vars", "nothing"}
    assert ("$nodes", "fetch", "output", "items", "0") in template.paths
