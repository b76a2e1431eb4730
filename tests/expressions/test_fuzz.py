"""Whatever the source and the data, a template gives a value or a ``TemplateError``, and soon."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from prana_py.errors import TemplateError
from prana_py.expressions import Names, Template, TemplateProblems, compile_expression, compile_params, compile_template
from prana_py.expressions.filters import FILTERS

WORDS = [
    *FILTERS,
    *("$input", "$now", "$loop", "name", "items", "x", "forloop", "resume_url", "true", "false", "null", ":atom"),
    *("and", "or", "not", "in", "is", "defined", "if", "else", "elsif", "endif", "for", "endfor", "set", "assign"),
    *("{{", "}}", "{%", "%}", "{#", "#}", "-", "{{-", "-}}", "{", "}", "[", "]", "(", ")", ",", ":", ".", "?.", "?"),
    *("|", "||", "&&", "+", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "=", "!", "\n", "\\", "'", '"'),
    *("0", "1", "-3", "2.5", "1e300", "9" * 30, "'a'", '"%Y"', "'(a+)+$'", "[1, 2]", '{"k": 1}', "'1h'", "[[]]"),
]
SOURCES = st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)
DATA: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.datetimes() | st.timedeltas(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def evaluate(template: Template | str, data: Any) -> None:
    if isinstance(template, Template):
        template.evaluate(Names({"$input": data, "name": data, "items": [data, data], "x": 3}))


@settings(max_examples=600, deadline=None)
@given(SOURCES, DATA)
def test_only_template_errors_escape_from_a_template(source: str, data: Any) -> None:
    for text in (source, "{{ " + source + " }}", "{% if " + source + " %}a{% endif %}"):
        with suppress(TemplateError):
            evaluate(compile_template(text), data)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="{}%#$|()[]'\"\\.,:?-+ ab1\n", max_size=40), DATA)
def test_only_template_errors_escape_from_any_characters(source: str, data: Any) -> None:
    with suppress(TemplateError):
        evaluate(compile_template("{{" + source), data)


@settings(max_examples=400, deadline=None)
@given(SOURCES, DATA)
def test_only_template_errors_escape_from_an_expression(source: str, data: Any) -> None:
    with suppress(TemplateError):
        evaluate(compile_expression(source, strict=True), data)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(sorted(FILTERS)), DATA, st.lists(DATA, max_size=3))
def test_every_filter_refuses_what_it_cannot_take(name: str, value: Any, arguments: list[Any]) -> None:
    written = ", ".join(f"$arguments[{index}]" for index in range(len(arguments)))
    with suppress(TemplateError):
        compile_expression(f"$value | {name}({written})").evaluate(Names({"$value": value, "$arguments": arguments}))


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "&&", "or"]), DATA, DATA
)
def test_every_operator_refuses_what_it_cannot_take(sign: str, left: Any, right: Any) -> None:
    with suppress(TemplateError):
        compile_expression(f"a {sign} b").evaluate(Names({"a": left, "b": right}))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["#map", "#flat_map", "#filter", "#merge", "#if", "#case", "#cond", "#pick", "#pipe"]), DATA)
def test_only_template_errors_escape_from_directives(directive: str, arguments: Any) -> None:
    with suppress(TemplateError, TemplateProblems):
        compile_params({"p": {directive: ["{{ $input }}", arguments]}}).render(Names({"$input": arguments}))
