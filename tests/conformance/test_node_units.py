"""The rows FA, SD, MG, LO, WA, EW, DP of the original Prana, and what SU and NE say of one call: nodes by themselves.

A body's rounds are scopes here, so for_each hands over all of its items at once, and the core goes round: the rows FA
show the items, their order and their number instead of a cursor in the node's context.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
import pytest

from prana_py.builtin_nodes.all_nodes import builtin_catalog
from prana_py.driver.outcome import Completed, Failed, Opened, Waiting
from prana_py.errors import NotFoundError
from prana_py.execution.node_error import NodeError
from prana_py.execution.suspension import IntervalRequest, ScheduleRequest, SubWorkflowRequest, WebhookRequest
from prana_py.model.node_spec import NodeSpec
from prana_py.nodes.answers import answer_to_outcome
from prana_py.nodes.definition import node
from prana_py.nodes.returns import NodeFailure, Output, wait_for_interval, wait_for_signal, wait_for_webhook
from tests.nodes.calls import error_of, left_by, outcome_of, resumed, value_of

Check = Callable[[], None]

CATALOG = builtin_catalog()


def spec(type_name: str) -> NodeSpec:
    return CATALOG.get(type_name).spec


def error(type_name: str, **params: Any) -> NodeError:
    return error_of(CATALOG.get(type_name), params=params)


# ── FA: for_each ─────────────────────────────────────────────────────────────────────────────────────────────────────


def opened(**params: Any) -> list[Any]:
    outcome = outcome_of(CATALOG.get("prana_core.for_each"), params={"mode": "single", **params})
    assert isinstance(outcome, Opened), outcome
    return outcome.items


def opens(expected: list[Any], **params: Any) -> Check:
    def check() -> None:
        assert opened(**params) == expected

    return check


def for_each_defines_itself() -> None:
    assert spec("prana_core.for_each").type == "core.for_each"
    assert (spec("core.for_each").inputs, spec("core.for_each").outputs) == (("main",), ("loop", "done"))
    assert spec("core.for_each").owner == "for_each"


def a_number_is_no_collection() -> None:
    assert error("core.for_each", collection="not a list", mode="single").code == "invalid_collection_type"


def a_node_without_a_wait_is_not_resumed() -> None:
    assert error_of(CATALOG.get("core.for_each"), call="resume", params={"items": [1]}).code == "not_waiting"


def two_nodes_know_nothing_of_each_other() -> None:
    first, second = opened(collection=[1, 2]), opened(collection=["a"])
    assert (first, second) == ([1, 2], ["a"])
    assert outcome_of(CATALOG.get("core.for_each"), params={"items": [1]}, context={"remaining": [5]}) == Opened(
        items=[1]
    )


FOR_EACH: dict[str, Check] = {
    "FA1": for_each_defines_itself,
    "FA2": opens([1, 2, 3], collection=[1, 2, 3]),
    "FA3": opens(["a", "b", "c"], collection=["a", "b", "c"]),
    "FA4": opens([1, 2, 3], items=[1, 2, 3]),
    "FA5": opens([], items=()),
    "FA6": opens(["only"], collection=["only"]),
    "FA7": opens([[1, 2], [3, 4], [5]], collection=[1, 2, 3, 4, 5], mode="batch", batch_size=2),
    "FA8": opens([[1, 2], [3, 4], [5, 6]], collection=[1, 2, 3, 4, 5, 6], mode="batch", batch_size="2"),
    "FA9": opens([[1, 2, 3], [4, 5]], collection=[1, 2, 3, 4, 5], mode="batch", batch_size=3),
    "FA10": opens([[1, 2], [3, 4]], collection=[1, 2, 3, 4], mode="batch", batch_size=2),
    "FA11": a_number_is_no_collection,
    "FA12": opens([], collection=[]),
    "FA13": a_node_without_a_wait_is_not_resumed,
    "FA14": opens([[1, 2]], collection=[1, 2], mode="batch", batch_size=10),
    "FA15": opens([[1], [2]], collection=[1, 2], mode="batch", batch_size=1),
    "FA16": two_nodes_know_nothing_of_each_other,
}


# ── SD: data.set ─────────────────────────────────────────────────────────────────────────────────────────────────────


def sets(expected: Any, **params: Any) -> Check:
    def check() -> None:
        assert value_of(CATALOG.get("data.set_data"), params=params) == expected

    return check


def fails(type_name: str, code: str, said: str = "", /, **params: Any) -> Check:
    def check() -> None:
        found = error(type_name, **params)
        assert found.code == code
        assert said in found.message
        assert not found.retryable

    return check


def set_data_defines_itself() -> None:
    found = spec("data.set_data")
    assert (found.type, found.title, found.inputs, found.outputs) == ("data.set", "Set data", ("main",), ("main",))


SET_DATA: dict[str, Check] = {
    "SD1": sets({"a": 1, "b": {"c": 2}}, mode="manual", mapping_map={"a": 1, "b": {"c": 2}}),
    "SD2": sets(None, mode="manual", mapping_map=None),
    "SD3": sets("text", mode="manual", mapping_map="text"),
    "SD4": sets({"a": 1}, mapping_map={"a": 1}),
    "SD5": sets({"a": [1, None]}, mode="json", json_template='{"a": [1, null]}'),
    "SD6": sets([1, 2], mode="json", json_template="[1, 2]"),
    "SD7": fails("data.set", "json_error", "missing", mode="json", json_template=None),
    "SD8": fails("data.set", "json_error", "neither text", mode="json", json_template=123),
    "SD9": fails("data.set", "json_error", "JSON parsing failed: ", mode="json", json_template="no json"),
    "SD10": fails("data.set", "json_error", "JSON parsing failed: ", mode="json", json_template='{"a": 1'),
    "SD11": fails("data.set", "params_invalid", "mode", mode=5),
    "SD12": fails("data.set", "params_invalid", "'xml'", mode="xml"),
    "SD13": set_data_defines_itself,
}


# ── MG: data.merge ───────────────────────────────────────────────────────────────────────────────────────────────────


def merges(expected: Any, a: Any, b: Any, **params: Any) -> Check:
    """By parameters and by ports alike; what is absent did not come."""

    def check() -> None:
        given = {name: value for name, value in (("input_a", a), ("input_b", b)) if value is not None}
        assert value_of(CATALOG.get("data.merge"), params={**params, **given}) == expected
        assert value_of(CATALOG.get("data.merge"), params=params, inputs=given) == expected

    return check


def data_nodes_define_themselves() -> None:
    assert [spec(name).category for name in ("data.merge", "data.set_data")] == ["data", "data"]


MERGE: dict[str, Check] = {
    "MG1": data_nodes_define_themselves,
    "MG2": merges([{"a": 1}, {"b": 2}], {"a": 1}, {"b": 2}, strategy="append"),
    "MG3": merges({"a": 1, "c": {"y": 2}}, {"a": 1, "c": {"x": 1}}, {"c": {"y": 2}}, strategy="merge"),
    "MG4": merges([1, 2, 3, 4], [1, [2]], [3, [[4]]], strategy="concat"),
    "MG5": merges([1, 2], 1, 2),
    "MG6": merges({"a": 1}, {"a": 1}, "no map", strategy="merge"),
    "MG7": merges([1, 2], [1, 2], "no list", strategy="concat"),
    "MG8": merges([{"a": 1}], {"a": 1}, None, strategy="append"),
    "MG9": fails("data.merge", "merge_error", "'glue'", strategy="glue"),
}


# ── LO: logic ────────────────────────────────────────────────────────────────────────────────────────────────────────


def logic_nodes_define_themselves() -> None:
    assert (spec("logic.if_condition").type, spec("logic.if").outputs) == ("logic.if", ("true", "false"))
    assert spec("logic.switch").outputs == ("*",)


def if_prepares_nothing() -> None:
    assert not spec("logic.if").has_prepare
    assert value_of(CATALOG.get("logic.if"), call="prepare") is None


def branches(port: str, condition: Any) -> Check:
    def check() -> None:
        assert left_by(CATALOG.get("logic.if"), params={"condition": condition}, input={"x": 1}) == (port, {"x": 1})

    return check


def if_is_not_resumed() -> None:
    assert error_of(CATALOG.get("logic.if"), call="resume", data={}).code == "not_waiting"


def switches(port: str, *conditions: Any) -> Check:
    def check() -> None:
        cases = [{"condition": condition, "port": f"p{number}"} for number, condition in enumerate(conditions)]
        assert left_by(CATALOG.get("logic.switch"), params={"cases": cases}, input={"x": 1}) == (port, {"x": 1})

    return check


LOGIC: dict[str, Check] = {
    "LO1": logic_nodes_define_themselves,
    "LO2": if_prepares_nothing,
    "LO3": branches("true", "true"),
    "LO4": branches("true", "some text"),
    "LO5": branches("false", False),
    "LO6": if_is_not_resumed,
    "LO7": switches("p0", True, False),
    "LO8": switches("p1", False, True),
    "LO9": switches("p1", None, True),
    "LO10": fails("logic.switch", "no_matching_case", cases=[{"condition": False, "port": "a"}]),
    "LO11": fails("logic.switch", "no_matching_case", cases=[]),
    "LO12": fails("logic.switch", "missing_cases"),
    "LO13": switches("p0", True, True, True),
    "LO14": switches("p2", None, False, True),
}


# ── WA: wait ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def asked(type_name: str, **params: Any) -> Any:
    outcome = outcome_of(CATALOG.get(type_name), params=params)
    assert isinstance(outcome, Waiting), outcome
    return outcome.request


def waits(seconds: float, **params: Any) -> Check:
    def check() -> None:
        expected = IntervalRequest(duration=timedelta(seconds=seconds))
        assert asked("wait.wait", mode="interval", **params) == expected

    return check


def expires(hours: float, **params: Any) -> Check:
    def check() -> None:
        assert asked("wait.wait", mode="webhook", **params) == WebhookRequest(timeout=timedelta(hours=hours))

    return check


def wait_says_its_name() -> None:
    assert (spec("wait.wait").title, spec("wait.wait").category) == ("Wait", "wait")


def wait_has_its_ports() -> None:
    assert (spec("wait.wait").inputs, spec("wait.wait").outputs) == (("main",), ("main", "timeout"))


def a_later_instant_is_waited_for() -> None:
    request = asked("wait.wait", mode="schedule", schedule_at="2030-01-01T12:00:00Z")
    assert request == ScheduleRequest(until=datetime(2030, 1, 1, 12, tzinfo=UTC), zone="UTC")


def wait_is_found_by_its_name() -> None:
    assert CATALOG.get("wait.wait").spec.type == "wait.wait"


INTERVAL = ("wait.wait", "interval_config_error")
SCHEDULE = ("wait.wait", "schedule_config_error")
WEBHOOK = ("wait.wait", "webhook_config_error")

WAIT: dict[str, Check] = {
    "WA1": wait_says_its_name,
    "WA2": wait_has_its_ports,
    "WA3": fails("wait.wait", "config_error", "missing"),
    "WA4": fails("wait.wait", "config_error", "'forever'", mode="forever"),
    "WA5": waits(500, duration=500_000, unit="ms"),
    "WA6": waits(120, duration=2, unit="minutes"),
    "WA7": fails(*INTERVAL, "duration", mode="interval"),
    "WA8": fails(*INTERVAL, "-5", mode="interval", duration=-5, unit="seconds"),
    "WA9": a_later_instant_is_waited_for,
    "WA10": fails(*SCHEDULE, "not in the future", mode="schedule", schedule_at="2020-01-01T00:00:00Z"),
    "WA11": fails(*SCHEDULE, "'tomorrow'", mode="schedule", schedule_at="tomorrow"),
    "WA12": fails(*SCHEDULE, "None", mode="schedule"),
    "WA13": expires(48, timeout_hours=48),
    "WA14": expires(24),
    "WA15": fails(*WEBHOOK, "-1", mode="webhook", timeout_hours=-1),
    "WA16": fails(*WEBHOOK, "8760", mode="webhook", timeout_hours=10_000),
    "WA17": waits(1, duration=1, unit="seconds"),
    "WA18": waits(60, duration=1, unit="minutes"),
    "WA19": waits(3_600, duration=1, unit="hours"),
    "WA20": waits(6, duration=0.1, unit="minutes"),
    "WA21": waits(3, duration=3_000),
    "WA22": fails(*INTERVAL, "'fortnights'", mode="interval", duration=1, unit="fortnights"),
    "WA23": waits(60, duration=60, unit="seconds"),
    "WA24": wait_is_found_by_its_name,
}


# ── EW: workflow.execute ─────────────────────────────────────────────────────────────────────────────────────────────

ALL: dict[str, Any] = {
    "execution_mode": "sync",
    "batch_mode": "all",
    "timeout_ms": 60_000,
    "failure_strategy": "continue",
    "queue": "slow",
    "distribution_window_ms": 5_000,
}


def asks(*, came: Any = None, params: dict[str, Any] | None = None, **expected: Any) -> Check:
    def check() -> None:
        given = {"workflow_id": "child", **(params or {})}
        outcome = outcome_of(
            CATALOG.get("workflow.execute_workflow"), params=given, inputs={} if came is None else {"main": came}
        )
        assert isinstance(outcome, Waiting), outcome
        found = msgspec.structs.asdict(outcome.request)
        assert {name: found[name] for name in expected} == expected

    return check


def asks_with_all(**changes: Any) -> Check:
    return asks(
        params={**ALL, **changes},
        workflow_id="child",
        batch="all",
        timeout=timedelta(minutes=1),
        on_failure="continue",
        queue="slow",
        window=timedelta(seconds=5),
        mode=changes.get("execution_mode", "sync"),
    )


def each_of(*checks: Check) -> Check:
    def check() -> None:
        for one in checks:
            one()

    return check


MODES = ("sync", "async", "fire_and_forget")
DEFAULTS: dict[str, Any] = {
    "mode": "sync",
    "batch": "all",
    "on_failure": "fail_parent",
    "queue": None,
    "window": None,
    "timeout": None,
}

EXECUTE: dict[str, Check] = {
    "EW1": asks_with_all(),
    "EW2": asks(params={"execution_mode": "fire_and_forget"}, mode="fire_and_forget"),
    "EW3": asks(params={"execution_mode": "async"}, mode="async"),
    # The original tells its host of five minutes that nobody enforces; ours are enforced, so there are none unasked.
    "EW4": asks(**DEFAULTS),
    "EW5": fails("workflow.execute", "params_invalid", "workflow_id is required"),
    "EW6": fails("workflow.execute", "params_invalid", "workflow_id", workflow_id=""),
    "EW7": asks(params={"workflow_id": "orders"}, workflow_id="orders"),
    "EW8": asks(params={"mode": "async"}, mode="async"),
    "EW9": asks(params={"timeout_ms": 1_500}, timeout=timedelta(milliseconds=1_500)),
    "EW10": asks(params={"failure_strategy": "fail_parent"}, on_failure="fail_parent"),
    "EW11": asks(params={"failure_strategy": "continue"}, on_failure="continue"),
    "EW12": each_of(*(asks(params={"execution_mode": mode}, mode=mode) for mode in MODES)),
    "EW13": each_of(*(asks_with_all(execution_mode=mode) for mode in MODES)),
    "EW14": asks(came={"a": 1}, batch="all", input={"a": 1}),
    "EW15": asks(params={"batch_mode": "single", "input_data": [1, 2]}, batch="single", input=[1, 2]),
    "EW16": asks(params={"batch_mode": "all", "input_data": {"a": 1}}, batch="all", input={"a": 1}),
    "EW17": asks(params={"batch_mode": "all", "input_data": [1, 2]}, batch="all", input=[1, 2]),
    "EW18": asks(params={"batch_mode": "single"}, batch="single"),
    "EW19": asks(params={"batch_mode": "single"}, input=[]),
    "EW20": asks(params={"batch_mode": "all"}, input={}),
    "EW21": asks(came={"a": 1}, params={"execution_mode": "async", "batch_mode": "single"}, input=[{"a": 1}]),
    "EW22": asks(came={"a": 1}, params={"execution_mode": "fire_and_forget", "batch_mode": "single"}, input=[{"a": 1}]),
    "EW23": asks(params={"queue": "slow"}, queue="slow"),
    "EW24": asks(queue=None),
    "EW25": each_of(
        *(asks(params={"queue": "slow", "execution_mode": mode}, queue="slow", mode=mode) for mode in MODES)
    ),
    "EW26": asks_with_all(queue="slow"),
}


# ── DP: ports ────────────────────────────────────────────────────────────────────────────────────────────────────────

FIXED = NodeSpec(type="fixed", outputs=("main", "other"))
DYNAMIC = NodeSpec(type="dynamic", outputs=("*",))


def any_port_is_any_port() -> None:
    for port in ("main", "premium", "a b"):
        assert answer_to_outcome(Output(1, port), DYNAMIC) == Completed(1, port)


def a_fixed_port_is_checked() -> None:
    outcome = answer_to_outcome(Output(1, "nowhere"), FIXED)
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "port_undeclared"
    assert (outcome.error.details["type"], outcome.error.details["port"]) == ("fixed", "nowhere")


def a_switch_leaves_by_any_name() -> None:
    params = {"cases": [{"condition": True, "port": "any name at all"}]}
    assert left_by(CATALOG.get("logic.switch"), params=params) == ("any name at all", None)


PORTS: dict[str, Check] = {
    "DP1": any_port_is_any_port,
    "DP2": a_fixed_port_is_checked,
    "DP3": a_switch_leaves_by_any_name,
}


# ── SU and NE: one call ──────────────────────────────────────────────────────────────────────────────────────────────


def answers(answer: Any, expected: Any, on: NodeSpec = FIXED) -> Check:
    def check() -> None:
        assert answer_to_outcome(answer, on) == expected

    return check


def refuses(answer: Any, code: str, on: NodeSpec = FIXED) -> Check:
    def check() -> None:
        outcome = answer_to_outcome(answer, on)
        assert isinstance(outcome, Failed)
        assert outcome.error.code == code

    return check


def every_kind_of_wait_is_accepted() -> None:
    kinds = (
        wait_for_webhook(),
        wait_for_interval(1),
        wait_for_signal("go"),
        Waiting(ScheduleRequest(until=datetime(2030, 1, 1, tzinfo=UTC))),
        Waiting(SubWorkflowRequest(workflow_id="w", mode="sync")),
        Waiting(SubWorkflowRequest(workflow_id="w", mode="async")),
    )
    for waiting in kinds:
        assert answer_to_outcome(waiting, FIXED) is waiting


@node(outputs=("main", "other"), on_resume=lambda data, count: Output({"count": count}, **data))
def checked(name: str, count: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1) -> Any:
    return {"name": name, "count": count}


@node
def unchecked(**params: Any) -> Any:
    return params


def raises(error: Exception) -> Any:
    @node(on_resume=lambda data: raises_now(error))
    def raising() -> None:
        raise error

    return raising


def raises_now(error: Exception) -> None:
    raise error


def failing(code: str, message: str, *, resume: bool = False) -> Check:
    def check() -> None:
        own = raises(NodeFailure(code, message))
        found = error_of(own, given=resumed({})) if resume else error_of(own)
        assert (found.code, found.message) == (code, message)

    return check


def raising(*, resume: bool = False) -> Check:
    def check() -> None:
        own = raises(RuntimeError("boom"))
        found = error_of(own, given=resumed({})) if resume else error_of(own)
        assert (found.code, found.message, found.details) == ("node_failed", "boom", {"exception": "RuntimeError"})
        assert found.traceback

    return check


def takes(expected: Any, **params: Any) -> Check:
    def check() -> None:
        assert value_of(checked, params=params) == expected

    return check


def does_not_take(path: str, said: str, **params: Any) -> Check:
    def check() -> None:
        found = error_of(checked, params=params)
        assert (found.code, found.retryable) == ("params_invalid", False)
        (problem,) = found.details["problems"]
        assert problem["path"] == path
        assert said in problem["message"]

    return check


def resumes(expected: Any, data: dict[str, Any], **params: Any) -> Check:
    def check() -> None:
        assert outcome_of(checked, given=resumed(data, params={"name": "n", **params})) == expected

    return check


def resume_checks_the_parameters_again() -> None:
    found = error_of(checked, given=resumed({}, params={"name": "n", "count": 99}))
    assert (found.code, found.details["problems"][0]["path"]) == ("params_invalid", "count")


def an_unknown_type_is_refused(name: str) -> Check:
    def check() -> None:
        with pytest.raises(NotFoundError) as caught:
            CATALOG.get(name)
        assert (caught.value.code, name in caught.value.message) == ("node_type_unknown", True)

    return check


def anything_goes_without_a_schema() -> None:
    params = {"anything": object, "at": [1, None]}
    assert value_of(unchecked, params=params) == params


CALLS: dict[str, Check] = {
    "SU3": fails("workflow.execute_workflow", "params_invalid", "workflow_id", workflow_id=""),
    "SU5": answers(wait_for_webhook(timeout="1h"), Waiting(WebhookRequest(timeout=timedelta(hours=1)))),
    "SU6": every_kind_of_wait_is_accepted,
    "SU7": refuses(Waiting("text"), "answer_invalid"),  # type: ignore[arg-type]  # the point
    "NE8": an_unknown_type_is_refused("nothing.here"),
    "NE9": an_unknown_type_is_refused("logic.nothing"),
    "NE10": raising(),
    "NE11": failing("node_failed", "only a text"),
    "NE12": refuses(Output, "answer_invalid"),
    "NE13": any_port_is_any_port,
    "NE14": refuses(Output(1, "nowhere"), "port_undeclared"),
    "NE15": resumes(Completed({"count": 1}, "other"), {"port": "other"}, count=1),
    "NE16": resumes(Completed({"count": 1}, None, {"seen": True}), {"state": {"seen": True}}, count=1),
    "NE17": failing("own_code", "not like this", resume=True),
    "NE18": raising(resume=True),
    "NE20": takes({"name": "n", "count": 1}, name="n"),
    "NE21": raising(),
    "NE22": resumes(Completed({"count": 5}), {}, count=5),
    "NE23": raising(resume=True),
    "NE24": answers({"a": 1}, Completed({"a": 1})),
    "NE25": answers(Output({"a": 1}, "other"), Completed({"a": 1}, "other")),
    "NE26": answers(Output({"a": 1}, state={"s": 1}), Completed({"a": 1}, None, {"s": 1})),
    "NE27": answers(Output({"a": 1}, "other", {"s": 1}), Completed({"a": 1}, "other", {"s": 1})),
    "NE28": answers(wait_for_interval(60), Waiting(IntervalRequest(duration=timedelta(minutes=1)))),
    "NE29": failing("own_code", "an error is an answer"),
    "NE30": answers(Output({"a": 1}, "vip"), Completed({"a": 1}, "vip"), DYNAMIC),
    "NE31": refuses(Output({"a": 1}, "vip"), "port_undeclared"),
    "NE32": refuses(Output(1, state=5), "answer_invalid"),  # type: ignore[arg-type]  # the point
    "NE35": takes({"name": "n", "count": 3}, name="n", count=3),
    "NE36": takes({"name": "n", "count": 3}, name="n", count="3"),
    "NE37": does_not_take("name", "is required", count=3),
    "NE38": does_not_take("count", "is invalid", name="n", count="many"),
    "NE39": does_not_take("count", "<= 10", name="n", count=11),
    "NE40": resumes(Completed({"count": 10}), {}, count="10"),
    "NE41": resume_checks_the_parameters_again,
    "NE42": anything_goes_without_a_schema,
}

ROWS = FOR_EACH | SET_DATA | MERGE | LOGIC | WAIT | EXECUTE | PORTS | CALLS


@pytest.mark.parametrize(
    "check", [pytest.param(check, id=row, marks=pytest.mark.row(row)) for row, check in ROWS.items()]
)
def test_a_node_keeps_the_promise_of_the_row(check: Check) -> None:
    check()
