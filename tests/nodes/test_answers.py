"""What a node may answer, and what comes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from prana_py.driver.outcome import Completed, CompletedPorts, Failed, Opened, Outcome, Stopped, Waiting
from prana_py.errors import UsageError
from prana_py.execution.suspension import (
    IntervalRequest,
    RaceRequest,
    ScheduleRequest,
    SignalRequest,
    SubWorkflowRequest,
    WebhookRequest,
)
from prana_py.model.node_spec import NodeSpec
from prana_py.nodes.answers import answer_to_outcome
from prana_py.nodes.returns import (
    Each,
    Output,
    Outputs,
    race,
    stop,
    stop_with_error,
    wait_for_interval,
    wait_for_signal,
    wait_for_webhook,
    wait_for_workflow,
    wait_until,
)

SPEC = NodeSpec(type="t", outputs=("main", "other"))
ANY = NodeSpec(type="t", outputs=("*",))


def outcome(answer: Any, spec: NodeSpec = SPEC) -> Outcome:
    return answer_to_outcome(answer, spec)


def code(answer: Any, spec: NodeSpec = SPEC) -> str:
    found = outcome(answer, spec)
    assert isinstance(found, Failed), found
    assert not found.error.retryable
    return found.error.code


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}, 1.5, "x", {"a": 1}, (1, 2), b"x", datetime(2030, 1, 1)])  # noqa: DTZ001
def test_a_plain_value_leaves_by_the_default_port(value: Any):
    assert outcome(value) == Completed(value)


def test_an_output_may_name_its_port_and_update_state_and_context():
    assert outcome(Output(1, "other", {"s": 2}, {"c": 3})) == Completed(1, "other", {"s": 2}, {"c": 3})
    assert outcome(Output(1)) == Completed(1)


@pytest.mark.parametrize("port", ["error", "timeout"])
def test_error_and_timeout_need_no_declaration(port: str):
    assert outcome(Output(1, port)) == Completed(1, port)


def test_a_type_with_any_port_may_leave_by_each():
    assert outcome(Output(1, "whatever"), ANY) == Completed(1, "whatever")


def test_an_undeclared_port_is_an_error_that_names_the_declared_ones():
    found = outcome(Output(1, "othr"))

    assert isinstance(found, Failed)
    assert found.error.code == "port_undeclared"
    assert found.error.details == {"type": "t", "port": "othr", "declared": ["main", "other"]}
    assert "'main', 'other' – did you mean 'other'?" in found.error.message


def test_several_ports_at_once():
    answer = Outputs({"main": 1, "other": Each(range(2))}, state={"s": 1})

    assert outcome(answer) == CompletedPorts({"main": 1, "other": [0, 1]}, ("other",), {"s": 1})
    assert outcome(Outputs({})) == CompletedPorts({})


@pytest.mark.parametrize(
    "answer",
    [
        Output(1, port=3),  # type: ignore[arg-type]
        Output(1, port=""),
        Output(1, state=[1]),  # type: ignore[arg-type]
        Output(1, context={1: 2}),  # type: ignore[dict-item]
        Output(1, state={"node_context": 3}),
        Output(Each([1])),
        Outputs([1]),  # type: ignore[arg-type]
        Outputs({"main": Each("text")}),
        Outputs({"main": Each({"a": 1})}),  # type: ignore[arg-type]
        Outputs({"main": Each(5)}),  # type: ignore[arg-type]
        Each([1]),
        Output,
        Opened(items=[]),
        Waiting("soon"),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_an_answer_that_cannot_be_is_refused(answer: Any):
    assert code(answer) == "answer_invalid"


@pytest.mark.row("X33")
def test_the_originals_node_context_in_the_state_goes_to_the_nodes_own_context():
    assert outcome(Output(1, state={"a": 1, "node_context": {"b": 2}})) == Completed(1, None, {"a": 1}, {"b": 2})


def test_only_a_scope_owner_opens_scopes():
    opened = Opened(items=[1])

    assert outcome(opened, NodeSpec(type="t", owner="for_each")) is opened


def test_waits_ask_for_durations():
    hour = timedelta(hours=1)
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)

    assert wait_for_webhook(timeout="1h", method="put", schema={"type": "object"}).request == WebhookRequest(
        timeout=hour, method="PUT", schema={"type": "object"}
    )
    assert wait_for_interval(3600).request == IntervalRequest(duration=hour)
    assert wait_until(noon).request == ScheduleRequest(until=noon, zone="UTC")
    assert wait_for_signal("go", timeout=hour).request == SignalRequest(name="go", timeout=hour)
    assert wait_for_workflow("w", [1], mode="async", batch="single", timeout="1h").request == SubWorkflowRequest(
        workflow_id="w", input=[1], mode="async", batch="single", timeout=hour
    )


def test_a_wait_may_update_state_and_context():
    assert outcome(wait_for_interval(1, state={"a": 1}, context={"b": 2})) == Waiting(
        IntervalRequest(duration=timedelta(seconds=1)), {"a": 1}, {"b": 2}
    )


def test_a_race_leaves_by_the_port_of_the_first():
    asked = race(main=wait_for_webhook(), other=wait_for_interval(60))

    assert asked.request == RaceRequest(
        alternatives={"main": WebhookRequest(), "other": IntervalRequest(duration=timedelta(minutes=1))}
    )
    assert outcome(asked) is asked
    assert code(race(nowhere=wait_for_webhook())) == "port_undeclared"


@pytest.mark.parametrize(
    "make",
    [
        lambda: wait_for_interval("soon"),
        lambda: wait_for_interval(timedelta(seconds=-1)),
        lambda: wait_for_interval(-1),
        lambda: wait_until(datetime(2030, 1, 1)),  # noqa: DTZ001  # the point
        lambda: wait_for_signal(""),
        lambda: race(),
        lambda: race(main=race(main=wait_for_webhook())),
        lambda: race(main=5),  # type: ignore[arg-type]  # the point
    ],
)
def test_a_wait_that_cannot_be_is_refused_where_it_is_asked_for(make: Any):
    with pytest.raises(UsageError) as caught:
        make()

    assert caught.value.code == "wait_invalid"


def test_stop_ends_the_execution():
    assert outcome(stop(3)) == Stopped(3)
    found = outcome(stop_with_error("broke", "no money", details={"a": 1}))
    assert isinstance(found, Stopped)
    assert found.error is not None
    assert (found.error.code, found.error.message, found.error.details) == ("broke", "no money", {"a": 1})
