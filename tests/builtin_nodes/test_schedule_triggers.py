"""The triggers that the clock pulls: what they pass on, what they refuse, and the schedules that they stand for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from prana_py.builtin_nodes.all_nodes import builtin_catalog
from prana_py.builtin_nodes.schedule_triggers import cron_trigger, interval_trigger, schedules_of
from prana_py.engine.compiling import compile_workflow
from prana_py.engine.run import run
from prana_py.errors import CompileError
from prana_py.execution.suspension import as_instant
from prana_py.model.node import Node
from prana_py.model.workflow import Workflow
from prana_py.schedules.firings import next_firing
from prana_py.schedules.schedule import Cron, Interval, Schedule, Scheduled
from tests.nodes.calls import NOW, value_of

FIRED = {"scheduled_for": NOW, "fired_at": NOW + timedelta(seconds=1), "schedule": "s"}


def started_by(*nodes: Node) -> Workflow:
    return Workflow(id="w", name="w", nodes=nodes)


def cron(**params: Any) -> Workflow:
    return started_by(Node(key="clock", type="schedule.cron_trigger", params=params))


def interval(**params: Any) -> Workflow:
    return started_by(Node(key="clock", type="schedule.interval_trigger", params=params))


def problems(workflow: Workflow) -> list[tuple[str, str, str]]:
    with pytest.raises(CompileError) as caught:
        compile_workflow(workflow)
    return [(problem.code, problem.place, problem.message) for problem in caught.value.problems]


@pytest.mark.row("SC1")
def test_the_types_say_their_names():
    assert cron_trigger.spec.title == "Cron"
    assert interval_trigger.spec.title == "Interval"
    assert {"schedule.cron_trigger", "schedule.interval_trigger"} <= set(builtin_catalog().type_names())


@pytest.mark.row("SC2")
def test_a_cron_trigger_requires_an_expression_and_is_of_utc_unless_said_otherwise():
    schema = cron_trigger.spec.params_schema or {}

    assert schema["properties"]["zone"]["default"] == "UTC"
    assert problems(cron()) == [("params_invalid", "nodes[0].params.cron", "is required")]


@pytest.mark.row("SC3", "SC7")
def test_they_prepare_nothing_and_do_not_suspend():
    assert not cron_trigger.spec.has_prepare
    assert not cron_trigger.spec.has_resume
    assert cron_trigger.spec.is_trigger
    assert cron_trigger.spec.inputs == ()


@pytest.mark.row("SC4")
@pytest.mark.parametrize(
    ("node", "params"), [(cron_trigger, {"cron": "0 9 * * *"}), (interval_trigger, {"every": "1h"})]
)
def test_what_fired_passes_through(node: Any, params: dict[str, Any]):
    assert value_of(node, input=FIRED, params=params) == FIRED


def test_whoever_starts_it_by_hand_fires_it_now():
    assert value_of(interval_trigger, params={"every": 60}) == {"scheduled_for": NOW, "fired_at": NOW, "schedule": None}


@pytest.mark.row("SC8")
def test_they_cannot_be_resumed():
    execution = run(cron(cron="* * * * *"), FIRED)

    assert execution.status == "completed"
    assert execution.suspensions == {}
    assert execution.completed_nodes["clock"] == FIRED


@pytest.mark.row("SC5", "SC9")
@pytest.mark.parametrize(
    ("expression", "first"),
    [
        ("* * * * *", "2030-01-01T00:01"),
        ("*/5 * * * *", "2030-01-01T00:05"),
        ("0 * * * *", "2030-01-01T01:00"),
        ("0 0 * * *", "2030-01-02T00:00"),
        ("0 9 * * 1-5", "2030-01-01T09:00"),
        ("0 0 1 * *", "2030-02-01T00:00"),
        ("30 8 * * MON", "2030-01-07T08:30"),
        ("0 2 * * *", "2030-01-01T02:00"),
        ("*/15 9-17 * * 1-5", "2030-01-01T09:00"),
        ("0 0 1 */3 *", "2030-04-01T00:00"),
        ("0 18 L * *", "2030-01-31T18:00"),
    ],
)
def test_usual_expressions_are_understood(expression: str, first: str):
    (scheduled,) = schedules_of(compile_workflow(cron(cron=expression)))

    assert next_firing(scheduled.schedule, as_instant(NOW)) == as_instant(
        datetime.fromisoformat(first).replace(tzinfo=UTC)
    )


@pytest.mark.row("SC6")
@pytest.mark.parametrize(
    ("zone", "hour"), [("UTC", 9), ("America/New_York", 14), ("Europe/London", 9), ("Asia/Tokyo", 0)]
)
def test_zones_are_understood(zone: str, hour: int):
    (scheduled,) = schedules_of(compile_workflow(cron(cron_pattern="0 9 2-31 * *", timezone=zone)))

    firing = next_firing(scheduled.schedule, as_instant(NOW))

    assert firing == as_instant(datetime(2030, 1, 2, hour, tzinfo=UTC))


def test_the_schedules_of_a_workflow_are_those_of_all_its_triggers_in_order():
    workflow = started_by(
        Node(key="begin", type="manual.trigger"),
        Node(key="often", type="schedule.interval_trigger", params={"every": "90m", "anchor": "2030-01-01T00:30:00Z"}),
        Node(
            key="sometimes",
            type="schedule.cron_trigger",
            params={
                "cron": ["0 9 * * *", "0 21 * * *"], "zone": "Asia/Tokyo", "overlap": "queue", "catch_up": "all",
                "window": "2h", "starts_at": "2030-01-01T09:00:00", "ends_at": None,
            },
        ),
    )  # fmt: skip
    interval = Schedule(timing=Interval(timedelta(minutes=90), as_instant(NOW + timedelta(minutes=30))))

    def of(expression: str) -> Schedule:
        return Schedule(
            timing=Cron(expression, "Asia/Tokyo"),
            overlap="queue",
            catch_up="all",
            window=timedelta(hours=2),
            starts_at=as_instant(NOW),
        )

    expected = (Scheduled("sometimes", 0, of("0 9 * * *")), Scheduled("sometimes", 1, of("0 21 * * *")))
    assert schedules_of(workflow) == (Scheduled("often", 0, interval), *expected)
    assert schedules_of(compile_workflow(workflow, trigger="sometimes")) == expected
    assert schedules_of(compile_workflow(workflow, trigger="begin")) == ()


def test_a_list_of_expressions_is_checked_one_by_one():
    found = problems(cron(cron=["0 9 * * *", "0 99 * * *"], zone="Mars/Base"))

    assert [place for _, place, _ in found] == ["nodes[0].params.zone", "nodes[0].params.cron[1]"]
    assert [place for _, place, _ in problems(cron(cron=[]))] == ["nodes[0].params.cron"]


@pytest.mark.parametrize(
    ("workflow", "place"),
    [
        (interval(every="500ms"), "every"),
        (interval(every="soon"), "every"),
        (interval(every="1h", window="0s"), "window"),
        (interval(every="1h", overlap="perhaps"), "overlap"),
        (interval(every="1h", anchor="0001-01-01T00:00:00"), "anchor"),
        (interval(every="1h", ends_at="9999-12-31T23:59:59-12:00"), "ends_at"),
        (interval(every="1h", starts_at="2030-01-02T00:00:00Z", ends_at="2030-01-01T00:00:00Z"), "ends_at"),
        (cron(cron="{{ $env.when }}"), "cron"),
        (cron(cron="0 9 * * *", starts_at="2030-01-01T00:00:00", zone="Mars/Base"), "zone"),
    ],
)
def test_what_can_never_fire_is_a_problem_of_the_workflow(workflow: Workflow, place: str):
    ((code, where, _),) = problems(workflow)

    assert (code, where) == ("params_invalid", f"nodes[0].params.{place}")
