"""The built-in nodes that loop, stop, wait, and call other workflows."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from prana_py.builtin_nodes.flow import assert_, log, noop, stop_
from prana_py.builtin_nodes.loops import for_each, while_
from prana_py.builtin_nodes.wait import race, wait
from prana_py.builtin_nodes.workflow import execute_workflow, set_state
from prana_py.driver.outcome import Completed, Opened, Stopped, Waiting
from prana_py.execution.suspension import (
    IntervalRequest,
    RaceRequest,
    ScheduleRequest,
    SignalRequest,
    SubWorkflowRequest,
    WebhookRequest,
)
from tests.nodes.calls import INTERVAL, WEBHOOK, child_wait, error_of, left_by, outcome_of, resumed, value_of


def test_for_each_goes_through_its_input_unless_items_are_given():
    assert outcome_of(for_each, input=[1, 2]) == Opened(items=[1, 2])
    assert error_of(for_each, input=[1], params={"items": None}).code == "invalid_collection_type"


def test_for_each_hands_on_how_it_is_to_go():
    params = {
        "items": [1], "max_concurrency": 4, "need": 1, "until": "$input > 3", "on_item_error": "skip", "open": True,
    }  # fmt: skip

    assert outcome_of(for_each, params=params) == Opened(
        items=[1], max_concurrency=4, need=1, until="$input > 3", on_item_error="skip", open=True
    )
    assert for_each.spec.raw_params == ("until",)


def test_for_each_may_begin_with_nothing_when_items_come_later():
    assert outcome_of(for_each, params={"open": True}) == Opened(items=[], open=True)


@pytest.mark.row("X21")
@pytest.mark.parametrize("size", [0, -1, None])
def test_a_batch_has_a_size_of_at_least_one(size: int | None):
    params = {"items": [1], "mode": "batch", "batch_size": size}

    assert error_of(for_each, params=params).code == "params_invalid"
    assert for_each.param_problems(params, frozenset())[0][0] == "batch_size"


def test_an_until_that_is_no_expression_is_found_before_it_runs():
    assert [path for path, _ in for_each.param_problems({"until": "$input >"}, frozenset())] == ["until"]


def test_while_hands_on_its_condition_unrendered():
    assert while_.spec.raw_params == ("condition",)
    assert outcome_of(while_, params={"condition": "n < 3", "max_rounds": 9}, input={"n": 0}) == Opened(
        items=[{"n": 0}], condition="n < 3", max_rounds=9
    )
    assert outcome_of(while_, params={"condition": True}) == Opened(items=[None], condition="true")
    assert [path for path, _ in while_.param_problems({"condition": "(("}, frozenset())] == ["condition"]


def test_stop_ends_the_execution_well_or_badly():
    assert outcome_of(stop_, input=5) == Stopped(5)
    assert outcome_of(stop_, params={"value": None}, input=5) == Stopped(None)
    outcome = outcome_of(stop_, params={"outcome": "error", "code": "broke", "message": "no money"})
    assert isinstance(outcome, Stopped)
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.message) == ("broke", "no money")


def test_noop_does_nothing():
    assert value_of(noop, input={"a": 1}) == {"a": 1}


def test_log_writes_a_line_and_lets_the_input_pass(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG):
        assert value_of(log, params={"message": "here", "level": "warn", "data": 7}, input=5, node_type="core.log") == 5

    (record,) = caplog.records
    assert (record.name, record.levelno) == ("prana_py.node.core.log", logging.WARNING)
    assert record.message == "here (node n, workflow w, execution e): 7"
    assert error_of(log, params={"level": "loud"}).code == "params_invalid"


def test_assert_insists():
    assert value_of(assert_, params={"condition": 1}, input=5) == 5
    error = error_of(assert_, params={"condition": 0, "message": "no"})
    assert (error.code, error.message) == ("assertion_failed", "no")


# ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def asked(**params: Any) -> Any:
    outcome = outcome_of(wait, params=params)
    assert isinstance(outcome, Waiting), outcome
    return outcome.request


def test_an_interval_may_be_written_as_people_do():
    assert asked(mode="interval", duration="1h30m") == IntervalRequest(duration=timedelta(minutes=90))
    assert asked(mode="interval", duration="90", unit="minutes") == IntervalRequest(duration=timedelta(minutes=90))
    assert asked(mode="interval", duration=2, unit="days") == IntervalRequest(duration=timedelta(days=2))


def test_an_instant_without_an_offset_is_of_the_named_zone():
    berlin = datetime(2030, 7, 1, 8, tzinfo=ZoneInfo("Europe/Berlin"))

    assert asked(mode="schedule", schedule_at="2030-07-01T08:00", timezone="Europe/Berlin") == ScheduleRequest(
        until=berlin, zone="Europe/Berlin"
    )
    assert asked(mode="schedule", schedule_at=berlin).until == berlin


def test_a_webhook_may_say_its_schema_method_and_timeout():
    params = {"timeout": "3d", "method": "put", "schema": {"type": "object"}}

    assert asked(mode="webhook", **params) == WebhookRequest(
        timeout=timedelta(days=3), method="PUT", schema={"type": "object"}
    )


@pytest.mark.row("X50")
def test_a_timeout_that_a_template_gave_as_text_is_taken():
    assert asked(mode="webhook", timeout_hours="48").timeout == timedelta(hours=48)
    assert not wait.spec.has_prepare


def test_a_signal_is_waited_for_by_name():
    assert asked(mode="signal", signal="paid") == SignalRequest(name="paid")
    assert asked(mode="signal", signal="paid", timeout_hours=1) == SignalRequest(
        name="paid", timeout=timedelta(hours=1)
    )


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"mode": ["webhook"]}, "config_error"),
        ({"mode": "interval", "duration": True}, "interval_config_error"),
        ({"mode": "interval", "duration": 0}, "interval_config_error"),
        ({"mode": "interval", "duration": "nan"}, "interval_config_error"),
        ({"mode": "interval", "duration": 1e300}, "interval_config_error"),
        ({"mode": "interval", "duration": 10**400}, "interval_config_error"),
        ({"mode": "interval", "duration": "soon"}, "interval_config_error"),
        ({"mode": "interval", "duration": 1, "unit": ["s"]}, "interval_config_error"),
        ({"mode": "schedule", "schedule_at": 5}, "schedule_config_error"),
        ({"mode": "schedule", "schedule_at": "2030-07-01T08:00", "timezone": "Mars/Base"}, "schedule_config_error"),
        ({"mode": "schedule", "schedule_at": "2030-07-01T08:00", "timezone": "../etc"}, "schedule_config_error"),
        ({"mode": "webhook", "timeout": "0s"}, "webhook_config_error"),
        ({"mode": "webhook", "timeout_hours": "x"}, "webhook_config_error"),
        ({"mode": "signal"}, "signal_config_error"),
        ({"mode": "signal", "signal": "s", "timeout": []}, "signal_config_error"),
    ],
)
def test_a_wait_that_is_configured_wrongly_says_so_by_its_mode(params: dict[str, Any], code: str):
    assert error_of(wait, params=params).code == code


def test_what_a_caller_said_goes_on_and_what_time_brought_is_the_input():
    assert left_by(wait, given=resumed({"ok": True}, WEBHOOK, input=5)) == (None, {"ok": True})
    assert left_by(wait, given=resumed(None, WEBHOOK, input=5)) == (None, None)
    assert left_by(wait, given=resumed(None, INTERVAL, input=5)) == (None, 5)


def test_a_race_waits_for_several_things_at_once():
    waits = {"called": {"mode": "webhook"}, "late": {"mode": "interval", "duration": "1h"}}
    outcome = outcome_of(race, params={"waits": waits})

    assert isinstance(outcome, Waiting)
    assert outcome.request == RaceRequest(
        alternatives={
            "called": WebhookRequest(timeout=timedelta(hours=24)),
            "late": IntervalRequest(duration=timedelta(hours=1)),
        }
    )
    assert left_by(race, given=resumed(None, INTERVAL, port="late", input=5)) == ("late", 5)
    assert error_of(race, params={"waits": {}}).code == "config_error"
    assert "waits" in error_of(race, params={"waits": {"a": {"mood": 1}}}).message


# ── other workflows ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_zero_and_nothing_are_inputs_of_a_sub_workflow():
    def handed_over(value: Any) -> Any:
        outcome = outcome_of(execute_workflow, params={"workflow_id": "w", "input": value}, input={"own": 1})
        assert isinstance(outcome, Waiting)
        assert isinstance(outcome.request, SubWorkflowRequest)
        return outcome.request.input

    values: list[Any] = [0, "", [], False, None]
    assert [handed_over(value) for value in values] == [0, "", [], False, {"own": 1}]


def ended(told: Any, on_failure: Any = "fail_parent") -> Any:
    return resumed(told, child_wait(on_failure), params={"workflow_id": "child"})


FAILED = {"status": "failed", "output": 7, "error": {"code": "c", "message": "no boat"}, "execution_id": "x"}


def test_the_output_of_a_child_is_the_output():
    assert value_of(execute_workflow, given=ended({"status": "completed", "output": 7})) == 7
    assert value_of(execute_workflow, given=ended({"output": 7})) == 7
    assert value_of(execute_workflow, given=ended("anything else")) is None


@pytest.mark.row("X51")
def test_the_status_of_a_child_decides_before_its_output():
    error = error_of(execute_workflow, given=ended(FAILED))

    assert (error.code, error.message) == ("sub_workflow_failed", "the sub-workflow failed: no boat")
    assert error.details["error"] == {"code": "c", "message": "no boat"}


@pytest.mark.row("X52")
def test_a_child_that_may_fail_is_told_of_by_a_marker():
    assert value_of(execute_workflow, given=ended(FAILED, "continue")) == {
        "sub_workflow_failed": True,
        "error": {"code": "c", "message": "no boat"},
    }
    assert value_of(execute_workflow, given=ended({"status": "timeout"}, "continue")) == {"sub_workflow_timeout": True}


def test_a_child_that_is_late_or_cancelled_fails_its_parent():
    assert error_of(execute_workflow, given=ended({"status": "timeout"})).code == "sub_workflow_timeout"
    assert error_of(execute_workflow, given=ended({"status": "cancelled"})).code == "sub_workflow_cancelled"


def test_a_batch_gives_the_outputs_in_order():
    done = {"status": "completed", "output": 1}

    assert value_of(execute_workflow, given=ended([done, {"status": "completed", "output": 2}])) == [1, 2]
    assert value_of(execute_workflow, given=ended([done, FAILED], "continue"))[1]["sub_workflow_failed"] is True
    assert error_of(execute_workflow, given=ended([done, FAILED])).code == "sub_workflow_failed"


@pytest.mark.row("X34")
def test_set_state_sets_each_name_that_it_is_given():
    params = {"a": 1, "node_context": {"b": 2}, "input": 3}

    assert outcome_of(set_state, params=params) == Completed({}, None, params)
