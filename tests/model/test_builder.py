"""Building workflows in Python."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from prana_py.errors import DocumentError, UsageError
from prana_py.model.builder import WorkflowBuilder
from prana_py.model.connection import Connection, Cycle
from prana_py.model.document import check_workflow_values, workflow_from_dict, workflow_to_dict
from prana_py.model.keys import key_from_name
from prana_py.model.node import Node
from prana_py.model.node_spec import NodeSpec
from prana_py.model.settings import NodeSettings
from prana_py.model.workflow import Workflow


class NodeType:
    """What ``@node`` returns, as far as the builder is concerned."""

    def __init__(self, type: str, **fields: Any) -> None:
        self.spec = NodeSpec(type=type, **fields)


greet = NodeType("greet")
approval = NodeType("core.approval", outputs=("approved", "rejected"))
merge = NodeType("data.merge", inputs=("input_a", "input_b"))
webhook = NodeType("http.hook", inputs=(), is_trigger=True)


def edges(workflow: Workflow) -> list[tuple[str, str, str, str]]:
    return [(one.from_node, one.from_port, one.to_node, one.to_port) for one in workflow.connections]


def problems_of(flow: WorkflowBuilder) -> list[tuple[str, str]]:
    with pytest.raises(DocumentError) as caught:
        flow.build()
    return [(problem.place, problem.code) for problem in caught.value.problems]


def test_one_node_is_a_workflow():
    flow = WorkflowBuilder("hello")
    flow.add(greet, name="{{ $input.name }}")

    workflow = flow.build()

    assert workflow == Workflow(
        id="hello",
        name="hello",
        nodes=(
            Node(key="trigger", type="manual.trigger"),
            Node(key="greet", type="greet", params={"name": "{{ $input.name }}"}),
        ),
        connections=(Connection(from_node="trigger", to_node="greet"),),
    )


def test_branches_are_connected_by_value_and_chain():
    flow = WorkflowBuilder("orders")
    ask = flow.add(approval, question="Ship {{ $input.id }}?")
    ask.then(flow.add("core.log", "ship"), port="approved").then(flow.add("core.log", "tell"))
    ask.then(flow.add("core.log", "refuse"), port="rejected")

    assert edges(flow.build()) == [
        ("trigger", "main", "approval", "main"),
        ("approval", "approved", "ship", "main"),
        ("ship", "main", "tell", "main"),
        ("approval", "rejected", "refuse", "main"),
    ]


def test_a_port_that_is_not_named_is_the_default_of_the_node_type():
    flow = WorkflowBuilder("a")
    flow.add(approval).then(flow.add(merge))

    assert ("approval", "approved", "merge", "input_a") in edges(flow.build())


def test_nodes_are_connected_by_name_in_a_chain_of_calls():
    workflow = (
        WorkflowBuilder("orders", "Orders", version=2, variables={"region": "eu"})
        .add_node("manual.trigger", "start")
        .add_node("data.merge", "join", {"mode": "append"}, settings={"join": "all"})
        .add_connection("start", "main", "join", "input_a")
        .add_connection("start", "main", "join", "input_b")
        .build()
    )

    assert [node.key for node in workflow.nodes] == ["start", "join"]
    assert edges(workflow) == [("start", "main", "join", "input_a"), ("start", "main", "join", "input_b")]
    assert (workflow.name, workflow.version, workflow.variables) == ("Orders", 2, {"region": "eu"})


def test_a_key_comes_from_the_type_and_is_made_unique():
    flow = WorkflowBuilder("a")

    assert [flow.add("http.request").key for _ in range(3)] == ["request", "request_2", "request_3"]
    assert flow.add("http.request", display_name="My Fancy-Node!! 2").key == "my_fancy_node_2"


def test_a_key_is_made_from_a_name_as_the_original_does():
    assert key_from_name("My Fancy-Node!! 2") == "my_fancy_node_2"
    assert key_from_name("__a__b__") == "a_b"
    assert key_from_name("!!!") == "node"


def test_parameters_named_like_a_keyword_go_through_params():
    flow = WorkflowBuilder("a")
    flow.add("data.sort", "sort", params={"key": "age", "settings": 1}, order="down")

    assert flow.build().nodes[1].params == {"key": "age", "settings": 1, "order": "down"}


def test_durations_and_instants_become_text():
    flow = WorkflowBuilder("a")
    flow.add("wait.wait", duration=timedelta(hours=1), until=datetime(2030, 1, 1, tzinfo=UTC), pair=(1, 2))

    params = flow.build().nodes[1].params

    assert params == {"duration": "1h", "until": "2030-01-01T00:00:00+00:00", "pair": [1, 2]}


def test_settings_are_given_as_a_struct_or_as_data():
    flow = WorkflowBuilder("a", settings={"timeout": timedelta(days=1)})
    flow.add("x", "a", settings=NodeSettings(timeout=timedelta(seconds=5)))
    flow.add("x", "b", settings={"timeout": "5s"})

    workflow = flow.build()

    assert workflow.nodes[1].settings == workflow.nodes[2].settings == NodeSettings(timeout=timedelta(seconds=5))
    assert workflow.settings.timeout == timedelta(days=1)


def test_what_was_handed_in_can_change_afterwards():
    flow = WorkflowBuilder("a")
    rows = [1]
    flow.add("x", rows=rows)

    rows.append(2)

    assert flow.build().nodes[1].params == {"rows": [1]}


def test_a_trigger_of_ones_own_needs_no_other():
    flow = WorkflowBuilder("a")
    flow.add(webhook).then(flow.add(greet))

    assert [node.key for node in flow.build().nodes] == ["hook", "greet"]


@pytest.mark.parametrize("type", ["manual.trigger", "schedule.cron_trigger", "test.trigger_action"])
def test_a_type_that_is_only_named_is_a_trigger_if_its_name_says_so(type: str):
    flow = WorkflowBuilder("a")
    flow.add(type, "start")

    assert len(flow.build().nodes) == 1


def test_the_trigger_leads_to_every_node_without_an_incoming_connection():
    flow = WorkflowBuilder("a")
    flow.add("x", "a").then(flow.add("x", "b"))
    flow.add("x", "trigger")

    assert edges(flow.build())[:2] == [("trigger_2", "main", "a", "main"), ("trigger_2", "main", "trigger", "main")]


def test_the_trigger_leads_into_a_cycle_that_nothing_else_enters():
    flow = WorkflowBuilder("a")
    first = flow.add("x", "first")
    first.then(flow.add("x", "second")).then(first)

    assert edges(flow.build())[0] == ("trigger", "main", "first", "main")


def test_the_trigger_does_not_lead_to_a_compensation():
    flow = WorkflowBuilder("a")
    flow.add("x", "book", settings={"compensate_with": "cancel"})
    flow.add("x", "pay", settings=NodeSettings(compensate_with="refund"))
    flow.add("x", "cancel")
    flow.add("x", "refund")

    assert [edge[2] for edge in edges(flow.build())] == ["book", "pay"]


def test_no_trigger_is_added_where_none_is_wanted():
    flow = WorkflowBuilder("a")
    flow.add("mine.start")

    assert [node.key for node in flow.build(trigger=False).nodes] == ["start"]
    assert WorkflowBuilder("empty").build().nodes == ()


def test_a_connection_carries_all_it_can():
    flow = WorkflowBuilder("a")
    flow.add("x", "a").then(
        flow.add("x", "b"),
        condition="$input.ok",
        mapping={"user.name": "name"},
        contract={"type": "object"},
        loop=Cycle(name="again"),
    )

    assert flow.build().connections[1] == Connection(
        from_node="a",
        to_node="b",
        condition="$input.ok",
        mapping={"user.name": "name"},
        contract={"type": "object"},
        loop=Cycle(name="again"),
    )


def test_a_cycle_is_a_way_back_with_a_limit():
    flow = WorkflowBuilder("a")
    guess = flow.add("x", "guess")
    check = guess.then(flow.add("x", "check"))

    built = (
        flow.create_cycle("refine")
        .connect(check, guess, from_port="again")
        .max_iterations(100)
        .converge_when("$input.error < 0.1")
        .timeout("5m")
        .build()
    )

    assert built is flow
    assert flow.build().connections[-1] == Connection(
        from_node="check",
        from_port="again",
        to_node="guess",
        loop=Cycle(name="refine", max_iterations=100, converge_when="$input.error < 0.1", timeout=timedelta(minutes=5)),
    )


def test_a_cycle_that_was_never_built_is_a_problem():
    flow = WorkflowBuilder("a")
    flow.create_cycle("refine")

    assert problems_of(flow) == [("", "unfinished_cycle")]


def test_a_cycle_without_a_way_back_cannot_be_built():
    with pytest.raises(UsageError, match="has no way back"):
        WorkflowBuilder("a").create_cycle("refine").build()


def test_a_node_of_another_workflow_cannot_be_connected():
    other = WorkflowBuilder("other").add("x")

    with pytest.raises(UsageError, match="add it to this builder first"):
        WorkflowBuilder("a").add("x").then(other)


def test_all_problems_come_at_once():
    flow = WorkflowBuilder("a")
    flow.add_node("manual.trigger", "start")
    flow.add_node("x", "fetch", settings={"retry": {"max_atempts": 3}})
    flow.add_node("x", "fetch", params={"bad": object()})
    flow.add_connection("start", "main", "fecth")
    flow.add_connection("nowhere", "main", "fetch")

    with pytest.raises(DocumentError, match="did you mean 'fetch'") as caught:
        flow.build()

    assert [(problem.place, problem.code) for problem in caught.value.problems] == [
        ("nodes[1].settings.retry.max_atempts", "unknown_field"),
        ("nodes[2].params.bad", "wrong_type"),
        ("nodes[2].key", "duplicate_key"),
        ("connections[0].to", "unknown_node"),
        ("connections[1].from", "unknown_node"),
    ]


def test_values_of_the_wrong_type_are_problems_too():
    flow = WorkflowBuilder(7, settings=[])  # type: ignore[arg-type]  # what is tested
    flow.add(3, ["k"])  # type: ignore[arg-type]  # what is tested
    flow.add_connection(["k"], 5, None)  # type: ignore[arg-type]  # what is tested
    endless: dict[str, Any] = {}
    endless["again"] = endless
    flow.add("x", "deep", params=endless)

    assert {code for _, code in problems_of(flow)} == {"wrong_type", "too_deep"}


def test_what_is_built_is_a_valid_document_and_building_can_go_on():
    flow = WorkflowBuilder("a")
    first = flow.add(greet)
    before = flow.build()
    first.then(flow.add(approval))

    after = flow.build()

    assert (len(before.nodes), len(after.nodes)) == (2, 3)
    assert check_workflow_values(after) == []
    assert workflow_from_dict(workflow_to_dict(after)) == after


def test_a_function_that_is_no_node_is_refused_where_it_is_added():
    def plain_function() -> None: ...

    with pytest.raises(UsageError, match="use @node on the function") as caught:
        WorkflowBuilder("a").add(plain_function)  # type: ignore[arg-type]  # that is the mistake

    assert caught.value.code == "node_unusable"
