"""Nodes and workflows made from prototypes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from prana_py.errors import DocumentError, NotFoundError, UsageError
from prana_py.model.builder import WorkflowBuilder
from prana_py.model.document import workflow_to_dict
from prana_py.model.join import Batch, FirstOf
from prana_py.model.node import Node
from prana_py.model.prototypes import NodePrototype, WorkflowPrototype, clone
from prana_py.model.retry import Retry
from prana_py.model.settings import NodeSettings
from prana_py.model.workflow import Workflow


def fetching() -> Node:
    return Node(
        key="fetch",
        type="http.request",
        params={"url": "https://example.org", "headers": {"accept": "json", "x": "1"}, "codes": [200]},
        settings=NodeSettings(retry=Retry(max_attempts=5), timeout=timedelta(seconds=9), join=FirstOf(n=2)),
    )


def orders() -> Workflow:
    flow = WorkflowBuilder("orders", variables={"region": "eu", "limits": {"low": 1, "high": 9}})
    flow.add("core.log", "tell", message="hello", data={"a": 1, "b": 2})
    return flow.build()


def test_a_node_is_made_with_params_merged_deeply():
    node = NodePrototype(fetching()).make("other", params={"headers": {"x": "2"}, "codes": [404]})

    assert node.key == "other"
    assert node.params == {"url": "https://example.org", "headers": {"accept": "json", "x": "2"}, "codes": [404]}


def test_settings_merge_field_by_field_so_that_a_join_stays_one():
    node = NodePrototype(fetching()).make(
        "other", settings={"retry": {"delay": timedelta(seconds=3)}, "join": {"batch": 5}}
    )

    assert node.settings == NodeSettings(
        retry=Retry(max_attempts=5, delay=timedelta(seconds=3)), timeout=timedelta(seconds=9), join=Batch(size=5)
    )


def test_whole_settings_replace_those_of_the_prototype():
    assert NodePrototype(fetching()).make("other", settings=NodeSettings()).settings == NodeSettings()


def test_the_prototype_is_never_touched():
    prototype = NodePrototype(fetching())

    made = prototype.make("other", params={"headers": {"x": "2"}})
    made.params["headers"]["accept"] = "xml"

    assert prototype.node == fetching()


def test_a_field_that_a_node_does_not_have_is_refused():
    with pytest.raises(UsageError, match="did you mean 'params'"):
        NodePrototype(fetching()).make("other", parms={})


def test_a_wrong_value_is_refused_with_its_place():
    with pytest.raises(DocumentError, match=r"settings\.retry\.max_atempts"):
        NodePrototype(fetching()).make("other", settings={"retry": {"max_atempts": 1}})


def test_a_workflow_is_made_with_changed_variables_and_nodes():
    made = WorkflowPrototype(orders()).make(
        "returns", variables={"limits": {"high": 5}}, nodes={"tell": {"params": {"data": {"b": 3}}}}
    )

    assert (made.id, made.variables) == ("returns", {"region": "eu", "limits": {"low": 1, "high": 5}})
    assert made.nodes[1].params == {"message": "hello", "data": {"a": 1, "b": 3}}
    assert made.connections == orders().connections


def test_a_clone_without_changes_is_equal():
    workflow = orders()

    assert clone(workflow) == workflow
    assert clone(workflow, id="b", name="B", version=2, settings={"timeout": "1d"}).settings.timeout == timedelta(
        days=1
    )
    assert workflow_to_dict(workflow) == workflow_to_dict(orders())


def test_a_node_that_the_prototype_does_not_have_is_refused():
    with pytest.raises(NotFoundError, match="did you mean 'tell'"):
        clone(orders(), nodes={"tel": {"params": {}}})


def test_a_variable_that_the_prototype_does_not_have_is_refused():
    with pytest.raises(NotFoundError, match="did you mean 'region'"):
        clone(orders(), variables={"regoin": "us"})


def test_the_key_of_a_node_stays():
    with pytest.raises(UsageError, match="'key' cannot be changed"):
        clone(orders(), nodes={"tell": {"key": "other"}})
