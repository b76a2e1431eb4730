"""The rows WS of the original Prana: workflows, nodes and connections as documents."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from prana_py.errors import DocumentError
from prana_py.model.connection import Connection
from prana_py.model.document import (
    connection_from_dict,
    connection_to_dict,
    dump_workflow,
    load_workflow,
    node_from_dict,
    node_settings_to_dict,
    node_to_dict,
    workflow_from_dict,
    workflow_to_dict,
)
from prana_py.model.node import Node
from prana_py.model.retry import Retry
from prana_py.model.settings import NodeSettings

DEEP: dict[str, Any] = {"rows": [{"a": None, "b": [True, False, {"c": []}]}, 1, 2.5, ""], "empty": {}}
PRANA: dict[str, Any] = {
    "id": "orders",
    "name": "Orders",
    "version": 3,
    "variables": {"region": "eu", "limits": [1, 2]},
    "nodes": [
        {"key": "start", "name": "Start", "type": "manual.trigger", "params": {}},
        {"key": "check", "name": None, "type": "logic.if_condition", "params": {"condition": "{{ $input.ok }}"}},
        {
            "key": "ship",
            "type": "http.request",
            "params": DEEP,
            "settings": {
                "retry_on_failed": True,
                "max_retries": 2,
                "retry_delay_ms": 10,
                "on_error": "continue_error_output",
            },
        },
    ],
    "connections": {
        "start": {"main": [{"from": "start", "from_port": "main", "to": "check", "to_port": "main"}]},
        "check": {
            "true": [{"from": "check", "from_port": "true", "to": "ship", "to_port": "main"}],
            "false": [{"from": "check", "from_port": "false", "to": "start", "to_port": "main"}],
        },
    },
}


def missing(load: Callable[[Any], object], data: dict[str, Any]) -> set[str]:
    """The fields that a document is refused for, all at once."""
    with pytest.raises(DocumentError) as caught:
        load(data)
    assert {problem.code for problem in caught.value.problems} == {"missing_field"}
    return {problem.place for problem in caught.value.problems}


def a_workflow_is_restored() -> None:
    workflow = workflow_from_dict(PRANA)
    assert (workflow.id, workflow.name, workflow.version) == ("orders", "Orders", 3)
    assert [node.key for node in workflow.nodes] == ["start", "check", "ship"]
    assert workflow.connections[0] == Connection(from_node="start", to_node="check")
    assert workflow.variables == {"region": "eu", "limits": [1, 2]}


def id_and_name_are_enough() -> None:
    workflow = workflow_from_dict({"id": "a", "name": "A"})
    assert (workflow.version, workflow.nodes, workflow.connections, workflow.variables) == (1, (), (), {})


def empty_collections_are_accepted() -> None:
    empty = {"id": "a", "name": "A", "nodes": [], "connections": {}, "variables": {}}
    assert workflow_from_dict(empty) == workflow_from_dict({"id": "a", "name": "A", "connections": []})


def nested_connections_become_typed_in_order() -> None:
    connections = workflow_from_dict(PRANA).connections
    assert [(one.from_node, one.from_port, one.to_node) for one in connections] == [
        ("start", "main", "check"),
        ("check", "true", "ship"),
        ("check", "false", "start"),
    ]


def a_node_is_restored() -> None:
    node = node_from_dict({"key": "k", "name": "N", "type": "data.set", "params": {"a": 1}})
    assert node == Node(key="k", name="N", type="data.set", params={"a": 1})


def key_and_type_are_enough() -> None:
    node = node_from_dict({"key": "k", "type": "data.set"})
    assert (node.name, node.params) == (None, {})


def empty_params_are_kept() -> None:
    assert node_from_dict({"key": "k", "type": "data.set", "params": {}}).params == {}


def deep_params_are_kept() -> None:
    assert node_from_dict({"key": "k", "type": "data.set", "params": DEEP}).params == DEEP


def settings_become_typed() -> None:
    settings = workflow_from_dict(PRANA).nodes[2].settings
    assert settings == NodeSettings(
        retry=Retry(max_attempts=3, delay=timedelta(milliseconds=10)), on_error="error_port", error_format="prana"
    )


def missing_settings_are_the_defaults() -> None:
    assert node_from_dict({"key": "k", "type": "data.set"}).settings == NodeSettings()


def written_settings_can_have_their_defaults_filled_in() -> None:
    data = node_to_dict(Node(key="k", type="data.set"), with_defaults=True)
    assert data["settings"] == node_settings_to_dict(NodeSettings(), with_defaults=True)
    assert data["settings"]["on_error"] == "stop"


def a_node_keeps_its_settings() -> None:
    node = Node(
        key="k", type="data.set", settings=NodeSettings(retry=Retry(max_attempts=4), timeout=timedelta(hours=1))
    )
    assert node_from_dict(node_to_dict(node)) == node


def a_connection_is_restored() -> None:
    connection = connection_from_dict({"from": "a", "from_port": "true", "to": "b", "to_port": "input_a"})
    assert connection == Connection(from_node="a", from_port="true", to_node="b", to_port="input_a")


def both_ports_default_to_main() -> None:
    connection = connection_from_dict({"from": "a", "to": "b"})
    assert (connection.from_port, connection.to_port) == ("main", "main")


def the_target_port_defaults_to_main() -> None:
    connection = connection_from_dict({"from": "a", "from_port": "error", "to": "b"})
    assert (connection.from_port, connection.to_port) == ("error", "main")


def a_node_without_key_and_type_is_refused() -> None:
    assert missing(node_from_dict, {"name": "n"}) == {"key", "type"}


def a_connection_without_ends_is_refused() -> None:
    assert missing(connection_from_dict, {"from_port": "main"}) == {"from", "to"}


def a_workflow_without_id_and_name_is_refused() -> None:
    assert missing(workflow_from_dict, {"version": 1}) == {"id", "name"}


def a_workflow_survives_the_round_trip() -> None:
    workflow = workflow_from_dict(PRANA)
    assert workflow_from_dict(workflow_to_dict(workflow)) == workflow
    assert workflow_from_dict(workflow_to_dict(workflow, with_defaults=True)) == workflow
    assert load_workflow(dump_workflow(workflow)) == workflow
    assert load_workflow(dump_workflow(workflow, "yaml"), "yaml") == workflow


def a_node_with_deep_params_survives_the_round_trip() -> None:
    node = Node(key="k", type="data.set", params=DEEP)
    assert node_from_dict(node_to_dict(node)) == node


def a_connection_survives_the_round_trip() -> None:
    connection = Connection(from_node="a", from_port="x", to_node="b", to_port="y", condition="$input.ok")
    assert connection_from_dict(connection_to_dict(connection)) == connection


ROWS: list[tuple[str, Callable[[], None]]] = [
    ("WS1", a_workflow_is_restored),
    ("WS2", id_and_name_are_enough),
    ("WS3", empty_collections_are_accepted),
    ("WS4", nested_connections_become_typed_in_order),
    ("WS5", a_node_is_restored),
    ("WS6", key_and_type_are_enough),
    ("WS7", empty_params_are_kept),
    ("WS8", deep_params_are_kept),
    ("WS9", settings_become_typed),
    ("WS10", missing_settings_are_the_defaults),
    ("WS11", written_settings_can_have_their_defaults_filled_in),
    ("WS12", a_node_keeps_its_settings),
    ("WS13", a_connection_is_restored),
    ("WS14", both_ports_default_to_main),
    ("WS15", the_target_port_defaults_to_main),
    ("WS16", a_node_without_key_and_type_is_refused),
    ("WS17", a_connection_without_ends_is_refused),
    ("WS18", a_workflow_without_id_and_name_is_refused),
    ("WS19", a_workflow_survives_the_round_trip),
    ("WS20", a_node_with_deep_params_survives_the_round_trip),
    ("WS21", a_connection_survives_the_round_trip),
]


@pytest.mark.parametrize("check", [pytest.param(check, id=row, marks=pytest.mark.row(row)) for row, check in ROWS])
def test_documents_keep_the_promise_of_the_row(check: Callable[[], None]) -> None:
    check()
