"""The built-in nodes that choose, filter and put data together."""

from __future__ import annotations

from typing import Any

import pytest

from prana_py.builtin_nodes.data_merge import merge
from prana_py.builtin_nodes.data_set import set_data
from prana_py.builtin_nodes.filter import filter_
from prana_py.builtin_nodes.logic import if_, switch
from prana_py.builtin_nodes.triggers import error_trigger, manual_trigger, workflow_trigger
from tests.nodes.calls import error_of, left_by, ports_of, value_of


@pytest.mark.parametrize("trigger", [manual_trigger, workflow_trigger, error_trigger])
def test_what_an_execution_starts_with_passes_through_its_trigger(trigger: Any):
    assert value_of(trigger, input={"a": 1}) == {"a": 1}
    assert value_of(trigger, input=0) == 0
    assert value_of(trigger) == {}


@pytest.mark.row("X43")
@pytest.mark.parametrize("condition", [True, 1, -1, 0.5, "abc", "true", "no", " ", [0], {"a": 0}])
def test_if_takes_what_counts_as_true(condition: Any):
    assert left_by(if_, params={"condition": condition}, input=5) == ("true", 5)


@pytest.mark.row("X43")
@pytest.mark.parametrize("condition", [False, None, 0, 0.0, "", "false", "False", "0", [], {}])
def test_if_does_not_take_what_counts_as_false(condition: Any):
    assert left_by(if_, params={"condition": condition}, input=5) == ("false", 5)


def test_if_needs_a_condition():
    assert error_of(if_).code == "params_invalid"


def cases(*ports: tuple[Any, str]) -> list[dict[str, Any]]:
    return [{"condition": condition, "port": port} for condition, port in ports]


def test_a_switch_takes_its_default_port_when_no_case_holds():
    assert left_by(switch, params={"cases": cases((0, "a")), "default_port": "rest"}, input=1) == ("rest", 1)


def test_a_switch_may_take_every_case_that_holds():
    params = {"cases": cases((1, "a"), (0, "b"), (1, "c")), "all_matching": True}

    assert ports_of(switch, params=params, input=1) == {"a": 1, "c": 1}


def test_a_switch_without_cases_is_found_before_it_runs():
    assert switch.param_problems({}, frozenset()) == [("cases", "is required")]
    assert switch.param_problems({}, frozenset(("cases",))) == []


def test_a_case_without_a_port_is_refused_with_its_place():
    assert "cases[0]" in error_of(switch, params={"cases": [{"condition": True}]}).message


def test_a_filter_lets_the_whole_input_through_or_not():
    assert left_by(filter_, params={"condition": True}, input=5) == ("main", 5)
    assert left_by(filter_, params={"condition": None}, input=5) == ("rejected", 5)


@pytest.mark.parametrize("where", ["$item.n > 1", "n > 1", "{{ $input.n > 1 }}", "$index > 0"])
def test_a_filter_asks_each_item_of_a_list(where: str):
    items = [{"n": 1}, {"n": 2}, {"n": 3}]

    assert ports_of(filter_, params={"where": where}, input=items) == {"main": items[1:], "rejected": items[:1]}
    assert ports_of(filter_, params={"where": where, "items": items[:1]}) == {"main": [], "rejected": items[:1]}


def test_a_filter_takes_one_condition_and_a_list():
    assert error_of(filter_).code == "params_invalid"
    assert error_of(filter_, params={"condition": 1, "where": "n"}).code == "params_invalid"
    assert error_of(filter_, params={"where": "n"}, input=5).code == "invalid_collection_type"
    assert [path for path, _ in filter_.param_problems({"where": "n >"}, frozenset())] == ["where"]


def test_set_data_puts_its_fields_over_the_input_when_asked():
    params = {"values": {"b": 2}, "keep_input": True}

    assert value_of(set_data, params=params, input={"a": 1, "b": 1}) == {"a": 1, "b": 2}
    assert error_of(set_data, params=params, input=[1]).code == "set_error"


def test_a_structure_with_templates_is_a_json_template_too():
    assert value_of(set_data, params={"mode": "json", "json_template": {"a": ['"']}}) == {"a": ['"']}


PORTS: dict[str, Any] = {
    "a": [{"id": 1, "x": {"p": 1}}, {"id": 2}],
    "b": [{"id": 1.0, "x": {"q": 2}}, {"id": 3}, {"no": "id"}],
}


@pytest.mark.row("X46")
def test_a_merge_reads_any_number_of_ports():
    assert value_of(merge, inputs={"a": 1, "b": None, "c": 3}) == [1, None, 3]
    assert value_of(merge, params={"strategy": "object"}, inputs={"a": 1, "c": 3}) == {"a": 1, "c": 3}


def test_a_deep_merge_goes_into_maps_and_changes_none_of_them():
    first: dict[str, Any] = {"a": {"x": {"p": 1}}, "b": 1}
    second: dict[str, Any] = {"a": {"x": {"q": 2}}, "b": {"c": 3}}

    merged = value_of(merge, params={"strategy": "deep"}, inputs={"a": first, "b": second})
    assert merged == {"a": {"x": {"p": 1, "q": 2}}, "b": {"c": 3}}
    assert first == {"a": {"x": {"p": 1}}, "b": 1}


def test_lists_are_joined_by_a_key():
    joined = value_of(merge, params={"strategy": "join", "key": "id"}, inputs=PORTS)

    assert joined == [{"id": 1.0, "x": {"q": 2}}, {"id": 2}, {"id": 3}]
    assert PORTS["a"][0] == {"id": 1, "x": {"p": 1}}


def test_lists_are_laid_side_by_side():
    zipped = value_of(merge, params={"strategy": "zip"}, inputs={"a": [1, 2], "b": ["x"]})

    assert zipped == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]


def test_one_port_is_chosen():
    assert value_of(merge, params={"strategy": "choose", "choose": "b"}, inputs={"a": 1, "b": 2}) == 2
    assert value_of(merge, params={"strategy": "choose"}, inputs={"a": None, "b": 2}) == 2
    assert value_of(merge, params={"strategy": "choose"}, inputs={}) is None


@pytest.mark.parametrize(
    "params",
    [
        {"strategy": "join"},
        {"strategy": "join", "key": "id"},
        {"strategy": "zip"},
        {"strategy": "choose", "choose": "c"},
        {"strategy": "apend"},
    ],
)
def test_a_merge_that_cannot_be_says_why(params: dict[str, Any]):
    assert error_of(merge, params=params, inputs={"a": 5, "b": [1]}).code == "merge_error"
