"""Workflow documents: what is accepted, and how it is refused."""

from __future__ import annotations

import builtins
import sys
from datetime import timedelta
from typing import Any

import pytest

from prana_py.errors import DocumentError, UsageError
from prana_py.model.connection import Connection
from prana_py.model.document import (
    check_workflow_values,
    dump_workflow,
    legacy_settings_to_dict,
    load_workflow,
    node_from_dict,
    node_settings_from_dict,
    node_settings_to_dict,
    workflow_from_dict,
    workflow_settings_from_dict,
)
from prana_py.model.join import All, Batch, Custom, Every, FirstOf, Inclusive
from prana_py.model.node import Node
from prana_py.model.retry import Retry
from prana_py.model.settings import Fallback, NodeSettings
from prana_py.model.workflow import Workflow


def problems_of(load: Any, data: Any) -> list[tuple[str, str]]:
    with pytest.raises(DocumentError) as caught:
        load(data)
    return [(problem.place, problem.code) for problem in caught.value.problems]


def test_all_problems_come_in_one_error_each_with_its_place():
    data = {
        "id": 7,
        "nodes": [
            {"key": "a", "type": "x.y"},
            {"key": "b", "type": "x.y", "settings": {"retry": {"max_atempts": 3}, "join": "al", "timeout": "soon"}},
            {"key": "a", "params": {"ok": [float("nan")]}},
        ],
        "connections": [{"from": "a"}],
    }

    assert problems_of(workflow_from_dict, data) == [
        ("id", "wrong_type"),
        ("nodes[1].settings.retry.max_atempts", "unknown_field"),
        ("nodes[1].settings.join", "unknown_value"),
        ("nodes[1].settings.timeout", "wrong_format"),
        ("nodes[2].params.ok[0]", "out_of_range"),
        ("nodes[2].type", "missing_field"),
        ("nodes[2].key", "duplicate_key"),
        ("connections[0].to", "missing_field"),
        ("name", "missing_field"),
    ]


def test_an_unknown_field_suggests_the_nearest_and_names_the_node():
    with pytest.raises(DocumentError, match="did you mean 'max_attempts'") as caught:
        workflow_from_dict(
            {"id": "a", "name": "A", "nodes": [{"key": "k", "type": "t", "settings": {"retry": {"max_atempts": 3}}}]}
        )

    assert caught.value.problems[0].node_key == "k"
    assert caught.value.details()["problems"][0]["place"] == "nodes[0].settings.retry.max_atempts"


@pytest.mark.parametrize(
    ("written", "join"),
    [
        ("inclusive", Inclusive()),
        ("all", All()),
        ("each", Every()),
        ("first", FirstOf()),
        ({"n": 2}, FirstOf(n=2)),
        ({"n": 2, "on_rest": "cancel", "block": True}, FirstOf(n=2, on_rest="cancel", block=True)),
        ({"batch": 10, "within": "5s"}, Batch(size=10, within=timedelta(seconds=5))),
        ({"policy": "mine"}, Custom(name="mine")),
    ],
)
def test_a_join_is_read_and_written_in_its_own_form(written: Any, join: Any):
    settings = node_settings_from_dict({"join": written})

    assert settings.join == join
    assert node_settings_to_dict(settings) == {"join": written}


@pytest.mark.parametrize(
    "join", [{}, 3, ["all"], {"n": 0}, {"batch": 0}, {"batch": 1, "n": 2}, {"policy": ""}, {"x": 1}]
)
def test_what_is_no_join_is_refused(join: Any):
    assert problems_of(node_settings_from_dict, {"join": join})


@pytest.mark.parametrize("on_error", ["stop", "continue", "error_port"])
def test_on_error_is_a_word(on_error: Any):
    assert node_settings_from_dict({"on_error": on_error}) == NodeSettings(on_error=on_error)


@pytest.mark.parametrize("value", [None, 0, {"a": []}])
def test_on_error_can_be_a_fallback_of_any_value(value: Any):
    settings = node_settings_from_dict({"on_error": {"fallback": value}})

    assert settings.on_error == Fallback(value)
    assert node_settings_to_dict(settings) == {"on_error": {"fallback": value}}


def test_null_takes_the_default_unless_the_field_knows_null():
    node = node_from_dict({"key": "a", "type": "t", "params": None, "settings": None, "name": None})

    assert node == Node(key="a", type="t")
    assert workflow_settings_from_dict({"max_iterations": None, "max_depth": None}).max_iterations is None
    assert workflow_settings_from_dict({"max_depth": None}).max_depth == 20


def test_nothing_is_cast_in_our_own_form():
    assert problems_of(node_settings_from_dict, {"reentrant": "true", "history": "5", "timeout": True}) == [
        ("reentrant", "wrong_type"),
        ("history", "wrong_type"),
        ("timeout", "wrong_type"),
    ]


def test_on_error_continue_alone_is_ours_and_hands_on_the_plain_error():
    assert node_settings_from_dict({"on_error": "continue"}).error_format == "plain"


def test_the_two_forms_of_settings_do_not_mix():
    assert problems_of(node_settings_from_dict, {"max_retries": 2, "timeout": "5s"}) == [("timeout", "unknown_field")]


@pytest.mark.parametrize(
    "settings",
    [
        NodeSettings(timeout=timedelta(seconds=1)),
        NodeSettings(retry=Retry(backoff="linear")),
        NodeSettings(retry=Retry(max_attempts=1)),
        NodeSettings(retry=Retry(delay=timedelta(hours=1))),
        NodeSettings(on_error=Fallback(1)),
    ],
)
def test_settings_that_the_original_has_no_words_for_are_not_written_in_its_form(settings: NodeSettings):
    with pytest.raises(UsageError, match="cannot be written as Prana's"):
        legacy_settings_to_dict(settings)


def test_connections_of_the_nested_map_take_their_source_from_its_keys():
    workflow = workflow_from_dict(
        {
            "id": "a",
            "name": "A",
            "connections": {"x": {"true": [{"to": "y"}, {"from": "x", "from_port": "true", "to": "z"}]}},
        }
    )

    assert workflow.connections == (
        Connection(from_node="x", from_port="true", to_node="y"),
        Connection(from_node="x", from_port="true", to_node="z"),
    )


def test_a_connection_that_contradicts_the_keys_of_its_map_is_a_problem():
    data = {"id": "a", "name": "A", "connections": {"x": {"main": [{"from": "y", "from_port": "true", "to": "z"}]}}}

    assert problems_of(workflow_from_dict, data) == [
        ("connections.x.main[0].from", "connection_mismatch"),
        ("connections.x.main[0].from_port", "connection_mismatch"),
    ]


def test_keys_that_are_no_names_stand_in_quotes_in_a_place():
    data = {"id": "a", "name": "A", "variables": {"two words": {"x": object()}}}

    assert problems_of(workflow_from_dict, data) == [("variables['two words'].x", "wrong_type")]


def test_words_of_yaml_mean_what_they_say():
    workflow = load_workflow(
        """
id: on
name: yes
nodes:
  - key: no
    type: core.log
    params: {on: off, 1: 010, when: 12:30, day: 2024-01-01, truth: true, nothing: ~, tenth: 1e-1, hex: 0x1f, y: "1"}
connections:
  no:
    main: [{to: no}]
""",
        "yaml",
    )

    assert (workflow.id, workflow.name, workflow.nodes[0].key) == ("on", "yes", "no")
    assert workflow.nodes[0].params == {
        "on": "off",
        "1": 10,
        "when": "12:30",
        "day": "2024-01-01",
        "truth": True,
        "nothing": None,
        "tenth": 0.1,
        "hex": "0x1f",
        "y": "1",
    }


def test_a_template_without_quotes_in_yaml_says_what_to_do():
    with pytest.raises(DocumentError, match="must stand in quotes, as templates do"):
        load_workflow("id: a\nname: {{ $input.name }}\n", "yaml")


def test_yaml_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    import_before = builtins.__import__

    def no_yaml(name: str, *rest: Any, **more: Any) -> Any:
        if name == "yaml":
            raise ImportError(name)
        return import_before(name, *rest, **more)

    monkeypatch.delitem(sys.modules, "yaml", raising=False)
    monkeypatch.setattr(builtins, "__import__", no_yaml)

    with pytest.raises(UsageError, match=r"prana-py\[yaml\]"):
        load_workflow("id: a", "yaml")


def test_an_unknown_format_is_a_usage_error():
    with pytest.raises(UsageError, match="did you mean 'json'"):
        dump_workflow(Workflow(id="a", name="A"), "jsn")  # type: ignore[arg-type]  # what is tested


def test_values_made_in_python_are_checked_like_documents():
    workflow: Any = Workflow(
        id="",
        name="A",
        version="3",  # type: ignore[arg-type]  # what is tested
        nodes=(
            Node(key="a", type="t", params={"x": {1: 2}, "y": object()}),
            Node(key="a", type="t", settings=NodeSettings(retry=Retry(max_attempts=0, jitter=2.0), join="all")),  # type: ignore[arg-type]  # what is tested
            {"key": "b", "type": "t"},
            Node(key="c", type="t", settings=NodeSettings(timeout=-timedelta(1), on_error="explode")),  # type: ignore[arg-type]  # what is tested
        ),
    )

    assert [(problem.place, problem.code) for problem in check_workflow_values(workflow)] == [
        ("id", "out_of_range"),
        ("version", "wrong_type"),
        ("nodes[0].params.x", "wrong_type"),
        ("nodes[0].params.y", "wrong_type"),
        ("nodes[1].settings.retry.max_attempts", "out_of_range"),
        ("nodes[1].settings.retry.jitter", "out_of_range"),
        ("nodes[1].settings.join", "wrong_type"),
        ("nodes[2]", "wrong_type"),
        ("nodes[3].settings.on_error", "unknown_value"),
        ("nodes[3].settings.timeout", "out_of_range"),
        ("nodes[1].key", "duplicate_key"),
    ]
