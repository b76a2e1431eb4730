"""What is written can be read again: exactly, and with the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prana_py.errors import DocumentError
from prana_py.model.document import (
    check_workflow_values,
    dump_connection,
    dump_node,
    dump_node_settings,
    dump_workflow,
    load_connection,
    load_node,
    load_node_settings,
    load_workflow,
    workflow_from_dict,
    workflow_to_dict,
)
from prana_py.model.node import Node
from prana_py.model.retry import Retry
from prana_py.model.settings import NodeSettings
from prana_py.model.workflow import Workflow
from tests.model.strategies import connections, node_settings, nodes, workflows

FORMATS: tuple[Literal["json", "yaml"], ...] = ("json", "yaml")


@given(workflows)
def test_plain_data_of_a_workflow_are_that_workflow(workflow: Workflow):
    assert workflow_from_dict(workflow_to_dict(workflow)) == workflow
    assert workflow_from_dict(workflow_to_dict(workflow, with_defaults=True)) == workflow


@pytest.mark.parametrize("format", FORMATS)
@given(workflow=workflows)
def test_the_text_of_a_workflow_is_that_workflow_and_stays_the_same(
    format: Literal["json", "yaml"], workflow: Workflow
):
    text = dump_workflow(workflow, format)

    loaded = load_workflow(text, format)

    assert loaded == workflow
    assert dump_workflow(loaded, format) == text
    assert load_workflow(text.encode(), format) == workflow


@pytest.mark.parametrize("format", FORMATS)
@given(node=nodes, connection=connections, settings=node_settings)
def test_the_text_of_a_part_is_that_part(format: Literal["json", "yaml"], node, connection, settings):
    assert load_node(dump_node(node, format), format) == node
    assert load_connection(dump_connection(connection, format), format) == connection
    assert load_node_settings(dump_node_settings(settings, format), format) == settings


@given(workflows)
def test_a_workflow_that_can_be_written_has_no_problems(workflow: Workflow):
    assert check_workflow_values(workflow) == []


def test_numbers_are_written_alike_however_they_were_made():
    by_hand = Node(key="a", type="x", settings=NodeSettings(retry=Retry(factor=3)), params={"a": (1, 2)})

    text = dump_node(by_hand)

    assert dump_node(load_node(text)) == text


def test_reading_copies_the_data_of_its_caller():
    data = {"id": "a", "name": "A", "variables": {"list": [1]}}
    workflow = workflow_from_dict(data)

    data["variables"]["list"].append(2)  # type: ignore[index]  # the dict has values of several types

    assert workflow.variables == {"list": [1]}


documents: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "name", "nodes", "connections", "settings", "key", "type", "retry", "from", "join"])
            | st.text(max_size=3)
            | st.integers(),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


def refusal(load: Callable[[], object]) -> DocumentError | None:
    """The error, if that is what happens."""
    try:
        load()
    except DocumentError as error:
        return error
    return None


@given(documents)
def test_whatever_the_data_are_they_load_or_are_refused_with_places_and_codes(data: Any):
    error = refusal(lambda: workflow_from_dict(data))

    if error is None:
        workflow = workflow_from_dict(data)
        assert workflow_from_dict(workflow_to_dict(workflow)) == workflow
    else:
        assert error.problems
        assert all(problem.code and problem.message for problem in error.problems)
        assert str(error).encode()


@pytest.mark.parametrize("format", FORMATS)
@given(source=st.text(max_size=60) | st.binary(max_size=60))
def test_whatever_the_text_is_it_loads_or_is_refused(format: Literal["json", "yaml"], source: str | bytes):
    error = refusal(lambda: load_workflow(source, format))

    assert error is None or (error.problems and str(error).encode())
