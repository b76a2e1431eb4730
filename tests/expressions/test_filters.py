"""Every filter of the template language: what it gives, and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from prana_py.errors import TemplateError
from prana_py.expressions import Names, compile_expression
from prana_py.expressions.filters import FILTERS

NAMES = Names(
    {
        "people": [{"n": "Ada", "a": 36, "in": True}, {"n": "Bob", "a": 7, "in": False}, {"n": "Cyd"}, 5],
        "when": datetime(2026, 3, 5, 14, 7, 9, 1200, tzinfo=UTC),
        "deep": [1, [2, [3, []]], 4],
        "huge": 10**4000,
    }
)

VALUES: list[tuple[str, Any]] = [
    ("'héllo' | upper_case", "HÉLLO"),
    ("5 | upper", "5"),
    ("'HÉ' | lower_case", "hé"),
    ("'A' | lower", "a"),
    ("' a ' | strip", "a"),
    ("' a ' | trim", "a"),
    ("'hELLO wORLD' | capitalize", "Hello world"),
    ("'' | capitalize", ""),
    ("'abcdefgh' | truncate(5)", "ab..."),
    ("'abc' | truncate(3)", "abc"),
    ("'abcdef' | truncate(2)", ".."),
    ("'abcdef' | truncate(4, '…')", "abc…"),
    ("'abcdef' | truncate(4, suffix='')", "abcd"),
    ("5 | truncate(1)", TemplateError),
    ("'a' | truncate(-1)", TemplateError),
    ("'a' | truncate", TemplateError),
    ("'a-b-c' | replace('-', '+')", "a+b+c"),
    ("'a' | replace('', 'x')", TemplateError),
    ("'a,b' | split(',')", ["a", "b"]),
    ("' a  b ' | split", ["a", "b"]),
    ("'a' | split('')", TemplateError),
    ('{b: [1, null, "x"], a: true} | dump', '{"b":[1,null,"x"],"a":true}'),
    ("'é' | json", '"é"'),
    ("[1] | text", "[1]"),
    ("1.5 | text", "1.5"),
    ("null | default(1)", 1),
    ("nothing | default('x')", "x"),
    ("nothing.at.all | default('x')", "x"),
    ("'' | default(1)", 1),
    ("0 | default(1)", 0),
    ("false | default(1)", False),
    ("[] | default(1)", []),
    ("[1, 2] | length", 2),
    ("{a: 1} | length", 1),
    ("'héé' | length", 3),
    ("null | length", TemplateError),
    ("5 | length", TemplateError),
    ("[1, 2] | first", 1),
    ("[] | first", None),
    ("'ab' | first", "a"),
    ("5 | first", TemplateError),
    ("[1, 2] | last", 2),
    ("'' | last", None),
    ("[1, 'a', null, [2]] | join", "1, a, , [2]"),
    ("[1, 2] | join('-')", "1-2"),
    ("'ab' | join", TemplateError),
    ("[3, 'b', 1, 'a'] | sort", [1, 3, "a", "b"]),
    ("[true, null, 2] | sort", [2, None, True]),
    ("'cab' | sort", "abc"),
    ("people | slice(0, 2) | sort('a') | map('n')", ["Bob", "Ada"]),
    ("[[1], 2] | sort", TemplateError),
    ("[1, 2] | reverse", [2, 1]),
    ("'ab' | reverse", "ba"),
    ("{} | reverse", TemplateError),
    ("[1, 1.0, true, 'a', 'a', [1], [1.0], {a: 1}, {a: 1}] | uniq", [1, True, "a", [1], {"a": 1}]),
    ("[1, null, false, ''] | compact", [1, False, ""]),
    ("deep | flatten", [1, 2, 3, 4]),
    ("[1, 2, 3] | slice(1)", [2, 3]),
    ("[1, 2, 3] | slice(1, 1)", [2]),
    ("[1, 2, 3] | slice(-2)", [2, 3]),
    ("'hello' | slice(1, 3)", "ell"),
    ("'hello' | slice(-3, 2)", "ll"),
    ("[1] | slice(9)", []),
    ("[1] | slice('a')", TemplateError),
    ("[1] | slice(0, -1)", TemplateError),
    ("[1, 2] | contains(2)", True),
    ("'abc' | contains('bc')", True),
    ("{a: 1} | contains('a')", True),
    ("null | contains(1)", TemplateError),
    ("[1, 2.5] | sum", 3.5),
    ("[] | sum", 0),
    ("[1, 'a'] | sum", TemplateError),
    ("[true] | sum", TemplateError),
    ("{b: 1, a: 2} | keys", ["b", "a"]),
    ("{b: 1, a: 2} | values", [1, 2]),
    ("[1] | keys", TemplateError),
    ("[{k: 'x', v: 1}, {k: 'y'}, {k: 'x'}, 3] | group_by('k') | keys", ["x", "y"]),
    ("people | map('a')", [36, 7]),
    ("people | filter('n', 'Bob') | map('a')", [7]),
    ("people | filter('in') | map('n')", ["Ada"]),
    ("people | reject('n', 'Bob') | length", 3),
    ("5 | map('a')", TemplateError),
    ("-5 | abs", 5),
    ("'a' | abs", TemplateError),
    ("true | abs", TemplateError),
    ("1.2 | ceil", 2),
    ("-1.2 | floor", -2),
    ("5 | floor", 5),
    ("2.5 | round", 3),
    ("-2.5 | round", -3),
    ("1.005 | round(2)", 1.01),
    ("3.14159 | round(2)", 3.14),
    ("5 | round(2)", 5),
    ("5 | round(-1)", TemplateError),
    ("1e300 | round(2)", 1e300),
    ("[1, 5, 3] | max", 5),
    ("1 | max(5)", 5),
    ("[1, 'a', 0] | min", 0),
    ("1 | min(5)", 1),
    ("[] | max", TemplateError),
    ("'a' | max(1)", TemplateError),
    ("2 | power(10)", 1024.0),
    ("10 | power(1000)", TemplateError),
    ("-8 | power(0.5)", TemplateError),
    ("huge | power(2)", TemplateError),
    ("9 | sqrt", 3.0),
    ("-1 | sqrt", TemplateError),
    ("-7 | mod(3)", -1),
    ("7 | mod(0)", TemplateError),
    ("7.5 | mod(2)", TemplateError),
    ("15 | clamp(0, 10)", 10),
    ("-5 | clamp(0, 10)", 0),
    ("5 | clamp(10, 0)", TemplateError),
    ("'42' | number", 42),
    ("' 1.5e2 ' | number", 150.0),
    ("'x' | number", TemplateError),
    ("'inf' | number", TemplateError),
    ("'1_000' | number", TemplateError),
    ("'2026-03-05T14:07:09Z' | parse_date", datetime(2026, 3, 5, 14, 7, 9, tzinfo=UTC)),
    ("'2026-03-05' | parse_date", datetime(2026, 3, 5, tzinfo=UTC)),
    ("0 | parse_date", datetime(1970, 1, 1, tzinfo=UTC)),
    ("'05.03.2026 14:07' | parse_date('%d.%m.%Y %H:%M')", datetime(2026, 3, 5, 14, 7, tzinfo=UTC)),
    ("'2026-03-05 +0200' | parse_date('%F %z') | timestamp", 1772661600.0),
    ("'2026-02-30' | parse_date", TemplateError),
    ("'30.02.2026' | parse_date('%d.%m.%Y')", TemplateError),
    ("'1' | parse_date('%d%d')", TemplateError),
    ("'1' | parse_date('%q')", TemplateError),
    ("null | parse_date", TemplateError),
    ("1e300 | parse_date", TemplateError),
    ("when | format_date('%Y-%m-%d %H:%M:%S.%f %z')", "2026-03-05 14:07:09.001200 +0000"),
    ("when | format_date('%A %a %e %B %b %y %I%p %j %u %V %G %F %T 100%%')", None),
    ("when | format_date('%9999999d')", TemplateError),
    ("when | format_date('%s')", TemplateError),
    ("when | timestamp", 1772719629.0012),
    ("'1h 30m' | duration", timedelta(hours=1, minutes=30)),
    ("'PT1H30M' | duration", timedelta(hours=1, minutes=30)),
    ("'-P1DT0.5S' | duration", timedelta(days=-1, milliseconds=-500)),
    ("'2w 1d 250ms' | duration", timedelta(weeks=2, days=1, milliseconds=250)),
    ("'-5s' | duration", timedelta(seconds=-5)),
    ("90 | duration", timedelta(seconds=90)),
    ("'P' | duration", TemplateError),
    ("'soon' | duration", TemplateError),
    ("'' | duration", TemplateError),
    ("1 | seconds", timedelta(seconds=1)),
    ("1 | minutes", timedelta(minutes=1)),
    ("1.5 | hours", timedelta(minutes=90)),
    ("1 | days", timedelta(days=1)),
    ("1 | weeks", timedelta(weeks=1)),
    ("'a' | days", TemplateError),
    ("999999999999 | days", TemplateError),
    ("'1h' | total_seconds", 3600.0),
    ("when | add('1d') | format_date('%F')", "2026-03-06"),
    ("'2026-03-05' | add('-1d') | format_date('%F')", "2026-03-04"),
    ("1 | add(2)", 3),
    ("'order 17' | matches('\\d+')", True),
    ("'order' | matches('^\\d+$')", False),
    ("'AbC' | matches('(?i)abc')", True),
    ("'a1 b22' | find('[a-z](\\d+)')", "a1"),
    ("'a1 b22' | find('[a-z](\\d+)', 1)", "1"),
    ("'a' | find('b')", None),
    ("'a' | find('a', 3)", TemplateError),
    ("'a1 b22' | find_all('\\d+')", ["1", "22"]),
    ("'a1 b22' | find_all('[a-z](\\d+)', group=1)", ["1", "22"]),
    ("'2026-03' | replace_pattern('(\\d+)-(\\d+)', '$2/$1 $$ $0')", "03/2026 $ 2026-03"),
    ("'aaa' | replace_pattern('x*', '-')", "-a-a-a-"),
    ("'a' | matches('(')", TemplateError),
    ("'a' | matches(5)", TemplateError),
]


@pytest.mark.parametrize(("source", "expected"), VALUES, ids=[source for source, _ in VALUES])
def test_a_filter_gives_its_value(source: str, expected: Any) -> None:
    if expected is TemplateError:
        with pytest.raises(TemplateError):
            compile_expression(source).evaluate(NAMES)
        return
    if "%A" in source:
        expected = "Thursday Thu 5 March Mar 26 02PM 064 4 10 2026 2026-03-05 14:07:09 100%"

    value = compile_expression(source).evaluate(NAMES)

    assert value == expected
    assert type(value) is type(expected)


def test_every_filter_has_a_row_here() -> None:
    written = " ".join(source for source, _ in VALUES)

    assert [name for name in FILTERS if f"| {name}" not in written] == []


def test_all_filters_of_the_original_are_here() -> None:
    original = {
        "upper_case",
        "lower_case",
        "strip",
        "capitalize",
        "truncate",
        "default",
        "length",
        "first",
        "last",
        "join",
        "sort",
        "reverse",
        "uniq",
        "compact",
        "flatten",
        "slice",
        "contains",
        "sum",
        "keys",
        "values",
        "group_by",
        "map",
        "filter",
        "reject",
        "dump",
        "abs",
        "ceil",
        "floor",
        "round",
        "max",
        "min",
        "power",
        "sqrt",
        "mod",
        "clamp",
    }

    assert len(original) == 35
    assert original <= set(FILTERS)


@pytest.mark.parametrize(
    "source",
    [
        "1 | nope",
        "1 | uper_case",
        "1 | abs(1)",
        "'a' | truncate()",
        "'a' | truncate(1, 2, 3)",
        "'a' | truncate(1, size=2)",
        "'a' | truncate(1, length=2)",
        "'a' | truncate(1, suffix='', suffix='')",
        "'a' | truncate(suffix='', 1)",
        "1 | 2",
        "1 |",
        "abs()",
        "nope(1)",
        "'a'.upper()",
        "name.format(1)",
    ],
)
def test_a_wrong_call_is_found_when_compiled(source: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_expression(source)

    assert caught.value.code == "template_invalid"
    assert caught.value.position is not None


def test_a_mistyped_filter_is_told_the_nearest_name() -> None:
    with pytest.raises(TemplateError, match="did you mean 'upper_case'"):
        compile_expression("1 | uper_case")
