"""Documents that mean harm: a typed error with a code, and fast."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal

import pytest

from prana_py.errors import DocumentError
from prana_py.model.document import Limits, load_workflow, workflow_from_dict

HEAD = '"id": "a", "name": "A"'
NESTED = 100_000


def codes(load: Callable[[], object]) -> set[str]:
    began = time.process_time()
    with pytest.raises(DocumentError) as caught:
        load()
    assert time.process_time() - began < 3
    assert len(str(caught.value)) < 1_000_000
    return {problem.code for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("", "invalid_json", id="nothing"),
        pytest.param("{", "invalid_json", id="cut off"),
        pytest.param(f"{{{HEAD}}} more", "invalid_json", id="more than one value"),
        pytest.param("[1, 2]", "wrong_type", id="a list"),
        pytest.param("null", "wrong_type", id="null"),
        pytest.param("NaN", "wrong_type", id="not a number"),
        pytest.param(f'{{{HEAD}, "id": "b"}}', "duplicate_key", id="a field twice"),
        pytest.param(f'{{{HEAD}, "variables": {{"x": {{"y": 1, "y": 1}}}}}}', "duplicate_key", id="a key twice, deep"),
        pytest.param(
            f'{{{HEAD}, "connections": {{"a": {{"main": [{{"to": "b", "to": "c"}}]}}}}}}',
            "duplicate_key",
            id="twice in a map",
        ),
        pytest.param(f'{{{HEAD}, "variables": {{"x": NaN}}}}', "out_of_range", id="NaN"),
        pytest.param(f'{{{HEAD}, "variables": {{"x": -Infinity}}}}', "out_of_range", id="infinity"),
        pytest.param(f'{{{HEAD}, "variables": {{"x": 1e999}}}}', "out_of_range", id="a float too large"),
        pytest.param(f'{{{HEAD}, "variables": {{"x": {"9" * 1_000_000}}}}}', "out_of_range", id="a million digits"),
        pytest.param(f'{{{HEAD}, "version": 1{"0" * 30}}}', "out_of_range", id="a huge version"),
        pytest.param(f'{{{HEAD}, "variables": {{"x": "\\ud800"}}}}', "bad_text", id="half a surrogate pair"),
        pytest.param(f'{{{HEAD}, "variables": {{"\\udfff": 1}}}}', "bad_text", id="half a surrogate pair in a key"),
        pytest.param('{"id": "a\\u0000", "name": ""}', "wrong_format", id="a control character in an id"),
        pytest.param(
            f'{{{HEAD}, "settings": {{"timeout": "{"9" * 9_000}s"}}}}', "out_of_range", id="an endless duration"
        ),
        pytest.param(f'{{{HEAD}, "settings": {{"timeout": 1e300}}}}', "out_of_range", id="a duration too long"),
        pytest.param("[" * NESTED, "too_deep", id="deep lists"),
        pytest.param('{"a":' * NESTED, "too_deep", id="deep objects"),
        pytest.param(f'{{{HEAD}, "variables": {{"x": {"[" * 99}{"]" * 99}}}}}', "too_deep", id="just too deep"),
        pytest.param('"' + '\\"' * NESTED, "invalid_json", id="text that never ends"),
        pytest.param('"' + "\\" * NESTED, "invalid_json", id="backslashes that never end"),
    ],
)
def test_a_hostile_json_text_is_refused(text: str, code: str):
    assert code in codes(lambda: load_workflow(text))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("", "wrong_type", id="nothing"),
        pytest.param("a: [", "invalid_yaml", id="cut off"),
        pytest.param("\tid: a", "invalid_yaml", id="a tab"),
        pytest.param("id: \x07", "invalid_yaml", id="a control character"),
        pytest.param("id: a\n---\nid: b\n", "invalid_yaml", id="two documents"),
        pytest.param("id: a\nid: b\nname: A\n", "duplicate_key", id="a field twice"),
        pytest.param("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "alias_refused", id="aliases"),
        pytest.param("a: &a {b: *a}\n", "alias_refused", id="an alias of itself"),
        pytest.param("base: &b {x: 1}\nid:\n  <<: *b\n", "alias_refused", id="a merge"),
        pytest.param("id: !!python/object/apply:os.system ['true']\n", "tag_refused", id="a Python object"),
        pytest.param("id: !!binary aGk=\n", "tag_refused", id="binary"),
        pytest.param("id: a\nname: A\nvariables: {x: .nan}\n", "out_of_range", id="not a number"),
        pytest.param(f"id: a\nname: A\nvariables: {{x: {'9' * 5_000}}}\n", "out_of_range", id="many digits"),
        pytest.param("[" * NESTED, "too_deep", id="deep lists"),
        pytest.param("{a: " * NESTED, "too_deep", id="deep objects"),
        pytest.param("- " * 5_000, "too_deep", id="deep blocks"),
        pytest.param("? [a]\n: b\n", "wrong_type", id="a list as a key"),
    ],
)
def test_a_hostile_yaml_text_is_refused(text: str, code: str):
    assert code in codes(lambda: load_workflow(text, "yaml"))


@pytest.mark.parametrize("format", ["json", "yaml"])
def test_bytes_that_are_not_text_are_refused(format: Literal["json", "yaml"]):
    assert codes(lambda: load_workflow(b"\xff\xfe{}", format)) == {"invalid_encoding"}


@pytest.mark.parametrize("format", ["json", "yaml"])
def test_a_text_that_is_too_long_is_not_read(format: Literal["json", "yaml"]):
    assert codes(lambda: load_workflow("x" * 1_001, format, limits=Limits(max_bytes=1_000))) == {"too_large"}


def test_more_nodes_than_a_workflow_may_have_are_not_read():
    nodes = [{"key": f"n{number}"} for number in range(10_001)]

    assert codes(lambda: workflow_from_dict({"id": "a", "name": "A", "nodes": nodes})) == {"too_many_nodes"}


def test_ten_thousand_nodes_are_read():
    nodes = [{"key": f"n{number}", "type": "core.noop"} for number in range(10_000)]

    assert len(workflow_from_dict({"id": "a", "name": "A", "nodes": nodes}).nodes) == 10_000


def test_reading_stops_after_many_problems():
    unknown = {f"field_{number}": number for number in range(100_000)}

    assert codes(lambda: workflow_from_dict({"id": "a", "name": "A", **unknown})) == {
        "unknown_field",
        "too_many_problems",
    }


def test_data_that_contain_themselves_are_too_deep():
    endless: dict[str, Any] = {}
    endless["again"] = endless

    assert codes(lambda: workflow_from_dict({"id": "a", "name": "A", "variables": endless})) == {"too_deep"}


def test_data_shared_so_often_that_they_would_fill_memory_are_too_large():
    shared: list[Any] = ["x"]
    for _ in range(60):
        shared = [shared, shared]

    load = lambda: workflow_from_dict(  # noqa: E731  # a closure over the data
        {"id": "a", "name": "A", "variables": {"x": shared}}, limits=Limits(max_values=10_000)
    )

    assert codes(load) == {"too_large"}


def test_a_depth_of_a_hundred_is_read():
    text = f'{{{HEAD}, "variables": {{"x": {"[" * 98}{"]" * 98}}}}}'

    assert load_workflow(text).id == "a"
